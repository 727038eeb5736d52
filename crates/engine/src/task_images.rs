//! The images that tasks are started from: those of the engine's own registry. Every other image is not looked at: as a process the
//! container's command is a program of this machine, and a container engine pulls the image by its name.
//!
//! What a tag pointed to when the first task of a service revision was started, it means for all of them, as ECS has it: a tag that
//! is moved changes nothing until there is another revision.

use std::collections::BTreeMap;

use seatrial_model::ContainerName;
use seatrial_model::arn::Scope;
use seatrial_model::image::{Digest, ImageName, ImageReference, RepositoryName};
use seatrial_model::task_definition::{ContainerDefinition, TaskDefinition};
use seatrial_ports::TaskRuntime;
use seatrial_ports::runtime::LaunchImage;

use crate::images::{finding, repositories};
use crate::state::{ServiceRevisionRecord, State, TaskRecord, revision_key};
use crate::transaction::Transaction;

/// How many of the tags there are a reason names.
const TAGS_NAMED_MAX: usize = 5;

/// What the image of a container is to this engine.
enum Place {
    /// In this repository.
    Own(RepositoryName, ImageReference),
    /// The name says that it would be here, but it is no name of a repository.
    Unknown(String),
    Elsewhere,
}

/// Finds the images of a task that is about to be started, and settles what they are for the tasks of its revision.
pub(crate) fn settle(tx: &mut Transaction<'_>, record: &mut TaskRecord) {
    let key =
        record.service.as_ref().zip(record.revision).map(|(service, id)| revision_key(&record.cluster, service, id));
    let revision = key.as_ref().and_then(|key| tx.state.service_revisions.get(key));
    record.images = find_all(tx.state, tx.registry, revision, record);
    for (container, image) in &record.images {
        let LaunchImage::Stored(digest) = image else { continue };
        note_pull(tx, record, container, digest);
        if let Some(revision) = key.as_ref().and_then(|key| tx.state.service_revisions.get_mut(key)) {
            revision.images.entry(container.clone()).or_insert_with(|| digest.clone());
        }
    }
}

fn find_all(
    state: &State,
    registry: &str,
    revision: Option<&ServiceRevisionRecord>,
    record: &TaskRecord,
) -> BTreeMap<ContainerName, LaunchImage> {
    let found = record.definition.containers.iter().filter_map(|container| {
        let settled = revision.and_then(|revision| revision.images.get(&container.name));
        let image = match place(state, registry, container, record.place.runtime) {
            Place::Elsewhere => return None,
            Place::Unknown(why) => LaunchImage::Missing(explain(&container.image, &why)),
            Place::Own(repository, named) => {
                let reference = settled.cloned().map_or(named, ImageReference::Digest);
                match digest(state, &repository, &reference) {
                    Ok(digest) => LaunchImage::Stored(digest),
                    // The tag may be there; what it meant for this revision is not.
                    Err(why) if settled.is_some() => {
                        LaunchImage::Missing(explain(&format!("{} ({})", container.image, reference), &why))
                    }
                    Err(why) => LaunchImage::Missing(explain(&container.image, &why)),
                }
            }
        };
        Some((container.name.clone(), image))
    });
    found.collect()
}

/// Decides whose image it is. A name that ECR would have in this engine's account is, for a process, one of its own only if there is such
/// a repository or nothing else to run: a file that is written for AWS can be rehearsed with the programs of this machine.
fn place(state: &State, registry: &str, container: &ContainerDefinition, runtime: TaskRuntime) -> Place {
    let Ok(name) = ImageName::parse(&container.image) else { return Place::Elsewhere };
    let Some(host) = &name.registry else { return Place::Elsewhere };
    let repository = RepositoryName::parse(&name.repository);
    let known = repository.as_ref().is_ok_and(|name| state.repositories.contains(name.as_str()));
    let has_program = runtime == TaskRuntime::Process && has_program(container);
    // The engine's port may have been another one when the name was written down.
    let is_own = is_address(host, registry)
        || (known && is_loopback(host))
        || (is_ecr(host, &state.scope) && (known || !has_program));
    if !is_own {
        return Place::Elsewhere;
    }
    match repository {
        Ok(repository) => Place::Own(repository, name.reference()),
        Err(error) => Place::Unknown(error.to_string()),
    }
}

fn has_program(container: &ContainerDefinition) -> bool {
    !container.entry_point.is_empty() || !container.command.is_empty()
}

/// Tells whether a host is the address of this engine, by number or by name.
fn is_address(host: &str, registry: &str) -> bool {
    let port = registry.rsplit_once(':').map(|(_, port)| port);
    host == registry || host.strip_prefix("localhost:").is_some_and(|given| Some(given) == port)
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn is_ecr(host: &str, scope: &Scope) -> bool {
    host == format!("{}.dkr.ecr.{}.amazonaws.com", scope.account, scope.region)
}

fn digest(state: &State, repository: &RepositoryName, reference: &ImageReference) -> Result<Digest, String> {
    if repositories::find(state, repository).is_err() {
        return Err(format!("there is no repository {repository}"));
    }
    match finding::find(state, repository, reference) {
        Ok(image) => Ok(image.digest.clone()),
        Err(_) => Err(format!("not found; {}", instead(state, repository))),
    }
}

/// Says what a repository has, since it has not what was asked for.
fn instead(state: &State, repository: &RepositoryName) -> String {
    let tags: Vec<&str> = finding::tags(state, repository).map(|(tag, _)| tag.as_str()).collect();
    let images = finding::images(state, repository).count();
    match (tags.len(), images) {
        (_, 0) => format!("the repository {repository} is empty"),
        (0, _) => format!("the repository {repository} has {images} images, none of which has a tag"),
        (count, _) => {
            let named = tags[..count.min(TAGS_NAMED_MAX)].join(", ");
            let more = count.saturating_sub(TAGS_NAMED_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("the repository {repository} has the tags {named}{more}")
        }
    }
}

fn explain(image: &str, why: &str) -> String {
    format!("CannotPullContainerError: pull image manifest has failed: failed to resolve ref {image}: {why}")
}

/// Tells whether a container of a task has nothing to run but an image that is elsewhere.
pub(crate) fn need_container_engine(tx: &Transaction<'_>, definition: &TaskDefinition) -> bool {
    definition.containers.iter().any(|container| {
        let place = || place(tx.state, tx.registry, container, TaskRuntime::Process);
        !has_program(container) && matches!(place(), Place::Elsewhere)
    })
}

fn note_pull(tx: &mut Transaction<'_>, record: &TaskRecord, container: &ContainerName, digest: &Digest) {
    let definition = record.definition.containers.iter().find(|one| one.name == *container);
    let name = definition.and_then(|definition| ImageName::parse(&definition.image).ok());
    let Some(repository) = name.and_then(|name| RepositoryName::parse(&name.repository).ok()) else { return };
    let image = finding::by_digest(tx.state, &repository, digest);
    if image.is_some_and(|image| finding::is_pull_news(image, tx.now)) {
        finding::note_pull(tx, &repository, digest);
    }
}
