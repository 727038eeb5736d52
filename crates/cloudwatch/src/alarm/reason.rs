//! StateReason and StateReasonData in CloudWatch's wording.

use seatrial_model::Timestamp;
use serde::Serialize;

use super::evaluate::{Evaluated, Observed};
use super::{MetricAlarm, StateValue, TreatMissingData, policy};
use crate::calendar;

/// Words why the alarm goes into `value`.
pub(super) fn text(alarm: &MetricAlarm, value: StateValue, evaluated: &Evaluated) -> String {
    match value {
        StateValue::InsufficientData => {
            format!("Insufficient Data: {} unknown.", counted(evaluated.missing.len(), "datapoint"))
        }
        StateValue::Ok | StateValue::Alarm => match (alarm.treat_missing_data(), evaluated.missing.len()) {
            (TreatMissingData::Breaching, filled @ 1..) => filled_text(alarm, evaluated, filled, "Breaching"),
            (TreatMissingData::NotBreaching, filled @ 1..) => filled_text(alarm, evaluated, filled, "NonBreaching"),
            (
                TreatMissingData::Breaching
                | TreatMissingData::NotBreaching
                | TreatMissingData::Missing
                | TreatMissingData::Ignore,
                _,
            ) => crossed_text(alarm, value, evaluated),
        },
    }
}

fn filled_text(alarm: &MetricAlarm, evaluated: &Evaluated, filled: usize, treated: &str) -> String {
    let received = match evaluated.real.len() {
        0 => "no datapoints were".to_owned(),
        real => counted(real, "datapoint"),
    };
    format!(
        "Threshold Crossed: {received} received for {} and {} treated as [{treated}].",
        plural(alarm.evaluation_periods() as usize, "period"),
        counted(filled, "missing datapoint"),
    )
}

fn crossed_text(alarm: &MetricAlarm, value: StateValue, evaluated: &Evaluated) -> String {
    let alarming = value == StateValue::Alarm;
    let deciding: Vec<_> = evaluated.real.iter().filter(|(_, _, breaches)| *breaches == alarming).collect();
    let named: Vec<String> = deciding
        .iter()
        .take(policy::REASON_POINTS_MAX)
        .map(|(timestamp, point, _)| format!("{:?} ({})", point.value, calendar::short(*timestamp)))
        .collect();
    let named = named.join(", ");
    let (subject, minimum) = match alarm.datapoints_to_alarm() {
        None => (plural(deciding.len(), "datapoint"), String::new()),
        Some(to_alarm) => {
            let (needed, transition) = match alarming {
                true => (to_alarm, "OK -> ALARM"),
                false => (alarm.evaluation_periods() - to_alarm + 1, "ALARM -> OK"),
            };
            let subject = format!("{} out of the last {} datapoints", deciding.len(), alarm.evaluation_periods());
            (subject, format!(" (minimum {} for {transition} transition)", plural(needed as usize, "datapoint")))
        }
    };
    let verb = if deciding.len() == 1 { "was" } else { "were" };
    let not = if alarming { "" } else { "not " };
    let crossing = format!("{verb} {not}{} the threshold ({:?})", alarm.comparison().words(), alarm.threshold());
    if deciding.len() <= policy::REASON_POINTS_WITHIN_MAX {
        format!("Threshold Crossed: {subject} [{named}] {crossing}{minimum}.")
    } else {
        let recent = "The most recent datapoints which crossed the threshold";
        format!("Threshold Crossed: {subject} {crossing}. {recent}: [{named}]{minimum}.")
    }
}

/// Writes `1 datapoint was`, `3 datapoints were`.
fn counted(count: usize, noun: &str) -> String {
    format!("{} {}", plural(count, noun), if count == 1 { "was" } else { "were" })
}

/// Writes `1 datapoint`, `3 datapoints`.
fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReasonData {
    version: &'static str,
    query_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<String>,
    period: u32,
    /// Oldest first.
    recent_datapoints: Vec<f64>,
    threshold: f64,
    /// Newest first.
    evaluated_datapoints: Vec<EvaluatedDatapoint>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvaluatedDatapoint {
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_count: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
}

/// Writes what was evaluated as JSON.
pub(super) fn data(alarm: &MetricAlarm, evaluated: &Evaluated, now: Timestamp) -> String {
    let real = evaluated.real.iter().map(|(timestamp, point, _)| (*timestamp, Some(*point)));
    let missing = evaluated.missing.iter().map(|timestamp| (*timestamp, None));
    let mut points: Vec<(Timestamp, Option<Observed>)> = real.chain(missing).collect();
    points.sort_by_key(|(timestamp, _)| std::cmp::Reverse(*timestamp));
    let data = ReasonData {
        version: "1.0",
        query_date: calendar::iso(now),
        start_date: evaluated.real.last().map(|(timestamp, _, _)| calendar::iso(*timestamp)),
        unit: alarm.watched().unit().map(|unit| unit.as_str()),
        statistic: alarm.watched().statistic().map(ToString::to_string),
        period: alarm.period().seconds(),
        recent_datapoints: evaluated.real.iter().rev().map(|(_, point, _)| point.value).collect(),
        threshold: alarm.threshold(),
        evaluated_datapoints: points
            .into_iter()
            .map(|(timestamp, point)| EvaluatedDatapoint {
                timestamp: calendar::iso(timestamp),
                sample_count: point.and_then(|point| point.sample_count),
                value: point.map(|point| point.value),
            })
            .collect(),
    };
    serde_json::to_string(&data).expect("texts and finite numbers serialise")
}
