//! StateReason and StateReasonData, word for word.

use super::*;

fn reason(alarm: &MetricAlarm, current: StateValue, symbols: &str) -> String {
    evaluate(alarm, current, &range(symbols), NOW).expect("a transition").reason
}

#[test]
fn reasons_are_worded_as_cloudwatch_words_them() {
    use StateValue::{Alarm, InsufficientData, Ok};
    use TreatMissingData::{Breaching, Missing, NotBreaching};
    for (periods, datapoints, treat, current, points, expected) in [
        (
            3,
            Some(2),
            Missing,
            Ok,
            "0 0 X 0 X",
            "Threshold Crossed: 2 out of the last 3 datapoints [9.0 (21/11/23 11:59:00), 9.0 (21/11/23 11:57:00)] were greater than \
             the threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            3,
            Some(3),
            Missing,
            Alarm,
            "X X X X 0",
            "Threshold Crossed: 1 out of the last 3 datapoints [1.0 (21/11/23 11:59:00)] was not greater than the threshold (5.0) \
             (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (
            1,
            None,
            Missing,
            InsufficientData,
            "- - X",
            "Threshold Crossed: 1 datapoint [9.0 (21/11/23 11:59:00)] was greater than the threshold (5.0).",
        ),
        (
            2,
            None,
            Missing,
            Ok,
            "- - X X",
            "Threshold Crossed: 2 datapoints [9.0 (21/11/23 11:59:00), 9.0 (21/11/23 11:58:00)] were greater than the threshold (5.0).",
        ),
        (
            6,
            None,
            Missing,
            Ok,
            "- - X X X X X X",
            "Threshold Crossed: 6 datapoints were greater than the threshold (5.0). The most recent datapoints which crossed the \
             threshold: [9.0 (21/11/23 11:59:00), 9.0 (21/11/23 11:58:00), 9.0 (21/11/23 11:57:00), 9.0 (21/11/23 11:56:00), \
             9.0 (21/11/23 11:55:00)].",
        ),
        (
            5,
            Some(5),
            Missing,
            Ok,
            "X X X X X",
            "Threshold Crossed: 5 out of the last 5 datapoints were greater than the threshold (5.0). The most recent datapoints which \
             crossed the threshold: [9.0 (21/11/23 11:59:00), 9.0 (21/11/23 11:58:00), 9.0 (21/11/23 11:57:00), 9.0 (21/11/23 \
             11:56:00), 9.0 (21/11/23 11:55:00)] (minimum 5 datapoints for OK -> ALARM transition).",
        ),
        (
            2,
            None,
            Breaching,
            Ok,
            "- - - -",
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].",
        ),
        (
            1,
            None,
            NotBreaching,
            InsufficientData,
            "- - -",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
        ),
        (
            3,
            None,
            Breaching,
            Ok,
            "- - X - -",
            "Threshold Crossed: 1 datapoint was received for 3 periods and 2 missing datapoints were treated as [Breaching].",
        ),
        (1, None, Missing, Ok, "- - -", "Insufficient Data: 1 datapoint was unknown."),
        (5, None, Missing, Ok, "- - - - - - -", "Insufficient Data: 5 datapoints were unknown."),
    ] {
        let alarm = treating(periods, datapoints, treat);
        assert_eq!(reason(&alarm, current, points), expected);
    }
}

#[test]
fn reason_data_name_what_was_evaluated() {
    let data = |alarm: &MetricAlarm, points: &str| {
        evaluate(alarm, StateValue::Ok, &range(points), NOW).expect("a transition").reason_data.expect("data")
    };
    assert_eq!(
        data(&treating(3, Some(2), TreatMissingData::Breaching), "- - X - -"),
        r#"{"version":"1.0","queryDate":"2023-11-21T12:00:00.000+0000","startDate":"2023-11-21T11:57:00.000+0000","#
            .to_owned()
            + r#""statistic":"Sum","period":60,"recentDatapoints":[9.0],"threshold":5.0,"evaluatedDatapoints":["#
            + r#"{"timestamp":"2023-11-21T11:59:00.000+0000"},{"timestamp":"2023-11-21T11:58:00.000+0000"},"#
            + r#"{"timestamp":"2023-11-21T11:57:00.000+0000","sampleCount":1.0,"value":9.0}]}"#
    );
    let in_seconds = alarm(MetricAlarmSpec { unit: Some("Seconds".to_owned()), ..spec(1, None) });
    assert_eq!(
        data(&in_seconds, "- - -"),
        r#"{"version":"1.0","queryDate":"2023-11-21T12:00:00.000+0000","unit":"Seconds","statistic":"Sum","period":60,"#
            .to_owned()
            + r#""recentDatapoints":[],"threshold":5.0,"evaluatedDatapoints":[{"timestamp":"2023-11-21T11:59:00.000+0000"}]}"#
    );
}
