//! `status`: what is deployed and what is going on.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{DeploymentRolloutState, Service};
use serde::Serialize;
use time::OffsetDateTime;

use crate::aws::Connection;
use crate::aws::times::timestamp;
use crate::config::{AppName, EnvironmentName, ServiceName};
use crate::definitions;
use crate::ensure::auto_scaling;
use crate::ensure::load_balancer;
use crate::ensure::service::{describe, in_place, primary_id};
use crate::ensure::task_definition::short;
use crate::error::ReleaseError;
use crate::freeze;
use crate::lock;
use crate::parameters::Realm;
use crate::plan::{Plan, ServicePlan};
use crate::report::{Pause, TaskCounts, Traffic};
use crate::rollback::previous;
use crate::steering::Steering;
use crate::steering::decide::Drive;
use crate::steering::pilot::{Hold, Pilot};
use crate::urls::urls;
use crate::watch::count;
use crate::watch::explained::{ExplainedWait, explained};
use crate::watch::look::{self, Look};
use crate::watch::mirrored::{Mirrored, mirrored};
use crate::watch::names::Names;
use crate::watch::traffic;
use crate::watch::waiting::waiting_for;

/// The state of an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvironmentStatus {
    pub app: AppName,
    pub environment: EnvironmentName,
    /// Who is at work, or has said that nobody is to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<String>,
    /// Until when nothing is released, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<String>,
    /// In the order of their names.
    pub services: Vec<ServiceStatus>,
}

/// The state of one service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceStatus {
    pub service: ServiceName,
    /// ECS's word (`ACTIVE`, `DRAINING`); none when it is not deployed.
    pub status: Option<String>,
    /// `family:revision`.
    pub task_definition: Option<String>,
    /// The `version` of the configuration it was deployed with.
    pub version: Option<String>,
    pub tasks: TaskCounts,
    /// Between how many tasks the service is scaled automatically; none when it is not, or nobody asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingStatus>,
    /// How many healthy tasks each task definition has.
    pub healthy_tasks: BTreeMap<String, usize>,
    /// ECS's reason why the newest deployment failed, when it was left as it was.
    pub failed: Option<String>,
    /// The earlier version that a rollback of it would return to; none when nothing failed or there is none.
    pub back_to: Option<String>,
    pub url: Option<String>,
    /// The deployment going on.
    pub deployment: Option<RunningDeployment>,
    /// What the endpoint itself says is waited for; AWS says nothing.
    pub waits: Vec<ExplainedWait>,
    /// The newest service event.
    pub last_event: Option<EventLine>,
}

/// The automatic scaling of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ScalingStatus {
    pub min: i32,
    pub max: i32,
    /// How many tasks there are to be now.
    pub desired: i32,
    pub scale_in_suspended: bool,
    pub scale_out_suspended: bool,
}

/// A deployment going on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunningDeployment {
    pub id: String,
    pub status: String,
    pub new: TaskCounts,
    pub old: TaskCounts,
    /// How far traffic has come; none where the deployment moves none.
    pub traffic: Option<Traffic>,
    /// The pause it waits in.
    pub pause: Option<Pause>,
    /// What copies of requests have told of the new version.
    pub mirrored: Option<Mirrored>,
    pub waiting_for: String,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
}

/// A service event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventLine {
    pub service: ServiceName,
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
    pub message: String,
}

/// Reads the state of the services of a plan.
pub async fn status(connection: &Connection, plan: &Plan) -> Result<EnvironmentStatus, ReleaseError> {
    let balancer = match &plan.load_balancer {
        Some(balancer) => load_balancer::find(connection, &balancer.name).await?,
        None => None,
    };
    let urls = balancer.and_then(|balancer| balancer.dns_name.map(|host| urls(plan, &host))).unwrap_or_default();
    let mut services = Vec::new();
    for service in &plan.services {
        let url = urls.iter().find(|url| url.service == service.name).map(|url| url.url.clone());
        services.push(service_status(connection, service, url).await?);
    }
    let now = connection.clock().now;
    // Whoever may not look at parameters may still look at services.
    let lock = lock::current(connection, &Realm::of(plan)).await.ok().flatten();
    Ok(EnvironmentStatus {
        app: plan.app.clone(),
        environment: plan.environment.name.clone(),
        locked: lock.filter(|lock| lock.stale(now).is_none()).map(|lock| lock.in_words()),
        frozen: freeze::holding(&plan.environment.freezes, now),
        services,
    })
}

/// The newest service events of the services of a plan, at most `limit` of each, oldest first.
pub async fn events(connection: &Connection, plan: &Plan, limit: usize) -> Result<Vec<EventLine>, ReleaseError> {
    let mut lines = Vec::new();
    for service in &plan.services {
        if let Some((found, _)) = describe(connection, &service.cluster, &service.service_name).await? {
            let messages: Vec<String> =
                found.events().iter().take(limit).filter_map(|event| event.message().map(ToOwned::to_owned)).collect();
            let names = Names::of_messages(connection, &found, &messages).await;
            lines.extend(event_lines(&service.name, &found, &names).take(limit));
        }
    }
    lines.reverse();
    lines.sort_by_key(|line| line.at);
    Ok(lines)
}

/// Newest first, as ECS has them.
fn event_lines<'s>(
    name: &'s ServiceName,
    service: &'s Service,
    names: &'s Names,
) -> impl Iterator<Item = EventLine> + 's {
    service.events().iter().map(|event| EventLine {
        service: name.clone(),
        at: timestamp(event.created_at()),
        message: names.readable(event.message().unwrap_or_default()),
    })
}

async fn service_status(
    connection: &Connection,
    plan: &ServicePlan,
    url: Option<String>,
) -> Result<ServiceStatus, ReleaseError> {
    let Some((service, document)) = describe(connection, &plan.cluster, &plan.service_name).await? else {
        return Ok(ServiceStatus {
            service: plan.name.clone(),
            status: None,
            task_definition: None,
            version: None,
            tasks: TaskCounts::default(),
            scaling: None,
            healthy_tasks: BTreeMap::new(),
            failed: None,
            back_to: None,
            url: None,
            deployment: None,
            waits: Vec::new(),
            last_event: None,
        });
    };
    let tasks = look::tasks(connection, &plan.cluster, &plan.service_name).await?;
    let facts = look::health_facts(connection, &plan.cluster, &service, &tasks).await?;
    let definition = in_place(&service).map(ToOwned::to_owned);
    let version = match &definition {
        Some(arn) => version(connection, arn).await?,
        None => None,
    };
    let running = match service.current_service_deployment() {
        Some(arn) => look::deployment(connection, arn).await?,
        None => None,
    };
    let counts = count::all(&service, &tasks, &facts);
    let healthy_tasks = count::healthy_by_definition(&tasks, &facts);
    let failed = failure(&service);
    let back_to = match &failed {
        Some(_) => previous(connection, plan, &service).await?.map(|arn| short(&arn).to_owned()),
        None => None,
    };
    let last_event = event_lines(&plan.name, &service, &Names::of_service(&service)).next();
    let task_definition = definition.map(|arn| short(&arn).to_owned());
    let status = service.status().map(ToOwned::to_owned);
    let copies = match running.as_ref().filter(|_| plan.mirror.is_some()) {
        Some(deployment) => mirrored(connection, deployment).await,
        None => None,
    };
    let scaling = scaling(connection, plan, &service).await;
    let looked = running.map(|deployment| Look { deployment, service, tasks, facts });
    let deployment = looked.and_then(|look| running_deployment(look, copies, &plan.steering, connection));
    Ok(ServiceStatus {
        service: plan.name.clone(),
        status,
        task_definition,
        version,
        tasks: counts,
        scaling,
        healthy_tasks,
        failed,
        back_to,
        url,
        deployment,
        waits: explained(&document),
        last_event,
    })
}

/// How the service is scaled. Asked for only where the configuration has it; whoever may not look at scaling may still look at services.
async fn scaling(connection: &Connection, plan: &ServicePlan, service: &Service) -> Option<ScalingStatus> {
    plan.auto_scaling.plan()?;
    let target = auto_scaling::find(connection, plan).await.ok().flatten()?;
    let suspended = target.suspended_state();
    Some(ScalingStatus {
        min: target.min_capacity(),
        max: target.max_capacity(),
        desired: service.desired_count(),
        scale_in_suspended: suspended.and_then(|state| state.dynamic_scaling_in_suspended()).unwrap_or(false),
        scale_out_suspended: suspended.and_then(|state| state.dynamic_scaling_out_suspended()).unwrap_or(false),
    })
}

/// Why the newest deployment failed and was left as it was.
pub(crate) fn failure(service: &Service) -> Option<String> {
    let primary = service.deployments().iter().find(|deployment| deployment.status() == Some("PRIMARY"))?;
    let has_failed = primary.rollout_state() == Some(&DeploymentRolloutState::Failed);
    has_failed.then(|| Names::of_service(service).readable(primary.rollout_state_reason().unwrap_or("no reason given")))
}

/// What is going on; none when it ended since the service was looked at.
fn running_deployment(
    look: Look,
    mirrored: Option<Mirrored>,
    steering: &Steering,
    connection: &Connection,
) -> Option<RunningDeployment> {
    let id = primary_id(&look.service).unwrap_or_default().to_owned();
    let (new, old) = count::by_version(&look.service, &look.tasks, &look.facts, &id);
    let decision = Pilot::new(steering, Drive::AsPlanned).decide(&look, &id, Hold::Heeded, connection.clock());
    Some(RunningDeployment {
        traffic: traffic::traffic(&look.deployment),
        pause: traffic::pause(&look.deployment),
        waiting_for: match decision.waits_for() {
            Some(what) => what,
            None => waiting_for(&look, &id, &new, &old, connection.time_scale())?,
        },
        mirrored,
        status: look.deployment.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        since: timestamp(look.deployment.created_at()),
        id,
        new,
        old,
    })
}

/// The version a task definition was made for.
pub(crate) async fn version(connection: &Connection, task_definition: &str) -> Result<Option<String>, ReleaseError> {
    Ok(definitions::facts(connection, task_definition).await?.and_then(|facts| facts.version))
}
