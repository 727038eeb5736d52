//! The listener rules that share a service's traffic between two target groups: `advancedConfiguration`, its checks, and the rules
//! as they are at the moment.

use std::collections::BTreeSet;

use seatrial_controller::{Input, LiveRule, Observation, Route, Weights};
use seatrial_model::load_balancing::{Action, Forward, WeightedTargetGroup};
use seatrial_model::{ListenerRuleArn, Strategy, TargetGroupArn};
use serde_json::Value;

use crate::load_balancing::arn::Kind;
use crate::load_balancing::rules::{self, RuleRef};
use crate::refusal::Refusal;
use crate::state::{ServiceLoadBalancer, State};
use crate::transaction::Transaction;

/// Returns the route that an attachment's `advancedConfiguration` describes, its alternate as it was given.
pub(crate) fn route(attachment: &ServiceLoadBalancer) -> Option<Route> {
    let advanced = attachment.document.get("advancedConfiguration")?;
    let text = |member: &str| advanced.get(member).and_then(Value::as_str);
    Some(Route {
        production_rule: ListenerRuleArn::new(text("productionListenerRule")?),
        test_rule: text("testListenerRule").map(ListenerRuleArn::new),
        alternate: TargetGroupArn::new(text("alternateTargetGroupArn")?),
    })
}

/// Refuses attachments that cannot work together, or not with the strategy.
pub(crate) fn check(state: &State, attachments: &[ServiceLoadBalancer], strategy: Strategy) -> Result<(), Refusal> {
    let advanced = attachments.iter().filter(|attachment| has_advanced_configuration(attachment)).count();
    if advanced > 0 && advanced < attachments.len() {
        return Err(Refusal::invalid(
            "Either all or none of the provided loadBalancers must have advancedConfiguration defined",
        ));
    }
    if strategy.shifts_traffic() && !attachments.is_empty() && advanced == 0 {
        return Err(Refusal::invalid(
            "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING deployment strategy",
        ));
    }
    if attachments.is_empty() && matches!(strategy, Strategy::Canary { .. } | Strategy::Linear { .. }) {
        return Err(Refusal::invalid(format!(
            "The deployment strategy {} needs a load balancer whose traffic can be shifted.",
            strategy.as_str()
        )));
    }
    let mut groups = BTreeSet::new();
    let mut production_rules = BTreeSet::new();
    let mut test_rules = BTreeSet::new();
    for attachment in attachments.iter().filter(|attachment| has_advanced_configuration(attachment)) {
        let Some(route) = route(attachment) else {
            return Err(Refusal::invalid(
                "advancedConfiguration needs alternateTargetGroupArn and productionListenerRule",
            ));
        };
        check_rule_arn("productionListenerRule", &route.production_rule)?;
        for group in [&attachment.target_group, &route.alternate] {
            if !groups.insert(group.clone()) {
                return Err(Refusal::invalid(format!("Duplicate targetGroupArn found: {group}")));
            }
        }
        if !state.target_groups.contains(route.alternate.as_str()) {
            let alternate = &route.alternate;
            return Err(Refusal::invalid(format!("The target group with targetGroupArn {alternate} does not exist.")));
        }
        if let Some(test) = &route.test_rule {
            check_rule_arn("testListenerRule", test)?;
            test_rules.insert(test.clone());
        } else {
            check_production_rule_alone(state, attachment, &route)?;
        }
        production_rules.insert(route.production_rule);
    }
    let both: Vec<&str> = production_rules.intersection(&test_rules).map(ListenerRuleArn::as_str).collect();
    if both.is_empty() {
        return Ok(());
    }
    let both = both.join(", ");
    Err(Refusal::invalid(format!(
        "The following rules cannot be used as both production and test listener rules: {both}"
    )))
}

fn has_advanced_configuration(attachment: &ServiceLoadBalancer) -> bool {
    attachment.document.get("advancedConfiguration").is_some_and(|advanced| !advanced.is_null())
}

fn check_rule_arn(member: &str, rule: &ListenerRuleArn) -> Result<(), Refusal> {
    match Kind::of(rule.as_str()) {
        Some(Kind::Rule) => Ok(()),
        Some(Kind::Listener) => Err(Refusal::new(
            "UnsupportedFeatureException",
            format!("{member} is a listener: Network Load Balancers are not implemented by this engine. Got: {rule}"),
        )),
        Some(Kind::LoadBalancer | Kind::TargetGroup) | None => Err(Refusal::invalid(format!(
            "{member} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {rule}"
        ))),
    }
}

fn check_production_rule_alone(state: &State, attachment: &ServiceLoadBalancer, route: &Route) -> Result<(), Refusal> {
    let named = match live(state, &route.production_rule) {
        LiveRule::Forwards(weights) => weights,
        // Whether the rule is there is found out by the deployment.
        LiveRule::Missing => return Ok(()),
        LiveRule::Elsewhere => Weights::new(),
    };
    if named.contains_key(&attachment.target_group) && named.contains_key(&route.alternate) {
        return Ok(());
    }
    Err(Refusal::invalid(
        "For Application LoadBalancer, testListenerRule is required when productionListenerRule is not associated with \
         both targetGroup and alternateTargetGroup",
    ))
}

/// Returns what a rule does at the moment.
pub(crate) fn live(state: &State, rule: &ListenerRuleArn) -> LiveRule {
    let action = match rules::find(state, rule.as_str()) {
        Ok(RuleRef::Numbered(rule)) => &rule.action,
        Ok(RuleRef::Default(listener)) => &listener.default_action,
        Err(_) => return LiveRule::Missing,
    };
    match action {
        Action::Forward(forward) => {
            let weights = forward.target_groups.iter().map(|group| (group.target_group.clone(), group.weight));
            LiveRule::Forwards(weights.collect())
        }
        Action::FixedResponse(_) | Action::Redirect(_) => LiveRule::Elsewhere,
    }
}

/// Gives a rule's target groups new weights. Its conditions and its stickiness stay.
pub(crate) fn set_weights(tx: &mut Transaction<'_>, rule: &ListenerRuleArn, weights: &[(TargetGroupArn, u32)]) {
    let shift = |action: &mut Action| {
        let stickiness = match action {
            Action::Forward(forward) => forward.stickiness,
            Action::FixedResponse(_) | Action::Redirect(_) => None,
        };
        let group = |(target_group, weight): &(TargetGroupArn, u32)| WeightedTargetGroup {
            target_group: target_group.clone(),
            weight: *weight,
        };
        *action = Action::Forward(Forward { target_groups: weights.iter().map(group).collect(), stickiness });
    };
    let listener = match rules::find(tx.state, rule.as_str()) {
        Ok(RuleRef::Numbered(_)) => None,
        Ok(RuleRef::Default(listener)) => Some(listener.arn.clone()),
        Err(_) => return,
    };
    match listener {
        None => tx.state.rules.get_mut(rule.as_str()).map(|rule| &mut rule.action).into_iter().for_each(shift),
        Some(listener) => {
            tx.state
                .listeners
                .get_mut(&listener)
                .map(|listener| &mut listener.default_action)
                .into_iter()
                .for_each(shift);
        }
    }
}

/// Returns what the controllers have to be told of rules that somebody has changed or deleted.
pub(crate) fn changes(state: &State) -> Vec<(String, Input)> {
    if !state.rules.is_changed() && !state.listeners.is_changed() {
        return Vec::new();
    }
    let mut changes = Vec::new();
    for (key, service) in state.services.iter() {
        for (rule, known) in service.controller.watched_rules() {
            let now = live(state, rule);
            if now != *known {
                let seen = Observation::ListenerRule { rule: rule.clone(), live: now };
                changes.push((key.clone(), Input::Observation(seen)));
            }
        }
    }
    changes
}
