//! The `Metrics` of an alarm: queries of one period, of which one is watched.

use super::{DataError, MetricDataQueries, MetricDataQuerySpec, MetricStat, Source};
use crate::clock::{Grid, Period};
use crate::invalid::Invalid;
use crate::math::{Series, Value};
use crate::store::MetricStore;

/// The most metrics an alarm may compute with (documented at MetricDataQuery).
pub const ALARM_METRICS_MAX: usize = 10;
/// The most expressions of an alarm (documented at MetricDataQuery).
pub const ALARM_EXPRESSIONS_MAX: usize = 10;

/// Queries that satisfy PutMetricAlarm's rules.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmQueries {
    queries: MetricDataQueries,
    /// Position of the query that is watched.
    watched: usize,
    period: Period,
}

impl AlarmQueries {
    /// Parses the `Metrics` of PutMetricAlarm: all of one period, exactly one of them returning data, and that a single time series.
    pub fn parse(specs: &[MetricDataQuerySpec]) -> Result<Self, Invalid> {
        let metrics = specs.iter().filter(|spec| spec.metric_stat.is_some()).count();
        if metrics > ALARM_METRICS_MAX || specs.len() - metrics > ALARM_EXPRESSIONS_MAX {
            return Err(Invalid::value(format!(
                "Metrics must not have more than {ALARM_METRICS_MAX} metrics and {ALARM_EXPRESSIONS_MAX} expressions."
            )));
        }
        let queries = MetricDataQueries::parse(specs)?;
        let mut returning = (0..specs.len()).filter(|index| queries.queries()[*index].returns_data());
        let (Some(watched), None) = (returning.next(), returning.next()) else {
            return Err(Invalid::value("Exactly one element of the metrics list should return data."));
        };
        let period = period(&queries)?;
        let alarm = AlarmQueries { queries, watched, period };
        alarm.check_single()?;
        Ok(alarm)
    }

    pub fn period(&self) -> Period {
        self.period
    }

    pub fn queries(&self) -> &MetricDataQueries {
        &self.queries
    }

    /// Returns the metric that is watched, when it is a metric and no expression.
    pub fn watched_metric(&self) -> Option<&MetricStat> {
        match &self.queries.queries()[self.watched].source {
            Source::Metric(stat) => Some(stat),
            Source::Expression { .. } => None,
        }
    }

    /// Computes the series that is watched over the periods of `grid`.
    pub fn series(&self, store: &MetricStore, grid: &Grid) -> Result<Series, DataError> {
        let mut values = self.queries.compute(|_| *grid, |stat, grid| stat.points(store, grid))?;
        Ok(match values.swap_remove(self.watched) {
            Some(Value::Series(series)) => series,
            // Types do not depend on data, and they were checked when the queries were parsed.
            Some(Value::Scalar(_) | Value::Array(_) | Value::Word(_) | Value::Text(_)) | None => {
                Series { label: String::new(), period: self.period, points: Vec::new() }
            }
        })
    }

    fn check_single(&self) -> Result<(), Invalid> {
        let grid = Grid::before(
            seatrial_model::Timestamp::EPOCH,
            self.period,
            self.period,
            1,
            seatrial_model::TimeScale::REAL,
        );
        let values = self.queries.compute(|_| grid, |_, _| Vec::new());
        match values.map(|mut values| values.swap_remove(self.watched)) {
            Ok(Some(Value::Series(_))) => Ok(()),
            Ok(_) => Err(Invalid::value("The expression of an alarm must return a single time series.")),
            Err(error) => Err(Invalid::value(error.to_string())),
        }
    }
}

fn period(queries: &MetricDataQueries) -> Result<Period, Invalid> {
    let mut periods: Vec<Period> = queries.queries().iter().filter_map(|query| query.period()).collect();
    periods.sort_unstable();
    periods.dedup();
    match periods.as_slice() {
        [period] => Period::parse_for_alarm(i64::from(period.seconds())),
        [] => Err(Invalid::missing("Period")),
        _ => Err(Invalid::value("Period must be the same for all metrics and expressions of an alarm.")),
    }
}
