//! Elastic Load Balancing's tables: load balancers, listeners, rules, target groups and their targets.

pub mod targets;

use seatrial_model::load_balancing::Action;

use crate::state::State;

/// Returns every action with the ARN of the listener or rule it belongs to.
pub fn actions(state: &State) -> impl Iterator<Item = (&str, &Action)> {
    let defaults = state.listeners.values().map(|listener| (listener.arn.as_str(), &listener.default_action));
    defaults.chain(state.rules.values().map(|rule| (rule.arn.as_str(), &rule.action)))
}

/// Tells whether an action forwards to a target group, with whatever weight.
pub fn names(action: &Action, group: &str) -> bool {
    match action {
        Action::Forward(forward) => forward.target_groups.iter().any(|entry| entry.target_group.as_str() == group),
        Action::FixedResponse(_) | Action::Redirect(_) => false,
    }
}
