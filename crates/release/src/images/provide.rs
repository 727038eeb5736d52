//! Where the images of a plan come from: built now, in the registry already, or something that stands in.

use std::collections::BTreeMap;

use super::fallback;
use super::login::login;
use super::lookup::{Missing, OwnRegistry, missing};
use super::stored::{LATEST, stored};
use crate::aws::Connection;
use crate::build::{Builder, Built, Shelf};
use crate::config::{FallbackRule, ServiceName};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::report::{Event, Reporter};

/// Whether images are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Building {
    Yes,
    /// What is in the registry is deployed, the newest.
    No,
}

/// The images of a plan's services.
#[derive(Clone, Debug, Default)]
pub struct Provided {
    /// By digest, as far as they are the plan's to choose.
    pub images: BTreeMap<ServiceName, String>,
    /// Those that are still to be pushed.
    pub built: Vec<Built>,
    /// The images that stand in for those of services, where these are missing.
    pub stand_ins: BTreeMap<ServiceName, String>,
}

/// Builds the images of a plan, or finds those that were built before.
pub async fn provide(
    connection: &Connection,
    plan: &Plan,
    builder: &Builder<'_>,
    building: Building,
    interrupt: &mut Interrupt,
) -> Result<Provided, ReleaseError> {
    let mut provided = Provided::default();
    if plan.services.iter().all(|service| service.build.is_none()) {
        return Ok(provided);
    }
    let login = login(connection).await?;
    for service in &plan.services {
        let Some(build) = &service.build else { continue };
        let named = format!("{}/{}", login.registry, build.repository);
        let image = match building {
            Building::Yes => {
                let built = builder.build(&service.name, build, Some(&login), interrupt).await?;
                let image = format!("{named}@{}", built.digest);
                provided.built.push(built);
                image
            }
            Building::No => match stored(connection, &build.repository).await?.real().next() {
                Some(newest) => format!("{named}@{}", newest.digest),
                None => format!("{named}:{LATEST}"),
            },
        };
        provided.images.insert(service.name.clone(), image);
    }
    Ok(provided)
}

/// Finds the images of a plan that are neither there nor about to be pushed.
pub async fn lacking(connection: &Connection, plan: &Plan, built: &[Built]) -> Result<Vec<Missing>, ReleaseError> {
    let mut lacking = Vec::new();
    let mut own = None;
    for service in &plan.services {
        if built.iter().any(|built| built.service == service.name) || !super::lookup::may_be_own(service) {
            continue;
        }
        let own = match &own {
            Some(own) => own,
            None => own.insert(OwnRegistry::find(connection, &login(connection).await?).await?),
        };
        lacking.extend(missing(connection, own, &plan.environment.target, service).await?);
    }
    Ok(lacking)
}

/// The plan without the services whose images a release makes.
pub fn provided_by_build(plan: &Plan) -> Plan {
    let services = plan.services.iter().filter(|service| service.build.is_none()).cloned().collect();
    Plan { services, ..plan.clone() }
}

/// Puts something in the place of images that are missing, where the environment allows it; otherwise says what is missing.
pub async fn fall_back(
    connection: &Connection,
    plan: &Plan,
    provided: &mut Provided,
    shelf: &Shelf,
    asked: bool,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    let missing = lacking(connection, plan, &provided.built).await?;
    let Some(first) = missing.first() else { return Ok(()) };
    let environment = &plan.environment;
    match (environment.fallback, asked) {
        (FallbackRule::Allowed, _) | (FallbackRule::OnRequest, true) => {}
        (FallbackRule::OnRequest, false) => {
            return Err(ReleaseError::not_possible(first.in_words(), first.ways_out()));
        }
        (FallbackRule::Never, asked) => {
            let name = &environment.name;
            let refused = format!("{}; in {name} nothing may stand in for it", first.in_words());
            let what = if asked { refused } else { first.in_words() };
            let instead = format!(
                "push it, or deploy what is there with --tag; `fallback: on_request` of environment {name} allows a stand-in"
            );
            return Err(ReleaseError::not_possible(what, instead));
        }
    }
    let own = login(connection).await?;
    let named_image = environment.fallback_image.clone();
    for missing in missing {
        let image = match &named_image {
            Some(image) => image.clone(),
            None => {
                let built_in = fallback::image(shelf, &plan.app, &missing.service, &missing.repository)?;
                let image = format!("{}/{}@{}", own.registry, missing.repository, built_in.digest);
                provided.built.push(built_in);
                image
            }
        };
        report.send(Event::Note(format!(
            "{}: something stands in until its image is there: health checks pass, and everything else is answered with 503 ({})",
            missing.service, missing.instead
        )));
        provided.stand_ins.insert(missing.service, image);
    }
    Ok(())
}

/// Lets what stands in take the place of services' own programs.
pub fn stand_in_all(plan: &mut Plan, stand_ins: &BTreeMap<ServiceName, String>) {
    for service in &mut plan.services {
        if let Some(image) = stand_ins.get(&service.name) {
            *service = fallback::stand_in(service, image);
        }
    }
}
