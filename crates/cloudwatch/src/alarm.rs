//! What an alarm is, and when it changes state.
//!
//! [`MetricAlarm`] and [`CompositeAlarm`] are definitions that satisfy CloudWatch's rules; [`evaluate`] is the pure decision over the
//! points of an evaluation range; [`Alarm`] is a definition with its state and history.

pub(crate) mod composite;
mod definition;
mod evaluate;
mod history;
pub mod policy;
mod reason;
mod record;
mod rule;
mod schedule;
mod spec;
mod state;
mod vocabulary;
mod watched;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::composite::{CompositeAlarm, CompositeAlarmSpec};
pub use self::definition::{ALARM_RANGE_SECONDS_MAX, LONG_ALARM_RANGE_SECONDS_MAX, MetricAlarm};
pub use self::evaluate::{Observed, Slot, Verdict, evaluate, verdict};
pub use self::history::{ActionOutcome, HISTORY_ITEMS_MAX, HistoryItem, HistoryItemType};
pub use self::record::{Alarm, Definition};
pub use self::rule::{AlarmRule, InvalidRule, RULE_CHILDREN_MAX, RULE_DEPTH_MAX, RULE_ELEMENTS_MAX, find_cycle};
pub use self::schedule::{evaluation_grid, evaluation_interval, next_evaluation};
pub use self::spec::MetricAlarmSpec;
pub use self::state::{AlarmState, EvaluationState, StateValue};
pub use self::vocabulary::{Actions, AlarmType, ComparisonOperator, LowSampleCountPercentile, TreatMissingData};
pub use self::watched::Watched;
use crate::invalid::Invalid;

/// The longest name of an alarm, in characters (shape `AlarmName`).
pub const ALARM_NAME_LENGTH_MAX: usize = 255;

/// The name of an alarm, unique among metric and composite alarms: 1 to 255 characters without control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlarmName(String);

impl AlarmName {
    pub fn parse(value: &str) -> Result<Self, Invalid> {
        let fits = (1..=ALARM_NAME_LENGTH_MAX).contains(&value.chars().count());
        if fits && !value.chars().any(char::is_control) && !value.trim().is_empty() {
            Ok(AlarmName(value.to_owned()))
        } else {
            Err(Invalid::value(format!(
                "The parameter AlarmName must have 1 to {ALARM_NAME_LENGTH_MAX} characters, none of them a control character."
            )))
        }
    }

    /// Parses a name or the ARN of an alarm, of which it takes the name.
    pub fn parse_name_or_arn(value: &str) -> Result<Self, Invalid> {
        let name = value.strip_prefix("arn:").and_then(|rest| rest.split_once(":alarm:"));
        AlarmName::parse(name.map_or(value, |(_, name)| name))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AlarmName {
    type Error = Invalid;

    fn try_from(value: String) -> Result<Self, Invalid> {
        AlarmName::parse(&value)
    }
}

impl From<AlarmName> for String {
    fn from(name: AlarmName) -> String {
        name.0
    }
}

impl fmt::Display for AlarmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AlarmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
