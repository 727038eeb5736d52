//! Truth tables, wording and rules of metric alarms.

mod definition;
mod properties;
mod reasons;
mod truth_tables;

use seatrial_model::Timestamp;

use super::*;

/// 21 November 2023, 12:00:00 UTC.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_568_000_000);

/// An alarm on a Sum over a minute, `GreaterThanThreshold` 5.
pub(super) fn spec(evaluation_periods: i64, datapoints_to_alarm: Option<i64>) -> MetricAlarmSpec {
    MetricAlarmSpec {
        alarm_name: "errors".to_owned(),
        namespace: Some("Shop".to_owned()),
        metric_name: Some("Errors".to_owned()),
        statistic: Some("Sum".to_owned()),
        period: Some(60),
        evaluation_periods: Some(evaluation_periods),
        datapoints_to_alarm,
        threshold: Some(5.0),
        comparison_operator: Some("GreaterThanThreshold".to_owned()),
        ..MetricAlarmSpec::default()
    }
}

pub(super) fn alarm(spec: MetricAlarmSpec) -> MetricAlarm {
    MetricAlarm::parse(spec).expect("a valid alarm")
}

pub(super) fn treating(
    evaluation_periods: i64,
    datapoints_to_alarm: Option<i64>,
    treat: TreatMissingData,
) -> MetricAlarm {
    alarm(MetricAlarmSpec {
        treat_missing_data: Some(treat.as_str().to_owned()),
        ..spec(evaluation_periods, datapoints_to_alarm)
    })
}

/// Makes the range that ends at [`NOW`] of symbols, oldest first: `0` is good, `X` breaches, `-` is missing; blanks separate.
pub(super) fn range(symbols: &str) -> Vec<Slot> {
    let symbols: Vec<char> = symbols.chars().filter(|symbol| !symbol.is_whitespace()).collect();
    let count = symbols.len();
    let slot = |(index, symbol)| {
        let value = match symbol {
            '0' => Some(1.0),
            'X' => Some(9.0),
            '-' => None,
            other => panic!("{other} is no symbol"),
        };
        let age = std::time::Duration::from_secs(60 * (count - index) as u64);
        Slot { timestamp: NOW - age, point: value.map(|value| Observed { value, sample_count: Some(1.0) }) }
    };
    symbols.into_iter().enumerate().map(slot).collect()
}
