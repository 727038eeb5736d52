//! Stories of alarms over a store.

mod properties;

use std::time::Duration;

use seatrial_model::{AccountId, Region};

use super::*;
use crate::alarm::{
    ActionOutcome, Actions, CompositeAlarm, CompositeAlarmSpec, EvaluationState, HISTORY_ITEMS_MAX, HistoryItemType,
    MetricAlarm, MetricAlarmSpec,
};
use crate::metric::{Datum, Metric, MetricName, MetricSpec, Namespace, Unit};
use crate::query::{MetricDataQuerySpec, MetricStatSpec};
use crate::store::{Limits, MetricStore};

/// 21 November 2023, 12:00:00 UTC.
const START: Timestamp = Timestamp::from_millis(1_700_568_000_000);

fn seconds(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn name(text: &str) -> AlarmName {
    AlarmName::parse(text).expect("a name")
}

fn scope() -> Scope {
    Scope {
        region: Region::parse("us-east-1").expect("valid"),
        account: AccountId::parse("123456789012").expect("valid"),
    }
}

fn actions() -> Actions {
    Actions {
        ok: vec!["arn:ok".to_owned()],
        alarm: vec!["arn:alarm".to_owned()],
        insufficient_data: vec!["arn:unknown".to_owned()],
        ..Actions::default()
    }
}

fn spec(alarm: &str) -> MetricAlarmSpec {
    MetricAlarmSpec {
        alarm_name: alarm.to_owned(),
        actions: actions(),
        namespace: Some("Shop".to_owned()),
        metric_name: Some("Errors".to_owned()),
        statistic: Some("Sum".to_owned()),
        period: Some(60),
        evaluation_periods: Some(1),
        threshold: Some(5.0),
        comparison_operator: Some("GreaterThanThreshold".to_owned()),
        ..MetricAlarmSpec::default()
    }
}

fn metric_alarm(alarm: &str) -> MetricAlarm {
    MetricAlarm::parse(spec(alarm)).expect("valid")
}

fn composite(alarm: &str, rule: &str) -> CompositeAlarm {
    let spec = CompositeAlarmSpec {
        alarm_name: alarm.to_owned(),
        alarm_rule: rule.to_owned(),
        actions: actions(),
        ..CompositeAlarmSpec::default()
    };
    CompositeAlarm::parse(spec).expect("valid")
}

fn put_errors(store: &mut MetricStore, at: Timestamp, count: f64) {
    put(store, "Errors", at, count);
}

fn put(store: &mut MetricStore, name: &str, at: Timestamp, count: f64) {
    let (namespace, name) = (Namespace::parse("Shop").expect("valid"), MetricName::parse(name).expect("valid"));
    let metric = Metric::new(namespace, name, Vec::new()).expect("valid");
    store.put(&Datum::of_value(metric, at, Unit::Count, count).expect("valid"), at).expect("room");
}

fn told(transitions: &[Transition]) -> Vec<String> {
    let tell = |transition: &Transition| format!("{} {} -> {}", transition.alarm, transition.from, transition.to.value);
    transitions.iter().map(tell).collect()
}

fn world() -> (Alarms, MetricStore) {
    (Alarms::new(scope(), TimeScale::REAL), MetricStore::new(TimeScale::REAL, Limits::default()))
}

fn state(value: StateValue) -> AlarmState {
    AlarmState { value, reason: "testing".to_owned(), reason_data: None }
}

#[test]
fn an_alarm_goes_through_its_life() {
    let (mut alarms, mut store) = world();
    alarms.put_metric(metric_alarm("errors"), START).expect("room");
    let alarm = alarms.get(&name("errors")).expect("there");
    assert_eq!(alarm.state().reason, "Unchecked: Initial alarm creation");
    assert_eq!(alarm.arn(), "arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors");
    assert_eq!(alarms.next_due(), Some(START));

    assert_eq!(told(&alarms.evaluate_due(START, &store)), [""; 0], "no data: it stays as it was made");
    assert_eq!(alarms.next_due(), Some(seconds(60)));
    put_errors(&mut store, seconds(30), 9.0);
    assert_eq!(told(&alarms.evaluate_due(seconds(59), &store)), [""; 0], "not due");
    let transitions = alarms.evaluate_due(seconds(60), &store);
    assert_eq!(told(&transitions), ["errors INSUFFICIENT_DATA -> ALARM"]);
    assert_eq!(transitions[0].actions, ["arn:alarm"]);
    alarms.record_action(&name("errors"), "arn:alarm", &ActionOutcome::Succeeded, seconds(60)).expect("there");

    put_errors(&mut store, seconds(70), 1.0);
    assert_eq!(told(&alarms.evaluate_due(seconds(120), &store)), ["errors ALARM -> OK"]);
    let alarm = alarms.get(&name("errors")).expect("there");
    assert_eq!(alarm.state_transitioned_at(), seconds(120));
    assert_eq!(
        alarm.state().reason,
        "Threshold Crossed: 1 datapoint [1.0 (21/11/23 12:01:00)] was not greater than the threshold (5.0)."
    );
    assert_eq!(told(&alarms.evaluate_due(seconds(180), &store)), [""; 0], "the last point is still in the range");
    assert_eq!(told(&alarms.evaluate_due(seconds(240), &store)), [""; 0]);
    assert_eq!(told(&alarms.evaluate_due(seconds(300), &store)), ["errors OK -> INSUFFICIENT_DATA"]);

    let errors = name("errors");
    let summaries: Vec<&str> = alarms.history(&errors).map(|item| item.summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "Alarm \"errors\" created",
            "Alarm updated from INSUFFICIENT_DATA to ALARM",
            "Successfully executed action arn:alarm",
            "Alarm updated from ALARM to OK",
            "Alarm updated from OK to INSUFFICIENT_DATA",
        ]
    );
}

#[test]
fn history_data_have_cloudwatchs_form() {
    let (mut alarms, mut store) = world();
    alarms.put_metric(metric_alarm("errors"), START).expect("room");
    put_errors(&mut store, seconds(1), 9.0);
    alarms.evaluate_due(seconds(60), &store);
    let failed = ActionOutcome::Failed("no such topic".to_owned());
    alarms.record_action(&name("errors"), "arn:alarm", &failed, seconds(60)).expect("there");
    let errors = name("errors");
    let items: Vec<&HistoryItem> = alarms.history(&errors).collect();
    let types: Vec<HistoryItemType> = items.iter().map(|item| item.item_type).collect();
    assert_eq!(types, [HistoryItemType::ConfigurationUpdate, HistoryItemType::StateUpdate, HistoryItemType::Action]);
    let data: Vec<serde_json::Value> =
        items.iter().map(|item| serde_json::from_str(&item.data).expect("JSON")).collect();
    assert_eq!(data[0]["type"], "Create");
    assert_eq!(data[0]["createdAlarm"]["threshold"], 5.0);
    assert_eq!(data[0]["createdAlarm"]["metricName"], "Errors");
    assert_eq!(data[0]["createdAlarm"]["okactions"][0], "arn:ok");
    assert_eq!(data[1]["oldState"]["stateReason"], "Unchecked: Initial alarm creation");
    assert_eq!(data[1]["newState"]["stateValue"], "ALARM");
    assert_eq!(data[1]["newState"]["stateReasonData"]["recentDatapoints"][0], 9.0);
    assert!(items[1].data.starts_with(r#"{"version":"1.0","oldState":{"stateValue":"INSUFFICIENT_DATA","#));
    assert_eq!(data[2]["actionState"], "Failed");
    assert_eq!(items[2].summary, "Failed to execute action arn:alarm. Received error: \"no such topic\"");
}

#[test]
fn an_alarm_on_an_expression_watches_what_it_computes() {
    let (mut alarms, mut store) = world();
    let query = |id: &str, name: &str| MetricDataQuerySpec {
        id: id.to_owned(),
        metric_stat: Some(MetricStatSpec {
            metric: MetricSpec { namespace: "Shop".to_owned(), name: name.to_owned(), dimensions: Vec::new() },
            period: 60,
            stat: "Sum".to_owned(),
            unit: None,
        }),
        return_data: Some(false),
        ..MetricDataQuerySpec::default()
    };
    let rate = MetricDataQuerySpec {
        id: "rate".to_owned(),
        expression: Some("100 * errors / requests".to_owned()),
        ..MetricDataQuerySpec::default()
    };
    let spec = MetricAlarmSpec {
        namespace: None,
        metric_name: None,
        statistic: None,
        period: None,
        evaluation_periods: Some(2),
        datapoints_to_alarm: Some(2),
        metrics: vec![rate, query("errors", "Errors"), query("requests", "Requests")],
        ..spec("error-rate")
    };
    let both = MetricAlarm::parse(MetricAlarmSpec { period: Some(60), ..spec.clone() });
    assert_eq!(both.expect_err("refused").message, "The parameters Metrics and Period cannot be given together.");
    let alarm = MetricAlarm::parse(spec).expect("valid");
    let text = serde_json::to_string(&alarm).expect("serialises");
    assert_eq!(serde_json::from_str::<MetricAlarm>(&text).expect("parses"), alarm);
    alarms.put_metric(alarm, START).expect("room");
    for minute in 0..2 {
        put(&mut store, "Requests", seconds(minute * 60), 200.0);
        put(&mut store, "Errors", seconds(minute * 60), 20.0);
    }
    let transitions = alarms.evaluate_due(seconds(120), &store);
    assert_eq!(told(&transitions), ["error-rate INSUFFICIENT_DATA -> ALARM"]);
    assert_eq!(
        transitions[0].to.reason,
        "Threshold Crossed: 2 out of the last 2 datapoints [10.0 (21/11/23 12:01:00), 10.0 (21/11/23 12:00:00)] were greater than the \
         threshold (5.0) (minimum 2 datapoints for OK -> ALARM transition)."
    );
    let data = transitions[0].to.reason_data.as_deref().expect("data");
    assert!(!data.contains("statistic") && !data.contains("sampleCount"), "{data}");
    put(&mut store, "Requests", seconds(120), 200.0);
    assert_eq!(told(&alarms.evaluate_due(seconds(180), &store)), ["error-rate ALARM -> OK"], "no errors are none");
}

#[test]
fn an_alarm_whose_expression_cannot_be_computed_keeps_its_state_and_says_so() {
    let (mut alarms, store) = world();
    let metric = MetricDataQuerySpec {
        id: "m1".to_owned(),
        metric_stat: Some(MetricStatSpec {
            metric: MetricSpec { namespace: "Shop".to_owned(), name: "Errors".to_owned(), dimensions: Vec::new() },
            period: 10,
            stat: "Sum".to_owned(),
            unit: None,
        }),
        return_data: Some(false),
        ..MetricDataQuerySpec::default()
    };
    // 70 series of 8642 points, each computed 13 times.
    let minuses = "-".repeat(12);
    let huge = MetricDataQuerySpec {
        id: "e1".to_owned(),
        expression: Some(format!("SUM([{}])", vec![format!("{minuses}FILL(m1,0)"); 70].join(","))),
        ..MetricDataQuerySpec::default()
    };
    let spec = MetricAlarmSpec {
        namespace: None,
        metric_name: None,
        statistic: None,
        period: None,
        evaluation_periods: Some(8640),
        metrics: vec![huge, metric],
        ..spec("huge")
    };
    alarms.put_metric(MetricAlarm::parse(spec).expect("fits without data"), START).expect("room");
    alarms.set_state(&name("huge"), state(StateValue::Ok), START).expect("there");
    assert_eq!(told(&alarms.evaluate_due(START, &store)), [""; 0]);
    let alarm = alarms.get(&name("huge")).expect("there");
    assert_eq!(alarm.evaluation_state(), Some(EvaluationState::EvaluationError));
    assert_eq!(alarm.state().value, StateValue::Ok);
}

#[test]
fn an_override_lasts_until_the_next_evaluation() {
    let (mut alarms, mut store) = world();
    alarms.put_metric(metric_alarm("errors"), START).expect("room");
    put_errors(&mut store, seconds(1), 1.0);
    alarms.evaluate_due(seconds(60), &store);
    let transitions = alarms.set_state(&name("errors"), state(StateValue::Alarm), seconds(61)).expect("there");
    assert_eq!(told(&transitions), ["errors OK -> ALARM"]);
    assert_eq!(alarms.get(&name("errors")).expect("there").state().reason, "testing");
    assert_eq!(told(&alarms.evaluate_due(seconds(120), &store)), ["errors ALARM -> OK"]);
    let missing = alarms.set_state(&name("nobody"), state(StateValue::Ok), START);
    assert_eq!(missing, Err(ChangeError::NotFound(name("nobody"))));
}

#[test]
fn an_updated_alarm_keeps_its_state_until_it_is_evaluated() {
    let (mut alarms, mut store) = world();
    alarms.put_metric(metric_alarm("errors"), START).expect("room");
    put_errors(&mut store, seconds(1), 9.0);
    alarms.evaluate_due(seconds(60), &store);
    let higher = MetricAlarm::parse(MetricAlarmSpec { threshold: Some(50.0), ..spec("errors") }).expect("valid");
    alarms.put_metric(higher, seconds(70)).expect("there");
    assert_eq!(alarms.get(&name("errors")).expect("there").state().value, StateValue::Alarm);
    assert_eq!(alarms.next_due(), Some(seconds(70)));
    assert_eq!(told(&alarms.evaluate_due(seconds(70), &store)), ["errors ALARM -> OK"]);
}

#[test]
fn actions_are_taken_only_while_enabled() {
    let (mut alarms, store) = world();
    alarms.put_metric(metric_alarm("errors"), START).expect("room");
    alarms.disable_actions(&[name("errors"), name("nobody")], START);
    let off = alarms.set_state(&name("errors"), state(StateValue::Alarm), START).expect("there");
    assert_eq!(off[0].actions, [""; 0]);
    alarms.enable_actions(&[name("errors")], START);
    let on = alarms.set_state(&name("errors"), state(StateValue::Ok), START).expect("there");
    assert_eq!(on[0].actions, ["arn:ok"]);
    assert!(alarms.evaluate_due(START, &store).len() == 1);
}

#[test]
fn a_composite_alarm_follows_its_children_up_the_tree() {
    let (mut alarms, _) = world();
    for child in ["a", "b", "maintenance"] {
        alarms.put_metric(metric_alarm(child), START).expect("room");
    }
    let made = alarms.put_composite(composite("both", "ALARM(a) AND ALARM(b)"), START).expect("valid");
    assert_eq!(told(&made), ["both INSUFFICIENT_DATA -> OK"]);
    assert_eq!(
        made[0].to.reason,
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:both was created and its alarm rule evaluates to OK"
    );
    alarms.put_composite(composite("page", "ALARM(both) AND NOT ALARM(maintenance)"), START).expect("valid");

    let mut set = |alarm: &str, value| told(&alarms.set_state(&name(alarm), state(value), seconds(5)).expect("there"));
    assert_eq!(set("a", StateValue::Alarm), ["a INSUFFICIENT_DATA -> ALARM"]);
    assert_eq!(set("b", StateValue::Alarm), ["b INSUFFICIENT_DATA -> ALARM", "both OK -> ALARM", "page OK -> ALARM"]);
    assert_eq!(set("maintenance", StateValue::Alarm), ["maintenance INSUFFICIENT_DATA -> ALARM", "page ALARM -> OK"]);
    assert_eq!(set("both", StateValue::Ok), ["both ALARM -> OK"], "an override stays until a child changes");
    assert_eq!(set("b", StateValue::Ok), ["b ALARM -> OK"]);

    let both = alarms.get(&name("both")).expect("there").history().rev().find(|item| item.summary.ends_with("ALARM"));
    let data: serde_json::Value = serde_json::from_str(&both.expect("an item").data).expect("JSON");
    let new = &data["newState"];
    assert_eq!(
        new["stateReason"],
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:b transitioned to ALARM at Tuesday 21 November, 2023 12:00:05 UTC"
    );
    let triggering = new["stateReasonData"]["triggeringAlarms"].as_array().expect("a list");
    assert_eq!(triggering.len(), 2);
    assert_eq!(triggering[1]["arn"], "arn:aws:cloudwatch:us-east-1:123456789012:alarm:b");
    assert_eq!(triggering[1]["state"]["value"], "ALARM");
}

#[test]
fn a_suppressor_in_alarm_holds_the_actions_back() {
    let (mut alarms, _) = world();
    for child in ["a", "maintenance"] {
        alarms.put_metric(metric_alarm(child), START).expect("room");
    }
    let spec = CompositeAlarmSpec {
        actions_suppressor: Some("arn:aws:cloudwatch:us-east-1:123456789012:alarm:maintenance".to_owned()),
        actions_suppressor_wait_period: Some(0),
        actions_suppressor_extension_period: Some(0),
        ..composite("page", "ALARM(a)").to_spec()
    };
    alarms.put_composite(CompositeAlarm::parse(spec).expect("valid"), START).expect("valid");
    let mut set = |alarm: &str, value| alarms.set_state(&name(alarm), state(value), START).expect("there");
    assert_eq!(set("a", StateValue::Alarm)[1].actions, ["arn:alarm"]);
    set("maintenance", StateValue::Alarm);
    assert_eq!(set("a", StateValue::Ok)[1].actions, [""; 0]);
}

#[test]
fn what_a_composite_alarm_needs_cannot_be_deleted() {
    let (mut alarms, _) = world();
    for child in ["a", "b"] {
        alarms.put_metric(metric_alarm(child), START).expect("room");
    }
    let unknown = alarms.put_composite(composite("page", "ALARM(a) OR ALARM(x)"), START);
    assert_eq!(unknown, Err(ChangeError::NoSuchChildren(vec![name("x")])));
    alarms.put_composite(composite("page", "ALARM(a)"), START).expect("valid");
    alarms.put_composite(composite("other", "ALARM(b)"), START).expect("valid");
    let refused = alarms.delete(&[name("a"), name("b")], START);
    assert_eq!(refused, Err(ChangeError::DependedUpon { name: name("a"), parents: vec![name("page")] }));
    assert_eq!(alarms.delete(&[name("page"), name("other")], START), Err(ChangeError::TooManyToDelete));
    assert_eq!(alarms.delete(&vec![name("a"); 101], START), Err(ChangeError::TooManyToDelete));
    assert_eq!(alarms.delete(&[name("a"), name("page"), name("nobody")], START), Ok(vec![name("a"), name("page")]));
    assert_eq!(alarms.iter().map(Alarm::name).collect::<Vec<_>>(), [&name("b"), &name("other")]);
    let a = name("a");
    assert_eq!(alarms.history(&a).last().expect("kept").summary, "Alarm \"a\" deleted");
    assert_eq!(alarms.parents(&name("b")).collect::<Vec<_>>(), [&name("other")]);
}

#[test]
fn alarms_in_a_cycle_are_not_evaluated_until_it_is_broken() {
    let (mut alarms, _) = world();
    alarms.put_metric(metric_alarm("a"), START).expect("room");
    alarms.put_composite(composite("one", "ALARM(a)"), START).expect("valid");
    alarms.put_composite(composite("two", "ALARM(one) OR ALARM(a)"), START).expect("valid");
    alarms.put_composite(composite("one", "ALARM(two) OR ALARM(a)"), START).expect("a cycle is taken");
    let set = alarms.set_state(&name("a"), state(StateValue::Alarm), START).expect("there");
    assert_eq!(told(&set), ["a INSUFFICIENT_DATA -> ALARM"]);
    assert!(alarms.delete(&[name("one")], START).is_err());
    let broken = alarms.put_composite(composite("one", "FALSE OR ALARM(a)"), START).expect("valid");
    assert_eq!(told(&broken), ["one OK -> ALARM", "two OK -> ALARM"]);
    assert!(alarms.delete(&[name("one")], START).is_err(), "two still depends on it");
}

#[test]
fn names_are_shared_by_both_types() {
    let (mut alarms, _) = world();
    alarms.put_metric(metric_alarm("a"), START).expect("room");
    let refused = alarms.put_composite(composite("a", "TRUE"), START);
    assert_eq!(refused, Err(ChangeError::OtherType { name: name("a"), exists_as: AlarmType::MetricAlarm }));
}

#[test]
fn at_a_scale_of_sixty_a_minute_is_a_second() {
    let scale = TimeScale::try_from(60).expect("a scale");
    let mut alarms = Alarms::new(scope(), scale);
    let mut store = MetricStore::new(scale, Limits::default());
    let two = MetricAlarm::parse(MetricAlarmSpec { evaluation_periods: Some(2), ..spec("errors") }).expect("valid");
    alarms.put_metric(two, START).expect("room");
    alarms.evaluate_due(START, &store);
    put_errors(&mut store, START + Duration::from_millis(500), 9.0);
    put_errors(&mut store, START + Duration::from_millis(1999), 9.0);
    assert_eq!(alarms.next_due(), Some(seconds(1)));
    assert_eq!(told(&alarms.evaluate_due(seconds(1), &store)), [""; 0]);
    assert_eq!(told(&alarms.evaluate_due(seconds(2), &store)), ["errors INSUFFICIENT_DATA -> ALARM"]);
    let data = alarms.get(&name("errors")).expect("there").state().reason_data.clone().expect("data");
    assert!(data.contains(r#""period":60"#), "periods stay nominal: {data}");
}

#[test]
fn alarms_survive_being_stored() {
    let (mut alarms, store) = world();
    alarms.put_metric(metric_alarm("a"), START).expect("room");
    alarms.put_composite(composite("page", "ALARM(a)"), START).expect("valid");
    alarms.set_state(&name("a"), state(StateValue::Alarm), seconds(1)).expect("there");
    let text = serde_json::to_string(&alarms.iter().collect::<Vec<_>>()).expect("serialises");
    let kept: Vec<Alarm> = serde_json::from_str(&text).expect("parses");
    assert_eq!(kept.iter().collect::<Vec<_>>(), alarms.iter().collect::<Vec<_>>());
    let mut restored = Alarms::restore(scope(), TimeScale::REAL, kept, seconds(2));
    assert_eq!(restored.next_due(), Some(seconds(2)));
    let transitions = restored.evaluate_due(seconds(2), &store);
    assert_eq!(told(&transitions), ["a ALARM -> INSUFFICIENT_DATA", "page ALARM -> OK"]);
}

#[test]
fn history_and_deleted_alarms_are_bounded() {
    let (mut alarms, _) = world();
    alarms.put_metric(metric_alarm("a"), START).expect("room");
    for second in 0..1100 {
        let value = if second % 2 == 0 { StateValue::Alarm } else { StateValue::Ok };
        alarms.set_state(&name("a"), state(value), seconds(second)).expect("there");
    }
    let a = name("a");
    assert_eq!(alarms.history(&a).count(), HISTORY_ITEMS_MAX);
    assert_eq!(alarms.history(&a).last().expect("items").timestamp, seconds(1099));
    for number in 0..DELETED_HISTORIES_MAX + 5 {
        let passing = format!("passing-{number}");
        alarms.put_metric(metric_alarm(&passing), START).expect("room");
        alarms.delete(&[name(&passing)], START).expect("nothing depends on it");
    }
    assert_eq!(alarms.histories().filter(|item| item.alarm_name != a).count(), DELETED_HISTORIES_MAX * 2);
}
