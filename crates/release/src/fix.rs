//! `fix`: finds out why a service has no tasks, and which image would give it some.

use std::fmt;

use seatrial_model::image::ImageName;
use serde::Serialize;

use crate::aws::{CallError, Connection};
use crate::config::{FallbackRule, ServiceName};
use crate::ensure::task_definition::describe;
use crate::error::ReleaseError;
use crate::history::{HISTORY_MAX, history};
use crate::images::{Missing, OwnRegistry, missing_image, stored};
use crate::plan::{Plan, ServicePlan};
use crate::status::{ServiceStatus, status};

/// The status of a service deployment that came to a good end.
const SUCCESSFUL: &str = "SUCCESSFUL";

/// What is wrong with a service, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    pub service: ServiceName,
    /// In words; none when all is well.
    pub wrong: Option<String>,
    /// The best first.
    pub remedies: Vec<Remedy>,
}

/// Something that would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "remedy")]
pub enum Remedy {
    /// Deploy an image that is there.
    LastGood { image: String, why: String },
    /// Build the image again and push it.
    Rebuild,
    /// Let something stand in.
    Fallback,
}

impl Remedy {
    /// The word for it at a command line.
    pub fn word(&self) -> &'static str {
        match self {
            Remedy::LastGood { .. } => "last-good",
            Remedy::Rebuild => "rebuild",
            Remedy::Fallback => "fallback",
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remedy::LastGood { image, why } => write!(f, "deploy {image}, {why}"),
            Remedy::Rebuild => f.write_str("build the image again, push it and deploy it"),
            Remedy::Fallback => f.write_str("let something stand in that passes the health check and answers 503"),
        }
    }
}

/// Looks at a service of a plan.
pub async fn diagnose(connection: &Connection, plan: &Plan, service: &ServicePlan) -> Result<Diagnosis, ReleaseError> {
    let alone = Plan { services: vec![service.clone()], ..plan.clone() };
    let found = status(connection, &alone).await?.services.into_iter().next();
    let own = OwnRegistry::find(connection).await?;
    let deployed = match found.as_ref().and_then(|found| found.task_definition.as_deref()) {
        Some(definition) => image_in(connection, definition, &service.name).await?,
        None => None,
    };
    let missing = match (&deployed, &own) {
        (Some(deployed), Some(own)) => deployed.missing(connection, own, plan, &service.name).await?,
        _ => None,
    };
    let wrong = match (&found, missing) {
        (_, Some(missing)) => Some(missing.in_words()),
        (Some(found), None) => what_is_wrong(found),
        (None, None) => None,
    };
    let remedies = match &wrong {
        None => Vec::new(),
        Some(_) => {
            let deployed = deployed.as_ref().map(|deployed| deployed.image.as_str());
            remedies(connection, own.as_ref(), &alone, service, deployed).await?
        }
    };
    Ok(Diagnosis { service: service.name.clone(), wrong, remedies })
}

pub(crate) fn what_is_wrong(found: &ServiceStatus) -> Option<String> {
    let service = &found.service;
    if found.status.as_deref() != Some("ACTIVE") {
        return Some(format!("service {service} is not deployed"));
    }
    let tasks = &found.tasks;
    if tasks.running >= tasks.desired {
        return None;
    }
    let mut words = format!("{} of {} tasks of service {service} run", tasks.running, tasks.desired);
    if let Some(event) = &found.last_event {
        words.push_str(&format!("; ECS says: {}", event.message));
    }
    Some(words)
}

async fn remedies(
    connection: &Connection,
    own: Option<&OwnRegistry>,
    alone: &Plan,
    service: &ServicePlan,
    deployed: Option<&str>,
) -> Result<Vec<Remedy>, ReleaseError> {
    let mut remedies = Vec::new();
    if let Some(own) = own {
        remedies.extend(last_good(connection, own, alone, service, deployed).await?);
    }
    if service.build.is_some() {
        remedies.push(Remedy::Rebuild);
    }
    if alone.environment.fallback != FallbackRule::Never {
        remedies.push(Remedy::Fallback);
    }
    Ok(remedies)
}

/// Finds the image of the last deployment that went well and whose image is still there, else the newest of the repository.
async fn last_good(
    connection: &Connection,
    own: &OwnRegistry,
    alone: &Plan,
    service: &ServicePlan,
    deployed: Option<&str>,
) -> Result<Option<Remedy>, ReleaseError> {
    for entry in history(connection, alone, HISTORY_MAX).await? {
        let (Some(definition), SUCCESSFUL) = (&entry.task_definition, entry.status.as_str()) else { continue };
        let Some(found) = image_in(connection, definition, &service.name).await? else { continue };
        let is_stand_in = entry.version.as_deref() == Some(crate::images::STAND_IN_VERSION);
        if is_stand_in || Some(found.image.as_str()) == deployed {
            continue;
        }
        if found.missing(connection, own, alone, &service.name).await?.is_none() {
            let image = found.image;
            return Ok(Some(Remedy::LastGood { image, why: format!("which {definition} ran with") }));
        }
    }
    let of_build = service.build.as_ref().map(|build| build.repository.clone());
    let of_image = deployed.and_then(|image| ImageName::parse(image).ok()).map(|name| name.repository);
    let Some(repository) = of_build.or(of_image) else { return Ok(None) };
    let stored = stored(connection, &repository).await?;
    let newest = stored.real().find(|image| !deployed.is_some_and(|deployed| deployed.contains(&image.digest)));
    Ok(newest.map(|newest| Remedy::LastGood {
        image: format!("{}/{repository}@{}", own.address, newest.digest),
        why: format!("the newest of the repository ({})", newest.tags.join(", ")),
    }))
}

/// What a container of a task definition runs.
struct Deployed {
    image: String,
    /// Whether it also names a program.
    has_program: bool,
}

impl Deployed {
    async fn missing(
        &self,
        connection: &Connection,
        own: &OwnRegistry,
        plan: &Plan,
        service: &ServiceName,
    ) -> Result<Option<Missing>, CallError> {
        missing_image(connection, own, &plan.environment.target, service, &self.image, self.has_program).await
    }
}

/// The image of the container that is named like the service, else of the first.
async fn image_in(
    connection: &Connection,
    definition: &str,
    service: &ServiceName,
) -> Result<Option<Deployed>, ReleaseError> {
    let Some((definition, _)) = describe(connection, definition).await? else { return Ok(None) };
    let containers = definition.container_definitions();
    let named = containers.iter().find(|container| container.name() == Some(service.as_str()));
    let container = named.or(containers.first());
    Ok(container.and_then(|container| {
        let has_program = !container.command().is_empty() || !container.entry_point().is_empty();
        Some(Deployed { image: container.image()?.to_owned(), has_program })
    }))
}
