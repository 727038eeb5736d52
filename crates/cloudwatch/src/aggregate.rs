//! Samples put together: what a bucket holds and what a statistic is computed from.

use crate::distribution::{Distribution, Known};
use crate::metric::{Samples, StatisticSet};

/// Sum, count, extremes and distribution of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    count: f64,
    sum: f64,
    minimum: f64,
    maximum: f64,
    distribution: Distribution,
}

/// How far the sum of equal values may be from value times count, relatively: clients add up in floating point.
const SUM_TOLERANCE: f64 = 1e-9;

/// Whether a distribution is carried along; most statistics do not need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    Summary,
    Distribution,
}

impl Default for Aggregate {
    fn default() -> Self {
        Aggregate {
            count: 0.0,
            sum: 0.0,
            minimum: f64::INFINITY,
            maximum: f64::NEG_INFINITY,
            distribution: Distribution::Constant,
        }
    }
}

impl Aggregate {
    pub fn record(&mut self, samples: &Samples) {
        match samples {
            Samples::Values(values) => values.iter().for_each(|(value, count)| self.record_value(*value, *count)),
            Samples::Statistics(set) => self.merge(&Aggregate::from(*set), Detail::Distribution),
        }
    }

    pub fn record_value(&mut self, value: f64, count: f64) {
        self.distribution.record(self.known(), value, count);
        self.summarise(count, value * count, value, value);
    }

    pub(crate) fn merge(&mut self, other: &Aggregate, detail: Detail) {
        if other.is_empty() {
            return;
        }
        match detail {
            Detail::Summary => {}
            Detail::Distribution => self.distribution.merge(self.known(), &other.distribution, other.known()),
        }
        self.summarise(other.count, other.sum, other.minimum, other.maximum);
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    /// Returns how many samples there are; weights may make it a fraction.
    pub fn count(&self) -> f64 {
        self.count
    }

    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Returns the smallest sample, positive infinity when there is none.
    pub fn minimum(&self) -> f64 {
        self.minimum
    }

    /// Returns the largest sample, negative infinity when there is none.
    pub fn maximum(&self) -> f64 {
        self.maximum
    }

    /// Returns values and counts, ascending; `None` when CloudWatch would not know them either: a statistic set or a negative value was
    /// among the samples.
    pub(crate) fn samples(&self) -> Option<Vec<(f64, f64)>> {
        if self.distribution == Distribution::Unavailable || self.minimum < 0.0 {
            return None;
        }
        let mut samples = self.distribution.samples(self.known());
        for (value, _) in &mut samples {
            *value = value.clamp(self.minimum, self.maximum);
        }
        Some(samples)
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        self.distribution.heap_bytes()
    }

    pub(crate) fn shrink(&mut self) {
        self.distribution.shrink();
    }

    fn known(&self) -> Known {
        Known { value: self.minimum, count: self.count }
    }

    fn summarise(&mut self, count: f64, sum: f64, minimum: f64, maximum: f64) {
        self.count += count;
        self.sum += sum;
        self.minimum = self.minimum.min(minimum);
        self.maximum = self.maximum.max(maximum);
    }
}

impl From<StatisticSet> for Aggregate {
    /// A set whose values must all be equal has a known distribution (documented at PutMetricData), any other has not.
    fn from(set: StatisticSet) -> Self {
        let StatisticSet { sample_count, sum, minimum, maximum } = set;
        let expected = minimum * sample_count;
        let constant = minimum == maximum && (sum - expected).abs() <= expected.abs() * SUM_TOLERANCE;
        let distribution = if constant { Distribution::Constant } else { Distribution::Unavailable };
        Aggregate { count: sample_count, sum, minimum, maximum, distribution }
    }
}
