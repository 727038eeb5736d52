//! GetMetricData.

use std::collections::BTreeMap;

use seatrial_aws_wire::{AnyTimestamp, Input};
use seatrial_cloudwatch::MetricDataQueries;
use seatrial_cloudwatch::clock::GRID_POINTS_MAX;
use seatrial_cloudwatch::query::MetricDataResult;
use seatrial_engine::Engine;
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, listing, range, required, size, unanswerable};
use super::history::ScanBy;
use super::request::{self, MetricDataQuery};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetMetricData {
    metric_data_queries: Option<Vec<MetricDataQuery>>,
    start_time: Option<AnyTimestamp>,
    end_time: Option<AnyTimestamp>,
    scan_by: Option<String>,
    max_datapoints: Option<i64>,
    next_token: Option<String>,
}

/// One point: the number of its result, its place in the order asked for, and itself.
struct Placed {
    result: usize,
    order: i64,
    timestamp: Timestamp,
    value: f64,
}

pub(super) fn get(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetMetricData = input.read()?;
    let (start, end) = range(request.start_time, request.end_time)?;
    let scan_by = ScanBy::parse(request.scan_by.as_deref())?;
    let size = size("MaxDatapoints", request.max_datapoints, GRID_POINTS_MAX, GRID_POINTS_MAX)?;
    let queries = required("MetricDataQueries", request.metric_data_queries)?;
    let queries = MetricDataQueries::parse(&request::queries(queries))?;
    let now = engine.now();
    let results = engine.read_monitoring(|monitoring| queries.evaluate(monitoring.metrics(), start, end, now));
    let results = results.map_err(|error| unanswerable(&error))?;

    let token = request.next_token.as_deref();
    let page = listing("GetMetricData", input)
        .page(place(&results, scan_by), |point| (point.result, point.order), token, size)
        .map_err(|_| invalid_token())?;
    let mut told: BTreeMap<usize, Vec<Placed>> = BTreeMap::new();
    if token.is_none() {
        let empty = results.iter().enumerate().filter(|(_, result)| result.points.is_empty());
        told.extend(empty.map(|(number, _)| (number, Vec::new())));
    }
    for point in page.items {
        told.entry(point.result).or_default().push(point);
    }
    let shown: Vec<Value> = told.iter().map(|(number, points)| show(&results[*number], points, scan_by)).collect();
    let mut answer = json!({ "MetricDataResults": shown, "Messages": [] });
    if let Some(token) = page.next_token {
        answer["NextToken"] = json!(token);
    }
    Ok(answer)
}

fn place(results: &[MetricDataResult], scan_by: ScanBy) -> Vec<Placed> {
    let mut placed = Vec::new();
    for (number, result) in results.iter().enumerate() {
        let points = result.points.iter().map(|(timestamp, value)| {
            let millis = timestamp.as_millis();
            let order = match scan_by {
                ScanBy::TimestampAscending => millis,
                ScanBy::TimestampDescending => -millis,
            };
            Placed { result: number, order, timestamp: *timestamp, value: *value }
        });
        match scan_by {
            ScanBy::TimestampAscending => placed.extend(points),
            ScanBy::TimestampDescending => placed.extend(points.rev()),
        }
    }
    placed
}

/// Shows the points of a result that are on this page; the status says whether there are more of it on the next.
fn show(result: &MetricDataResult, points: &[Placed], scan_by: ScanBy) -> Value {
    let last = match scan_by {
        ScanBy::TimestampAscending => result.points.last(),
        ScanBy::TimestampDescending => result.points.first(),
    };
    let is_complete = points.last().map(|point| point.timestamp) == last.map(|(timestamp, _)| *timestamp);
    json!({
        "Id": result.id,
        "Label": result.label,
        "Timestamps": points.iter().map(|point| AnyTimestamp(point.timestamp).to_json()).collect::<Vec<_>>(),
        "Values": points.iter().map(|point| point.value).collect::<Vec<_>>(),
        "StatusCode": if is_complete { "Complete" } else { "PartialData" },
    })
}
