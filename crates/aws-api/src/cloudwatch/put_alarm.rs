//! PutMetricAlarm and PutCompositeAlarm.

use seatrial_aws_wire::{Double, Input};
use seatrial_cloudwatch::alarm::{Actions, CompositeAlarmSpec, MetricAlarmSpec};
use seatrial_cloudwatch::{CompositeAlarm, MetricAlarm};
use seatrial_engine::Engine;
use seatrial_engine::cloudwatch::alarms;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{required, validation};
use super::request::{Dimension, MetricDataQuery, dimensions, queries};
use super::tags::{self, TagList};
use crate::operations::OperationError;

/// Members that turn a metric alarm into another kind of alarm, which this engine does not evaluate.
const OTHER_KINDS: [&str; 2] = ["EvaluationCriteria", "ThresholdMetricId"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutMetricAlarm {
    alarm_name: Option<String>,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(default, rename = "OKActions")]
    ok_actions: Vec<String>,
    #[serde(default)]
    alarm_actions: Vec<String>,
    #[serde(default)]
    insufficient_data_actions: Vec<String>,
    metric_name: Option<String>,
    namespace: Option<String>,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    period: Option<i64>,
    unit: Option<String>,
    evaluation_periods: Option<i64>,
    datapoints_to_alarm: Option<i64>,
    threshold: Option<Double>,
    comparison_operator: Option<String>,
    treat_missing_data: Option<String>,
    evaluate_low_sample_count_percentile: Option<String>,
    #[serde(default)]
    metrics: Vec<MetricDataQuery>,
    #[serde(default)]
    tags: TagList,
}

pub(super) fn metric(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    if let Some(member) = OTHER_KINDS.iter().find(|member| input.value().get(*member).is_some()) {
        return Err(validation(format!("{member} is not implemented by this engine.")).into());
    }
    let request: PutMetricAlarm = input.read()?;
    let tags = tags::parse(request.tags)?;
    let alarm = MetricAlarm::parse(MetricAlarmSpec {
        alarm_name: required("AlarmName", request.alarm_name)?,
        alarm_description: request.alarm_description,
        actions: Actions {
            enabled: request.actions_enabled.unwrap_or(true),
            ok: request.ok_actions,
            alarm: request.alarm_actions,
            insufficient_data: request.insufficient_data_actions,
        },
        namespace: request.namespace,
        metric_name: request.metric_name,
        dimensions: dimensions(request.dimensions),
        metrics: queries(request.metrics),
        statistic: request.statistic,
        extended_statistic: request.extended_statistic,
        period: request.period,
        unit: request.unit,
        evaluation_periods: request.evaluation_periods,
        datapoints_to_alarm: request.datapoints_to_alarm,
        threshold: request.threshold.map(|Double(threshold)| threshold),
        comparison_operator: request.comparison_operator,
        treat_missing_data: request.treat_missing_data,
        evaluate_low_sample_count_percentile: request.evaluate_low_sample_count_percentile,
        threshold_metric_id: None,
    })?;
    engine.transact(|tx| alarms::put_metric(tx, alarm, tags))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutCompositeAlarm {
    alarm_name: Option<String>,
    alarm_description: Option<String>,
    actions_enabled: Option<bool>,
    #[serde(default, rename = "OKActions")]
    ok_actions: Vec<String>,
    #[serde(default)]
    alarm_actions: Vec<String>,
    #[serde(default)]
    insufficient_data_actions: Vec<String>,
    alarm_rule: Option<String>,
    actions_suppressor: Option<String>,
    actions_suppressor_wait_period: Option<i64>,
    actions_suppressor_extension_period: Option<i64>,
    #[serde(default)]
    tags: TagList,
}

pub(super) fn composite(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: PutCompositeAlarm = input.read()?;
    let tags = tags::parse(request.tags)?;
    let alarm = CompositeAlarm::parse(CompositeAlarmSpec {
        alarm_name: required("AlarmName", request.alarm_name)?,
        alarm_description: request.alarm_description,
        actions: Actions {
            enabled: request.actions_enabled.unwrap_or(true),
            ok: request.ok_actions,
            alarm: request.alarm_actions,
            insufficient_data: request.insufficient_data_actions,
        },
        alarm_rule: required("AlarmRule", request.alarm_rule)?,
        actions_suppressor: request.actions_suppressor,
        actions_suppressor_wait_period: request.actions_suppressor_wait_period,
        actions_suppressor_extension_period: request.actions_suppressor_extension_period,
    })?;
    engine.transact(|tx| alarms::put_composite(tx, alarm, tags))?;
    Ok(json!({}))
}
