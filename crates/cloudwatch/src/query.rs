//! What is asked of the store: a statistic of a metric, or queries that compute with several (shapes `MetricStat`, `MetricDataQuery`).

mod alarm;
mod data;
mod order;
mod spec;

use serde::{Deserialize, Serialize};

pub use self::alarm::{ALARM_EXPRESSIONS_MAX, ALARM_METRICS_MAX, AlarmQueries};
pub use self::data::{DataError, MetricDataQueries, MetricDataResult, QUERIES_MAX, Query, Source};
pub use self::spec::{MetricDataQuerySpec, MetricStatSpec};
use crate::clock::{Grid, Period};
use crate::metric::{Metric, Unit};
use crate::statistic::Statistic;
use crate::store::{MetricStore, Point};

/// A statistic of a metric over periods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricStat {
    pub metric: Metric,
    pub period: Period,
    #[serde(rename = "stat")]
    pub statistic: Statistic,
    /// Only data of this unit; of any unit, if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
}

impl MetricStat {
    /// Returns the points, oldest first. The periods of `grid` count, not [`MetricStat::period`].
    pub fn points(&self, store: &MetricStore, grid: &Grid) -> Vec<Point> {
        store.points(&self.metric, self.unit, &self.statistic, grid)
    }
}

#[cfg(test)]
mod tests;
