//! Reads the lifecycle hooks of a `deploymentConfiguration`.

use std::time::Duration;

use seatrial_model::{HookTarget, LifecycleHook, LifecycleStage, TimeoutAction};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::Document;

/// The most hooks of each kind a service can have.
const HOOKS_OF_A_KIND_MAX: usize = 10;
/// ECS's limits and default of a hook's time, in minutes.
const FUNCTION_MINUTES_MAX: u64 = 1440;
const PAUSE_MINUTES_MAX: u64 = 20_160;
const MINUTES_DEFAULT: u64 = 1440;

/// Parses `lifecycleHooks`.
pub(super) fn parse(document: &Document) -> Result<Vec<LifecycleHook>, Refusal> {
    let hooks = document.get("lifecycleHooks").and_then(Value::as_array).into_iter().flatten();
    let hooks: Vec<LifecycleHook> = hooks.map(hook).collect::<Result<_, _>>()?;
    let pauses = hooks.iter().filter(|hook| hook.target == HookTarget::Pause).count();
    if pauses.max(hooks.len() - pauses) > HOOKS_OF_A_KIND_MAX {
        return Err(Refusal::invalid(format!(
            "A service can have at most {HOOKS_OF_A_KIND_MAX} lifecycle hooks of each target type."
        )));
    }
    Ok(hooks)
}

fn hook(value: &Value) -> Result<LifecycleHook, Refusal> {
    let text = |member: &str| value.get(member).and_then(Value::as_str);
    let (target, minutes_max) = match text("targetType").unwrap_or("AWS_LAMBDA") {
        "AWS_LAMBDA" => {
            let function = text("hookTargetArn").filter(|arn| !arn.is_empty());
            let function =
                function.ok_or_else(|| Refusal::invalid("hookTargetArn is required for AWS_LAMBDA hooks."))?;
            (HookTarget::Function(function.to_owned()), FUNCTION_MINUTES_MAX)
        }
        "PAUSE" => (HookTarget::Pause, PAUSE_MINUTES_MAX),
        _ => return Err(Refusal::invalid("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE")),
    };
    let details = value.get("hookDetails").filter(|details| !details.is_null()).cloned();
    let timeout = value.get("timeoutConfiguration").unwrap_or(&Value::Null);
    Ok(LifecycleHook {
        stages: stages(value, &target)?,
        details,
        timeout: Duration::from_secs(60 * minutes(timeout, minutes_max)?),
        on_timeout: match timeout.get("action").and_then(Value::as_str) {
            None | Some("ROLLBACK") => TimeoutAction::Rollback,
            Some("CONTINUE") => TimeoutAction::Continue,
            Some(other) => return Err(Refusal::invalid(format!("Invalid timeout action: {other}"))),
        },
        target,
    })
}

fn stages(value: &Value, target: &HookTarget) -> Result<Vec<LifecycleStage>, Refusal> {
    let named = value.get("lifecycleStages").and_then(Value::as_array).into_iter().flatten();
    let parse = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        let stage = LifecycleStage::parse(name);
        match target {
            HookTarget::Function(_) => stage
                .filter(|stage| stage.takes_functions())
                .ok_or_else(|| Refusal::invalid(format!("Invalid lifecycle stage provided: {name}"))),
            HookTarget::Pause => stage
                .filter(|stage| stage.takes_pauses())
                .ok_or_else(|| Refusal::invalid(format!("Invalid lifecycle stage provided for Pause Hook: {name}"))),
        }
    };
    let stages: Vec<LifecycleStage> = named.map(parse).collect::<Result<_, _>>()?;
    if stages.is_empty() {
        return Err(Refusal::invalid("lifecycleStages of a lifecycle hook must not be empty."));
    }
    Ok(stages)
}

fn minutes(timeout: &Value, highest: u64) -> Result<u64, Refusal> {
    match timeout.get("timeoutInMinutes").filter(|minutes| !minutes.is_null()) {
        None => Ok(MINUTES_DEFAULT),
        Some(minutes) => minutes.as_u64().filter(|minutes| (1..=highest).contains(minutes)).ok_or_else(|| {
            Refusal::invalid(format!("timeoutInMinutes of a lifecycle hook must be between 1 and {highest}."))
        }),
    }
}
