//! The hooks of a deployment: those of the file, and the pause in which the coordinator does its part.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use seatrial_model::LifecycleStage;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::deployment::{DeploymentEntry, PAUSE_MAX, minutes};
use super::error::Fault;
use super::numbers::Seconds;
use super::site::Site;
use super::words::OneOrMany;
use crate::steering::Steering;

/// A hook: a Lambda function that is asked, or, without one, a pause that waits for `seatrial promote`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookEntry {
    /// The lifecycle stages it belongs to, such as `post_test_traffic_shift`.
    pub stage: OneOrMany,
    /// ARN of the Lambda function.
    pub function: Option<String>,
    /// ARN of the role with which ECS invokes the function.
    pub role: Option<String>,
    /// Given to the function as it is.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub details: Option<BTreeMap<String, String>>,
    /// How long it may take in all, in whole minutes; a day when left out.
    pub timeout: Option<Seconds<60, PAUSE_MAX>>,
    /// What happens when that is over; `rollback` when left out.
    pub on_timeout: Option<TimeoutWord>,
}

/// What happens when a hook's time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeoutWord {
    Rollback,
    Continue,
}

/// The `lifecycleHooks` of a deployment.
pub(super) fn hooks(entry: &DeploymentEntry, steering: &Steering, site: &Site<'_>) -> Result<Vec<Json>, Fault> {
    let written = entry.hooks.iter().flatten().map(|entry| hook(entry, site));
    let mut hooks: Vec<Json> = written.collect::<Result<_, _>>()?;
    refuse_ambiguous_pauses(&hooks, steering, site)?;
    hooks.extend(own_pause(steering));
    Ok(hooks)
}

/// The pause in which the coordinator does its part.
fn own_pause(steering: &Steering) -> Option<Json> {
    let stage = match (steering.steps.is_empty(), steering.checks.is_empty()) {
        (false, _) => LifecycleStage::PreProductionTrafficShift,
        (true, false) => LifecycleStage::PostTestTrafficShift,
        (true, true) => return None,
    };
    let minutes = steering.pause_limit().as_secs().div_ceil(60);
    Some(json!({
        "targetType": "PAUSE",
        "lifecycleStages": [stage.as_str()],
        "timeoutConfiguration": { "timeoutInMinutes": minutes, "action": "ROLLBACK" },
    }))
}

/// A pause of the file that would look like one of the coordinator's own while it is open.
fn refuse_ambiguous_pauses(hooks: &[Json], steering: &Steering, site: &Site<'_>) -> Result<(), Fault> {
    let looks_alike: &[LifecycleStage] = match (steering.steps.is_empty(), steering.checks.is_empty()) {
        (false, _) => &[LifecycleStage::PostTestTrafficShift, LifecycleStage::PreProductionTrafficShift],
        // Both would be open side by side.
        (true, false) => &[LifecycleStage::PostTestTrafficShift],
        (true, true) => return Ok(()),
    };
    let is_pause = |hook: &&Json| hook["targetType"] == "PAUSE";
    let mut stages = hooks.iter().filter(is_pause).filter_map(|hook| hook["lifecycleStages"].as_array()).flatten();
    match stages.find(|stage| looks_alike.iter().any(|alike| *stage == alike.as_str())) {
        None => Ok(()),
        Some(stage) => {
            let stage = stage.as_str().unwrap_or_default().to_ascii_lowercase();
            let what = format!("pauses at {stage}, where `seatrial` answers a pause of its own");
            Err(site.fault(what).instead(if steering.steps.is_empty() {
                "move it to pre_production_traffic_shift, which comes after `verify`"
            } else {
                "say it as a step: steps: [{ percent: 0, pause: true }, 10, 50]"
            }))
        }
    }
}

/// Whether a stage of this name takes a hook of this kind.
fn takes(stage: &str, entry: &HookEntry) -> bool {
    let stage = LifecycleStage::parse(stage);
    stage.is_some_and(|stage| if entry.function.is_some() { stage.takes_functions() } else { stage.takes_pauses() })
}

fn hook(entry: &HookEntry, site: &Site<'_>) -> Result<Json, Fault> {
    let stages: Vec<String> = entry.stage.values().iter().map(|stage| stage.to_ascii_uppercase()).collect();
    if let Some(unknown) = stages.iter().find(|stage| !takes(stage, entry)) {
        let known = LifecycleStage::ALL.into_iter().filter(|stage| takes(stage.as_str(), entry));
        let known: Vec<String> = known.map(|stage| stage.as_str().to_ascii_lowercase()).collect();
        let kind = if entry.function.is_some() { "functions" } else { "pauses" };
        let what = format!("names the stage `{}`, which takes no {kind}", unknown.to_ascii_lowercase());
        return Err(site.fault(what).instead(format!("the stages are {}", known.join(", "))));
    }
    let mut hook = Map::new();
    match &entry.function {
        Some(function) => {
            hook.insert("hookTargetArn".into(), json!(function));
            hook.insert("targetType".into(), json!("AWS_LAMBDA"));
        }
        None => {
            hook.insert("targetType".into(), json!("PAUSE"));
        }
    }
    hook.insert("lifecycleStages".into(), json!(stages));
    if let Some(role) = &entry.role {
        hook.insert("roleArn".into(), json!(role));
    }
    if let Some(details) = &entry.details {
        hook.insert("hookDetails".into(), json!(details));
    }
    let action = match entry.on_timeout.unwrap_or(TimeoutWord::Rollback) {
        TimeoutWord::Rollback => "ROLLBACK",
        TimeoutWord::Continue => "CONTINUE",
    };
    let timeout = minutes(entry.timeout, &site.below("timeout"))?.unwrap_or(1440);
    hook.insert("timeoutConfiguration".into(), json!({ "timeoutInMinutes": timeout, "action": action }));
    Ok(Json::Object(hook))
}
