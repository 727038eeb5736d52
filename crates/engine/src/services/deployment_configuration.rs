//! Reads `deploymentConfiguration` on top of what a service has.

use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::{CircuitBreaker, DeploymentConfiguration, EarlySuccess, Percent, Strategy, Threshold};
use serde_json::Value;

use super::{lifecycle_hooks, strategy};
use crate::refusal::Refusal;
use crate::state::Document;

/// The largest `maximumPercent` accepted; ECS documents none, but a percentage has to end somewhere.
const MAXIMUM_PERCENT_MAX: u64 = 10_000;

/// Parses the members present in the document; the others stay as in `base`. `whole` is the document laid over all that was given before.
pub(super) fn parse(
    base: &DeploymentConfiguration,
    document: &Document,
    whole: &Document,
) -> Result<DeploymentConfiguration, Refusal> {
    let mut configuration = DeploymentConfiguration {
        strategy: strategy::strategy(whole)?,
        bake_time: strategy::bake_time(whole)?,
        alarms: strategy::alarms(whole)?,
        lifecycle_hooks: lifecycle_hooks::parse(whole)?,
        ..base.clone()
    };
    if configuration.strategy == Strategy::Rolling && !configuration.lifecycle_hooks.is_empty() {
        return Err(Refusal::new(
            "UnsupportedFeatureException",
            "Lifecycle hooks of ROLLING deployments are not implemented by this engine; use BLUE_GREEN, CANARY or LINEAR.",
        ));
    }
    if let Some(value) = percent(document, "minimumHealthyPercent", 100)? {
        configuration.minimum_healthy_percent = value;
    }
    if let Some(value) = percent(document, "maximumPercent", MAXIMUM_PERCENT_MAX)? {
        configuration.maximum_percent = value;
    }
    if configuration.maximum_percent.value() < 100 && configuration.minimum_healthy_percent.value() > 0 {
        return Err(Refusal::invalid("The maximumPercent must be at least 100 when minimumHealthyPercent is above 0."));
    }
    if let Some(breaker) = document.get("deploymentCircuitBreaker").filter(|value| !value.is_null()) {
        configuration.circuit_breaker = parse_breaker(configuration.circuit_breaker, breaker)?;
    }
    if let Some(criteria) = document.get("earlySuccessCriteria").filter(|value| !value.is_null()) {
        configuration.early_success = parse_early_success(&configuration, criteria)?;
    }
    if configuration.early_success.is_some() && configuration.strategy != Strategy::Rolling {
        return Err(Refusal::invalid("earlySuccessCriteria is only supported for the ROLLING deployment strategy."));
    }
    Ok(configuration)
}

fn percent(document: &Document, member: &str, highest: u64) -> Result<Option<Percent>, Refusal> {
    match document.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|value| *value <= highest) {
            Some(value) => Ok(Some(Percent::new(value as u32))),
            None => {
                Err(Refusal::invalid(format!("{member} must be a whole number between 0 and {highest}, got {value}.")))
            }
        },
    }
}

fn parse_breaker(base: CircuitBreaker, value: &Value) -> Result<CircuitBreaker, Refusal> {
    let flag = |member: &str, otherwise: bool| value.get(member).and_then(Value::as_bool).unwrap_or(otherwise);
    let breaker = CircuitBreaker {
        enable: flag("enable", base.enable),
        rollback: flag("rollback", base.rollback),
        reset_on_healthy_task: flag("resetOnHealthyTask", base.reset_on_healthy_task),
        threshold: match value.get("thresholdConfiguration").filter(|value| !value.is_null()) {
            Some(threshold) => parse_threshold(threshold)?,
            None => base.threshold,
        },
    };
    if breaker.rollback && !breaker.enable {
        return Err(Refusal::invalid(
            "Deployment circuit breaker rollback cannot be enabled while the breaker is disabled.",
        ));
    }
    Ok(breaker)
}

fn parse_threshold(value: &Value) -> Result<Threshold, Refusal> {
    let number = value.get("value").map_or(Some(50), Value::as_u64);
    let within = |highest: u64| number.filter(|number| (1..=highest).contains(number)).map(|number| number as u32);
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("BOUNDED_PERCENT");
    let threshold = match kind {
        "BOUNDED_PERCENT" => within(100).map(Threshold::BoundedPercent),
        "UNBOUNDED_PERCENT" => within(100).map(Threshold::UnboundedPercent),
        "COUNT" => within(u64::from(u32::MAX)).map(Threshold::Count),
        _ => return Err(Refusal::invalid(format!("Invalid circuit breaker threshold type: {kind}"))),
    };
    threshold
        .ok_or_else(|| Refusal::invalid(format!("The circuit breaker threshold value is out of range for {kind}.")))
}

fn parse_early_success(
    configuration: &DeploymentConfiguration,
    value: &Value,
) -> Result<Option<EarlySuccess>, Refusal> {
    if value.get("enable").and_then(Value::as_bool) != Some(true) {
        return Ok(None);
    }
    let lowest = configuration.minimum_healthy_percent.value();
    let healthy = value.get("healthyPercent").and_then(Value::as_u64).unwrap_or(100);
    if healthy < u64::from(lowest) || healthy > 100 {
        return Err(Refusal::invalid(format!("earlySuccessCriteria healthyPercent must be between {lowest} and 100.")));
    }
    let cleanup = match value.get("sourceServiceRevisionCleanup").and_then(Value::as_str) {
        None | Some("BLOCKING") => SourceRevisionCleanup::Blocking,
        Some("DEFERRED") => SourceRevisionCleanup::Deferred,
        Some(other) => return Err(Refusal::invalid(format!("Invalid sourceServiceRevisionCleanup: {other}"))),
    };
    Ok(Some(EarlySuccess { healthy_percent: Percent::new(healthy as u32), cleanup }))
}
