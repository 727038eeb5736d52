//! Whether the images of a plan are there, as far as they are in the registry of the environment's own account. What is elsewhere, ECS finds
//! out when it starts the first task.

use aws_sdk_ecr::types::ImageIdentifier;
use seatrial_model::image::{ImageName, ImageReference};
use serde_json::Value as Json;

use super::login::login;
use super::repository::REPOSITORY_MISSING;
use crate::aws::{CallError, Connection, DoingExt};
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::plan::{ServicePlan, Target};

/// ECR's code for an image that is not there.
const IMAGE_MISSING: &str = "ImageNotFoundException";
/// How many of the tags there are a message names.
const TAGS_NAMED_MAX: usize = 5;

/// An image that a service needs and that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub service: ServiceName,
    pub image: String,
    pub repository: String,
    /// Whether the repository has any image to deploy.
    pub has_others: bool,
    /// What there is instead, in words.
    pub instead: String,
}

impl Missing {
    pub fn in_words(&self) -> String {
        format!("the image of service {} is not there: {}; {}", self.service, self.image, self.instead)
    }

    /// The ways out; `is_built` is whether the file says how the image is made.
    pub fn ways_out(&self, is_built: bool) -> String {
        let Missing { service, .. } = self;
        let first = if is_built { format!("build it: seatrial deploy {service}") } else { "push it".to_owned() };
        let newest = match self.has_others {
            true => format!("; or deploy one that is there: seatrial fix {service}"),
            false => String::new(),
        };
        format!("{first}{newest}; or let something stand in for now: seatrial deploy {service} --use-fallback-image")
    }
}

/// Which registries are the environment's own.
#[derive(Clone, Debug)]
pub(crate) struct OwnRegistry {
    /// Where images are pushed.
    pub address: String,
    /// The name that ECR's registry of the account has.
    pub name: String,
}

impl OwnRegistry {
    /// Finds the registry; none for whoever may not use it, and where there is none.
    pub async fn find(connection: &Connection) -> Result<Option<Self>, ReleaseError> {
        let login = match login(connection).await {
            Err(ReleaseError::Call(error)) if error.is_closed() => return Ok(None),
            login => login?,
        };
        let account = connection.account().await?;
        let region = connection.region();
        let name = format!("{account}.dkr.ecr.{region}.amazonaws.com");
        Ok(Some(OwnRegistry { address: login.registry, name }))
    }

    fn has(&self, name: &ImageName) -> bool {
        name.registry.as_ref().is_some_and(|registry| *registry == self.address || *registry == self.name)
    }
}

/// Whether a repository comes into being when ECS pulls from it for the first time.
async fn is_pulled_through(connection: &Connection, repository: &str) -> bool {
    let rules = connection.ecr.describe_pull_through_cache_rules().send().await;
    let Ok(rules) = rules else { return false };
    let prefixes = rules.pull_through_cache_rules().iter().filter_map(|rule| rule.ecr_repository_prefix());
    prefixes
        .into_iter()
        .any(|prefix| prefix == "ROOT" || repository.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')))
}

/// Returns the image that a service's requests are about, and whether its container also names a program.
pub(crate) fn image_of(service: &ServicePlan) -> Option<(&str, bool)> {
    let container = main_container(service)?;
    let is_given = |member: &str| container[member].as_array().is_some_and(|words| !words.is_empty());
    Some((container["image"].as_str()?, is_given("command") || is_given("entryPoint")))
}

/// The container that is named like the service, else the first.
fn main_container(service: &ServicePlan) -> Option<&Json> {
    let containers = service.task_definition["containerDefinitions"].as_array()?;
    containers.iter().find(|one| one["name"] == service.name.as_str()).or_else(|| containers.first())
}

/// Whether the image of a service may be in the own registry at all: one without a host never is.
pub(crate) fn may_be_own(service: &ServicePlan) -> bool {
    let name = image_of(service).and_then(|(image, _)| ImageName::parse(image).ok());
    let is_ecr = |host: &str| host.contains(".dkr.ecr.");
    let is_here = |host: &str| host.starts_with("127.") || host.starts_with("localhost");
    name.and_then(|name| name.registry).is_some_and(|host| is_ecr(&host) || is_here(&host))
}

/// Finds out whether the image of a service is missing.
pub(crate) async fn missing(
    connection: &Connection,
    own: &OwnRegistry,
    target: &Target,
    service: &ServicePlan,
) -> Result<Option<Missing>, CallError> {
    match image_of(service) {
        Some((image, has_program)) => missing_image(connection, own, target, &service.name, image, has_program).await,
        None => Ok(None),
    }
}

/// Finds out whether an image is missing.
pub(crate) async fn missing_image(
    connection: &Connection,
    own: &OwnRegistry,
    target: &Target,
    service: &ServiceName,
    image: &str,
    has_program: bool,
) -> Result<Option<Missing>, CallError> {
    let Some(name) = ImageName::parse(image).ok().filter(|name| own.has(name)) else { return Ok(None) };
    let reference = name.reference();
    let id = match &reference {
        ImageReference::Tag(tag) => ImageIdentifier::builder().image_tag(tag.as_str()).build(),
        ImageReference::Digest(digest) => ImageIdentifier::builder().image_digest(digest.as_str()).build(),
    };
    let asked = connection.ecr.describe_images().repository_name(&name.repository).image_ids(id).send().await;
    let (has_others, instead) = match asked.doing(|| format!("looking for the image {image}")) {
        Ok(_) => return Ok(None),
        Err(error) if error.has_code(REPOSITORY_MISSING) => {
            // The engine runs the program of a name it does not know as one of its machine.
            let is_rehearsal =
                *target == Target::Embedded && has_program && name.registry.as_ref() != Some(&own.address);
            if is_rehearsal {
                return Ok(None);
            }
            (false, format!("there is no repository {}", name.repository))
        }
        Err(error) if error.has_code(IMAGE_MISSING) => there_instead(connection, &name.repository).await?,
        // ECS will see.
        Err(error) if error.is_closed() => return Ok(None),
        Err(error) => return Err(error),
    };
    if *target != Target::Embedded && is_pulled_through(connection, &name.repository).await {
        return Ok(None);
    }
    let (service, image, repository) = (service.clone(), image.to_owned(), name.repository);
    Ok(Some(Missing { service, image, repository, has_others, instead }))
}

/// What a repository has, since it has not what was asked for; and whether that is anything.
async fn there_instead(connection: &Connection, repository: &str) -> Result<(bool, String), CallError> {
    let stored = super::stored(connection, repository).await?;
    let tags: Vec<&str> = stored.real().flat_map(|image| image.tags.iter().map(String::as_str)).collect();
    let instead = match tags.len() {
        0 => format!("the repository {repository} has no image yet"),
        count => {
            let more = count.saturating_sub(TAGS_NAMED_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!(
                "the newest in the repository {repository} are {}{more}",
                tags[..count.min(TAGS_NAMED_MAX)].join(", ")
            )
        }
    };
    Ok((!tags.is_empty(), instead))
}

#[cfg(test)]
mod tests;
