//! PutMetricAlarm documents to and from the SDK's types. Only members that a plan uses are known; the actions of an existing alarm stay.

use aws_sdk_cloudwatch::operation::put_metric_alarm::builders::PutMetricAlarmFluentBuilder;
use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat};
use serde_json::{Value as Json, json};

/// Fills a request in from a document.
pub(super) fn fill(request: PutMetricAlarmFluentBuilder, document: &Json) -> PutMetricAlarmFluentBuilder {
    let queries = document["Metrics"].as_array().into_iter().flatten().map(query).collect();
    request
        .set_alarm_name(text(document, "AlarmName"))
        .set_alarm_description(text(document, "AlarmDescription"))
        .set_metrics(Some(queries))
        .set_evaluation_periods(number(document, "EvaluationPeriods"))
        .set_threshold(document["Threshold"].as_f64())
        .set_comparison_operator(text(document, "ComparisonOperator").as_deref().map(ComparisonOperator::from))
        .set_treat_missing_data(text(document, "TreatMissingData"))
}

/// Keeps what somebody has an existing alarm do.
pub(super) fn keep_actions(
    request: PutMetricAlarmFluentBuilder,
    existing: &MetricAlarm,
) -> PutMetricAlarmFluentBuilder {
    request
        .set_actions_enabled(existing.actions_enabled())
        .set_ok_actions(Some(existing.ok_actions().to_vec()))
        .set_alarm_actions(Some(existing.alarm_actions().to_vec()))
        .set_insufficient_data_actions(Some(existing.insufficient_data_actions().to_vec()))
}

/// The document of an alarm as CloudWatch describes it.
pub(super) fn document_of(alarm: &MetricAlarm) -> Json {
    json!({
        "AlarmName": alarm.alarm_name(),
        "AlarmDescription": alarm.alarm_description(),
        "Metrics": alarm.metrics().iter().map(document_of_query).collect::<Vec<_>>(),
        "EvaluationPeriods": alarm.evaluation_periods(),
        "Threshold": alarm.threshold(),
        "ComparisonOperator": alarm.comparison_operator().map(ComparisonOperator::as_str),
        "TreatMissingData": alarm.treat_missing_data(),
    })
}

fn query(document: &Json) -> MetricDataQuery {
    MetricDataQuery::builder()
        .set_id(text(document, "Id"))
        .set_expression(text(document, "Expression"))
        .set_label(text(document, "Label"))
        .set_return_data(document["ReturnData"].as_bool())
        .set_metric_stat(document.get("MetricStat").map(metric_stat))
        .build()
}

fn metric_stat(document: &Json) -> MetricStat {
    let metric = &document["Metric"];
    let dimensions = metric["Dimensions"].as_array().into_iter().flatten().map(|dimension| {
        Dimension::builder().set_name(text(dimension, "Name")).set_value(text(dimension, "Value")).build()
    });
    let metric = Metric::builder()
        .set_namespace(text(metric, "Namespace"))
        .set_metric_name(text(metric, "MetricName"))
        .set_dimensions(Some(dimensions.collect()))
        .build();
    MetricStat::builder().metric(metric).set_period(number(document, "Period")).set_stat(text(document, "Stat")).build()
}

fn document_of_query(query: &MetricDataQuery) -> Json {
    let mut document = json!({ "Id": query.id(), "ReturnData": query.return_data().unwrap_or(true) });
    for (member, value) in [("Expression", query.expression()), ("Label", query.label())] {
        if let Some(value) = value {
            document[member] = json!(value);
        }
    }
    if let Some(stat) = query.metric_stat() {
        let metric = stat.metric();
        let dimensions = metric.map(Metric::dimensions).unwrap_or_default();
        let dimension = |one: &Dimension| json!({ "Name": one.name(), "Value": one.value() });
        document["MetricStat"] = json!({
            "Metric": {
                "Namespace": metric.and_then(Metric::namespace),
                "MetricName": metric.and_then(Metric::metric_name),
                "Dimensions": dimensions.iter().map(dimension).collect::<Vec<_>>(),
            },
            "Period": stat.period(),
            "Stat": stat.stat(),
        });
    }
    document
}

fn text(document: &Json, member: &str) -> Option<String> {
    document[member].as_str().map(ToOwned::to_owned)
}

fn number(document: &Json, member: &str) -> Option<i32> {
    document[member].as_i64().and_then(|number| i32::try_from(number).ok())
}
