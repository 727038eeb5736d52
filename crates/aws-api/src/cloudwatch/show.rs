//! Alarms as answers have them.

use seatrial_aws_wire::AnyTimestamp;
use seatrial_cloudwatch::alarm::{Actions, AlarmType, CompositeAlarmSpec, MetricAlarmSpec};
use seatrial_cloudwatch::metric::DimensionSpec;
use seatrial_cloudwatch::query::{MetricDataQuerySpec, MetricStatSpec};
use seatrial_cloudwatch::{Alarm, Definition, Metric};
use serde_json::{Map, Value, json};

use super::answer::without_nulls;

/// How much of an alarm is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// As a child of a composite alarm: names and state.
    Child,
    /// As a parent of an alarm: names.
    Parent,
}

pub(super) fn alarm(alarm: &Alarm, extent: Extent) -> Value {
    let mut shown = Map::new();
    shown.insert("AlarmName".to_owned(), json!(alarm.name().as_str()));
    shown.insert("AlarmArn".to_owned(), json!(alarm.arn()));
    match extent {
        Extent::Parent => {}
        Extent::Child => {
            shown.insert("StateValue".to_owned(), json!(alarm.state().value.as_str()));
            shown.insert("StateUpdatedTimestamp".to_owned(), AnyTimestamp(alarm.state_updated_at()).to_json());
        }
        Extent::Whole => {
            extend(&mut shown, state(alarm));
            match alarm.definition() {
                Definition::Metric(definition) => extend(&mut shown, metric_alarm(definition.to_spec())),
                Definition::Composite(definition) => extend(&mut shown, composite_alarm(definition.to_spec())),
            }
        }
    }
    Value::Object(shown)
}

/// Tells in which list of an answer an alarm is.
pub(super) fn member(alarm: &Alarm) -> &'static str {
    match alarm.definition().alarm_type() {
        AlarmType::MetricAlarm => "MetricAlarms",
        AlarmType::CompositeAlarm => "CompositeAlarms",
    }
}

pub(super) fn metric(metric: &Metric) -> Value {
    let dimensions = metric.dimensions().iter().map(|dimension| dimension.clone().into());
    json!({
        "Namespace": metric.namespace().as_str(),
        "MetricName": metric.name().as_str(),
        "Dimensions": show_dimensions(dimensions),
    })
}

fn state(alarm: &Alarm) -> Value {
    json!({
        "StateValue": alarm.state().value.as_str(),
        "StateReason": alarm.state().reason,
        "StateReasonData": alarm.state().reason_data,
        "StateUpdatedTimestamp": AnyTimestamp(alarm.state_updated_at()).to_json(),
        "StateTransitionedTimestamp": AnyTimestamp(alarm.state_transitioned_at()).to_json(),
        "AlarmConfigurationUpdatedTimestamp": AnyTimestamp(alarm.configuration_updated_at()).to_json(),
        "EvaluationState": alarm.evaluation_state(),
    })
}

fn actions(actions: &Actions) -> Value {
    json!({
        "ActionsEnabled": actions.enabled,
        "OKActions": actions.ok,
        "AlarmActions": actions.alarm,
        "InsufficientDataActions": actions.insufficient_data,
    })
}

fn metric_alarm(spec: MetricAlarmSpec) -> Value {
    let mut shown = Map::new();
    extend(&mut shown, actions(&spec.actions));
    let is_single = spec.metrics.is_empty();
    extend(
        &mut shown,
        json!({
            "AlarmDescription": spec.alarm_description,
            "Namespace": spec.namespace,
            "MetricName": spec.metric_name,
            "Dimensions": show_dimensions(spec.dimensions),
            "Statistic": spec.statistic,
            "ExtendedStatistic": spec.extended_statistic,
            "Period": spec.period,
            "Unit": spec.unit,
            "EvaluationPeriods": spec.evaluation_periods,
            "DatapointsToAlarm": spec.datapoints_to_alarm,
            "Threshold": spec.threshold,
            "ComparisonOperator": spec.comparison_operator,
            "TreatMissingData": spec.treat_missing_data,
            "EvaluateLowSampleCountPercentile": spec.evaluate_low_sample_count_percentile,
            "Metrics": (!is_single).then(|| spec.metrics.into_iter().map(query).collect::<Vec<_>>()),
        }),
    );
    Value::Object(shown)
}

fn composite_alarm(spec: CompositeAlarmSpec) -> Value {
    let mut shown = Map::new();
    extend(&mut shown, actions(&spec.actions));
    extend(
        &mut shown,
        json!({
            "AlarmDescription": spec.alarm_description,
            "AlarmRule": spec.alarm_rule,
            "ActionsSuppressor": spec.actions_suppressor,
            "ActionsSuppressorWaitPeriod": spec.actions_suppressor_wait_period,
            "ActionsSuppressorExtensionPeriod": spec.actions_suppressor_extension_period,
        }),
    );
    Value::Object(shown)
}

fn query(spec: MetricDataQuerySpec) -> Value {
    without_nulls(json!({
        "Id": spec.id,
        "MetricStat": spec.metric_stat.map(metric_stat),
        "Expression": spec.expression,
        "Label": spec.label,
        "Period": spec.period,
        "ReturnData": spec.return_data,
    }))
}

fn metric_stat(spec: MetricStatSpec) -> Value {
    without_nulls(json!({
        "Metric": {
            "Namespace": spec.metric.namespace,
            "MetricName": spec.metric.name,
            "Dimensions": show_dimensions(spec.metric.dimensions),
        },
        "Period": spec.period,
        "Stat": spec.stat,
        "Unit": spec.unit,
    }))
}

fn show_dimensions(dimensions: impl IntoIterator<Item = DimensionSpec>) -> Vec<Value> {
    dimensions.into_iter().map(|dimension| json!({ "Name": dimension.name, "Value": dimension.value })).collect()
}

/// Adds members that are there.
fn extend(shown: &mut Map<String, Value>, members: Value) {
    if let Value::Object(members) = without_nulls(members) {
        shown.extend(members);
    }
}
