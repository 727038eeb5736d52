//! What a metric alarm watches, and the points it makes of it.

use seatrial_model::Timestamp;

use super::{MetricAlarmSpec, Observed, Slot};
use crate::clock::{Grid, Period};
use crate::invalid::Invalid;
use crate::metric::{Dimension, Metric, MetricName, Namespace, Unit};
use crate::query::{AlarmQueries, DataError, MetricStat};
use crate::statistic::Statistic;
use crate::store::{MetricStore, Point};

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Watched {
    /// A statistic of one metric.
    Metric(MetricStat),
    /// What an expression makes of several, or a single one in the form of a query.
    Queries(AlarmQueries),
}

impl Watched {
    pub(super) fn parse(spec: &MetricAlarmSpec) -> Result<Self, Invalid> {
        if spec.metrics.is_empty() { metric_stat(spec).map(Watched::Metric) } else { queries(spec) }
    }

    /// Returns the nominal length of a point.
    pub fn period(&self) -> Period {
        match self {
            Watched::Metric(stat) => stat.period,
            Watched::Queries(queries) => queries.period(),
        }
    }

    /// Returns the points of an evaluation range, oldest first, one slot for each period of `grid`.
    pub fn slots(&self, store: &MetricStore, grid: &Grid) -> Result<Vec<Slot>, DataError> {
        let points: Vec<(Timestamp, Observed)> = match (self.metric(), self) {
            (Some(stat), _) | (None, Watched::Metric(stat)) => {
                let observed = |point: Point| Observed { value: point.value, sample_count: Some(point.sample_count) };
                stat.points(store, grid).into_iter().map(|point| (point.timestamp, observed(point))).collect()
            }
            (None, Watched::Queries(queries)) => {
                let observed = |(timestamp, value)| (timestamp, Observed { value, sample_count: None });
                queries.series(store, grid)?.points.into_iter().map(observed).collect()
            }
        };
        let mut points = points.into_iter().peekable();
        let mut slot = |timestamp| {
            while points.next_if(|(known, _)| *known < timestamp).is_some() {}
            Slot { timestamp, point: points.next_if(|(known, _)| *known == timestamp).map(|(_, point)| point) }
        };
        Ok(grid.timestamps().map(&mut slot).collect())
    }

    /// Returns the metric, when a single one is watched.
    pub fn metric(&self) -> Option<&MetricStat> {
        match self {
            Watched::Metric(stat) => Some(stat),
            Watched::Queries(queries) => queries.watched_metric(),
        }
    }

    /// Returns the statistic, when a single metric is watched.
    pub fn statistic(&self) -> Option<&Statistic> {
        self.metric().map(|stat| &stat.statistic)
    }

    /// Returns the unit asked for, when a single metric is watched.
    pub fn unit(&self) -> Option<Unit> {
        self.metric().and_then(|stat| stat.unit)
    }

    pub(super) fn fill(&self, spec: &mut MetricAlarmSpec) {
        match self {
            Watched::Metric(stat) => {
                let statistic = Some(stat.statistic.to_string());
                if stat.statistic.is_simple() {
                    spec.statistic = statistic;
                } else {
                    spec.extended_statistic = statistic;
                }
                spec.namespace = Some(stat.metric.namespace().as_str().to_owned());
                spec.metric_name = Some(stat.metric.name().as_str().to_owned());
                spec.dimensions = stat.metric.dimensions().iter().cloned().map(Into::into).collect();
                spec.period = Some(i64::from(stat.period.seconds()));
                spec.unit = stat.unit.map(|unit| unit.as_str().to_owned());
            }
            Watched::Queries(queries) => spec.metrics = queries.queries().to_specs(),
        }
    }
}

fn metric_stat(spec: &MetricAlarmSpec) -> Result<MetricStat, Invalid> {
    let name = spec.metric_name.as_deref().ok_or_else(|| Invalid::missing("MetricName"))?;
    let namespace = spec.namespace.as_deref().ok_or_else(|| Invalid::missing("Namespace"))?;
    let dimensions = spec.dimensions.iter().map(|spec| Dimension::parse(&spec.name, &spec.value));
    let metric =
        Metric::new(Namespace::parse(namespace)?, MetricName::parse(name)?, dimensions.collect::<Result<_, _>>()?)?;
    let statistic = match (spec.statistic.as_deref(), spec.extended_statistic.as_deref()) {
        (Some(simple), None) => Statistic::parse_simple(simple)?,
        (None, Some(extended)) => Statistic::parse_extended(extended)?,
        (None, None) => return Err(Invalid::missing("Statistic or ExtendedStatistic")),
        (Some(_), Some(_)) => {
            return Err(Invalid::combination(
                "The parameters Statistic and ExtendedStatistic cannot be given together.",
            ));
        }
    };
    let period = Period::parse_for_alarm(spec.period.ok_or_else(|| Invalid::missing("Period"))?)?;
    let unit = spec.unit.as_deref().map(Unit::parse).transpose()?;
    Ok(MetricStat { metric, period, statistic, unit })
}

fn queries(spec: &MetricAlarmSpec) -> Result<Watched, Invalid> {
    let excluded = [
        ("MetricName", spec.metric_name.is_some()),
        ("Namespace", spec.namespace.is_some()),
        ("Dimensions", !spec.dimensions.is_empty()),
        ("Period", spec.period.is_some()),
        ("Unit", spec.unit.is_some()),
        ("Statistic", spec.statistic.is_some()),
        ("ExtendedStatistic", spec.extended_statistic.is_some()),
    ];
    match excluded.into_iter().find(|(_, given)| *given) {
        Some((member, _)) => {
            Err(Invalid::combination(format!("The parameters Metrics and {member} cannot be given together.")))
        }
        None => AlarmQueries::parse(&spec.metrics).map(Watched::Queries),
    }
}
