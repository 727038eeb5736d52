//! The load-balancing side of `delete`. Rule and listener go first, since a target group in use cannot.

use aws_sdk_elasticloadbalancingv2::types::{Listener, Rule};
use serde_json::Value as Json;

use super::Deleting;
use crate::aws::{CallError, DoingExt};
use crate::config::ServiceName;
use crate::difference::Difference;
use crate::ensure::listener::{forward_targets, in_words, listeners_of, not_found, rules_of};
use crate::ensure::tags::is_own_elb;
use crate::ensure::{load_balancer, target_group};
use crate::error::ReleaseError;
use crate::plan::ServicePlan;
use crate::report::{Change, Event, Resource};

impl Deleting<'_> {
    /// Takes the target group of a service away, and whatever forwards to it.
    pub(super) async fn balancing(&mut self, service: &ServicePlan) -> Result<(), ReleaseError> {
        let Some(balancing) = &service.balancing else { return Ok(()) };
        let alternate = balancing.pair.as_ref().map(|pair| &pair.alternate.name);
        for name in alternate.into_iter().chain([&balancing.target_group.name]) {
            self.target_group(service, name).await?;
        }
        Ok(())
    }

    async fn target_group(&mut self, service: &ServicePlan, name: &str) -> Result<(), ReleaseError> {
        let Some(group) = target_group::find(self.connection, name).await? else { return Ok(()) };
        let arn = group.target_group_arn().ok_or(ReleaseError::Incomplete("the target group's ARN"))?;
        if !self.is_own(arn).await? {
            let note = format!("target group {name} stays: it was not made for this application and environment");
            self.report.send(Event::Note(note));
            return Ok(());
        }
        for balancer in group.load_balancer_arns() {
            self.detach(&service.name, balancer, arn).await?;
        }
        let delete = self.connection.elb.delete_target_group().target_group_arn(arn);
        delete.send().await.doing(|| format!("deleting target group {name}"))?;
        self.deleted(Resource::TargetGroup, name, Some(&service.name));
        Ok(())
    }

    /// Takes the environment's load balancer away once it has no listener.
    pub(super) async fn load_balancer(&mut self) -> Result<(), ReleaseError> {
        let Some(wanted) = &self.plan.load_balancer else { return Ok(()) };
        let Some(found) = load_balancer::find(self.connection, &wanted.name).await? else { return Ok(()) };
        let arn = found.load_balancer_arn().ok_or(ReleaseError::Incomplete("the load balancer's ARN"))?;
        if listeners_of(self.connection, arn).await?.is_empty() && self.is_own(arn).await? {
            let deleted = self.connection.elb.delete_load_balancer().load_balancer_arn(arn).send().await;
            deleted.doing(|| format!("deleting load balancer {}", wanted.name))?;
            self.deleted(Resource::LoadBalancer, &wanted.name, None);
        }
        Ok(())
    }

    /// Whether Seatrial made a resource of Elastic Load Balancing for this environment.
    async fn is_own(&self, arn: &str) -> Result<bool, CallError> {
        let described = self.connection.elb.describe_tags().resource_arns(arn).send().await;
        let described = described.doing(|| "reading the tags of the load balancer's parts".into())?;
        Ok(described.tag_descriptions().iter().any(|described| is_own_elb(self.plan, described.tags())))
    }

    async fn detach(&mut self, service: &ServiceName, balancer: &str, group: &str) -> Result<(), ReleaseError> {
        for listener in listeners_of(self.connection, balancer).await? {
            let (Some(arn), Some(port)) = (listener.listener_arn(), listener.port()) else { continue };
            let rules = rules_of(self.connection, arn).await?;
            let (own, others): (Vec<Rule>, Vec<Rule>) = rules
                .into_iter()
                .filter(|rule| rule.is_default() != Some(true))
                .partition(|rule| forward_targets(rule.actions()).contains(&group));
            for rule in own {
                let delete = self.connection.elb.delete_rule().set_rule_arn(rule.rule_arn);
                delete.send().await.doing(|| format!("deleting a listener rule of service {service}"))?;
                self.deleted(Resource::ListenerRule, &format!("port {port} → {service}"), Some(service));
            }
            let is_default = forward_targets(listener.default_actions()).contains(&group);
            match (is_default || answers_nobody(&listener), others.is_empty()) {
                (true, true) => self.listener(arn, port).await?,
                (true, false) if is_default => self.without_default(arn, port).await?,
                (_, _) => {}
            }
        }
        Ok(())
    }

    async fn listener(&mut self, arn: &str, port: i32) -> Result<(), ReleaseError> {
        let delete = self.connection.elb.delete_listener().listener_arn(arn);
        delete.send().await.doing(|| format!("deleting the listener on port {port}"))?;
        self.deleted(Resource::Listener, &format!("port {port}"), None);
        Ok(())
    }

    /// A listener that other services share keeps their rules.
    async fn without_default(&self, arn: &str, port: i32) -> Result<(), ReleaseError> {
        let modify = self.connection.elb.modify_listener().listener_arn(arn).default_actions(not_found());
        modify.send().await.doing(|| format!("adjusting the listener on port {port}"))?;
        let change = Change::Updated(vec![Difference::new("defaultActions", Json::Null, in_words(&[not_found()]))]);
        self.report.ensured(Resource::Listener, &format!("port {port}"), None, change);
        Ok(())
    }
}

/// Whether a listener's default is the answer of one without a service.
fn answers_nobody(listener: &Listener) -> bool {
    let answer = not_found();
    listener.default_actions().iter().all(|action| action.fixed_response_config() == answer.fixed_response_config())
}
