//! What PutMetricAlarm and PutCompositeAlarm take and refuse; when alarms are due.

use seatrial_model::TimeScale;

use super::*;
use crate::invalid::InvalidKind;

fn kind(spec: MetricAlarmSpec) -> InvalidKind {
    MetricAlarm::parse(spec).expect_err("an invalid alarm").kind
}

#[test]
fn what_put_metric_alarm_refuses_is_refused_for_its_reason() {
    use InvalidKind::{InvalidParameterCombination, InvalidParameterValue, MissingParameter, Unsupported};
    let with = |change: fn(&mut MetricAlarmSpec)| {
        let mut changed = spec(3, None);
        change(&mut changed);
        kind(changed)
    };
    assert_eq!(with(|spec| spec.alarm_name = String::new()), InvalidParameterValue);
    assert_eq!(with(|spec| spec.alarm_name = "a".repeat(256)), InvalidParameterValue);
    assert_eq!(with(|spec| spec.alarm_description = Some("a".repeat(1025))), InvalidParameterValue);
    assert_eq!(with(|spec| spec.metric_name = None), MissingParameter);
    assert_eq!(with(|spec| spec.namespace = None), MissingParameter);
    assert_eq!(with(|spec| spec.statistic = None), MissingParameter);
    assert_eq!(with(|spec| spec.statistic = Some("p95".to_owned())), InvalidParameterValue);
    assert_eq!(with(|spec| spec.extended_statistic = Some("p95".to_owned())), InvalidParameterCombination);
    assert_eq!(with(|spec| spec.period = None), MissingParameter);
    for period in [0, 1, 5, 15, 61, -60] {
        assert_eq!(kind(MetricAlarmSpec { period: Some(period), ..spec(1, None) }), InvalidParameterValue, "{period}");
    }
    assert_eq!(with(|spec| spec.evaluation_periods = None), MissingParameter);
    assert_eq!(with(|spec| spec.evaluation_periods = Some(0)), InvalidParameterValue);
    assert_eq!(with(|spec| spec.datapoints_to_alarm = Some(4)), InvalidParameterValue);
    assert_eq!(with(|spec| spec.datapoints_to_alarm = Some(0)), InvalidParameterValue);
    assert_eq!(with(|spec| spec.evaluation_periods = Some(1441)), InvalidParameterCombination);
    assert_eq!(with(|spec| spec.threshold = None), MissingParameter);
    assert_eq!(with(|spec| spec.threshold = Some(f64::NAN)), InvalidParameterValue);
    assert_eq!(with(|spec| spec.comparison_operator = None), MissingParameter);
    assert_eq!(with(|spec| spec.comparison_operator = Some(">".to_owned())), InvalidParameterValue);
    for operator in ["LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold"]
    {
        let spec = MetricAlarmSpec { comparison_operator: Some(operator.to_owned()), ..spec(1, None) };
        assert_eq!(kind(spec), Unsupported);
    }
    assert_eq!(with(|spec| spec.threshold_metric_id = Some("ad1".to_owned())), Unsupported);
    assert_eq!(with(|spec| spec.treat_missing_data = Some("Breaching".to_owned())), InvalidParameterValue);
    assert_eq!(with(|spec| spec.evaluate_low_sample_count_percentile = Some("no".to_owned())), InvalidParameterValue);
    assert_eq!(with(|spec| spec.actions.alarm = vec!["arn:x".to_owned(); 6]), InvalidParameterValue);
    assert_eq!(with(|spec| spec.actions.ok = vec![String::new()]), InvalidParameterValue);
    assert_eq!(with(|spec| spec.unit = Some("Parsecs".to_owned())), InvalidParameterValue);
}

#[test]
fn an_alarm_looks_back_a_day_or_seven_for_periods_of_an_hour() {
    let valid = |period, evaluation_periods| {
        MetricAlarm::parse(MetricAlarmSpec { period: Some(period), ..spec(evaluation_periods, None) }).is_ok()
    };
    assert!(valid(60, 1440) && !valid(60, 1441));
    assert!(valid(10, 8640) && !valid(10, 8641));
    assert!(valid(3600, 168) && !valid(3600, 169));
    assert!(valid(86_400, 7) && !valid(86_400, 8));
}

#[test]
fn definitions_survive_serialisation() {
    let definition = alarm(MetricAlarmSpec {
        alarm_description: Some("too slow".to_owned()),
        statistic: None,
        extended_statistic: Some("TM(10%:99.9%)".to_owned()),
        unit: Some("Seconds".to_owned()),
        treat_missing_data: Some("notBreaching".to_owned()),
        ..spec(5, Some(3))
    });
    let text = serde_json::to_string(&definition).expect("serialises");
    assert_eq!(serde_json::from_str::<MetricAlarm>(&text).expect("parses"), definition);
    let composite = CompositeAlarm::parse(CompositeAlarmSpec {
        alarm_name: "all".to_owned(),
        alarm_rule: "ALARM(a) AND NOT ALARM(\"b\")".to_owned(),
        actions_suppressor: Some("maintenance".to_owned()),
        actions_suppressor_wait_period: Some(60),
        actions_suppressor_extension_period: Some(0),
        ..CompositeAlarmSpec::default()
    })
    .expect("valid");
    let text = serde_json::to_string(&composite).expect("serialises");
    assert_eq!(serde_json::from_str::<CompositeAlarm>(&text).expect("parses"), composite);
}

#[test]
fn what_put_composite_alarm_refuses_is_refused() {
    let refused = |spec: CompositeAlarmSpec| CompositeAlarm::parse(spec).is_err();
    let valid = CompositeAlarmSpec {
        alarm_name: "all".to_owned(),
        alarm_rule: "ALARM(a)".to_owned(),
        ..CompositeAlarmSpec::default()
    };
    assert!(!refused(valid.clone()));
    assert!(refused(CompositeAlarmSpec { alarm_name: String::new(), ..valid.clone() }));
    assert!(refused(CompositeAlarmSpec { alarm_rule: " ".to_owned(), ..valid.clone() }));
    assert!(refused(CompositeAlarmSpec { alarm_rule: "ALARM(a".to_owned(), ..valid.clone() }));
    assert!(refused(CompositeAlarmSpec { actions_suppressor: Some("s".to_owned()), ..valid.clone() }));
    assert!(refused(CompositeAlarmSpec { actions_suppressor_wait_period: Some(1), ..valid }));
}

#[test]
fn alarms_are_due_each_minute_each_ten_seconds_or_each_hour() {
    let scale = |factor: u32| TimeScale::try_from(factor).expect("a scale");
    let with =
        |period, evaluation_periods| alarm(MetricAlarmSpec { period: Some(period), ..spec(evaluation_periods, None) });
    let millis = |timestamp: Timestamp| timestamp.as_millis() - NOW.as_millis();
    let next = |period, evaluation_periods, factor, after: i64| {
        let last = Timestamp::from_millis(NOW.as_millis() + after);
        millis(next_evaluation(&with(period, evaluation_periods), last, scale(factor)))
    };
    assert_eq!(next(60, 3, 1, 0), 60_000);
    assert_eq!(next(300, 3, 1, 1), 60_000);
    assert_eq!(next(60, 3, 1, 59_999), 60_000);
    assert_eq!(next(10, 3, 1, 0), 10_000);
    assert_eq!(next(30, 3, 1, 12_345), 20_000);
    assert_eq!(next(3600, 48, 1, 0), 3_600_000);
    assert_eq!(next(60, 3, 60, 0), 1000);
    assert_eq!(next(10, 3, 60, 0), 167);
    assert_eq!(next(10, 3, 60, 167), 334);
    assert_eq!(next(10, 3, 60, 334), 500);
}

#[test]
fn the_evaluation_range_ends_at_the_last_due_instant_and_slides_by_the_interval() {
    let alarm = alarm(MetricAlarmSpec { period: Some(300), ..spec(3, None) });
    let grid = evaluation_grid(&alarm, Timestamp::from_millis(NOW.as_millis() + 100_000), TimeScale::REAL);
    let minutes: Vec<i64> =
        grid.timestamps().map(|timestamp| (timestamp.as_millis() - NOW.as_millis()) / 60_000).collect();
    assert_eq!(minutes, [-24, -19, -14, -9, -4]);
}

#[test]
fn overriding_states_are_limited_in_length() {
    assert!(AlarmState::parse("ALARM", "testing", Some("{}")).is_ok());
    assert!(AlarmState::parse("alarm", "testing", None).is_err());
    assert!(AlarmState::parse("OK", &"x".repeat(1024), None).is_err());
    assert!(AlarmState::parse("OK", "x", Some(&"x".repeat(4001))).is_err());
}
