//! Which target group of a pair the next revision of a service gets, found as ECS finds it: a deployment that shifts traffic brings its
//! tasks up in the one that serves less of it, one that replaces tasks stays in the one that serves.

use std::cmp::Ordering;

use aws_sdk_elasticloadbalancingv2::types::Action;
use serde_json::Value as Json;

use super::is_to_come;
use super::listener::{Rules, ServiceGroups};
use crate::aws::{Connection, DoingExt};
use crate::error::ReleaseError;
use crate::plan::{PairSide, RulePurpose, ServicePlan};
use crate::watch::look;

/// Code of the answer to a rule that is gone.
const RULE_MISSING: &str = "RuleNotFound";

/// The target groups of a service, and the rule that shares traffic between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pairing {
    groups: ServiceGroups,
    production_rule: Option<String>,
}

/// The weights of the two target groups in the production rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weights {
    own: i32,
    alternate: i32,
}

impl Pairing {
    /// Of a service whose load balancing is in place. One that no longer shifts traffic may have kept its pair.
    pub fn of_deployment(plan: &ServicePlan, groups: &ServiceGroups, rules: &Rules, existing: &Json) -> Self {
        match (plan.pair(), Self::of_service(plan, existing)) {
            (None, Some(kept)) => kept,
            (_, _) => Self {
                groups: groups.clone(),
                production_rule: rules.get(&(plan.name.clone(), RulePurpose::Production)).cloned(),
            },
        }
    }

    /// Of a service that has a pair, as ECS describes it. Which target group comes first there changes with every deployment.
    pub fn of_service(plan: &ServicePlan, existing: &Json) -> Option<Self> {
        let own = format!(":targetgroup/{}/", plan.balancing.as_ref()?.target_group.name);
        let attachment = &existing["loadBalancers"][0];
        let advanced = &attachment["advancedConfiguration"];
        let first = attachment["targetGroupArn"].as_str()?.to_owned();
        let second = advanced["alternateTargetGroupArn"].as_str()?.to_owned();
        let (own, alternate) = if second.contains(&own) { (second, first) } else { (first, second) };
        let production_rule = advanced["productionListenerRule"].as_str().map(ToOwned::to_owned);
        Some(Self { groups: ServiceGroups { own, alternate: Some(alternate) }, production_rule })
    }

    /// The ARN of a target group of the pair.
    pub fn target_group(&self, side: PairSide) -> Option<&str> {
        match side {
            PairSide::Own => Some(&self.groups.own),
            PairSide::Alternate => self.groups.alternate.as_deref(),
        }
    }

    /// The side that the next revision gets; `existing` is the service as ECS describes it.
    pub async fn side_of_new_revision(
        &self,
        connection: &Connection,
        plan: &ServicePlan,
        existing: &Json,
    ) -> Result<PairSide, ReleaseError> {
        if self.groups.alternate.is_none() {
            return Ok(PairSide::Own);
        }
        let weights = self.weights(connection).await?;
        let newest = match weights.own.cmp(&weights.alternate) {
            Ordering::Equal => self.side_of_running(connection, existing).await?,
            Ordering::Less | Ordering::Greater => None,
        };
        let vacant = vacant(weights, newest);
        Ok(if plan.pair().is_some() { vacant } else { vacant.other() })
    }

    async fn weights(&self, connection: &Connection) -> Result<Weights, ReleaseError> {
        // Without a rule of its own, a service has never moved traffic.
        let unmoved = Weights { own: 1, alternate: 0 };
        let Some(rule) = self.production_rule.as_ref().filter(|rule| !is_to_come(rule)) else { return Ok(unmoved) };
        let described = connection.elb.describe_rules().rule_arns(rule).send().await;
        match described.doing(|| "reading the production rule".into()) {
            Ok(output) => Ok(output.rules().first().map_or(unmoved, |rule| self.weights_in(rule.actions()))),
            Err(error) if error.has_code(RULE_MISSING) => Ok(unmoved),
            Err(error) => Err(error.into()),
        }
    }

    fn weights_in(&self, actions: &[Action]) -> Weights {
        let weight = |group: Option<&str>| {
            actions
                .iter()
                .map(|action| {
                    let tuples = action.forward_config().map(|forward| forward.target_groups()).unwrap_or_default();
                    let tuple = tuples.iter().find(|tuple| group.is_some() && tuple.target_group_arn() == group);
                    let alone = group.is_some() && tuples.is_empty() && action.target_group_arn() == group;
                    // A weight that is not shown is 1.
                    tuple.map_or(i32::from(alone), |tuple| tuple.weight().unwrap_or(1))
                })
                .sum()
        };
        Weights { own: weight(Some(&self.groups.own)), alternate: weight(self.groups.alternate.as_deref()) }
    }

    /// The side of the revision that a running deployment leads to; none when nothing is going on.
    async fn side_of_running(
        &self,
        connection: &Connection,
        existing: &Json,
    ) -> Result<Option<PairSide>, ReleaseError> {
        let Some(running) = existing["currentServiceDeployment"].as_str() else { return Ok(None) };
        let Some(deployment) = look::deployment(connection, running).await? else { return Ok(None) };
        let Some(target) = deployment.target_service_revision().and_then(|revision| revision.arn()) else {
            return Ok(None);
        };
        let described = connection.ecs.describe_service_revisions().service_revision_arns(target).send().await;
        let described = described.doing(|| "reading the revision that is being deployed".into())?;
        let resolved = described.service_revisions().first().and_then(|revision| revision.resolved_configuration());
        let balancers = resolved.map(|resolved| resolved.load_balancers()).unwrap_or_default();
        let group = balancers.first().and_then(|balancer| balancer.target_group_arn());
        let sides = [PairSide::Own, PairSide::Alternate];
        Ok(group.and_then(|group| sides.into_iter().find(|side| self.target_group(*side) == Some(group))))
    }
}

/// The target group that a deployment that shifts traffic finds free. In an equal split the revision stays that served before, so the
/// newest one makes room.
fn vacant(weights: Weights, newest: Option<PairSide>) -> PairSide {
    match weights.own.cmp(&weights.alternate) {
        Ordering::Less => PairSide::Own,
        Ordering::Greater => PairSide::Alternate,
        Ordering::Equal => newest.unwrap_or(PairSide::Alternate),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{ForwardActionConfig, TargetGroupTuple};

    use super::*;

    const OWN: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/a-dev-web/1";
    const ALTERNATE: &str = "arn:aws:elasticloadbalancing:r:1:targetgroup/a-dev-web-alt/2";

    fn pairing() -> Pairing {
        let groups = ServiceGroups { own: OWN.into(), alternate: Some(ALTERNATE.into()) };
        Pairing { groups, production_rule: Some("rule".into()) }
    }

    fn weighted(own: i32, alternate: i32) -> Action {
        let tuple = |arn: &str, weight| TargetGroupTuple::builder().target_group_arn(arn).weight(weight).build();
        let tuples = vec![tuple(ALTERNATE, alternate), tuple(OWN, own)];
        let config = ForwardActionConfig::builder().set_target_groups(Some(tuples)).build();
        Action::builder().r#type("forward".into()).forward_config(config).build()
    }

    #[test]
    fn a_new_revision_gets_the_target_group_that_serves_less() {
        let simple = |arn: &str| Action::builder().r#type("forward".into()).target_group_arn(arn).build();
        let cases = [
            (weighted(100, 0), None, PairSide::Alternate),
            (weighted(0, 100), None, PairSide::Own),
            (weighted(90, 10), Some(PairSide::Own), PairSide::Alternate),
            (weighted(10, 90), Some(PairSide::Alternate), PairSide::Own),
            (weighted(50, 50), Some(PairSide::Own), PairSide::Own),
            (weighted(50, 50), Some(PairSide::Alternate), PairSide::Alternate),
            (weighted(50, 50), None, PairSide::Alternate),
            (simple(OWN), None, PairSide::Alternate),
            (simple(ALTERNATE), None, PairSide::Own),
            (simple("elsewhere"), None, PairSide::Alternate),
        ];
        for (action, newest, expected) in cases {
            let weights = pairing().weights_in(std::slice::from_ref(&action));
            assert_eq!(vacant(weights, newest), expected, "{action:?} {newest:?}");
        }
    }
}
