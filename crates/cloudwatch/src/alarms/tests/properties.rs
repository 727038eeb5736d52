//! Store, schedule and evaluation together, against points that are summed up plainly, at several time scales.

use proptest::prelude::*;

use super::*;
use crate::alarm::{Observed, Slot, Verdict, verdict};

/// Sums the data of the periods that end at the last whole interval before `now`, oldest first; all times are nominal milliseconds.
fn plain_slots(data: &[(i64, f64)], now: i64, interval: i64, period: i64, count: i64) -> Vec<Slot> {
    let end = now / interval * interval;
    let slot = |age: i64| {
        let (from, to) = (end - (age + 1) * period, end - age * period);
        let inside: Vec<f64> = data.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, value)| *value).collect();
        let point = Observed { value: inside.iter().sum(), sample_count: Some(inside.len() as f64) };
        Slot { timestamp: START, point: (!inside.is_empty()).then_some(point) }
    };
    (0..count).rev().map(slot).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn states_are_those_of_points_summed_plainly(
        data in prop::collection::vec((0_i64..1_200_000, 0_u8..10), 0..40),
        factor in prop::sample::select(vec![1_u32, 3, 7, 60]),
        seconds in prop::sample::select(vec![10_i64, 30, 60, 120, 300]),
        periods in 1_i64..4,
        treat in prop::sample::select(vec!["missing", "ignore", "breaching", "notBreaching"]),
    ) {
        let scale = TimeScale::try_from(factor).expect("a scale");
        let factor = i64::from(factor);
        // A start that is a whole minute in nominal time, too.
        let start = START.as_millis();
        let real = |nominal: i64| Timestamp::from_millis(start + nominal / factor);
        let mut store = MetricStore::new(scale, Limits::default());
        let mut stored = Vec::new();
        for (nominal, value) in &data {
            let at = real(*nominal);
            put(&mut store, "Errors", at, f64::from(*value));
            stored.push((at.as_millis() * factor, f64::from(*value)));
        }
        let spec = MetricAlarmSpec {
            period: Some(seconds),
            evaluation_periods: Some(periods),
            treat_missing_data: Some(treat.to_owned()),
            ..spec("errors")
        };
        let alarm = MetricAlarm::parse(spec).expect("valid");
        let mut alarms = Alarms::new(scope(), scale);
        alarms.put_metric(alarm.clone(), real(0)).expect("room");
        let interval = if seconds < 60 { 10_000 } else { 60_000 };
        let mut expected = StateValue::InsufficientData;
        while let Some(now) = alarms.next_due().filter(|now| *now < real(1_500_000)) {
            alarms.evaluate_due(now, &store);
            let slots = plain_slots(&stored, now.as_millis() * factor, interval, seconds * 1000, periods + 2);
            if let Verdict::State(value) = verdict(&alarm, &slots) {
                expected = value;
            }
            let state = alarms.get(&name("errors")).expect("there").state();
            prop_assert_eq!(state.value, expected, "at {:?}: {}", now, state.reason);
            let next = alarms.next_due().expect("due again");
            prop_assert!(next > now && (next.as_millis() - now.as_millis()) * factor < interval + 2 * factor);
        }
    }
}
