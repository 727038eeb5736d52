//! GetMetricStatistics.

use seatrial_aws_wire::{AnyTimestamp, Input};
use seatrial_cloudwatch::aggregate::Aggregate;
use seatrial_cloudwatch::store::STATISTICS_POINTS_MAX;
use seatrial_cloudwatch::{Grid, Period, Statistic, Unit};
use seatrial_engine::Engine;
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{combination, invalid_value, range, required};
use super::request::{self, Dimension};
use crate::operations::OperationError;

/// The most extended statistics of one request (shape `ExtendedStatistics`).
const EXTENDED_MAX: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricStatistics {
    namespace: Option<String>,
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    start_time: Option<AnyTimestamp>,
    end_time: Option<AnyTimestamp>,
    period: Option<i64>,
    #[serde(default)]
    statistics: Vec<String>,
    #[serde(default)]
    extended_statistics: Vec<String>,
    unit: Option<String>,
}

pub(super) fn get(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetMetricStatistics = input.read()?;
    let name = required("MetricName", request.metric_name)?;
    let metric = request::metric(required("Namespace", request.namespace)?, name.clone(), request.dimensions)?;
    let (start, end) = range(request.start_time, request.end_time)?;
    let period = Period::parse(required("Period", request.period)?)?;
    let unit = request.unit.as_deref().map(Unit::parse).transpose()?;
    let simple = parse(&request.statistics, Statistic::parse_simple)?;
    let extended = parse(&request.extended_statistics, Statistic::parse_extended)?;
    if simple.is_empty() && extended.is_empty() {
        return Err(combination("At least one of Statistics and ExtendedStatistics must be given.").into());
    }
    if extended.len() > EXTENDED_MAX {
        let message = format!("The collection ExtendedStatistics must not have more than {EXTENDED_MAX} items.");
        return Err(invalid_value(message).into());
    }
    let now = engine.now();
    let grid = Grid::of_request(start, end, period, now, engine.settings().scale)
        .ok()
        .filter(|grid| grid.count() <= STATISTICS_POINTS_MAX)
        .ok_or_else(|| {
            combination(format!(
                "The request asks for more than {STATISTICS_POINTS_MAX} datapoints. Take a longer Period or a shorter range."
            ))
        })?;
    let mut points: Vec<(Timestamp, Value)> = engine.read_monitoring(|monitoring| {
        let store = monitoring.metrics();
        let units = store.units(&metric).filter(|known| unit.is_none_or(|unit| unit == *known));
        let of_unit = |unit| {
            let aggregates = store.aggregates(&metric, Some(unit), &grid);
            aggregates.into_iter().map(move |(timestamp, aggregate)| (timestamp, unit, aggregate))
        };
        let point = |(timestamp, unit, aggregate)| (timestamp, show(timestamp, unit, &aggregate, &simple, &extended));
        units.flat_map(of_unit).map(point).collect()
    });
    points.sort_by_key(|(timestamp, _)| *timestamp);
    let points: Vec<Value> = points.into_iter().map(|(_, point)| point).collect();
    Ok(json!({ "Label": name, "Datapoints": points }))
}

type Asked = Vec<(String, Statistic)>;

fn parse(
    texts: &[String],
    parse: fn(&str) -> Result<Statistic, seatrial_cloudwatch::Invalid>,
) -> Result<Asked, OperationError> {
    texts.iter().map(|text| Ok((text.clone(), parse(text)?))).collect()
}

fn show(timestamp: Timestamp, unit: Unit, aggregate: &Aggregate, simple: &Asked, extended: &Asked) -> Value {
    let compute = |(text, statistic): &(String, Statistic)| Some((text.clone(), json!(statistic.of(aggregate)?)));
    let mut point: Map<String, Value> = simple.iter().filter_map(compute).collect();
    point.insert("Timestamp".to_owned(), AnyTimestamp(timestamp).to_json());
    point.insert("Unit".to_owned(), json!(unit.as_str()));
    if !extended.is_empty() {
        let extended: Map<String, Value> = extended.iter().filter_map(compute).collect();
        point.insert("ExtendedStatistics".to_owned(), Value::Object(extended));
    }
    Value::Object(point)
}
