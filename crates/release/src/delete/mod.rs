//! `delete`: takes services and what belongs to them away, in the order in which nothing is cut off while it serves.
//!
//! What Seatrial made for the services goes with them as soon as nothing else uses it: automatic scaling, alarms, rules, listeners, target groups, load balancer,
//! cluster. It knows what it made by its tags; anything else stays. Logs and task definitions are the record of what ran and go only
//! on demand, as do the environment's parameters.

mod alarms;
mod auto_scaling;
mod balancing;
mod parameters;

use std::collections::BTreeSet;

use aws_sdk_ecs::types::ClusterField;
use serde::Serialize;

use crate::aws::{Connection, DoingExt};
use crate::config::ServiceName;
use crate::ensure::cluster::log_group_exists;
use crate::ensure::service::{describe, gone};
use crate::ensure::tags::is_own_ecs;
use crate::ensure::task_definition::short;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::{Plan, ServicePlan};
use crate::report::{Change, Event, Reporter, Resource};

/// Most task definition revisions looked at of one family at a time: one page.
const REVISIONS_MAX: i32 = 100;

/// Codes with which ECS refuses to delete a cluster that is in use.
const CLUSTER_IN_USE: [&str; 4] = [
    "ClusterContainsServicesException",
    "ClusterContainsTasksException",
    "ClusterContainsContainerInstancesException",
    "ClusterContainsCapacityProviderException",
];

/// CloudWatch's code for a log group that is gone.
const LOG_GROUP_MISSING: &str = "ResourceNotFoundException";

/// How much to take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The services and what was made for them.
    Services,
    /// Also their logs and task definitions.
    Everything,
}

/// What becomes of the environment's parameters: configuration, what was put with `config set`, the record of its releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterScope {
    /// They are not looked at.
    Untouched,
    /// They stay, and it is said so.
    Kept,
    Deleted,
}

/// What was taken away, and what stays of the services.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DeleteReport {
    /// The services meant, in the order of their names.
    pub services: Vec<ServiceName>,
    /// In the order of their going; empty when nothing was there.
    pub deleted: Vec<Named>,
    /// What [`Scope::Everything`] would have taken away too.
    pub kept: Vec<Named>,
    /// What [`ParameterScope::Deleted`] would have taken away too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_parameters: Option<Named>,
}

/// A resource by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    pub resource: Resource,
    pub name: String,
}

/// Deletes the services of a plan and what `scope` says. What is gone already is no error.
pub async fn delete(
    connection: &Connection,
    plan: &Plan,
    scope: Scope,
    parameters: ParameterScope,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<DeleteReport, ReleaseError> {
    let services = plan.services.iter().map(|service| service.name.clone()).collect();
    let done = DeleteReport { services, ..DeleteReport::default() };
    let mut deleting = Deleting { connection, plan, scope, report, interrupt, done };
    for service in &plan.services {
        deleting.auto_scaling(service).await?;
        deleting.service(service).await?;
        deleting.alarms(service).await?;
    }
    for service in &plan.services {
        deleting.unless_interrupted("the load balancer was looked at")?;
        deleting.balancing(service).await?;
    }
    deleting.load_balancer().await?;
    for service in &plan.services {
        deleting.unless_interrupted("logs and task definitions were looked at")?;
        deleting.task_definitions(&service.family).await?;
        for group in &service.log_groups {
            deleting.log_group(group).await?;
        }
    }
    for cluster in plan.services.iter().map(|service| &service.cluster).collect::<BTreeSet<_>>() {
        deleting.cluster(cluster).await?;
    }
    deleting.parameters(parameters).await?;
    Ok(deleting.done)
}

struct Deleting<'a> {
    connection: &'a Connection,
    plan: &'a Plan,
    scope: Scope,
    report: &'a Reporter,
    interrupt: Interrupt,
    done: DeleteReport,
}

impl Deleting<'_> {
    async fn service(&mut self, service: &ServicePlan) -> Result<(), ReleaseError> {
        let name = &service.service_name;
        let Some((found, _)) = describe(self.connection, &service.cluster, name).await? else { return Ok(()) };
        if found.status() == Some("ACTIVE") {
            let delete = self.connection.ecs.delete_service().cluster(&service.cluster).service(name).force(true);
            delete.send().await.doing(|| format!("deleting service {name}"))?;
            if found.running_count() > 0 {
                self.report.send(Event::Note(format!("waiting until the tasks of service {name} have stopped")));
            }
        }
        gone(self.connection, &service.cluster, name, &mut self.interrupt).await?;
        self.deleted(Resource::Service, name, Some(&service.name));
        Ok(())
    }

    /// Deregisters the revisions of a family, or tells that they stay.
    async fn task_definitions(&mut self, family: &str) -> Result<(), ReleaseError> {
        let ecs = &self.connection.ecs;
        loop {
            let listed = ecs
                .list_task_definitions()
                .family_prefix(family)
                .max_results(REVISIONS_MAX)
                .send()
                .await
                .doing(|| format!("listing the revisions of {family}"))?;
            // A prefix also finds longer family names.
            let own = |arn: &&String| short(arn).rsplit_once(':').is_some_and(|(name, _)| name == family);
            let revisions: Vec<&String> = listed.task_definition_arns().iter().filter(own).collect();
            match (self.scope, revisions.is_empty()) {
                (_, true) => return Ok(()),
                (Scope::Services, false) => {
                    self.kept(Resource::TaskDefinition, family);
                    return Ok(());
                }
                (Scope::Everything, false) => {}
            }
            for arn in revisions {
                let deregister = ecs.deregister_task_definition().task_definition(arn.as_str());
                deregister.send().await.doing(|| format!("deregistering {}", short(arn)))?;
                self.deleted(Resource::TaskDefinition, short(arn), None);
            }
        }
    }

    /// Deletes a log group, or tells that it stays.
    async fn log_group(&mut self, group: &str) -> Result<(), ReleaseError> {
        match self.scope {
            Scope::Services => {
                if log_group_exists(self.connection, group).await? {
                    self.kept(Resource::LogGroup, group);
                }
            }
            Scope::Everything => {
                let deleted = self.connection.logs.delete_log_group().log_group_name(group).send().await;
                match deleted.doing(|| format!("deleting log group {group}")) {
                    Ok(_) => self.deleted(Resource::LogGroup, group, None),
                    Err(error) if error.has_code(LOG_GROUP_MISSING) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Deletes a cluster of ours that nothing else uses.
    async fn cluster(&mut self, name: &str) -> Result<(), ReleaseError> {
        let ecs = &self.connection.ecs;
        let described = ecs.describe_clusters().clusters(name).include(ClusterField::Tags).send().await;
        let described = described.doing(|| format!("looking for cluster {name}"))?;
        let is_own = |cluster: &&aws_sdk_ecs::types::Cluster| {
            cluster.status() == Some("ACTIVE") && is_own_ecs(self.plan, cluster.tags())
        };
        if described.clusters().iter().any(|cluster| is_own(&cluster)) {
            let deleted = ecs.delete_cluster().cluster(name).send().await;
            match deleted.doing(|| format!("deleting cluster {name}")) {
                Ok(_) => self.deleted(Resource::Cluster, name, None),
                Err(error) if CLUSTER_IN_USE.iter().any(|code| error.has_code(code)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn deleted(&mut self, resource: Resource, name: &str, service: Option<&ServiceName>) {
        self.report.ensured(resource, name, service, Change::Deleted);
        self.done.deleted.push(Named { resource, name: name.to_owned() });
    }

    fn kept(&mut self, resource: Resource, name: &str) {
        self.report.ensured(resource, name, None, Change::Unchanged);
        self.done.kept.push(Named { resource, name: name.to_owned() });
    }

    fn unless_interrupted(&self, before: &str) -> Result<(), ReleaseError> {
        if self.interrupt.is_raised() { Err(ReleaseError::Interrupted { before: before.to_owned() }) } else { Ok(()) }
    }
}
