//! The service of a plan as a CreateService document: built from short-hand, or an ECS document as it is.

use serde_json::{Map, Value as Json, json};

use super::deployment;
use super::document::{CircuitBreakerDetails, ServiceEntry, ThresholdKind};
use super::either::CircuitBreakerEntry;
use super::error::Fault;
use super::site::Site;
use super::stage::Preset;
use crate::plan::{DesiredCount, FailFast, Network, PublicAddress};
use crate::steering::Steering;

/// Short-hand keys that a `service_definition` states itself.
pub(crate) const SERVICE_KEYS: [&str; 9] = [
    "deployment",
    "listener",
    "health_check",
    "minimum_healthy_percent",
    "maximum_percent",
    "circuit_breaker",
    "deregistration_delay",
    "slow_start",
    "settle_time",
];

/// The service of short-hand, and what is left to the coordinator.
pub(crate) fn shorthand(
    entry: &ServiceEntry,
    preset: &Preset,
    site: &Site<'_>,
) -> Result<(Map<String, Json>, Steering), Fault> {
    let mut document = Map::new();
    document.insert("launchType".into(), json!("FARGATE"));
    let minimum = entry.minimum_healthy_percent.map(|percent| percent.get()).or(preset.minimum_healthy_percent);
    let maximum = entry.maximum_percent.map(|percent| percent.get()).or(preset.maximum_percent);
    let count = desired_count(entry, preset, &document).at_creation();
    let is_rolling = !deployment::strategy(entry.deployment.as_ref()).shifts_traffic();
    if let (true, Some(minimum), Some(maximum)) = (is_rolling, minimum, maximum) {
        refuse_deadlock(count, minimum, maximum, site)?;
    }
    let mut configuration = Map::new();
    let steering = match &entry.deployment {
        Some(block) => deployment::configure(block, &mut configuration, site)?,
        None => {
            deployment::configure_rolling(&mut configuration);
            Steering::default()
        }
    };
    if let Some(minimum) = minimum {
        configuration.insert("minimumHealthyPercent".into(), json!(minimum));
    }
    if let Some(maximum) = maximum {
        configuration.insert("maximumPercent".into(), json!(maximum));
        if maximum <= 100 {
            // ECS refuses zone rebalancing, on by default, where it could not start a task before it stops one.
            document.insert("availabilityZoneRebalancing".into(), json!("DISABLED"));
        }
    }
    if let Some(breaker) = circuit_breaker(entry.circuit_breaker.as_ref(), preset) {
        configuration.insert("deploymentCircuitBreaker".into(), breaker);
    }
    if !configuration.is_empty() {
        document.insert("deploymentConfiguration".into(), Json::Object(configuration));
    }
    if entry.listener.is_some() {
        let explicit = entry.health_check.as_ref().and_then(|check| check.grace_period).map(|seconds| seconds.get());
        if let Some(grace) = explicit.or(preset.grace_period) {
            document.insert("healthCheckGracePeriodSeconds".into(), json!(grace));
        }
    }
    Ok((document, steering))
}

/// How many tasks run, and who says so.
pub(crate) fn desired_count(entry: &ServiceEntry, preset: &Preset, document: &Map<String, Json>) -> DesiredCount {
    let documented = document.get("desiredCount").and_then(Json::as_i64).and_then(|count| i32::try_from(count).ok());
    match entry.desired_count.map(|count| count.get()).or(documented) {
        Some(count) => DesiredCount::Configured(count),
        None => DesiredCount::AtCreation(preset.desired_count),
    }
}

/// Whether a cause that no retry can heal ends the deployment.
pub(crate) fn fail_fast(entry: &ServiceEntry, preset: &Preset) -> FailFast {
    if entry.fail_fast.unwrap_or(preset.fail_fast) { FailFast::On } else { FailFast::Off }
}

/// The network part of a service whose tasks have addresses of their own.
pub(crate) fn network_configuration(network: &Network) -> Json {
    let public = match network.public_address {
        PublicAddress::Assigned => "ENABLED",
        PublicAddress::None => "DISABLED",
    };
    json!({ "awsvpcConfiguration": {
        "subnets": network.subnets, "securityGroups": network.security_groups, "assignPublicIp": public,
    }})
}

/// A deployment that may neither start nor stop a task would wait for ever.
fn refuse_deadlock(count: i32, minimum: i32, maximum: i32, site: &Site<'_>) -> Result<(), Fault> {
    let (count, minimum, maximum) = (i64::from(count), i64::from(minimum), i64::from(maximum));
    let floor = (count * minimum + 99) / 100;
    let cap = count * maximum / 100;
    if count > 0 && floor >= count && cap <= count {
        let what = format!(
            "keeps {floor} healthy and allows {cap} in all (minimum {minimum} %, maximum {maximum} % of {count}), so no task can be replaced"
        );
        return Err(site.fault(what).instead("raise `maximum_percent` to 200, or lower `minimum_healthy_percent`"));
    }
    Ok(())
}

fn circuit_breaker(entry: Option<&CircuitBreakerEntry>, preset: &Preset) -> Option<Json> {
    let details = match entry {
        None if preset.circuit_breaker => return Some(json!({ "enable": true, "rollback": true })),
        None => return None,
        Some(CircuitBreakerEntry::Switch(on)) => return Some(json!({ "enable": on, "rollback": on })),
        Some(CircuitBreakerEntry::Details(details)) => details,
    };
    let CircuitBreakerDetails { enable, rollback, reset_on_healthy_task, threshold } = details;
    let enable = enable.unwrap_or(true);
    let mut breaker = Map::new();
    breaker.insert("enable".into(), json!(enable));
    breaker.insert("rollback".into(), json!(rollback.unwrap_or(enable)));
    if let Some(reset) = reset_on_healthy_task {
        breaker.insert("resetOnHealthyTask".into(), json!(reset));
    }
    if let Some(threshold) = threshold {
        let kind = match threshold.kind {
            ThresholdKind::Count => "COUNT",
            ThresholdKind::BoundedPercent => "BOUNDED_PERCENT",
            ThresholdKind::UnboundedPercent => "UNBOUNDED_PERCENT",
        };
        breaker.insert("thresholdConfiguration".into(), json!({ "type": kind, "value": threshold.value.get() }));
    }
    Some(Json::Object(breaker))
}
