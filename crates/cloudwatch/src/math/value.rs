//! What expressions compute with.

use seatrial_model::Timestamp;

use super::function::Keyword;
use crate::clock::Period;

/// A time series: the points there are, oldest first, each with a finite value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Whose series it is: the id of the metric or expression.
    pub label: String,
    /// The nominal length of a point.
    pub period: Period,
    pub points: Vec<(Timestamp, f64)>,
}

/// A value of metric math.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NaN when there were no data to compute it from.
    Scalar(f64),
    Series(Series),
    Array(Vec<Series>),
    #[doc(hidden)]
    Word(Word),
    #[doc(hidden)]
    Text(String),
}

/// An argument that is a word of the language; never a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word(pub(super) Keyword);

impl Series {
    /// Makes a series of points that were computed; values that are no finite number are dropped.
    pub(super) fn map(&self, compute: impl Fn(f64) -> f64) -> Series {
        self.map_points(|_, value| compute(value))
    }

    pub(super) fn map_points(&self, compute: impl Fn(Timestamp, f64) -> f64) -> Series {
        let computed = self.points.iter().map(|&(timestamp, value)| (timestamp, compute(timestamp, value)));
        self.with(computed.filter(|(_, value)| value.is_finite()).collect())
    }

    pub(super) fn with(&self, points: Vec<(Timestamp, f64)>) -> Series {
        Series { label: self.label.clone(), period: self.period, points }
    }

    pub(super) fn values(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        self.points.iter().map(|(_, value)| *value)
    }

    pub(super) fn at(&self, timestamp: Timestamp) -> Option<f64> {
        let found = self.points.binary_search_by_key(&timestamp, |(timestamp, _)| *timestamp).ok()?;
        Some(self.points[found].1)
    }
}

/// Walks several series together: at every timestamp that one of them has, computes a value from those of all, which is dropped when it is
/// no finite number.
pub(super) fn merged(series: &[&Series], compute: impl Fn(&[Option<f64>]) -> f64) -> Vec<(Timestamp, f64)> {
    let mut timestamps: Vec<Timestamp> =
        series.iter().flat_map(|series| series.points.iter().map(|(timestamp, _)| *timestamp)).collect();
    timestamps.sort_unstable();
    timestamps.dedup();
    let mut next = vec![0; series.len()];
    let mut values = vec![None; series.len()];
    let mut points = Vec::with_capacity(timestamps.len());
    for timestamp in timestamps {
        for ((series, next), value) in series.iter().zip(&mut next).zip(&mut values) {
            let point = series.points.get(*next).filter(|(at, _)| *at == timestamp);
            *next += usize::from(point.is_some());
            *value = point.map(|(_, value)| *value);
        }
        let computed = compute(&values);
        if computed.is_finite() {
            points.push((timestamp, computed));
        }
    }
    points
}
