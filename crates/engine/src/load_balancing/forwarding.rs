//! Which actions forward to which target groups, and what an action must be like before it is taken.

use std::collections::BTreeSet;

use seatrial_model::load_balancing::{Action, Forward};

use super::attributes::{STICKINESS_ENABLED, is_on};
use super::quotas::TARGET_GROUPS_PER_LOAD_BALANCER_MAX;
use super::refusals::{invalid_configuration, target_group_not_found};
use crate::refusal::Refusal;
use crate::state::State;

/// Returns every action with the ARN of the listener or rule it belongs to.
pub fn actions(state: &State) -> impl Iterator<Item = (&str, &Action)> {
    let defaults = state.listeners.values().map(|listener| (listener.arn.as_str(), &listener.default_action));
    defaults.chain(state.rules.values().map(|rule| (rule.arn.as_str(), &rule.action)))
}

/// Tells whether an action forwards to a target group, with whatever weight.
pub fn names(action: &Action, group: &str) -> bool {
    groups(action).any(|name| name == group)
}

/// Returns the ARNs of the load balancers that forward to a target group. There is one at most.
pub fn load_balancers_of<'a>(state: &'a State, group: &str) -> BTreeSet<&'a str> {
    actions_by_load_balancer(state).filter(|(_, action)| names(action, group)).map(|(balancer, _)| balancer).collect()
}

/// Refuses an action that a listener or rule of the load balancer cannot have.
pub(super) fn check(state: &State, load_balancer: &str, action: &Action) -> Result<(), Refusal> {
    for group in groups(action) {
        super::target_groups::find(state, group)?;
        if load_balancers_of(state, group).iter().any(|other| *other != load_balancer) {
            let message =
                format!("The following target groups cannot be associated with more than one load balancer: {group}");
            return Err(Refusal::new("TargetGroupAssociationLimit", message));
        }
    }
    if let Action::Forward(forward) = action {
        check_stickiness(state, forward)?;
    }
    let used: BTreeSet<&str> = actions_by_load_balancer(state)
        .filter(|(balancer, _)| *balancer == load_balancer)
        .flat_map(|(_, action)| groups(action))
        .chain(groups(action))
        .collect();
    if used.len() > TARGET_GROUPS_PER_LOAD_BALANCER_MAX {
        let message =
            format!("A load balancer can forward to at most {TARGET_GROUPS_PER_LOAD_BALANCER_MAX} target groups");
        return Err(Refusal::new("TooManyUniqueTargetGroupsPerLoadBalancer", message));
    }
    Ok(())
}

/// Refuses a weighted forward to a sticky target group that does not stick to the group itself: the client would lose its target
/// whenever another group is drawn.
fn check_stickiness(state: &State, forward: &Forward) -> Result<(), Refusal> {
    if forward.target_groups.len() < 2 || forward.stickiness.is_some() {
        return Ok(());
    }
    for entry in &forward.target_groups {
        let arn = entry.target_group.as_str();
        let group = state.target_groups.get(arn).ok_or_else(|| target_group_not_found(arn))?;
        if is_on(&group.attributes, STICKINESS_ENABLED) {
            return Err(unstuck(arn));
        }
    }
    Ok(())
}

/// Refuses to make a target group sticky that is one of several in a forward without group stickiness.
pub(super) fn check_made_sticky(state: &State, group: &str) -> Result<(), Refusal> {
    let is_unstuck = |action: &Action| match action {
        Action::Forward(forward) => forward.target_groups.len() > 1 && forward.stickiness.is_none(),
        Action::FixedResponse(_) | Action::Redirect(_) => false,
    };
    if actions(state).any(|(_, action)| names(action, group) && is_unstuck(action)) {
        return Err(unstuck(group));
    }
    Ok(())
}

fn unstuck(group: &str) -> Refusal {
    invalid_configuration(format!(
        "Target group '{group}' has stickiness enabled; a forward action with several target groups then needs \
         TargetGroupStickinessConfig enabled too"
    ))
}

fn groups(action: &Action) -> impl Iterator<Item = &str> {
    let forward = match action {
        Action::Forward(forward) => Some(forward),
        Action::FixedResponse(_) | Action::Redirect(_) => None,
    };
    forward.into_iter().flat_map(|forward| forward.target_groups.iter().map(|entry| entry.target_group.as_str()))
}

fn actions_by_load_balancer(state: &State) -> impl Iterator<Item = (&str, &Action)> {
    let defaults = state.listeners.values().map(|listener| (listener.load_balancer.as_str(), &listener.default_action));
    let rules = state.rules.values().filter_map(|rule| {
        let listener = state.listeners.get(&rule.listener)?;
        Some((listener.load_balancer.as_str(), &rule.action))
    });
    defaults.chain(rules)
}
