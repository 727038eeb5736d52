//! The metrics in memory: buckets of one nominal second, rolled up with age, within limits.
//!
//! What happens at the limits: a new metric beyond [`Limits::metrics_max`] takes the place of the metric written longest ago, if that was
//! at least [`IDLE_AFTER`] ago, and is refused otherwise. When data need more than [`Limits::bytes_max`], fine buckets are rolled up early
//! (to a minute after [`FINE_RETENTION_MIN`]), then idle metrics are dropped, the one written longest ago first; if neither suffices, the
//! datum is refused. Nothing else is ever lost before its time.

mod list;
mod series;

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_model::{TimeScale, Timestamp};

pub use self::list::{LISTED_FOR, METRICS_PER_PAGE, MetricFilter, RECENTLY_ACTIVE, Recency};
use self::series::Series;
pub use self::series::{FINE_RETENTION_MIN, RETENTION};
use crate::aggregate::{Aggregate, Detail};
use crate::clock::{Grid, nominal, round_down};
use crate::metric::{Datum, Metric, StorageResolution, Unit};
use crate::statistic::Statistic;

/// How long (nominal) a metric must have been silent before another may take its place: as long as CloudWatch calls one recently active.
pub const IDLE_AFTER: Duration = Duration::from_secs(3 * 3600);

/// The most metrics kept: a hundred services with a hundred metrics each.
pub const METRICS_MAX: usize = 10_000;

/// The most bytes kept: a few hundred busy latency metrics for three hours at one-second resolution fit.
pub const BYTES_MAX: usize = 512 << 20;

/// The most points one GetMetricStatistics may return (documented).
pub const STATISTICS_POINTS_MAX: usize = 1440;

/// How long (nominal) to wait after an early roll-up before trying another: the first finds all there is to find for a while.
const RELIEF_INTERVAL: i64 = 60_000;

/// How much a store keeps at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub metrics_max: usize,
    pub bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { metrics_max: METRICS_MAX, bytes_max: BYTES_MAX }
    }
}

/// One data point of one statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The first instant of the period, real.
    pub timestamp: Timestamp,
    pub value: f64,
    pub sample_count: f64,
}

/// Why a datum was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    #[error("storing a new metric: there are {0} metrics, all of them written within the last three hours")]
    TooManyMetrics(usize),
    #[error("storing a datum: the metrics occupy {0} bytes, all of them of recently written metrics")]
    OutOfMemory(usize),
}

/// Metrics with their data.
#[derive(Clone, Debug)]
pub struct MetricStore {
    scale: TimeScale,
    limits: Limits,
    metrics: BTreeMap<Metric, Stored>,
    bytes: usize,
    /// When memory was last sought, nominal.
    relieved_at: Option<i64>,
}

#[derive(Clone, Debug)]
struct Stored {
    /// Data of different units are kept apart; nearly always there is one.
    units: Vec<(Unit, Series)>,
    /// When the metric was last written, nominal.
    written_at: i64,
}

impl MetricStore {
    /// Makes an empty store. A bucket is one nominal second: at `scale` 60, a sixtieth of a real one.
    pub fn new(scale: TimeScale, limits: Limits) -> Self {
        MetricStore { scale, limits, metrics: BTreeMap::new(), bytes: 0, relieved_at: None }
    }

    pub fn scale(&self) -> TimeScale {
        self.scale
    }

    /// Returns how many metrics there are.
    pub fn len(&self) -> usize {
        self.metrics.len()
    }

    pub fn is_empty(&self) -> bool {
        self.metrics.is_empty()
    }

    /// Returns an estimate, never far below the truth, of the bytes the data occupy.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a datum. One that is older than all retention is accepted and dropped, as CloudWatch does.
    pub fn put(&mut self, datum: &Datum, now: Timestamp) -> Result<(), PutError> {
        let now = nominal(self.scale, now);
        if self.bytes >= self.limits.bytes_max {
            self.relieve(now)?;
        }
        if !self.metrics.contains_key(datum.metric()) {
            self.admit(datum.metric(), now)?;
        }
        let width = match datum.resolution() {
            StorageResolution::High => series::SECOND,
            StorageResolution::Standard => series::MINUTE,
        };
        let at = round_down(nominal(self.scale, datum.timestamp()), width);
        let stored = self.metrics.get_mut(datum.metric()).expect("the metric is there or was admitted");
        stored.written_at = stored.written_at.max(now);
        let index = match stored.units.iter().position(|(unit, _)| *unit == datum.unit()) {
            Some(index) => index,
            None => {
                stored.units.push((datum.unit(), Series::default()));
                self.bytes += size_of::<(Unit, Series)>();
                stored.units.len() - 1
            }
        };
        let series = &mut stored.units[index].1;
        let before = series.bytes();
        series.record(at, datum.samples(), now);
        self.bytes = self.bytes + series.bytes() - before;
        Ok(())
    }

    /// Rolls up and drops what has reached its age, in every metric, and forgets metrics of which nothing is left. To be called now and
    /// then (each minute is plenty): a metric that is written does it by itself.
    pub fn maintain(&mut self, now: Timestamp) {
        let now = nominal(self.scale, now);
        self.for_each_series(|series| series.roll_up(now));
        let dropped: Vec<Metric> =
            self.metrics.iter().filter(|(_, stored)| stored.is_empty()).map(|(metric, _)| metric.clone()).collect();
        dropped.iter().for_each(|metric| self.drop_metric(metric));
    }

    /// Returns the units in which a metric has data, in the order they were first seen.
    pub fn units(&self, metric: &Metric) -> impl Iterator<Item = Unit> + '_ {
        self.metrics.get(metric).into_iter().flat_map(|stored| stored.units.iter().map(|(unit, _)| *unit))
    }

    /// Returns the points of a statistic, oldest first: one for every period of `grid` with data of `unit` (of any unit, if `None`).
    ///
    /// Buckets coarser than the period do not contribute, so there are no sub-minute points older than three hours.
    pub fn points(&self, metric: &Metric, unit: Option<Unit>, statistic: &Statistic, grid: &Grid) -> Vec<Point> {
        let aggregates = self.collect(metric, unit, statistic.detail(), grid);
        let points = aggregates.iter().enumerate().filter_map(|(index, aggregate)| {
            let value = statistic.of(aggregate)?;
            Some(Point { timestamp: grid.timestamp(index), value, sample_count: aggregate.count() })
        });
        points.collect()
    }

    /// Returns the samples of every period with data, oldest first: for several statistics of the same points.
    pub fn aggregates(&self, metric: &Metric, unit: Option<Unit>, grid: &Grid) -> Vec<(Timestamp, Aggregate)> {
        let aggregates = self.collect(metric, unit, Detail::Distribution, grid);
        let filled = aggregates.into_iter().enumerate().filter(|(_, aggregate)| !aggregate.is_empty());
        filled.map(|(index, aggregate)| (grid.timestamp(index), aggregate)).collect()
    }

    fn collect(&self, metric: &Metric, unit: Option<Unit>, detail: Detail, grid: &Grid) -> Vec<Aggregate> {
        let mut slots = vec![Aggregate::default(); grid.count()];
        if let Some(stored) = self.metrics.get(metric) {
            let wanted = stored.units.iter().filter(|(known, _)| unit.is_none_or(|unit| unit == *known));
            wanted.for_each(|(_, series)| series.collect(grid, detail, &mut slots));
        }
        slots
    }

    fn admit(&mut self, metric: &Metric, now: i64) -> Result<(), PutError> {
        if self.metrics.len() >= self.limits.metrics_max {
            let idle = self.longest_idle(now).ok_or(PutError::TooManyMetrics(self.metrics.len()))?;
            self.drop_metric(&idle);
        }
        self.bytes += metric.bytes() + size_of::<Stored>();
        self.metrics.insert(metric.clone(), Stored { units: Vec::with_capacity(1), written_at: now });
        Ok(())
    }

    fn relieve(&mut self, now: i64) -> Result<(), PutError> {
        if self.relieved_at.is_none_or(|last| now.saturating_sub(last) >= RELIEF_INTERVAL) {
            self.relieved_at = Some(now);
            self.for_each_series(|series| series.roll_up_early(now));
        }
        while self.bytes >= self.limits.bytes_max {
            let idle = self.longest_idle(now).ok_or(PutError::OutOfMemory(self.bytes))?;
            self.drop_metric(&idle);
        }
        Ok(())
    }

    fn longest_idle(&self, now: i64) -> Option<Metric> {
        let (metric, stored) = self.metrics.iter().min_by_key(|(_, stored)| stored.written_at)?;
        let idle = now.saturating_sub(stored.written_at) >= IDLE_AFTER.as_millis() as i64;
        idle.then(|| metric.clone())
    }

    fn drop_metric(&mut self, metric: &Metric) {
        if let Some(stored) = self.metrics.remove(metric) {
            let series = stored.units.iter().map(|(_, series)| series.bytes() + size_of::<(Unit, Series)>());
            self.bytes -= series.sum::<usize>() + metric.bytes() + size_of::<Stored>();
        }
    }

    fn for_each_series(&mut self, mut change: impl FnMut(&mut Series)) {
        for (_, series) in self.metrics.values_mut().flat_map(|stored| stored.units.iter_mut()) {
            let before = series.bytes();
            change(series);
            self.bytes = self.bytes + series.bytes() - before;
        }
    }
}

impl Stored {
    fn is_empty(&self) -> bool {
        self.units.iter().all(|(_, series)| series.is_empty())
    }
}

#[cfg(test)]
mod tests;
