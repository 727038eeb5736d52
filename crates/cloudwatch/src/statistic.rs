//! CloudWatch's statistics: what they are and how they are computed from samples.
//!
//! Where the documentation leaves room: a percentile is the smallest value that reaches its share of the samples (nearest rank), and a
//! trimmed statistic of percentages takes fractions of samples at its boundaries, so that `TC(10%:90%)` of 5 samples is 4 samples' weight.

mod parse;

use serde::{Deserialize, Serialize};

use crate::aggregate::{Aggregate, Detail};
pub use crate::decimal::Decimal;
use crate::invalid::Invalid;

/// A statistic of the samples in a period. It is written as it was parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// `p95`: the value that 95 percent of the samples do not exceed; 0 to 100.
    Percentile(Decimal),
    /// `TM`: the mean of the samples within the bounds.
    TrimmedMean(Bounds),
    /// `TC`: how many samples are within the bounds.
    TrimmedCount(Bounds),
    /// `TS`: the sum of the samples within the bounds.
    TrimmedSum(Bounds),
    /// `WM`: the mean, where samples outside the bounds count as being at the nearer bound.
    WinsorizedMean(Bounds),
    /// `PR`: the percentage of samples above the first and up to the second value.
    PercentileRank(ValueRange),
    /// `IQM`: the mean of the middle half.
    InterquartileMean,
}

/// Between which boundaries samples count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bounds {
    /// `tm90`: all but the highest ten percent.
    UpTo(Decimal),
    /// `TM(10%:90%)`: between two percentiles; either may be left out.
    Percent { low: Option<Decimal>, high: Option<Decimal> },
    /// `TM(150:1000)`: above the first and up to the second value; either may be left out.
    Value(ValueRange),
}

/// Above `low` (not including it) and up to `high` (including it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueRange {
    pub low: Option<Decimal>,
    pub high: Option<Decimal>,
}

impl Statistic {
    /// Computes the statistic; `None` when there are no samples or the statistic is not available for them.
    pub fn of(&self, aggregate: &Aggregate) -> Option<f64> {
        if aggregate.is_empty() {
            return None;
        }
        match self {
            Statistic::SampleCount => Some(aggregate.count()),
            Statistic::Average => Some(aggregate.sum() / aggregate.count()),
            Statistic::Sum => Some(aggregate.sum()),
            Statistic::Minimum => Some(aggregate.minimum()),
            Statistic::Maximum => Some(aggregate.maximum()),
            Statistic::Percentile(share) => Some(percentile(&aggregate.samples()?, share.value() / 100.0)),
            Statistic::TrimmedMean(bounds) => mean(&bounds.trim(aggregate.samples()?)),
            Statistic::TrimmedCount(bounds) => Some(count(&bounds.trim(aggregate.samples()?))),
            Statistic::TrimmedSum(bounds) => Some(sum(&bounds.trim(aggregate.samples()?))),
            Statistic::WinsorizedMean(bounds) => mean(&bounds.winsorize(aggregate.samples()?)),
            Statistic::PercentileRank(range) => {
                let samples = aggregate.samples()?;
                let all = count(&samples);
                Some(count(&range.keep(samples)) / all * 100.0)
            }
            Statistic::InterquartileMean => mean(&trim_shares(aggregate.samples()?, 0.25, 0.75)),
        }
    }

    /// Returns the share of a percentile, 0 to 1, when that is what the statistic is.
    pub fn percentile_share(&self) -> Option<f64> {
        match self {
            Statistic::Percentile(share) => Some(share.value() / 100.0),
            Statistic::SampleCount
            | Statistic::Average
            | Statistic::Sum
            | Statistic::Minimum
            | Statistic::Maximum
            | Statistic::TrimmedMean(_)
            | Statistic::TrimmedCount(_)
            | Statistic::TrimmedSum(_)
            | Statistic::WinsorizedMean(_)
            | Statistic::PercentileRank(_)
            | Statistic::InterquartileMean => None,
        }
    }

    /// Reports whether this is one of the five of the shape `Statistic`; the others are `ExtendedStatistic`s.
    pub fn is_simple(&self) -> bool {
        self.detail() == Detail::Summary
    }

    pub(crate) fn detail(&self) -> Detail {
        match self {
            Statistic::SampleCount | Statistic::Average | Statistic::Sum | Statistic::Minimum | Statistic::Maximum => {
                Detail::Summary
            }
            Statistic::Percentile(_)
            | Statistic::TrimmedMean(_)
            | Statistic::TrimmedCount(_)
            | Statistic::TrimmedSum(_)
            | Statistic::WinsorizedMean(_)
            | Statistic::PercentileRank(_)
            | Statistic::InterquartileMean => Detail::Distribution,
        }
    }
}

impl Bounds {
    fn trim(&self, samples: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        match self {
            Bounds::UpTo(high) => trim_shares(samples, 0.0, high.value() / 100.0),
            Bounds::Percent { low, high } => trim_shares(samples, share_or(*low, 0.0), share_or(*high, 1.0)),
            Bounds::Value(range) => range.keep(samples),
        }
    }

    fn winsorize(&self, samples: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        let (low, high) = match self {
            Bounds::UpTo(high) => (f64::NEG_INFINITY, percentile(&samples, high.value() / 100.0)),
            Bounds::Percent { low, high } => (
                low.map_or(f64::NEG_INFINITY, |low| percentile(&samples, low.value() / 100.0)),
                high.map_or(f64::INFINITY, |high| percentile(&samples, high.value() / 100.0)),
            ),
            Bounds::Value(ValueRange { low, high }) => {
                (low.map_or(f64::NEG_INFINITY, Decimal::value), high.map_or(f64::INFINITY, Decimal::value))
            }
        };
        samples.into_iter().map(|(value, count)| (value.max(low).min(high), count)).collect()
    }
}

impl ValueRange {
    fn keep(&self, mut samples: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        let (low, high) = (self.low.map(Decimal::value), self.high.map(Decimal::value));
        samples.retain(|(value, _)| low.is_none_or(|low| *value > low) && high.is_none_or(|high| *value <= high));
        samples
    }
}

fn share_or(percent: Option<Decimal>, otherwise: f64) -> f64 {
    percent.map_or(otherwise, |percent| percent.value() / 100.0)
}

/// Returns the smallest value at or below which lie at least `share` of the samples; NaN without samples.
fn percentile(samples: &[(f64, f64)], share: f64) -> f64 {
    let all = count(samples);
    // Sums of counts are exact, shares of them are not: 0.95 × 20 must be 19.
    let wanted = all * share * (1.0 - f64::EPSILON * 4.0);
    let mut seen = 0.0;
    for &(value, count) in samples {
        seen += count;
        if seen >= wanted {
            return value;
        }
    }
    samples.last().map_or(f64::NAN, |(value, _)| *value)
}

/// Keeps what lies between two shares of the samples, counting samples at the boundaries in part.
fn trim_shares(samples: Vec<(f64, f64)>, low: f64, high: f64) -> Vec<(f64, f64)> {
    let all = count(&samples);
    let (low, high) = (all * low, all * high);
    let mut seen = 0.0;
    let mut kept = Vec::with_capacity(samples.len());
    for (value, count) in samples {
        let part = (seen + count).min(high) - f64::max(seen, low);
        seen += count;
        if part > 0.0 {
            kept.push((value, part));
        }
    }
    kept
}

fn count(samples: &[(f64, f64)]) -> f64 {
    samples.iter().map(|(_, count)| count).sum()
}

fn sum(samples: &[(f64, f64)]) -> f64 {
    samples.iter().map(|(value, count)| value * count).sum()
}

fn mean(samples: &[(f64, f64)]) -> Option<f64> {
    let count = count(samples);
    (count > 0.0).then(|| sum(samples) / count)
}

impl TryFrom<String> for Statistic {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Statistic::parse(&text)
    }
}

impl From<Statistic> for String {
    fn from(statistic: Statistic) -> String {
        statistic.to_string()
    }
}

#[cfg(test)]
mod tests;
