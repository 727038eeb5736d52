//! `rollback`: back to the version before, without naming it. A deployment that is going on is undone; otherwise the last
//! successful other version is deployed again.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{DeploymentStrategy, Service, ServiceDeploymentBrief, ServiceDeploymentStatus};
use serde_json::{Map, json};
use time::OffsetDateTime;

use crate::abort::{WayBack, time_of};
use crate::aws::{Connection, DoingExt};
use crate::config::{RollbackOverride, ServiceName};
use crate::deploy::{Waiting, waiting_time};
use crate::difference::Difference;
use crate::ensure::service::{describe, in_place, send_update};
use crate::ensure::task_definition::{self, short};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Change, Event, Reporter, Resource};
use crate::steering::Steering;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;
use crate::watch::goal::Until;
use crate::watch::locate::locate;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::verdict::{Purpose, Verdict};
use crate::watch::{Subject, Watch, stop};

/// Most earlier deployments searched for another version; ECS keeps 90 days of them.
const SEARCH_MAX: i32 = 100;

/// Most service revisions ECS describes in one call.
const REVISIONS_PER_CALL: usize = 20;

/// How to roll back.
#[derive(Clone, Debug)]
pub struct RollbackOptions {
    pub to: BackTo,
    pub waiting: Waiting,
    pub timeout: Duration,
}

/// What a service goes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackTo {
    /// The last good version: a deployment that is going on is undone.
    LastGood,
    /// A revision of its task definition.
    Revision(u32),
    /// This task definition, which it ran before the deployment that is going on, if one is.
    TaskDefinition(String),
}

/// What a service ran at an instant, as far as it can be told by what it runs now.
pub(crate) enum Then {
    /// The same.
    Same,
    /// This task definition.
    Other(String),
    /// Nothing, or nobody knows any more.
    Unknown,
}

/// Tells what a service ran at an instant: what its first deployment since then found.
pub(crate) async fn at(
    connection: &Connection,
    plan: &ServicePlan,
    instant: OffsetDateTime,
) -> Result<Then, ReleaseError> {
    let service = existing(connection, plan).await?;
    let created = |brief: &ServiceDeploymentBrief| {
        let at = brief.created_at().and_then(|at| OffsetDateTime::from_unix_timestamp_nanos(at.as_nanos()).ok());
        at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    let all = deployments(connection, plan, None).await?;
    let first = all.iter().filter(|brief| created(brief) >= instant).min_by_key(|brief| created(brief));
    let Some(arn) = first.and_then(|brief| brief.service_deployment_arn()) else { return Ok(Then::Same) };
    let described = connection.ecs.describe_service_deployments().service_deployment_arns(arn).send().await;
    let described = described.doing(|| format!("reading a deployment of service {}", plan.name))?;
    let sources = described.service_deployments().first().map(|first| first.source_service_revisions());
    let found = match sources.unwrap_or_default() {
        [] => None,
        [one] => one.arn().map(ToOwned::to_owned),
        // It came upon another deployment that was going on: the last good one before it counts.
        _ => {
            let good = deployments(connection, plan, Some(ServiceDeploymentStatus::Successful)).await?;
            let newest = good.iter().filter(|brief| created(brief) < instant).max_by_key(|brief| created(brief));
            newest.and_then(|brief| brief.target_service_revision_arn()).map(ToOwned::to_owned)
        }
    };
    let Some(found) = found else { return Ok(Then::Unknown) };
    Ok(match task_definitions(connection, plan, &[found]).await?.into_iter().next() {
        None => Then::Unknown,
        Some(then) if Some(then.as_str()) == in_place(&service) => Then::Same,
        Some(then) => Then::Other(then),
    })
}

/// Rolls one service back.
pub async fn rollback(
    connection: &Connection,
    plan: &ServicePlan,
    options: &RollbackOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let service = existing(connection, plan).await?;
    let current = in_place(&service).unwrap_or_default().to_owned();
    let running = running(connection, plan, &service, &mut interrupt).await?;
    let (subject, purpose) = match (&options.to, running) {
        (BackTo::LastGood | BackTo::TaskDefinition(_), Some(subject)) => {
            stop(connection, &subject).await?;
            (subject, Purpose::Undo)
        }
        (BackTo::TaskDefinition(target), None) => {
            (update(connection, plan, &service, target, report, &mut interrupt).await?, Purpose::Deploy)
        }
        (BackTo::LastGood, None) => {
            let target = previous(connection, plan, &service).await?.ok_or_else(|| no_earlier(plan))?;
            (update(connection, plan, &service, &target, report, &mut interrupt).await?, Purpose::Deploy)
        }
        (BackTo::Revision(number), _) => {
            let family = short(&current).split(':').next().unwrap_or(&plan.family);
            let target = task_definition::revision(connection, family, *number).await?;
            if target == current {
                return Ok(ServiceOutcome::without_deployment(
                    &plan.name,
                    Verdict::NothingToDo,
                    &current,
                    started.elapsed(),
                ));
            }
            (update(connection, plan, &service, &target, report, &mut interrupt).await?, Purpose::Deploy)
        }
    };
    if options.waiting == Waiting::Not {
        return Ok(ServiceOutcome::started(&subject, started.elapsed()));
    }
    let rollback = match purpose {
        Purpose::Deploy => RollbackOverride::AsConfigured,
        Purpose::Undo => RollbackOverride::Never,
    };
    let timeout = options.timeout + waiting_time(connection, plan) + time_of(plan, WayBack::AsConfigured);
    // A version that was good before has been through its checks and steps.
    let steering = Steering::default();
    let pilot = Pilot::new(&steering, Drive::AsPlanned);
    let watch = Watch { connection, report, interrupt, started, timeout, rollback, pilot, until: Until::Stable };
    Ok(explain(connection, watch.follow(subject).await?, purpose).await)
}

async fn existing(connection: &Connection, plan: &ServicePlan) -> Result<Service, ReleaseError> {
    match describe(connection, &plan.cluster, &plan.service_name).await? {
        Some((service, _)) => Ok(service),
        None => Err(not_deployed(&plan.name)),
    }
}

/// The error about a service that ECS does not have.
pub(crate) fn not_deployed(name: &ServiceName) -> ReleaseError {
    ReleaseError::not_possible(format!("service {name} is not deployed"), "deploy it first: seatrial deploy")
}

/// The deployment that is going on, if there is one.
async fn running(
    connection: &Connection,
    plan: &ServicePlan,
    service: &Service,
    interrupt: &mut Interrupt,
) -> Result<Option<Subject>, ReleaseError> {
    match service.current_service_deployment() {
        None => Ok(None),
        Some(_) => locate(connection, &plan.name, &plan.cluster, service, interrupt).await.map(Some),
    }
}

fn no_earlier(plan: &ServicePlan) -> ReleaseError {
    ReleaseError::not_possible(
        format!("service {} has no earlier successful version", plan.name),
        "see `seatrial history`, or name a task definition: seatrial rollback --to-revision N",
    )
}

/// The task definition of the last successful deployment of another version, to which a rollback returns.
pub(crate) async fn previous(
    connection: &Connection,
    plan: &ServicePlan,
    service: &Service,
) -> Result<Option<String>, ReleaseError> {
    let listed = deployments(connection, plan, Some(ServiceDeploymentStatus::Successful)).await?;
    let revisions: Vec<String> =
        listed.iter().filter_map(|brief| brief.target_service_revision_arn().map(ToOwned::to_owned)).collect();
    for arns in revisions.chunks(REVISIONS_PER_CALL) {
        let other = |candidate: &String| Some(candidate.as_str()) != in_place(service);
        if let Some(found) = task_definitions(connection, plan, arns).await?.into_iter().find(other) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The deployments of a service, as far as ECS still knows them; all of them, or those of a status.
async fn deployments(
    connection: &Connection,
    plan: &ServicePlan,
    status: Option<ServiceDeploymentStatus>,
) -> Result<Vec<ServiceDeploymentBrief>, ReleaseError> {
    let listed = connection
        .ecs
        .list_service_deployments()
        .cluster(&plan.cluster)
        .service(&plan.service_name)
        .set_status(status.map(|status| vec![status]))
        .max_results(SEARCH_MAX)
        .send()
        .await
        .doing(|| format!("listing the deployments of service {}", plan.name))?;
    Ok(listed.service_deployments.unwrap_or_default())
}

/// The task definitions of service revisions, in their order.
async fn task_definitions(
    connection: &Connection,
    plan: &ServicePlan,
    arns: &[String],
) -> Result<Vec<String>, ReleaseError> {
    let described = connection
        .ecs
        .describe_service_revisions()
        .set_service_revision_arns(Some(arns.to_vec()))
        .send()
        .await
        .doing(|| format!("reading the revisions of service {}", plan.name))?;
    let task_definition = |arn: &String| {
        let revision =
            described.service_revisions().iter().find(|revision| revision.service_revision_arn() == Some(arn))?;
        revision.task_definition().map(ToOwned::to_owned)
    };
    Ok(arns.iter().filter_map(task_definition).collect())
}

fn shifts_traffic(service: &Service) -> bool {
    let configuration = service.deployment_configuration();
    let strategy = configuration.and_then(|configuration| configuration.strategy());
    strategy.is_some_and(|strategy| *strategy != DeploymentStrategy::Rolling)
}

fn watches_alarms(service: &Service) -> bool {
    let alarms = service.deployment_configuration().and_then(|configuration| configuration.alarms());
    alarms.is_some_and(|alarms| alarms.enable())
}

async fn update(
    connection: &Connection,
    plan: &ServicePlan,
    service: &Service,
    task_definition: &str,
    report: &Reporter,
    interrupt: &mut Interrupt,
) -> Result<Subject, ReleaseError> {
    let mut changes = Map::new();
    changes.insert("taskDefinition".into(), json!(task_definition));
    // A version that was good before needs no canary, no bake and nobody's word; the next deployment brings the settings back.
    let mut configuration = Map::new();
    if shifts_traffic(service) {
        configuration.insert("strategy".into(), json!("BLUE_GREEN"));
        configuration.insert("bakeTimeInMinutes".into(), json!(0));
        configuration.insert("lifecycleHooks".into(), json!([]));
    }
    if watches_alarms(service) {
        // They would fire for the version that is to go, and take the way back back.
        configuration.insert("alarms".into(), json!({ "alarmNames": [], "enable": false, "rollback": false }));
        let note = format!("service {} watches no alarms on the way back; the next deployment does again", plan.name);
        report.send(Event::Note(note));
    }
    if !configuration.is_empty() {
        changes.insert("deploymentConfiguration".into(), json!(configuration));
    }
    // A service may still name the version it was rolled back from: to ECS that version is no change then.
    let named_already = service.task_definition() == Some(task_definition);
    let updated = send_update(connection, &plan.cluster, &plan.service_name, changes, named_already).await?;
    let before = short(in_place(service).unwrap_or_default());
    let change = Change::Updated(vec![Difference::new("taskDefinition", before, short(task_definition))]);
    report.ensured(Resource::Service, &plan.service_name, Some(&plan.name), change);
    locate(connection, &plan.name, &plan.cluster, &updated, interrupt).await
}
