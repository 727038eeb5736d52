//! The evaluator against a plain re-implementation that follows the documentation's paragraphs one after the other.

use proptest::prelude::*;

use super::*;

/// Works on symbols and strings only, and builds the list of points that CloudWatch says it evaluates.
fn plainly(points: &str, periods: usize, to_alarm: usize, treat: &str) -> &'static str {
    let existing: String = points.chars().filter(|point| *point != '-').collect();
    // "... the number of existing data points retrieved is equal to or more than the alarm's Evaluation Periods"
    if existing.len() >= periods {
        let recent = &existing[existing.len() - periods..];
        return if recent.matches('X').count() >= to_alarm { "ALARM" } else { "OK" };
    }
    // "... fills in the missing data points with the result you specified"
    let mut evaluated = existing.clone();
    while evaluated.len() < periods {
        evaluated.push(match treat {
            "breaching" => 'X',
            "notBreaching" => '0',
            _ => '?',
        });
    }
    if evaluated.matches('X').count() >= to_alarm {
        return "ALARM";
    }
    if !evaluated.contains('?') || existing.contains('0') {
        return "OK";
    }
    if treat == "ignore" {
        return "RETAIN";
    }
    // "... the oldest available breaching datapoint ... is at least as old as the value of Datapoints to Alarm, and all other more
    // recent data points are breaching or missing"
    match points.find('X') {
        None => "INSUFFICIENT_DATA",
        Some(oldest) if points.len() - oldest >= to_alarm => "ALARM",
        Some(_) => "INSUFFICIENT_DATA",
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::State(value) => value.as_str(),
        Verdict::Retain => "RETAIN",
    }
}

#[test]
fn every_range_of_up_to_four_periods_is_judged_as_the_plain_evaluator_judges_it() {
    for periods in 1..=4_usize {
        let length = periods + policy::EVALUATION_RANGE_EXTRA_PERIODS as usize;
        for number in 0..3_usize.pow(length as u32) {
            let points: String =
                (0..length).map(|place| ['0', 'X', '-'][number / 3_usize.pow(place as u32) % 3]).collect();
            for to_alarm in 1..=periods {
                for treat in TreatMissingData::ALL {
                    let alarm = treating(periods as i64, Some(to_alarm as i64), treat);
                    let expected = plainly(&points, periods, to_alarm, treat.as_str());
                    let found = name(verdict(&alarm, &range(&points)));
                    assert_eq!(found, expected, "{to_alarm} of {periods}, {points}, {}", treat.as_str());
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn long_ranges_are_judged_as_the_plain_evaluator_judges_them(
        periods in 1_usize..30,
        share in 0.0..1.0_f64,
        symbols in prop::collection::vec(prop::sample::select(vec!['0', 'X', '-', '-']), 32),
        treat in prop::sample::select(TreatMissingData::ALL.to_vec()),
    ) {
        let to_alarm = ((periods as f64 * share).ceil() as usize).max(1);
        let points: String = symbols[..periods + 2].iter().collect();
        let alarm = treating(periods as i64, Some(to_alarm as i64), treat);
        let found = verdict(&alarm, &range(&points));
        prop_assert_eq!(name(found), plainly(&points, periods, to_alarm, treat.as_str()), "{}", points);
        for current in [StateValue::Ok, StateValue::Alarm, StateValue::InsufficientData] {
            let state = evaluate(&alarm, current, &range(&points), NOW);
            prop_assert_eq!(state.is_some(), found != Verdict::Retain && found != Verdict::State(current));
            let data = state.and_then(|state| state.reason_data);
            if let Some(data) = data {
                let data: serde_json::Value = serde_json::from_str(&data).expect("JSON");
                prop_assert_eq!(data["evaluatedDatapoints"].as_array().expect("a list").len(), periods);
            }
        }
    }

    #[test]
    fn a_range_without_gaps_is_plain_counting(values in prop::collection::vec(0.0..10.0_f64, 5)) {
        let alarm = treating(5, Some(3), TreatMissingData::Missing);
        let slots: Vec<Slot> = values
            .iter()
            .map(|value| Slot { timestamp: NOW, point: Some(Observed { value: *value, sample_count: None }) })
            .collect();
        let breaching = values.iter().filter(|value| **value > 5.0).count();
        let expected = if breaching >= 3 { StateValue::Alarm } else { StateValue::Ok };
        prop_assert_eq!(verdict(&alarm, &slots), Verdict::State(expected));
    }
}
