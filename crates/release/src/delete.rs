//! `delete`: takes services and what belongs to them away, in the order in which nothing is cut off while it serves.

use crate::aws::{CallError, Connection, DoingExt};
use crate::ensure::listener::{forward_targets, listeners_of, not_found, rules_of};
use crate::ensure::service::{describe, gone};
use crate::ensure::task_definition::short;
use crate::ensure::{load_balancer, target_group};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::{Plan, ServicePlan};
use crate::report::{Change, Reporter, Resource};

/// Most task definition revisions taken away of one family at a time: one page.
const REVISIONS_MAX: i32 = 100;

/// How much to take away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The services with their rules, listeners and target groups.
    Services,
    /// Also load balancer, log groups, task definitions and cluster.
    Everything,
}

/// Deletes the services of a plan and what `scope` says. What is gone already is no error.
pub async fn delete(
    connection: &Connection,
    plan: &Plan,
    scope: Scope,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<(), ReleaseError> {
    let deleting = Deleting { connection, plan, report, interrupt };
    for service in &plan.services {
        deleting.service(service).await?;
    }
    for service in &plan.services {
        deleting.balancing(service).await?;
    }
    match scope {
        Scope::Services => Ok(()),
        Scope::Everything => deleting.surroundings().await,
    }
}

struct Deleting<'a> {
    connection: &'a Connection,
    plan: &'a Plan,
    report: &'a Reporter,
    interrupt: Interrupt,
}

impl Deleting<'_> {
    async fn service(&self, service: &ServicePlan) -> Result<(), ReleaseError> {
        let name = &service.service_name;
        let Some((found, _)) = describe(self.connection, &service.cluster, name).await? else {
            self.report.ensured(Resource::Service, name, Some(&service.name), Change::Unchanged);
            return Ok(());
        };
        if found.status() == Some("ACTIVE") {
            let delete = self.connection.ecs.delete_service().cluster(&service.cluster).service(name).force(true);
            delete.send().await.doing(|| format!("deleting service {name}"))?;
        }
        gone(self.connection, &service.cluster, name, &mut self.interrupt.clone()).await?;
        self.report.ensured(Resource::Service, name, Some(&service.name), Change::Deleted);
        Ok(())
    }

    /// Rule and listener first, since a target group in use cannot go.
    async fn balancing(&self, service: &ServicePlan) -> Result<(), ReleaseError> {
        let Some(balancing) = &service.balancing else { return Ok(()) };
        let name = &balancing.target_group.name;
        let Some(group) = target_group::find(self.connection, name).await? else { return Ok(()) };
        let arn = group.target_group_arn().ok_or(ReleaseError::Incomplete("the target group's ARN"))?;
        for balancer in group.load_balancer_arns() {
            self.detach(service, balancer, arn).await?;
        }
        let delete = self.connection.elb.delete_target_group().target_group_arn(arn);
        delete.send().await.doing(|| format!("deleting target group {name}"))?;
        self.report.ensured(Resource::TargetGroup, name, Some(&service.name), Change::Deleted);
        Ok(())
    }

    async fn detach(&self, service: &ServicePlan, balancer_arn: &str, group_arn: &str) -> Result<(), ReleaseError> {
        let elb = &self.connection.elb;
        for listener in listeners_of(self.connection, balancer_arn).await? {
            let (Some(listener_arn), Some(port)) = (listener.listener_arn(), listener.port()) else { continue };
            let rules = rules_of(self.connection, listener_arn).await?;
            let (own, others): (Vec<_>, Vec<_>) = rules
                .iter()
                .filter(|rule| rule.is_default() != Some(true))
                .partition(|rule| forward_targets(rule.actions()).contains(&group_arn));
            for rule in own {
                let delete = elb.delete_rule().set_rule_arn(rule.rule_arn().map(ToOwned::to_owned));
                delete.send().await.doing(|| format!("deleting a listener rule of service {}", service.name))?;
                let name = format!("port {port} → {}", service.name);
                self.report.ensured(Resource::ListenerRule, &name, Some(&service.name), Change::Deleted);
            }
            if !forward_targets(listener.default_actions()).contains(&group_arn) {
                continue;
            }
            let change = if others.is_empty() {
                elb.delete_listener()
                    .listener_arn(listener_arn)
                    .send()
                    .await
                    .doing(|| format!("deleting the listener on port {port}"))?;
                Change::Deleted
            } else {
                elb.modify_listener()
                    .listener_arn(listener_arn)
                    .default_actions(not_found())
                    .send()
                    .await
                    .doing(|| format!("adjusting the listener on port {port}"))?;
                Change::Updated(vec!["default action".into()])
            };
            self.report.ensured(Resource::Listener, &format!("port {port}"), None, change);
        }
        Ok(())
    }

    async fn surroundings(&self) -> Result<(), ReleaseError> {
        self.load_balancer().await?;
        for service in &self.plan.services {
            self.task_definitions(&service.family).await?;
            for group in &service.log_groups {
                let deleted = self.connection.logs.delete_log_group().log_group_name(group).send().await;
                let deleted = deleted.doing(|| format!("deleting log group {group}"));
                self.settle(deleted.map(drop), "ResourceNotFoundException", Resource::LogGroup, group)?;
            }
        }
        let cluster = &self.plan.environment.cluster;
        let deleted = self.connection.ecs.delete_cluster().cluster(cluster).send().await;
        let deleted = deleted.doing(|| format!("deleting cluster {cluster}"));
        self.settle(deleted.map(drop), "ClusterNotFoundException", Resource::Cluster, cluster)
    }

    async fn load_balancer(&self) -> Result<(), ReleaseError> {
        let Some(wanted) = &self.plan.load_balancer else { return Ok(()) };
        let Some(found) = load_balancer::find(self.connection, &wanted.name).await? else { return Ok(()) };
        let arn = found.load_balancer_arn().ok_or(ReleaseError::Incomplete("the load balancer's ARN"))?;
        let deleted = self.connection.elb.delete_load_balancer().load_balancer_arn(arn).send().await;
        let deleted = deleted.doing(|| format!("deleting load balancer {}", wanted.name));
        self.settle(deleted.map(drop), load_balancer::MISSING, Resource::LoadBalancer, &wanted.name)
    }

    async fn task_definitions(&self, family: &str) -> Result<(), ReleaseError> {
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
            for arn in &revisions {
                let deregister = ecs.deregister_task_definition().task_definition(arn.as_str());
                deregister.send().await.doing(|| format!("deregistering {}", short(arn)))?;
                self.report.ensured(Resource::TaskDefinition, short(arn), None, Change::Deleted);
            }
            if revisions.is_empty() {
                return Ok(());
            }
        }
    }

    /// Reports a deletion; what was gone already counts as unchanged.
    fn settle(
        &self,
        result: Result<(), CallError>,
        gone: &str,
        resource: Resource,
        name: &str,
    ) -> Result<(), ReleaseError> {
        let change = match result {
            Ok(()) => Change::Deleted,
            Err(error) if error.code() == Some(gone) => Change::Unchanged,
            Err(error) => return Err(error.into()),
        };
        self.report.ensured(resource, name, None, change);
        Ok(())
    }
}
