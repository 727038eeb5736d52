//! ListMetrics: which metrics there are.

use std::ops::Bound;
use std::time::Duration;

use seatrial_model::Timestamp;

use super::{MetricStore, Stored};
use crate::clock::nominal;
use crate::metric::{Metric, MetricName, Namespace};

/// The most metrics one answer lists (documented at ListMetrics).
pub const METRICS_PER_PAGE: usize = 500;

/// How recent (nominal) data must be for `RecentlyActive` PT3H.
pub const RECENTLY_ACTIVE: Duration = Duration::from_secs(3 * 3600);

/// How long (nominal) after its last data a metric is listed (documented at ListMetrics: two weeks).
pub const LISTED_FOR: Duration = Duration::from_secs(14 * 24 * 3600);

/// Which metrics are wanted; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricFilter {
    pub namespace: Option<Namespace>,
    pub name: Option<MetricName>,
    /// Names of dimensions the metric must have, with the value if one is given.
    pub dimensions: Vec<(String, Option<String>)>,
    /// Only metrics with data of the last three hours.
    pub recency: Recency,
}

/// How recent a metric's data must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recency {
    /// [`LISTED_FOR`].
    #[default]
    Listed,
    /// [`RECENTLY_ACTIVE`].
    RecentlyActive,
}

impl MetricStore {
    /// Lists metrics in ascending order, beginning after `after`. An answer should take [`METRICS_PER_PAGE`] of them.
    pub fn list<'a>(
        &'a self,
        filter: &'a MetricFilter,
        after: Option<&Metric>,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Metric> + 'a {
        let now = nominal(self.scale, now);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let metrics = self.metrics.range((from, Bound::Unbounded));
        metrics.filter(move |(metric, stored)| filter.matches(metric, stored, now)).map(|(metric, _)| metric)
    }
}

impl MetricFilter {
    fn matches(&self, metric: &Metric, stored: &Stored, now: i64) -> bool {
        let within = match self.recency {
            Recency::Listed => LISTED_FOR,
            Recency::RecentlyActive => RECENTLY_ACTIVE,
        };
        let newest = stored.units.iter().filter_map(|(_, series)| series.newest()).max();
        self.namespace.as_ref().is_none_or(|namespace| namespace == metric.namespace())
            && self.name.as_ref().is_none_or(|name| name == metric.name())
            && self.dimensions.iter().all(|(name, value)| has_dimension(metric, name, value.as_deref()))
            && newest.is_some_and(|newest| now.saturating_sub(newest) <= within.as_millis() as i64)
    }
}

fn has_dimension(metric: &Metric, name: &str, value: Option<&str>) -> bool {
    let mut named = metric.dimensions().iter().filter(|dimension| dimension.name() == name);
    named.any(|dimension| value.is_none_or(|value| dimension.value() == value))
}
