//! Repositories: made when they are missing, left alone when they are somebody else's.

use std::collections::BTreeSet;

use aws_sdk_ecr::types::{
    ImageTagMutability, ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Tag,
};

use crate::aws::{CallError, Connection, DoingExt};
use crate::config::{AppName, ServiceName};
use crate::deploy::{step_began_with, step_ended};
use crate::error::ReleaseError;
use crate::plan::{BuildPlan, Plan};
use crate::report::{Change, Reporter, Resource};

/// ECR's code for a repository that is not there.
pub(super) const REPOSITORY_MISSING: &str = "RepositoryNotFoundException";
/// ECR's code for a repository that somebody has made in the meantime.
const REPOSITORY_EXISTS: &str = "RepositoryAlreadyExistsException";
/// Says whose a repository is.
const APP_TAG: &str = "seatrial:app";
/// The tags that move: everything else stays what it was pushed as.
const MOVING_TAGS: [&str; 2] = [super::stored::LATEST, super::stored::FALLBACK];

/// A repository that would be used, and is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub service: ServiceName,
    pub repository: String,
    /// The application it is of; none when it was not made by a release.
    pub app: Option<String>,
}

impl Conflict {
    pub fn in_words(&self) -> String {
        let Conflict { repository, .. } = self;
        match &self.app {
            Some(app) => format!("the repository {repository} belongs to the application {app}"),
            None => format!("the repository {repository} exists and was not made by a release of this application"),
        }
    }

    /// The ways out.
    pub fn instead(&self) -> String {
        let Conflict { repository, service, .. } = self;
        let adopt = match &self.app {
            None => format!("take it over: write `repository: {repository}` at service {service}; "),
            Some(_) => String::new(),
        };
        format!(
            "{adopt}use another one: write `repository: NAME` at service {service}; or delete it, with all its images: \
             aws ecr delete-repository --force --repository-name {repository}"
        )
    }
}

/// Finds the repositories of a plan that are somebody else's.
pub async fn conflicts(connection: &Connection, plan: &Plan) -> Result<Vec<Conflict>, ReleaseError> {
    let mut conflicts = Vec::new();
    let mut seen = BTreeSet::new();
    for service in &plan.services {
        let Some(build) = service.build.as_ref().filter(|build| seen.insert(&build.repository)) else { continue };
        let owner = owner(connection, &plan.app, &build.repository).await?;
        conflicts.extend(owner.and_then(|owner| owner.conflict(&service.name, build)));
    }
    Ok(conflicts)
}

/// Makes the repositories of the images that a plan builds.
pub async fn make_repositories(connection: &Connection, plan: &Plan, report: &Reporter) -> Result<(), ReleaseError> {
    for service in &plan.services {
        if let Some(build) = &service.build {
            make_repository(connection, &plan.app, &service.name, build, report).await?;
        }
    }
    Ok(())
}

/// Makes a repository unless it is there, as a step.
pub(super) async fn make_repository(
    connection: &Connection,
    app: &AppName,
    service: &ServiceName,
    build: &BuildPlan,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    let step = format!("registry {service}");
    report.send(step_began_with(&step, &build.repository));
    let made = ensure(connection, app, service, build).await;
    if let Ok(change) = &made {
        report.ensured(Resource::Repository, &build.repository, Some(service), change.clone());
    }
    report.send(step_ended(&step, &made, |change| {
        let outcome = if *change == Change::Unchanged { "unchanged" } else { "done" };
        (outcome.to_owned(), Vec::new())
    }));
    made.map(|_| ())
}

async fn ensure(
    connection: &Connection,
    app: &AppName,
    service: &ServiceName,
    build: &BuildPlan,
) -> Result<Change, ReleaseError> {
    let name = &build.repository;
    if let Some(owner) = owner(connection, app, name).await? {
        return match owner.conflict(service, build) {
            None => Ok(Change::Unchanged),
            Some(conflict) => Err(ReleaseError::not_possible(conflict.in_words(), conflict.instead())),
        };
    }
    let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().expect("it has key and value");
    let moving = MOVING_TAGS.map(|name| {
        ImageTagMutabilityExclusionFilter::builder()
            .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
            .filter(name)
            .build()
            .expect("it has type and filter")
    });
    let create = connection
        .ecr
        .create_repository()
        .repository_name(name)
        .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
        .set_image_tag_mutability_exclusion_filters(Some(moving.to_vec()))
        .tags(tag(APP_TAG, app.as_str()));
    match create.send().await.doing(|| format!("creating the repository {name}")) {
        Ok(_) => Ok(Change::Created(Vec::new())),
        Err(error) if error.has_code(REPOSITORY_EXISTS) => Ok(Change::Unchanged),
        Err(error) => Err(error.into()),
    }
}

enum Owner {
    Own,
    Application(String),
    /// Somebody who has not said so.
    Somebody,
}

impl Owner {
    fn conflict(self, service: &ServiceName, build: &BuildPlan) -> Option<Conflict> {
        let app = match self {
            Owner::Own => return None,
            Owner::Somebody if build.is_named => return None,
            Owner::Somebody => None,
            Owner::Application(app) => Some(app),
        };
        Some(Conflict { service: service.clone(), repository: build.repository.clone(), app })
    }
}

async fn owner(connection: &Connection, app: &AppName, name: &str) -> Result<Option<Owner>, CallError> {
    let described = connection.ecr.describe_repositories().repository_names(name).send().await;
    let described = match described.doing(|| format!("looking for the repository {name}")) {
        Err(error) if error.has_code(REPOSITORY_MISSING) => return Ok(None),
        described => described?,
    };
    let Some(arn) = described.repositories().first().and_then(|repository| repository.repository_arn()) else {
        return Ok(None);
    };
    let tags = connection.ecr.list_tags_for_resource().resource_arn(arn).send().await;
    let tags = tags.doing(|| format!("reading the tags of the repository {name}"))?;
    let found = tags.tags().iter().find(|tag| tag.key() == APP_TAG).map(|tag| tag.value().to_owned());
    Ok(Some(match found {
        None => Owner::Somebody,
        Some(found) if found == app.as_str() => Owner::Own,
        Some(found) => Owner::Application(found),
    }))
}

#[cfg(test)]
mod tests;
