//! The choices an alarm is made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::invalid::{Invalid, quoted};

/// The most actions for one state (shape `ResourceList`).
pub const ACTIONS_MAX: usize = 5;
/// The longest action (shape `ResourceName`).
pub const ACTION_LENGTH_MAX: usize = 1024;

/// How a point is compared with the threshold; true means it breaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComparisonOperator {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

/// What missing points count as when there are fewer real ones than EvaluationPeriods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TreatMissingData {
    #[default]
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

/// What to do with a percentile of too few samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LowSampleCountPercentile {
    #[default]
    Evaluate,
    /// Keep the state.
    Ignore,
}

/// The kinds of alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AlarmType {
    MetricAlarm,
    CompositeAlarm,
}

/// What an alarm asks for when it enters a state: ARNs, which nobody here looks into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Actions {
    #[serde(rename = "actionsEnabled")]
    pub enabled: bool,
    #[serde(rename = "okactions", default)]
    pub ok: Vec<String>,
    #[serde(rename = "alarmActions", default)]
    pub alarm: Vec<String>,
    #[serde(rename = "insufficientDataActions", default)]
    pub insufficient_data: Vec<String>,
}

impl ComparisonOperator {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "GreaterThanOrEqualToThreshold" => Ok(ComparisonOperator::GreaterThanOrEqualToThreshold),
            "GreaterThanThreshold" => Ok(ComparisonOperator::GreaterThanThreshold),
            "LessThanThreshold" => Ok(ComparisonOperator::LessThanThreshold),
            "LessThanOrEqualToThreshold" => Ok(ComparisonOperator::LessThanOrEqualToThreshold),
            "LessThanLowerOrGreaterThanUpperThreshold" | "LessThanLowerThreshold" | "GreaterThanUpperThreshold" => {
                Err(Invalid::unsupported(format!("{text} needs an anomaly detection model, which is not supported.")))
            }
            other => Err(Invalid::value(format!("Invalid value for ComparisonOperator: {:?}.", quoted(other)))),
        }
    }

    /// Reports whether `value` breaches `threshold`.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            ComparisonOperator::GreaterThanOrEqualToThreshold => value >= threshold,
            ComparisonOperator::GreaterThanThreshold => value > threshold,
            ComparisonOperator::LessThanThreshold => value < threshold,
            ComparisonOperator::LessThanOrEqualToThreshold => value <= threshold,
        }
    }

    /// Returns the operator as a reason words it.
    pub fn words(self) -> &'static str {
        match self {
            ComparisonOperator::GreaterThanOrEqualToThreshold => "greater than or equal to",
            ComparisonOperator::GreaterThanThreshold => "greater than",
            ComparisonOperator::LessThanThreshold => "less than",
            ComparisonOperator::LessThanOrEqualToThreshold => "less than or equal to",
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ComparisonOperator::GreaterThanOrEqualToThreshold => "GreaterThanOrEqualToThreshold",
            ComparisonOperator::GreaterThanThreshold => "GreaterThanThreshold",
            ComparisonOperator::LessThanThreshold => "LessThanThreshold",
            ComparisonOperator::LessThanOrEqualToThreshold => "LessThanOrEqualToThreshold",
        }
    }
}

impl TreatMissingData {
    pub const ALL: [TreatMissingData; 4] = [
        TreatMissingData::Missing,
        TreatMissingData::Ignore,
        TreatMissingData::Breaching,
        TreatMissingData::NotBreaching,
    ];

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let found = TreatMissingData::ALL.into_iter().find(|treat| treat.as_str() == text);
        found.ok_or_else(|| {
            Invalid::value(format!(
                "Invalid value for TreatMissingData: {:?}. Valid values are breaching, notBreaching, ignore and missing.",
                quoted(text)
            ))
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            TreatMissingData::Missing => "missing",
            TreatMissingData::Ignore => "ignore",
            TreatMissingData::Breaching => "breaching",
            TreatMissingData::NotBreaching => "notBreaching",
        }
    }
}

impl LowSampleCountPercentile {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "evaluate" => Ok(LowSampleCountPercentile::Evaluate),
            "ignore" => Ok(LowSampleCountPercentile::Ignore),
            other => Err(Invalid::value(format!(
                "Invalid value for EvaluateLowSampleCountPercentile: {:?}. Valid values are evaluate and ignore.",
                quoted(other)
            ))),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            LowSampleCountPercentile::Evaluate => "evaluate",
            LowSampleCountPercentile::Ignore => "ignore",
        }
    }
}

impl AlarmType {
    pub fn as_str(self) -> &'static str {
        match self {
            AlarmType::MetricAlarm => "MetricAlarm",
            AlarmType::CompositeAlarm => "CompositeAlarm",
        }
    }
}

impl Default for Actions {
    /// No actions; enabled, which is the default of ActionsEnabled.
    fn default() -> Self {
        Actions { enabled: true, ok: Vec::new(), alarm: Vec::new(), insufficient_data: Vec::new() }
    }
}

impl Actions {
    /// Checks number and length of the actions.
    pub(super) fn checked(self) -> Result<Self, Invalid> {
        let lists = [
            ("OKActions", &self.ok),
            ("AlarmActions", &self.alarm),
            ("InsufficientDataActions", &self.insufficient_data),
        ];
        for (member, actions) in lists {
            if actions.len() > ACTIONS_MAX {
                return Err(Invalid::value(format!(
                    "The collection {member} must not have more than {ACTIONS_MAX} items."
                )));
            }
            if actions.iter().any(|action| !(1..=ACTION_LENGTH_MAX).contains(&action.len())) {
                return Err(Invalid::value(format!(
                    "An item of {member} must have 1 to {ACTION_LENGTH_MAX} characters."
                )));
            }
        }
        Ok(self)
    }
}

impl fmt::Display for AlarmType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
