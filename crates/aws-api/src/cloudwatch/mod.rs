//! CloudWatch: alarms and metrics.

mod alarms;
mod answer;
mod describe;
mod history;
mod list_metrics;
mod metric_data;
mod put_alarm;
mod put_data;
mod request;
mod show;
mod statistics;
mod tags;

use seatrial_aws_wire::{Input, OperationName};
use seatrial_engine::Engine;
use serde_json::Value;

use crate::operations::{OperationError, OperationFuture, Operations, RequestContext};

/// The operations of CloudWatch.
#[derive(Clone)]
pub struct CloudWatch {
    engine: Engine,
}

impl CloudWatch {
    pub fn new(engine: Engine) -> Self {
        CloudWatch { engine }
    }
}

impl Operations for CloudWatch {
    fn call<'a>(
        &'a self,
        _context: &'a RequestContext,
        operation: &'a OperationName,
        input: &'a Input,
    ) -> OperationFuture<'a> {
        crate::blocking::run(&self.engine, operation, input, handle)
    }
}

fn handle(engine: &Engine, operation: &str, input: &Input) -> Result<Value, OperationError> {
    match operation {
        "PutMetricAlarm" => put_alarm::metric(engine, input),
        "PutCompositeAlarm" => put_alarm::composite(engine, input),
        "DescribeAlarms" => describe::alarms(engine, input),
        "DescribeAlarmsForMetric" => describe::for_metric(engine, input),
        "DescribeAlarmHistory" => history::describe(engine, input),
        "SetAlarmState" => alarms::set_state(engine, input),
        "DeleteAlarms" => alarms::delete(engine, input),
        "EnableAlarmActions" => alarms::enable_actions(engine, input),
        "DisableAlarmActions" => alarms::disable_actions(engine, input),
        "PutMetricData" => put_data::put(engine, input),
        "GetMetricData" => metric_data::get(engine, input),
        "GetMetricStatistics" => statistics::get(engine, input),
        "ListMetrics" => list_metrics::list(engine, input),
        "TagResource" => tags::tag(engine, input),
        "UntagResource" => tags::untag(engine, input),
        "ListTagsForResource" => tags::list(engine, input),
        _ => Err(OperationError::NotImplemented),
    }
}
