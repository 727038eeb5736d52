//! PutMetricData.

use seatrial_aws_wire::{AnyTimestamp, Double, Input};
use seatrial_cloudwatch::metric::{DatumSpec, StatisticSet};
use seatrial_cloudwatch::{Datum, Invalid, Namespace};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_value, required};
use super::request::{Dimension, dimensions};
use crate::operations::OperationError;

/// The most data of one request (documented at PutMetricData).
const DATA_MAX: usize = 1000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutMetricData {
    namespace: Option<String>,
    #[serde(default)]
    metric_data: Vec<MetricDatum>,
    #[serde(default)]
    entity_metric_data: Vec<EntityMetricData>,
}

/// Data of an entity. Entities are a matter of Application Signals, so only the data are read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EntityMetricData {
    #[serde(default)]
    metric_data: Vec<MetricDatum>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricDatum {
    metric_name: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    timestamp: Option<AnyTimestamp>,
    value: Option<Double>,
    statistic_values: Option<StatisticValues>,
    #[serde(default)]
    values: Vec<Double>,
    #[serde(default)]
    counts: Vec<Double>,
    unit: Option<String>,
    storage_resolution: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StatisticValues {
    sample_count: Option<Double>,
    sum: Option<Double>,
    minimum: Option<Double>,
    maximum: Option<Double>,
}

pub(super) fn put(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: PutMetricData = input.read()?;
    let namespace = Namespace::parse(&required("Namespace", request.namespace)?)?;
    if namespace.is_reserved() {
        let message = format!("The value {namespace} for parameter Namespace is invalid: AWS/ is reserved for AWS.");
        return Err(invalid_value(message).into());
    }
    let of_entities = request.entity_metric_data.into_iter().flat_map(|entity| entity.metric_data);
    let data: Vec<MetricDatum> = request.metric_data.into_iter().chain(of_entities).collect();
    if data.is_empty() {
        return Err(Invalid::missing("MetricData").into());
    }
    if data.len() > DATA_MAX {
        return Err(
            invalid_value(format!("The collection MetricData must not have more than {DATA_MAX} items.")).into()
        );
    }
    let now = engine.now();
    let parse = |datum| Ok(Datum::parse(&namespace, &spec(datum)?, now)?);
    let data: Vec<Datum> = data.into_iter().map(parse).collect::<Result<_, OperationError>>()?;
    engine.put_metric_data(&data)?;
    Ok(json!({}))
}

fn spec(datum: MetricDatum) -> Result<DatumSpec, Refusal> {
    let numbers = |list: Vec<Double>| list.into_iter().map(|Double(number)| number).collect();
    Ok(DatumSpec {
        metric_name: required("MetricName", datum.metric_name)?,
        dimensions: dimensions(datum.dimensions),
        timestamp: datum.timestamp.map(|AnyTimestamp(timestamp)| timestamp),
        value: datum.value.map(|Double(value)| value),
        statistic_values: datum.statistic_values.map(statistics).transpose()?,
        values: numbers(datum.values),
        counts: numbers(datum.counts),
        unit: datum.unit,
        storage_resolution: datum.storage_resolution,
    })
}

fn statistics(values: StatisticValues) -> Result<StatisticSet, Refusal> {
    let number = |member, value: Option<Double>| required(member, value).map(|Double(value)| value);
    Ok(StatisticSet {
        sample_count: number("SampleCount", values.sample_count)?,
        sum: number("Sum", values.sum)?,
        minimum: number("Minimum", values.minimum)?,
        maximum: number("Maximum", values.maximum)?,
    })
}
