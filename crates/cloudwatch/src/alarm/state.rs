//! The state of an alarm.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::policy;
use crate::invalid::{Invalid, quoted};

/// The longest reason SetAlarmState takes, in characters (shape `StateReason`).
pub const STATE_REASON_LENGTH_MAX: usize = 1023;
/// The longest reason data SetAlarmState takes, in characters (shape `StateReasonData`).
pub const STATE_REASON_DATA_LENGTH_MAX: usize = 4000;

/// OK, ALARM or INSUFFICIENT_DATA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateValue {
    Ok,
    Alarm,
    InsufficientData,
}

/// Why an alarm could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EvaluationState {
    /// The metric math of the alarm cannot be computed.
    EvaluationError,
}

/// A state with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmState {
    pub value: StateValue,
    /// A sentence in CloudWatch's wording, or what SetAlarmState gave.
    pub reason: String,
    /// JSON.
    pub reason_data: Option<String>,
}

impl StateValue {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "OK" => Ok(StateValue::Ok),
            "ALARM" => Ok(StateValue::Alarm),
            "INSUFFICIENT_DATA" => Ok(StateValue::InsufficientData),
            other => Err(Invalid::value(format!(
                "Invalid value for StateValue: {:?}. Valid values are OK, ALARM and INSUFFICIENT_DATA.",
                quoted(other)
            ))),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            StateValue::Ok => "OK",
            StateValue::Alarm => "ALARM",
            StateValue::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

impl AlarmState {
    /// The state of an alarm that was just made.
    pub fn initial() -> Self {
        AlarmState { value: StateValue::InsufficientData, reason: policy::INITIAL_REASON.to_owned(), reason_data: None }
    }

    /// Parses the members of SetAlarmState.
    pub fn parse(value: &str, reason: &str, reason_data: Option<&str>) -> Result<Self, Invalid> {
        let value = StateValue::parse(value)?;
        let too_long = |member: &str, length_max: usize| {
            Err(Invalid::value(format!("The parameter {member} must not have more than {length_max} characters.")))
        };
        if reason.chars().count() > STATE_REASON_LENGTH_MAX {
            return too_long("StateReason", STATE_REASON_LENGTH_MAX);
        }
        if reason_data.is_some_and(|data| data.chars().count() > STATE_REASON_DATA_LENGTH_MAX) {
            return too_long("StateReasonData", STATE_REASON_DATA_LENGTH_MAX);
        }
        Ok(AlarmState { value, reason: reason.to_owned(), reason_data: reason_data.map(str::to_owned) })
    }
}

impl fmt::Display for StateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
