//! GetMetricData: queries that name each other, evaluated over a range.

use std::collections::BTreeMap;

use seatrial_model::Timestamp;

use super::order;
use super::{MetricDataQuerySpec, MetricStat, MetricStatSpec};
use crate::clock::{GRID_POINTS_MAX, Grid, Period, TooManyPoints};
use crate::invalid::{Invalid, quoted};
use crate::math::{Expression, Inputs, MathError, Series, Value};
use crate::metric::{Metric, Unit};
use crate::statistic::Statistic;
use crate::store::MetricStore;

/// The most queries of one GetMetricData (documented).
pub const QUERIES_MAX: usize = 500;

/// The longest id of a query, in characters (shape `MetricId`).
pub const QUERY_ID_LENGTH_MAX: usize = 255;

/// Queries that were checked: ids are unique, expressions refer to queries that exist, none to itself, and all types fit.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricDataQueries {
    queries: Vec<Query>,
    /// Positions of the queries, each after those it refers to.
    order: Vec<usize>,
}

/// One query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub id: String,
    pub source: Source,
    pub label: Option<String>,
    pub return_data: Option<bool>,
}

/// Where the data of a query come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Metric(MetricStat),
    Expression { expression: Expression, period: Option<Period> },
}

/// What one time series of an answer consists of.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricDataResult {
    pub id: String,
    pub label: String,
    /// Oldest first.
    pub points: Vec<(Timestamp, f64)>,
}

/// Why queries cannot be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    #[error("answering query {id}")]
    Range {
        id: String,
        #[source]
        source: TooManyPoints,
    },
    #[error("the queries ask for {0} data points, more than the {GRID_POINTS_MAX} that can be returned at once")]
    TooManyPoints(usize),
    #[error("computing expression {id}")]
    Expression {
        id: String,
        #[source]
        source: MathError,
    },
}

impl MetricDataQueries {
    /// Parses queries and evaluates them without data, by which every error of types is found.
    pub fn parse(specs: &[MetricDataQuerySpec]) -> Result<Self, Invalid> {
        if !(1..=QUERIES_MAX).contains(&specs.len()) {
            return Err(Invalid::value(format!("There must be 1 to {QUERIES_MAX} metric data queries.")));
        }
        let queries: Vec<Query> = specs.iter().map(query).collect::<Result<_, _>>()?;
        let order = order::of(&queries)?;
        let parsed = MetricDataQueries { queries, order };
        parsed.check_types()?;
        Ok(parsed)
    }

    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// Returns the queries as requests have them: what was not given is absent.
    pub fn to_specs(&self) -> Vec<MetricDataQuerySpec> {
        self.queries.iter().map(Query::to_spec).collect()
    }

    /// Answers GetMetricData: the series of every query whose data are to be returned, in the order of the queries. An expression whose
    /// value is an array gives several results of one id.
    pub fn evaluate(
        &self,
        store: &MetricStore,
        start: Timestamp,
        end: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<MetricDataResult>, DataError> {
        let mut grids: BTreeMap<Period, Grid> = BTreeMap::new();
        let mut points = 0;
        for query in &self.queries {
            let period = query.period().unwrap_or(self.default_period());
            let grid = Grid::of_request(start, end, period, now, store.scale())
                .map_err(|source| DataError::Range { id: query.id.clone(), source })?;
            points += if query.returns_data() { grid.count() } else { 0 };
            grids.insert(period, grid);
        }
        if points > GRID_POINTS_MAX {
            return Err(DataError::TooManyPoints(points));
        }
        let mut values = self.compute(|period| grids[&period], |stat, grid| stat.points(store, grid))?;
        let mut results = Vec::new();
        for (query, value) in self.queries.iter().zip(&mut values).filter(|(query, _)| query.returns_data()) {
            results.extend(query.results(value.take()));
        }
        Ok(results)
    }

    /// Computes every query; the values are in the order of the queries.
    pub(super) fn compute(
        &self,
        grid_of: impl Fn(Period) -> Grid,
        points_of: impl Fn(&MetricStat, &Grid) -> Vec<crate::store::Point>,
    ) -> Result<Vec<Option<Value>>, DataError> {
        let mut inputs = Inputs::new(grid_of(self.default_period()));
        for query in &self.queries {
            if let Source::Metric(stat) = &query.source {
                let grid = grid_of(stat.period);
                let points = points_of(stat, &grid).iter().map(|point| (point.timestamp, point.value)).collect();
                inputs.add_metric(&query.id, Series { label: query.id.clone(), period: stat.period, points }, grid);
            }
        }
        for query in self.order.iter().map(|index| &self.queries[*index]) {
            if let Source::Expression { expression, period } = &query.source {
                inputs.set_grid(grid_of(period.unwrap_or(self.default_period())));
                let value = expression
                    .evaluate(&inputs)
                    .map_err(|source| DataError::Expression { id: query.id.clone(), source })?;
                inputs.add_expression(&query.id, value);
            }
        }
        Ok(self.queries.iter().map(|query| inputs.value(&query.id).cloned()).collect())
    }

    /// Returns the period of expressions that have none: the longest of the metrics, as their points are in all of them; else a minute.
    fn default_period(&self) -> Period {
        let periods = self.queries.iter().filter_map(|query| match &query.source {
            Source::Metric(stat) => Some(stat.period),
            Source::Expression { .. } => None,
        });
        periods.max().unwrap_or(Period::MINUTE)
    }

    fn check_types(&self) -> Result<(), Invalid> {
        let grid = |period| Grid::before(Timestamp::EPOCH, period, period, 1, seatrial_model::TimeScale::REAL);
        let values = self.compute(grid, |_, _| Vec::new()).map_err(|error| match error {
            DataError::Expression { id, source } => in_expression(&id, &source),
            DataError::Range { .. } | DataError::TooManyPoints(_) => Invalid::value(error.to_string()),
        })?;
        for (query, value) in self.queries.iter().zip(values).filter(|(query, _)| query.returns_data()) {
            if matches!(value, Some(Value::Scalar(_))) {
                return Err(Invalid::value(format!(
                    "Error in expression '{}': the result must be a time series or an array of time series.",
                    query.id
                )));
            }
        }
        Ok(())
    }
}

impl Query {
    /// Reports whether the data are part of the answer; they are unless told otherwise.
    pub fn returns_data(&self) -> bool {
        self.return_data.unwrap_or(true)
    }

    pub(super) fn period(&self) -> Option<Period> {
        match &self.source {
            Source::Metric(stat) => Some(stat.period),
            Source::Expression { period, .. } => *period,
        }
    }

    fn results(&self, value: Option<Value>) -> Vec<MetricDataResult> {
        let label = match (&self.label, &self.source) {
            (Some(label), _) => label.clone(),
            (None, Source::Metric(stat)) => stat.metric.name().as_str().to_owned(),
            (None, Source::Expression { .. }) => self.id.clone(),
        };
        let result =
            |label: String, series: Series| MetricDataResult { id: self.id.clone(), label, points: series.points };
        match value {
            Some(Value::Series(series)) => vec![result(label, series)],
            Some(Value::Array(all)) => {
                all.into_iter().map(|series| result(format!("{label} {}", series.label), series)).collect()
            }
            Some(Value::Scalar(_) | Value::Word(_) | Value::Text(_)) | None => Vec::new(),
        }
    }

    fn to_spec(&self) -> MetricDataQuerySpec {
        let mut spec = MetricDataQuerySpec {
            id: self.id.clone(),
            label: self.label.clone(),
            return_data: self.return_data,
            ..MetricDataQuerySpec::default()
        };
        match &self.source {
            Source::Metric(stat) => {
                spec.metric_stat = Some(MetricStatSpec {
                    metric: stat.metric.clone().into(),
                    period: i64::from(stat.period.seconds()),
                    stat: stat.statistic.to_string(),
                    unit: stat.unit.map(|unit| unit.as_str().to_owned()),
                });
            }
            Source::Expression { expression, period } => {
                spec.expression = Some(expression.as_str().to_owned());
                spec.period = period.map(|period| i64::from(period.seconds()));
            }
        }
        spec
    }
}

fn query(spec: &MetricDataQuerySpec) -> Result<Query, Invalid> {
    let id = &spec.id;
    let valid = id.len() <= QUERY_ID_LENGTH_MAX
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !valid {
        return Err(Invalid::value(format!(
            "The Id {:?} must begin with a lower-case letter and contain only letters, digits and underscores.",
            quoted(id)
        )));
    }
    let source = match (&spec.metric_stat, &spec.expression) {
        (Some(stat), None) => Source::Metric(metric_stat(stat)?),
        (None, Some(text)) => Source::Expression {
            expression: Expression::parse(text).map_err(|error| in_expression(id, &error))?,
            period: spec.period.map(Period::parse).transpose()?,
        },
        (None, None) => return Err(Invalid::missing("MetricStat or Expression")),
        (Some(_), Some(_)) => {
            return Err(Invalid::combination("The parameters MetricStat and Expression cannot be given together."));
        }
    };
    Ok(Query { id: id.clone(), source, label: spec.label.clone(), return_data: spec.return_data })
}

fn metric_stat(spec: &MetricStatSpec) -> Result<MetricStat, Invalid> {
    Ok(MetricStat {
        metric: Metric::parse(&spec.metric)?,
        period: Period::parse(spec.period)?,
        statistic: Statistic::parse(&spec.stat)?,
        unit: spec.unit.as_deref().map(Unit::parse).transpose()?,
    })
}

pub(super) fn in_expression(id: &str, error: &MathError) -> Invalid {
    Invalid::value(format!("Error in expression '{}': {error}", quoted(id)))
}
