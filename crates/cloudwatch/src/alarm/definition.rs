//! A metric alarm that satisfies PutMetricAlarm's rules.

use serde::{Deserialize, Serialize};

use super::{
    Actions, AlarmName, ComparisonOperator, LowSampleCountPercentile, MetricAlarmSpec, TreatMissingData, Watched,
};
use crate::clock::Period;
use crate::invalid::Invalid;

/// The most seconds Period times EvaluationPeriods may be: one day (documented at `Period`).
pub const ALARM_RANGE_SECONDS_MAX: u64 = 86_400;
/// The same for periods of an hour and more: seven days.
pub const LONG_ALARM_RANGE_SECONDS_MAX: u64 = 604_800;
/// From which period on an alarm may look back seven days, in seconds.
pub const LONG_ALARM_PERIOD: u32 = 3600;
/// The longest description, in characters (shape `AlarmDescription`).
pub const DESCRIPTION_LENGTH_MAX: usize = 1024;

/// The definition of a metric alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "MetricAlarmSpec", into = "MetricAlarmSpec")]
pub struct MetricAlarm {
    name: AlarmName,
    description: Option<String>,
    actions: Actions,
    watched: Watched,
    evaluation_periods: u32,
    datapoints_to_alarm: Option<u32>,
    threshold: f64,
    comparison: ComparisonOperator,
    treat_missing_data: Option<TreatMissingData>,
    low_sample_count_percentile: Option<LowSampleCountPercentile>,
}

impl MetricAlarm {
    /// Parses the members of PutMetricAlarm.
    pub fn parse(spec: MetricAlarmSpec) -> Result<Self, Invalid> {
        if spec.threshold_metric_id.is_some() {
            return Err(Invalid::unsupported("ThresholdMetricId: anomaly detection models are not supported."));
        }
        let watched = Watched::parse(&spec)?;
        let evaluation_periods = positive("EvaluationPeriods", spec.evaluation_periods)?
            .ok_or_else(|| Invalid::missing("EvaluationPeriods"))?;
        let datapoints_to_alarm = positive("DatapointsToAlarm", spec.datapoints_to_alarm)?;
        if datapoints_to_alarm.is_some_and(|datapoints| datapoints > evaluation_periods) {
            return Err(Invalid::value("DatapointsToAlarm must be less than or equal to EvaluationPeriods."));
        }
        check_range(watched.period(), evaluation_periods)?;
        let threshold = spec.threshold.ok_or_else(|| Invalid::missing("Threshold"))?;
        if !threshold.is_finite() {
            return Err(Invalid::value("The parameter Threshold must be a number."));
        }
        let comparison = spec.comparison_operator.as_deref().ok_or_else(|| Invalid::missing("ComparisonOperator"))?;
        Ok(MetricAlarm {
            name: AlarmName::parse(&spec.alarm_name)?,
            description: description(spec.alarm_description)?,
            actions: spec.actions.checked()?,
            watched,
            evaluation_periods,
            datapoints_to_alarm,
            threshold,
            comparison: ComparisonOperator::parse(comparison)?,
            treat_missing_data: spec.treat_missing_data.as_deref().map(TreatMissingData::parse).transpose()?,
            low_sample_count_percentile: spec
                .evaluate_low_sample_count_percentile
                .as_deref()
                .map(LowSampleCountPercentile::parse)
                .transpose()?,
        })
    }

    pub fn name(&self) -> &AlarmName {
        &self.name
    }

    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    pub fn actions(&self) -> &Actions {
        &self.actions
    }

    pub(crate) fn actions_mut(&mut self) -> &mut Actions {
        &mut self.actions
    }

    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// Returns the nominal length of a point.
    pub fn period(&self) -> Period {
        self.watched.period()
    }

    /// Returns N.
    pub fn evaluation_periods(&self) -> u32 {
        self.evaluation_periods
    }

    /// Returns M as it was given.
    pub fn datapoints_to_alarm(&self) -> Option<u32> {
        self.datapoints_to_alarm
    }

    /// Returns M: how many of N points must breach. Without DatapointsToAlarm, all.
    pub fn breaches_to_alarm(&self) -> u32 {
        self.datapoints_to_alarm.unwrap_or(self.evaluation_periods)
    }

    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    pub fn comparison(&self) -> ComparisonOperator {
        self.comparison
    }

    /// Returns how missing points are treated; `missing` unless given.
    pub fn treat_missing_data(&self) -> TreatMissingData {
        self.treat_missing_data.unwrap_or_default()
    }

    pub fn low_sample_count_percentile(&self) -> LowSampleCountPercentile {
        self.low_sample_count_percentile.unwrap_or_default()
    }

    /// Returns the definition as DescribeAlarms shows it: what was not given is absent.
    pub fn to_spec(&self) -> MetricAlarmSpec {
        let mut spec = MetricAlarmSpec {
            alarm_name: self.name.as_str().to_owned(),
            alarm_description: self.description.clone(),
            actions: self.actions.clone(),
            evaluation_periods: Some(i64::from(self.evaluation_periods)),
            datapoints_to_alarm: self.datapoints_to_alarm.map(i64::from),
            threshold: Some(self.threshold),
            comparison_operator: Some(self.comparison.as_str().to_owned()),
            treat_missing_data: self.treat_missing_data.map(|treat| treat.as_str().to_owned()),
            evaluate_low_sample_count_percentile: self.low_sample_count_percentile.map(|low| low.as_str().to_owned()),
            ..MetricAlarmSpec::default()
        };
        self.watched.fill(&mut spec);
        spec
    }
}

fn check_range(period: Period, evaluation_periods: u32) -> Result<(), Invalid> {
    let range = u64::from(period.seconds()) * u64::from(evaluation_periods);
    let long = period.seconds() >= LONG_ALARM_PERIOD;
    let allowed = if long { LONG_ALARM_RANGE_SECONDS_MAX } else { ALARM_RANGE_SECONDS_MAX };
    if range > allowed {
        return Err(Invalid::combination(format!(
            "Metrics cannot be checked across more than {} (EvaluationPeriods * Period must be <= {allowed}).",
            if long { "seven days" } else { "a day" }
        )));
    }
    Ok(())
}

pub(super) fn description(text: Option<String>) -> Result<Option<String>, Invalid> {
    match text {
        Some(text) if text.chars().count() > DESCRIPTION_LENGTH_MAX => Err(Invalid::value(format!(
            "The parameter AlarmDescription must not have more than {DESCRIPTION_LENGTH_MAX} characters."
        ))),
        description => Ok(description),
    }
}

fn positive(member: &str, value: Option<i64>) -> Result<Option<u32>, Invalid> {
    match value.map(u32::try_from) {
        None => Ok(None),
        Some(Ok(value)) if value > 0 => Ok(Some(value)),
        Some(_) => Err(Invalid::value(format!("The parameter {member} must be 1 or more."))),
    }
}

impl TryFrom<MetricAlarmSpec> for MetricAlarm {
    type Error = Invalid;

    fn try_from(spec: MetricAlarmSpec) -> Result<Self, Invalid> {
        MetricAlarm::parse(spec)
    }
}

impl From<MetricAlarm> for MetricAlarmSpec {
    fn from(alarm: MetricAlarm) -> MetricAlarmSpec {
        alarm.to_spec()
    }
}
