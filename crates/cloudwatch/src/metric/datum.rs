//! One element of PutMetricData, with its rules.

use std::time::Duration;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Dimension, DimensionSpec, Metric, MetricName, Namespace, Unit};
use crate::invalid::Invalid;

/// The most values one datum may carry (documented at `Values`).
pub const VALUES_MAX: usize = 150;
/// The largest absolute value: 2^360 (documented at `Value`).
pub const VALUE_ABSOLUTE_MAX: f64 = f64::from_bits((1023 + 360) << 52);
/// How long ago a datum may have been measured (documented at PutMetricData).
pub const PAST_MAX: Duration = Duration::from_secs(14 * 24 * 3600);
/// How far ahead a datum's timestamp may lie (documented at PutMetricData).
pub const FUTURE_MAX: Duration = Duration::from_secs(2 * 3600);

/// A datum as requests have it (shape `MetricDatum`), not yet checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatumSpec {
    pub metric_name: String,
    pub dimensions: Vec<DimensionSpec>,
    pub timestamp: Option<Timestamp>,
    pub value: Option<f64>,
    pub statistic_values: Option<StatisticSet>,
    pub values: Vec<f64>,
    pub counts: Vec<f64>,
    pub unit: Option<String>,
    /// 1 or 60.
    pub storage_resolution: Option<i64>,
}

/// Samples that were put together before they were sent (shape `StatisticSet`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticSet {
    pub sample_count: f64,
    pub sum: f64,
    pub minimum: f64,
    pub maximum: f64,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Samples {
    /// Values, each with the number of times it occurred.
    Values(Vec<(f64, f64)>),
    Statistics(StatisticSet),
}

/// How finely a datum is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageResolution {
    /// One nominal second.
    High,
    /// One nominal minute.
    Standard,
}

/// A measurement that satisfies PutMetricData's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    metric: Metric,
    timestamp: Timestamp,
    unit: Unit,
    resolution: StorageResolution,
    samples: Samples,
}

impl Datum {
    /// Parses one element of PutMetricData. Without a timestamp it is of `now`; the window of allowed timestamps is of real time.
    pub fn parse(namespace: &Namespace, spec: &DatumSpec, now: Timestamp) -> Result<Self, Invalid> {
        let dimensions = spec.dimensions.iter().map(|spec| Dimension::parse(&spec.name, &spec.value));
        let metric = Metric::new(
            namespace.clone(),
            MetricName::parse(&spec.metric_name)?,
            dimensions.collect::<Result<_, _>>()?,
        )?;
        let unit = spec.unit.as_deref().map_or(Ok(Unit::None), Unit::parse)?;
        let resolution = resolution(spec.storage_resolution)?;
        let timestamp = spec.timestamp.unwrap_or(now);
        if timestamp < now - PAST_MAX || timestamp > now + FUTURE_MAX {
            return Err(Invalid::value(
                "The parameter Timestamp must not be more than two weeks in the past or two hours in the future.",
            ));
        }
        Ok(Datum { metric, timestamp, unit, resolution, samples: samples(spec)? })
    }

    /// Makes a high-resolution datum of one value, for what the engine measures itself; refuses what PutMetricData refuses.
    pub fn of_value(metric: Metric, timestamp: Timestamp, unit: Unit, value: f64) -> Result<Self, Invalid> {
        Datum::of_values(metric, timestamp, unit, vec![(value, 1.0)])
    }

    /// Makes a high-resolution datum of values with their counts; the number of values is not limited.
    pub fn of_values(
        metric: Metric,
        timestamp: Timestamp,
        unit: Unit,
        values: Vec<(f64, f64)>,
    ) -> Result<Self, Invalid> {
        let samples = checked(values)?;
        Ok(Datum { metric, timestamp, unit, resolution: StorageResolution::High, samples })
    }

    pub fn metric(&self) -> &Metric {
        &self.metric
    }

    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }

    pub fn unit(&self) -> Unit {
        self.unit
    }

    pub fn resolution(&self) -> StorageResolution {
        self.resolution
    }

    pub fn samples(&self) -> &Samples {
        &self.samples
    }
}

fn resolution(seconds: Option<i64>) -> Result<StorageResolution, Invalid> {
    match seconds {
        Some(1) => Ok(StorageResolution::High),
        Some(60) | None => Ok(StorageResolution::Standard),
        Some(other) => {
            Err(Invalid::value(format!("Invalid value for StorageResolution: {other}. Valid values are 1 and 60.")))
        }
    }
}

fn samples(spec: &DatumSpec) -> Result<Samples, Invalid> {
    let kinds = [spec.value.is_some(), !spec.values.is_empty(), spec.statistic_values.is_some()];
    if kinds.into_iter().filter(|given| *given).count() > 1 {
        return Err(Invalid::combination("Only one of the parameters Value, Values and StatisticValues can be given."));
    }
    if !spec.counts.is_empty() && spec.counts.len() != spec.values.len() {
        return Err(Invalid::combination("The parameters Values and Counts must have the same number of items."));
    }
    if let Some(set) = spec.statistic_values {
        return statistics(set);
    }
    if let Some(value) = spec.value {
        return checked(vec![(value, 1.0)]);
    }
    if spec.values.is_empty() {
        return Err(Invalid::missing("Value, Values or StatisticValues"));
    }
    if spec.values.len() > VALUES_MAX {
        return Err(Invalid::value(format!("The collection Values must not have more than {VALUES_MAX} items.")));
    }
    let counts = spec.counts.iter().copied().chain(std::iter::repeat(1.0));
    checked(spec.values.iter().copied().zip(counts).collect())
}

fn checked(mut values: Vec<(f64, f64)>) -> Result<Samples, Invalid> {
    for (value, count) in &mut values {
        // Negative zero would be a value of its own in a distribution.
        *value = in_range("Value", *value)? + 0.0;
        if in_range("Counts", *count)? <= 0.0 {
            return Err(Invalid::value("The items of the collection Counts must be greater than 0."));
        }
    }
    if values.is_empty() {
        return Err(Invalid::missing("Values"));
    }
    Ok(Samples::Values(values))
}

fn statistics(set: StatisticSet) -> Result<Samples, Invalid> {
    let StatisticSet { sample_count, sum, minimum, maximum } = set;
    for (member, value) in [("SampleCount", sample_count), ("Sum", sum), ("Minimum", minimum), ("Maximum", maximum)] {
        in_range(member, value)?;
    }
    if sample_count <= 0.0 {
        return Err(Invalid::value("The parameter SampleCount must be greater than 0."));
    }
    if minimum > maximum {
        return Err(Invalid::value("The parameter Maximum must be greater than or equal to Minimum."));
    }
    Ok(Samples::Statistics(set))
}

fn in_range(member: &str, value: f64) -> Result<f64, Invalid> {
    if value.is_finite() && value.abs() <= VALUE_ABSOLUTE_MAX {
        Ok(value)
    } else {
        Err(Invalid::value(format!(
            "The parameter {member} must be a number from -2^360 to 2^360; NaN and Infinity are not supported."
        )))
    }
}
