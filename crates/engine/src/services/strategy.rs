//! Reads the deployment strategy, its bake times and the deployment alarms of a `deploymentConfiguration`.

use std::time::Duration;

use seatrial_model::strategy::{CANARY_PERCENT_MIN, LINEAR_STEP_MIN};
use seatrial_model::{DeploymentAlarms, Strategy, TrafficPercent};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::Document;

/// The longest bake time ECS accepts, in minutes.
const BAKE_MINUTES_MAX: u64 = 1440;
/// ECS's defaults of a canary: 5 % for 10 minutes; and of a linear shift: 10 % every 6 minutes.
const CANARY_PERCENT: f64 = 5.0;
const CANARY_BAKE_MINUTES: u64 = 10;
const LINEAR_STEP: f64 = 10.0;
const LINEAR_BAKE_MINUTES: u64 = 6;
/// The most alarms of one deployment: what one DescribeAlarms can name.
const ALARMS_MAX: usize = 100;

/// Parses the strategy.
pub(super) fn strategy(document: &Document) -> Result<Strategy, Refusal> {
    let canary = Settings::of(document, "canaryConfiguration");
    let linear = Settings::of(document, "linearConfiguration");
    match document.get("strategy").and_then(Value::as_str).unwrap_or("ROLLING") {
        "ROLLING" => Ok(Strategy::Rolling),
        "BLUE_GREEN" => Ok(Strategy::BlueGreen),
        "CANARY" => Ok(Strategy::Canary {
            percent: canary.percent("canaryPercent", CANARY_PERCENT, CANARY_PERCENT_MIN)?,
            bake_time: canary.minutes("canaryBakeTimeInMinutes", CANARY_BAKE_MINUTES)?,
        }),
        "LINEAR" => Ok(Strategy::Linear {
            step: linear.percent("stepPercent", LINEAR_STEP, LINEAR_STEP_MIN)?,
            bake_time: linear.minutes("stepBakeTimeInMinutes", LINEAR_BAKE_MINUTES)?,
        }),
        other => Err(Refusal::invalid(format!("Invalid deployment strategy: {other}"))),
    }
}

/// Parses `bakeTimeInMinutes`.
pub(super) fn bake_time(document: &Document) -> Result<Duration, Refusal> {
    Settings(Some(document)).minutes("bakeTimeInMinutes", 0)
}

/// Parses `alarms`.
pub(super) fn alarms(document: &Document) -> Result<DeploymentAlarms, Refusal> {
    let Some(alarms) = document.get("alarms").and_then(Value::as_object) else {
        return Ok(DeploymentAlarms::default());
    };
    let flag = |member: &str| alarms.get(member).and_then(Value::as_bool).unwrap_or(false);
    let names = alarms.get("alarmNames").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<String> = names.filter_map(Value::as_str).map(str::to_owned).collect();
    let (enable, rollback) = (flag("enable"), flag("rollback"));
    if enable && names.is_empty() {
        return Err(Refusal::invalid("At least one alarm name is needed when deployment alarms are enabled."));
    }
    if rollback && !enable {
        return Err(Refusal::invalid("Deployment alarms rollback cannot be enabled while the alarms are disabled."));
    }
    if names.len() > ALARMS_MAX {
        return Err(Refusal::invalid(format!("A deployment can watch at most {ALARMS_MAX} alarms.")));
    }
    Ok(DeploymentAlarms { names, enable, rollback })
}

/// A structure of numbers, or nothing.
struct Settings<'a>(Option<&'a Document>);

impl<'a> Settings<'a> {
    fn of(document: &'a Document, member: &str) -> Self {
        Settings(document.get(member).and_then(Value::as_object))
    }

    fn number(&self, member: &str) -> Option<&'a Value> {
        self.0.and_then(|members| members.get(member)).filter(|value| !value.is_null())
    }

    fn percent(&self, member: &str, otherwise: f64, lowest: u16) -> Result<TrafficPercent, Refusal> {
        let percent = self.number(member).map_or(Some(otherwise), Value::as_f64);
        percent.and_then(|percent| TrafficPercent::parse(percent, lowest)).ok_or_else(|| {
            let lowest = f64::from(lowest) / 10.0;
            Refusal::invalid(format!("{member} must be between {lowest:.1} and 100.0 in steps of 0.1."))
        })
    }

    fn minutes(&self, member: &str, otherwise: u64) -> Result<Duration, Refusal> {
        let minutes = self.number(member).map_or(Some(otherwise), Value::as_u64);
        let minutes = minutes.filter(|minutes| *minutes <= BAKE_MINUTES_MAX);
        minutes.map(|minutes| Duration::from_secs(60 * minutes)).ok_or_else(|| {
            Refusal::invalid(format!("{member} must be a whole number between 0 and {BAKE_MINUTES_MAX}."))
        })
    }
}
