//! Every row and column of the documented tables of missing data, and the rows that follow from the documented rules.

use super::*;

const OK: Verdict = Verdict::State(StateValue::Ok);
const ALARM: Verdict = Verdict::State(StateValue::Alarm);
const INSUFFICIENT: Verdict = Verdict::State(StateValue::InsufficientData);
const RETAIN: Verdict = Verdict::Retain;

/// Points, and what becomes of the alarm under `missing`, `ignore`, `breaching` and `notBreaching`.
type Row = (&'static str, [Verdict; 4]);

/// Three of three points must breach.
const THREE_OF_THREE: [Row; 12] = [
    ("0 - X - X", [OK, OK, OK, OK]),
    ("0 - - - -", [OK, OK, OK, OK]),
    ("- - - - -", [INSUFFICIENT, RETAIN, ALARM, OK]),
    ("0 X X - X", [ALARM, ALARM, ALARM, ALARM]),
    ("- - X - -", [ALARM, RETAIN, ALARM, OK]),
    ("0 0 X 0 X", [OK, OK, OK, OK]),
    // Earlier editions of the documentation.
    ("- - - - X", [INSUFFICIENT, RETAIN, ALARM, OK]),
    ("X - - - -", [ALARM, RETAIN, ALARM, OK]),
    // From the rules: not yet ALARM, and OK as soon as the next point is good.
    ("- - - X -", [INSUFFICIENT, RETAIN, ALARM, OK]),
    ("- - - X 0", [OK, OK, OK, OK]),
    ("- - X - 0", [OK, OK, OK, OK]),
    ("- X X X -", [ALARM, ALARM, ALARM, ALARM]),
];

/// Two of three points must breach.
const TWO_OF_THREE: [Row; 12] = [
    ("0 - X - X", [ALARM, ALARM, ALARM, ALARM]),
    ("- - - - -", [INSUFFICIENT, RETAIN, ALARM, OK]),
    ("0 X X - X", [ALARM, ALARM, ALARM, ALARM]),
    ("0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]),
    ("0 - X - -", [OK, OK, ALARM, OK]),
    ("- - - - 0", [OK, OK, ALARM, OK]),
    ("- - - X -", [ALARM, RETAIN, ALARM, OK]),
    // Earlier editions of the documentation.
    ("- - - - X", [INSUFFICIENT, RETAIN, ALARM, OK]),
    // From the rules.
    ("X - - - -", [ALARM, RETAIN, ALARM, OK]),
    ("- - - X X", [ALARM, ALARM, ALARM, ALARM]),
    ("X X 0 0 0", [OK, OK, OK, OK]),
    ("- - 0 - 0", [OK, OK, OK, OK]),
];

/// One of one point must breach: the last known point counts as long as it is in the range.
const ONE_OF_ONE: [Row; 6] = [
    ("- - -", [INSUFFICIENT, RETAIN, ALARM, OK]),
    ("- - X", [ALARM, ALARM, ALARM, ALARM]),
    ("X - -", [ALARM, ALARM, ALARM, ALARM]),
    ("0 - -", [OK, OK, OK, OK]),
    ("X - 0", [OK, OK, OK, OK]),
    ("0 X -", [ALARM, ALARM, ALARM, ALARM]),
];

fn check(rows: &[Row], evaluation_periods: i64, datapoints_to_alarm: i64) {
    for (points, expected) in rows {
        for (treat, expected) in TreatMissingData::ALL.into_iter().zip(expected) {
            let alarm = treating(evaluation_periods, Some(datapoints_to_alarm), treat);
            let found = verdict(&alarm, &range(points));
            let case = format!("{datapoints_to_alarm} of {evaluation_periods}, {points}, {}", treat.as_str());
            assert_eq!(found, *expected, "{case}");
            check_states(&alarm, points, found, &case);
        }
    }
}

/// From every state, the verdict is what the alarm goes into, and a kept state is no transition.
fn check_states(alarm: &MetricAlarm, points: &str, verdict: Verdict, case: &str) {
    for current in [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData] {
        let after = evaluate(alarm, current, &range(points), NOW).map_or(current, |state| state.value);
        match verdict {
            Verdict::State(value) => assert_eq!(after, value, "{case}, from {current}"),
            Verdict::Retain => assert_eq!(after, current, "{case}, from {current}"),
        }
    }
}

#[test]
fn three_of_three_points_follow_the_table() {
    check(&THREE_OF_THREE, 3, 3);
}

#[test]
fn two_of_three_points_follow_the_table() {
    check(&TWO_OF_THREE, 3, 2);
}

#[test]
fn one_point_is_the_last_known_one_while_it_is_in_the_range() {
    check(&ONE_OF_ONE, 1, 1);
}

#[test]
fn without_datapoints_to_alarm_all_points_must_breach() {
    for (points, expected) in THREE_OF_THREE {
        for (treat, expected) in TreatMissingData::ALL.into_iter().zip(expected) {
            assert_eq!(verdict(&treating(3, None, treat), &range(points)), expected, "{points}, {}", treat.as_str());
        }
    }
}

#[test]
fn missing_data_count_as_missing_unless_told_otherwise() {
    assert_eq!(alarm(spec(3, None)).treat_missing_data(), TreatMissingData::Missing);
    assert_eq!(verdict(&alarm(spec(3, None)), &range("- - - - -")), INSUFFICIENT);
}

#[test]
fn every_comparison_operator_breaches_on_its_side() {
    for (operator, [below, at, above]) in [
        ("GreaterThanOrEqualToThreshold", [OK, ALARM, ALARM]),
        ("GreaterThanThreshold", [OK, OK, ALARM]),
        ("LessThanThreshold", [ALARM, OK, OK]),
        ("LessThanOrEqualToThreshold", [ALARM, ALARM, OK]),
    ] {
        let alarm = alarm(MetricAlarmSpec { comparison_operator: Some(operator.to_owned()), ..spec(1, None) });
        for (value, expected) in [(4.9, below), (5.0, at), (5.1, above)] {
            let slot = Slot { timestamp: NOW, point: Some(Observed { value, sample_count: None }) };
            assert_eq!(verdict(&alarm, &[slot]), expected, "{operator} {value}");
        }
    }
}

#[test]
fn a_percentile_of_few_samples_keeps_the_state_if_it_is_to_be_ignored() {
    let alarm = |low: Option<&str>, statistic: &str| {
        alarm(MetricAlarmSpec {
            statistic: None,
            extended_statistic: Some(statistic.to_owned()),
            evaluate_low_sample_count_percentile: low.map(str::to_owned),
            ..spec(1, None)
        })
    };
    let found = |low, statistic, count| {
        let point = Some(Observed { value: 9.0, sample_count: Some(count) });
        verdict(&alarm(low, statistic), &[Slot { timestamp: NOW, point }])
    };
    for (statistic, needed) in
        [("p99", 1000.0), ("p95", 200.0), ("p50", 20.0), ("p10", 100.0), ("p100", 1.0), ("p0", 1.0)]
    {
        assert_eq!(found(Some("ignore"), statistic, needed - 1.0), RETAIN, "{statistic}");
        assert_eq!(found(Some("ignore"), statistic, needed + 1e-6), ALARM, "{statistic}");
        assert_eq!(found(Some("evaluate"), statistic, 1.0), ALARM, "{statistic}");
        assert_eq!(found(None, statistic, 1.0), ALARM, "{statistic}");
    }
    assert_eq!(found(Some("ignore"), "tm90", 1.0), ALARM, "only percentiles are significant or not");
}
