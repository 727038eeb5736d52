//! Builds the data plane's configuration from the load-balancing tables. Durations are scaled here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use seatrial_model::load_balancing::{Algorithm, TargetHealthCheck};
use seatrial_model::{ListenerRuleArn, TimeScale};
use seatrial_ports::balancer::{
    BalancerConfig, CLIENT_KEEP_ALIVE_DEFAULT, ListenerConfig, RuleConfig, TargetConfig, TargetGroupConfig,
    TargetIntent,
};

use crate::engine::EngineSettings;
use crate::load_balancing::arn::default_rule;
use crate::load_balancing::targets::deregistration_delay;
use crate::mirroring::{Mirrors, mirrors};
use crate::state::{Listener, Rule, State, TargetGroup};

/// ELB's default of `idle_timeout.timeout_seconds`.
const IDLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// The shortest interval between two health checks, whatever the time scale: a check is a request the task has to answer.
const CHECK_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// The shortest time a health check is given, whatever the time scale: the task's own speed does not scale.
const CHECK_TIMEOUT_MIN: Duration = Duration::from_secs(2);
/// The attribute of a target group that sets [`TargetGroupConfig::settle_time`], in seconds. An engine extension.
pub const SETTLE_TIME_ATTRIBUTE: &str = "seatrial.settle_time.seconds";

/// Tells whether the running transaction changed anything the data plane executes; `mirrored` is what it mirrors at present.
pub(crate) fn is_changed(state: &State, mirrored: &Mirrors) -> bool {
    state.load_balancers.is_changed()
        || state.listeners.is_changed()
        || state.rules.is_changed()
        || state.target_groups.is_changed()
        // Mirrors follow from how far deployments have come.
        || (state.services.is_changed() && mirrors(state) != *mirrored)
}

/// Builds the whole configuration.
pub(crate) fn build(state: &State, generation: u64, settings: &EngineSettings) -> BalancerConfig {
    let &EngineSettings { scale, listen, .. } = settings;
    let mirrors = mirrors(state);
    let listener = |listener| build_listener(state, listener, listen, &mirrors);
    BalancerConfig {
        generation,
        listeners: state.listeners.values().map(listener).collect(),
        target_groups: state
            .target_groups
            .values()
            .filter(|group| is_in_use(state, group.arn.as_str()))
            .map(|group| build_group(group, scale))
            .collect(),
    }
}

/// Tells whether a listener or rule forwards to the target group, with whatever weight.
pub fn is_in_use(state: &State, group: &str) -> bool {
    crate::load_balancing::actions(state).any(|(_, action)| crate::load_balancing::names(action, group))
}

fn build_listener(state: &State, listener: &Listener, listen: IpAddr, mirrors: &Mirrors) -> ListenerConfig {
    let mirror = |rule: &str| mirrors.get(&ListenerRuleArn::new(rule)).cloned();
    let mut rules: Vec<&Rule> = state.rules.values().filter(|rule| rule.listener == listener.arn).collect();
    rules.sort_by_key(|rule| rule.priority);
    let rules = rules.into_iter().map(|rule| RuleConfig {
        arn: rule.arn.clone(),
        conditions: rule.conditions.clone(),
        action: rule.action.clone(),
        mirror: mirror(&rule.arn),
    });
    let balancer = state.load_balancers.get(&listener.load_balancer);
    let seconds = |key: &str| Some(Duration::from_secs(balancer?.attributes.get(key)?.parse().ok()?));
    ListenerConfig {
        arn: listener.arn.clone(),
        address: SocketAddr::new(listen, listener.port),
        idle_timeout: seconds("idle_timeout.timeout_seconds").unwrap_or(IDLE_TIMEOUT_DEFAULT),
        client_keep_alive: seconds("client_keep_alive.seconds").unwrap_or(CLIENT_KEEP_ALIVE_DEFAULT),
        rules: rules.collect(),
        default_action: listener.default_action.clone(),
        default_mirror: mirror(&default_rule(&listener.arn)),
    }
}

fn build_group(group: &TargetGroup, scale: TimeScale) -> TargetGroupConfig {
    let seconds = |key: &str| group.attributes.get(key).and_then(|value| value.parse().ok()).map(Duration::from_secs);
    let attribute = |key: &str| group.attributes.get(key).map(String::as_str);
    let sticky = attribute("stickiness.enabled") == Some("true") && attribute("stickiness.type") != Some("app_cookie");
    TargetGroupConfig {
        arn: group.arn.clone(),
        protocol_version: group.protocol_version,
        health_check: TargetHealthCheck {
            interval: scale.apply(group.health_check.interval).max(CHECK_INTERVAL_MIN),
            timeout: scale.apply(group.health_check.timeout).max(CHECK_TIMEOUT_MIN.min(group.health_check.timeout)),
            ..group.health_check.clone()
        },
        deregistration_delay: scale.apply(deregistration_delay(group)),
        slow_start: scale.apply(seconds("slow_start.duration_seconds").unwrap_or_default()),
        settle_time: scale.apply(seconds(SETTLE_TIME_ATTRIBUTE).unwrap_or_default()),
        algorithm: match attribute("load_balancing.algorithm.type") {
            Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
            Some("weighted_random") => Algorithm::WeightedRandom,
            Some(_) | None => Algorithm::RoundRobin,
        },
        stickiness: sticky
            .then(|| seconds("stickiness.lb_cookie.duration_seconds").unwrap_or(Duration::from_secs(86400))),
        targets: group
            .targets
            .iter()
            .map(|target| TargetConfig {
                id: target.id,
                registration: target.registration,
                intent: target.intent,
                last_health: match target.intent {
                    TargetIntent::Registered => Some(target.health.clone()),
                    TargetIntent::Draining => None,
                },
            })
            .collect(),
    }
}
