//! The revisions of a service that have tasks or shall have some: who they are, how their tasks and targets do. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{Service, ServiceDeployment, ServiceRevision, Task};
use serde::Serialize;

use super::rates::Rates;
use crate::ensure::service::primary_id;
use crate::ensure::task_definition::short;
use crate::report::TaskCounts;
use crate::watch::count;
use crate::watch::health::HealthFacts;
use crate::watch::words::{short_id, task_id};

/// What begins the id of a deployment; its digits are those of the revision it leads to.
const ID_PREFIX: &str = "ecs-svc/";

/// One revision of a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RevisionView {
    pub role: Role,
    /// `ecs-svc/<digits>`; its tasks carry it.
    pub id: String,
    /// `family:revision`; none when ECS does not tell (any more).
    pub task_definition: Option<String>,
    /// The `version` of the configuration it was deployed with.
    pub version: Option<String>,
    pub tasks: TaskCounts,
    pub targets: Vec<TargetView>,
    /// The name of the target group that leads to it.
    pub target_group: Option<String>,
    /// None without a target group of its own, or when nothing could be read.
    pub rates: Option<Rates>,
}

/// What a revision is in a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one being deployed.
    New,
    /// One that shall be replaced.
    Old,
    /// No deployment is going on.
    Serving,
}

/// A task as the load balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TargetView {
    /// The task's short id.
    pub task: String,
    /// Where the load balancer sends requests.
    pub address: String,
    /// Elastic Load Balancing's word, such as `healthy`.
    pub state: String,
    /// Its reason, such as `Target.ResponseCodeMismatch`.
    pub reason: Option<String>,
    /// Its reason in words.
    pub description: Option<String>,
}

/// What is known of a revision beside its tasks. It never changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub task_definition: Option<String>,
    pub version: Option<String>,
    /// The target group that leads to it.
    pub group: Option<String>,
}

impl Known {
    /// What ECS tells of a revision. Which target group it has is known once it has been given one.
    pub fn of(revision: &ServiceRevision) -> Self {
        let resolved = revision.resolved_configuration().map(|resolved| resolved.load_balancers()).unwrap_or_default();
        Self {
            task_definition: revision.task_definition().map(ToOwned::to_owned),
            version: None,
            group: resolved.iter().find_map(|balancer| balancer.target_group_arn()).map(ToOwned::to_owned),
        }
    }
}

/// The revisions there are, by their ids, in the order in which they are shown. `going_on` is none without a deployment.
///
/// The entries of `deployments` are no revisions: that of a rollback has an id of its own.
pub(super) fn ids(service: &Service, going_on: Option<&ServiceDeployment>) -> Vec<(String, Role)> {
    let target = going_on.and_then(|deployment| id_of(deployment.target_service_revision()?.arn()?));
    let sources = going_on.map(ServiceDeployment::source_service_revisions).unwrap_or_default();
    let sources = sources.iter().filter_map(|source| id_of(source.arn()?));
    let mut current: Vec<(i32, String)> = service
        .current_service_revisions()
        .iter()
        .filter_map(|current| Some((current.requested_task_count(), id_of(current.arn()?)?)))
        .collect();
    // The one with the most tasks first: it is the one that serves.
    current.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let mut all: Vec<String> = target.into_iter().chain(sources).chain(current.into_iter().map(|(_, id)| id)).collect();
    if all.is_empty() {
        all.extend(primary_id(service).map(ToOwned::to_owned));
    }
    let mut seen = BTreeSet::new();
    all.retain(|id| seen.insert(id.clone()));
    let first = if going_on.is_some() { Role::New } else { Role::Serving };
    let roles = std::iter::once(first).chain(std::iter::repeat(Role::Old));
    all.into_iter().zip(roles).collect()
}

/// The revision a task belongs to: the one that started it, else one of the same task definition. A rollback starts tasks in its own
/// name.
fn owner<'i>(task: &Task, ids: &'i [(String, Role)], definitions: &BTreeMap<&str, &str>) -> Option<&'i str> {
    let starter = ids.iter().find(|(id, _)| task.started_by() == Some(id));
    let is_same =
        |id: &str| definitions.get(id).is_some_and(|definition| task.task_definition_arn() == Some(definition));
    // What is being given up starts nothing any more.
    let kin = || ids.iter().rev().find(|(id, _)| is_same(id));
    starter.or_else(kin).map(|(id, _)| id.as_str())
}

/// How many tasks a revision shall have.
fn desired(service: &Service, id: &str) -> usize {
    let current = service.current_service_revisions().iter();
    let current = current.filter(|current| current.arn().and_then(id_of).as_deref() == Some(id));
    let requested = current.map(|current| current.requested_task_count()).next();
    let listed = || service.deployments().iter().find(|deployment| deployment.id() == Some(id));
    let count = requested.or_else(|| listed().map(|deployment| deployment.desired_count()));
    usize::try_from(count.unwrap_or(0)).unwrap_or(0)
}

/// The ARN of a revision of the same service as another one.
pub(super) fn revision_arn(service: &Service, id: &str) -> Option<String> {
    let (account, _) = service.service_arn()?.split_once(":service/")?;
    let cluster = service.cluster_arn()?.rsplit('/').next()?;
    Some(format!("{account}:service-revision/{cluster}/{}/{}", service.service_name()?, id.strip_prefix(ID_PREFIX)?))
}

pub(super) fn id_of(revision_arn: &str) -> Option<String> {
    Some(format!("{ID_PREFIX}{}", revision_arn.rsplit('/').next()?))
}

/// The target group of a revision: its own, else the only one its service has.
pub(super) fn group<'a>(service: &'a Service, known: Option<&'a Known>) -> Option<&'a str> {
    let own = known.and_then(|known| known.group.as_deref());
    let has_pair = |balancer: &&aws_sdk_ecs::types::LoadBalancer| {
        balancer.advanced_configuration().is_some_and(|advanced| advanced.alternate_target_group_arn().is_some())
    };
    let only = service.load_balancers().first().filter(|balancer| !has_pair(balancer));
    own.or_else(|| only.and_then(|balancer| balancer.target_group_arn()))
}

/// The views of these revisions. One without tasks is left out, unless it is the one being deployed or the one that serves.
pub(super) fn revisions(
    service: &Service,
    ids: &[(String, Role)],
    tasks: &[Task],
    facts: &HealthFacts,
    known: &BTreeMap<String, Known>,
) -> Vec<RevisionView> {
    let listed = |id: &str| {
        let listed = service.deployments().iter().find(|deployment| deployment.id() == Some(id));
        listed.and_then(|deployment| deployment.task_definition())
    };
    let definitions: BTreeMap<&str, &str> = ids
        .iter()
        .filter_map(|(id, _)| {
            let known = known.get(id).and_then(|known| known.task_definition.as_deref());
            Some((id.as_str(), known.or_else(|| listed(id))?))
        })
        .collect();
    let view = |(id, role): &(String, Role)| {
        let own = || tasks.iter().filter(|task| owner(task, ids, &definitions) == Some(id));
        let known = known.get(id);
        let staying = own().filter(|task| task.last_status() != Some("STOPPED"));
        RevisionView {
            role: *role,
            id: id.clone(),
            task_definition: definitions.get(id.as_str()).map(|arn| short(arn).to_owned()),
            version: known.and_then(|known| known.version.clone()),
            tasks: count::of(desired(service, id), own(), facts),
            targets: staying.flat_map(|task| targets(task, facts)).collect(),
            target_group: group(service, known).map(|arn| group_name(arn).to_owned()),
            rates: None,
        }
    };
    let is_shown = |revision: &RevisionView| match revision.role {
        Role::New | Role::Serving => true,
        Role::Old => revision.tasks != TaskCounts::default(),
    };
    ids.iter().map(view).filter(is_shown).collect()
}

fn targets(task: &Task, facts: &HealthFacts) -> Vec<TargetView> {
    let view = |described: &aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription| {
        let target = described.target()?;
        let health = described.target_health()?;
        let port = target.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(TargetView {
            task: short_id(task_id(task.task_arn().unwrap_or_default())).to_owned(),
            address: format!("{}{port}", target.id().unwrap_or_default()),
            state: health.state().map(|state| state.as_str().to_owned()).unwrap_or_default(),
            reason: health.reason().map(|reason| reason.as_str().to_owned()),
            description: health.description().map(ToOwned::to_owned),
        })
    };
    facts.targets_of(task).filter_map(view).collect()
}

/// The name in a target group's ARN.
pub(super) fn group_name(arn: &str) -> &str {
    arn.rsplit(':').next().and_then(|rest| rest.split('/').nth(1)).unwrap_or(arn)
}

#[cfg(test)]
mod tests;
