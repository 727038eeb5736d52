//! Where the images of a plan come from: built now, in the registry already, or something that stands in.

use std::collections::BTreeMap;

use seatrial_image::Platform;
use seatrial_model::image::ImageName;

use super::fallback;
use super::login::login;
use super::lookup::{Missing, OwnRegistry, image_of, may_be_own, missing};
use super::stored::{LATEST, stored};
use crate::aws::Connection;
use crate::build::{Builder, Built, Shelf};
use crate::config::{FallbackRule, ServiceName};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::{BuildKind, BuildPlan, Plan, ServicePlan, Target};
use crate::report::{Event, Reporter};

/// Whether images are built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Building {
    Yes,
    /// The image that has this tag in the registry is deployed.
    Tagged(String),
    /// What is in the registry is deployed, the newest.
    No,
}

/// When something stands in for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandIn {
    /// Where one is missing and the environment always allows it.
    IfAllowed,
    /// Where one is missing and the environment allows it on request.
    Asked,
    /// Whatever is there: what is there does not start.
    Anyway,
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

/// Builds the images of a plan, or finds those that were built before; what is `known` is taken as it is, from this machine if it is
/// still here and else from the registry.
pub async fn provide(
    connection: &Connection,
    plan: &Plan,
    builder: &Builder<'_>,
    building: &Building,
    known: &BTreeMap<ServiceName, String>,
    interrupt: &mut Interrupt,
) -> Result<Provided, ReleaseError> {
    let mut provided = Provided::default();
    if plan.services.iter().all(|service| service.build.is_none()) {
        return Ok(provided);
    }
    let login = login(connection).await?;
    for service in &plan.services {
        let Some(build) = &service.build else { continue };
        if let Some(image) = known.get(&service.name) {
            let digest = ImageName::parse(image).ok().and_then(|name| name.digest);
            provided.built.extend(digest.and_then(|digest| builder.found(&service.name, build, &digest)));
            provided.images.insert(service.name.clone(), image.clone());
            continue;
        }
        let named = format!("{}/{}", login.registry, build.repository);
        let is_shared = plan.services.iter().any(|other| {
            other.name != service.name && other.build.as_ref().is_some_and(|other| other.repository == build.repository)
        });
        let image = match building {
            Building::No if is_shared => {
                let what =
                    format!("services share the repository {}, so nobody knows which image is whose", build.repository);
                return Err(ReleaseError::not_possible(
                    what,
                    "name the image of each service: --image, one service at a time",
                ));
            }
            Building::Yes => {
                let build = for_platform(build, service, &plan.environment.target);
                let built = builder.build(&service.name, &build, Some(&login), interrupt).await?;
                let image = format!("{named}@{}", built.digest);
                provided.built.push(built);
                image
            }
            Building::Tagged(tag) => format!("{named}:{tag}"),
            Building::No => match stored(connection, &build.repository).await?.real().next() {
                Some(newest) => format!("{named}@{}", newest.digest),
                None => format!("{named}:{LATEST}"),
            },
        };
        provided.images.insert(service.name.clone(), image);
    }
    Ok(provided)
}

/// The build for the platform that the tasks of a service run on, where the file says nothing of it: on AWS that of its task definition,
/// else ECS's default.
fn for_platform(build: &BuildPlan, service: &ServicePlan, target: &Target) -> BuildPlan {
    let mut build = build.clone();
    let tasks = || architecture(service, target).map(|architecture| format!("linux/{architecture}"));
    match &mut build.kind {
        BuildKind::Files(files) if files.platforms.is_empty() => files.platforms.extend(tasks()),
        BuildKind::Dockerfile(dockerfile) if dockerfile.platform.is_none() => dockerfile.platform = tasks(),
        BuildKind::Files(_) | BuildKind::Dockerfile(_) | BuildKind::Command(_) => {}
    }
    build
}

/// The architecture that the tasks of a service run on; none for that of this machine.
fn architecture(service: &ServicePlan, target: &Target) -> Option<&'static str> {
    let stated = service.task_definition["runtimePlatform"]["cpuArchitecture"].as_str();
    match (stated, target) {
        (Some("ARM64"), _) => Some("arm64"),
        (Some(_), _) | (None, Target::Aws { .. }) => Some("amd64"),
        (None, Target::Embedded) => None,
    }
}

/// The built-in stand-in is a program of this machine's kind.
fn refuse_foreign(service: &ServiceName, wanted: Option<&str>) -> Result<(), ReleaseError> {
    let own = Platform::of_this_machine().architecture;
    match wanted.filter(|wanted| *wanted != own) {
        None => Ok(()),
        Some(wanted) => Err(ReleaseError::not_possible(
            format!("what would stand in for service {service} is for {own}, and its tasks run on {wanted}"),
            "name an image that stands in: `fallback_image:` of the environment",
        )),
    }
}

/// Refuses a plan that would use a repository that is somebody else's.
pub async fn refuse_conflicts(connection: &Connection, plan: &Plan) -> Result<(), ReleaseError> {
    match super::conflicts(connection, plan).await?.first() {
        None => Ok(()),
        Some(conflict) => Err(ReleaseError::not_possible(conflict.in_words(), conflict.instead())),
    }
}

/// Finds the images of a plan that are neither there nor about to be pushed.
pub async fn lacking(connection: &Connection, plan: &Plan, built: &[Built]) -> Result<Vec<Missing>, ReleaseError> {
    let mut lacking = Vec::new();
    let is_built = |service: &ServicePlan| built.iter().any(|built| built.service == service.name);
    let asked: Vec<&ServicePlan> =
        plan.services.iter().filter(|service| !is_built(service) && may_be_own(service)).collect();
    if asked.is_empty() {
        return Ok(lacking);
    }
    let Some(own) = OwnRegistry::find(connection).await? else { return Ok(lacking) };
    for service in asked {
        lacking.extend(missing(connection, &own, &plan.environment.target, service).await?);
    }
    Ok(lacking)
}

/// The plan without the services whose images a release makes.
pub fn provided_by_build(plan: &Plan) -> Plan {
    let services = plan.services.iter().filter(|service| service.build.is_none()).cloned().collect();
    Plan { services, ..plan.clone() }
}

/// The services of a plan as if the image of each were missing.
fn all_as_missing(plan: &Plan) -> Vec<Missing> {
    let missing = |service: &ServicePlan| {
        let image = image_of(service).map(|(image, _)| image.to_owned()).unwrap_or_default();
        let of_build = service.build.as_ref().map(|build| build.repository.clone());
        let of_image = || {
            let name = ImageName::parse(&image).ok().filter(|_| may_be_own(service))?;
            Some(name.repository)
        };
        let repository = of_build.or_else(of_image).unwrap_or_else(|| format!("{}/{}", plan.app, service.name));
        let instead = "as it was asked for, whatever is in the repository".to_owned();
        Missing { service: service.name.clone(), image, repository, has_others: true, instead }
    };
    plan.services.iter().map(missing).collect()
}

/// Puts something in the place of images that are missing, where the environment allows it; otherwise says what is missing.
pub async fn fall_back(
    connection: &Connection,
    plan: &Plan,
    provided: &mut Provided,
    shelf: &Shelf,
    stand_in: StandIn,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    let missing = match stand_in {
        StandIn::IfAllowed | StandIn::Asked => lacking(connection, plan, &provided.built).await?,
        StandIn::Anyway => all_as_missing(plan),
    };
    let asked = stand_in != StandIn::IfAllowed;
    let Some(first) = missing.first() else { return Ok(()) };
    let environment = &plan.environment;
    match (environment.fallback, asked) {
        (FallbackRule::Allowed, _) | (FallbackRule::OnRequest, true) => {}
        (FallbackRule::OnRequest, false) => {
            let is_built = provided.images.contains_key(&first.service);
            return Err(ReleaseError::not_possible(first.in_words(), first.ways_out(is_built)));
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
                let service = plan.service(&missing.service);
                let wanted = service.and_then(|service| architecture(service, &environment.target));
                refuse_foreign(&missing.service, wanted)?;
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
