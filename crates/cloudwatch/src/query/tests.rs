//! GetMetricData's and PutMetricAlarm's queries.

use std::time::Duration;

use seatrial_model::{TimeScale, Timestamp};

use super::*;
use crate::invalid::Invalid;
use crate::metric::{Datum, MetricSpec};
use crate::store::Limits;

/// 21 November 2023, 12:00:00 UTC.
const START: Timestamp = Timestamp::from_millis(1_700_568_000_000);

fn seconds(seconds: u64) -> Timestamp {
    START + Duration::from_secs(seconds)
}

fn metric(name: &str) -> MetricSpec {
    MetricSpec { namespace: "Shop".to_owned(), name: name.to_owned(), dimensions: Vec::new() }
}

fn stat(id: &str, name: &str, stat: &str, period: i64) -> MetricDataQuerySpec {
    let metric_stat = MetricStatSpec { metric: metric(name), period, stat: stat.to_owned(), unit: None };
    MetricDataQuerySpec { id: id.to_owned(), metric_stat: Some(metric_stat), ..MetricDataQuerySpec::default() }
}

fn expression(id: &str, text: &str) -> MetricDataQuerySpec {
    MetricDataQuerySpec { id: id.to_owned(), expression: Some(text.to_owned()), ..MetricDataQuerySpec::default() }
}

fn hidden(spec: MetricDataQuerySpec) -> MetricDataQuerySpec {
    MetricDataQuerySpec { return_data: Some(false), ..spec }
}

/// 10 requests each minute for 5 minutes; 1 error in the second, 4 in the fourth minute.
fn store() -> MetricStore {
    let mut store = MetricStore::new(TimeScale::REAL, Limits::default());
    let mut put = |name: &str, minute: u64, count: f64| {
        let metric = Metric::parse(&metric(name)).expect("valid");
        let at = seconds(minute * 60 + 30);
        store.put(&Datum::of_value(metric, at, Unit::Count, count).expect("valid"), at).expect("room");
    };
    (0..5).for_each(|minute| put("Requests", minute, 10.0));
    put("Errors", 1, 1.0);
    put("Errors", 3, 4.0);
    store
}

fn answered(specs: &[MetricDataQuerySpec]) -> Vec<(String, Vec<(u64, f64)>)> {
    let queries = MetricDataQueries::parse(specs).expect("valid");
    let results = queries.evaluate(&store(), START, seconds(300), seconds(300)).expect("answered");
    let point = |(timestamp, value): &(Timestamp, f64)| (timestamp.since(START).as_secs() / 60, *value);
    results
        .into_iter()
        .map(|result| (format!("{} {}", result.id, result.label), result.points.iter().map(point).collect()))
        .collect()
}

#[test]
fn an_error_rate_is_computed_from_two_metrics() {
    let specs = [
        MetricDataQuerySpec { label: Some("error rate".to_owned()), ..expression("rate", "100 * errors / all") },
        hidden(stat("errors", "Errors", "Sum", 60)),
        hidden(stat("all", "Requests", "Sum", 60)),
    ];
    assert_eq!(
        answered(&specs),
        [("rate error rate".to_owned(), vec![(0, 0.0), (1, 10.0), (2, 0.0), (3, 40.0), (4, 0.0)])]
    );
}

#[test]
fn answers_are_in_the_order_of_the_queries_whatever_refers_to_what() {
    let specs = [expression("e2", "e1 * 2"), expression("e1", "m1 + 1"), stat("m1", "Errors", "Sum", 60)];
    assert_eq!(
        answered(&specs),
        [
            ("e2 e2".to_owned(), vec![(1, 4.0), (3, 10.0)]),
            ("e1 e1".to_owned(), vec![(1, 2.0), (3, 5.0)]),
            ("m1 Errors".to_owned(), vec![(1, 1.0), (3, 4.0)]),
        ]
    );
}

#[test]
fn an_array_gives_several_results_of_one_id() {
    let specs = [
        expression("e", "METRICS() * 1"),
        hidden(stat("a", "Errors", "Sum", 300)),
        hidden(stat("b", "Requests", "Sum", 300)),
    ];
    assert_eq!(answered(&specs), [("e e a".to_owned(), vec![(0, 5.0)]), ("e e b".to_owned(), vec![(0, 50.0)])]);
}

#[test]
fn gaps_are_filled_over_the_whole_range() {
    let specs = [expression("e", "FILL(m, 0)"), hidden(stat("m", "Errors", "Sum", 60))];
    assert_eq!(answered(&specs)[0].1, [(0, 0.0), (1, 1.0), (2, 0.0), (3, 4.0), (4, 0.0)]);
}

#[test]
fn queries_that_do_not_fit_are_refused() {
    let refused = |specs: &[MetricDataQuerySpec]| MetricDataQueries::parse(specs).expect_err("refused");
    let m1 = || stat("m1", "Errors", "Sum", 60);
    refused(&[]);
    refused(&vec![m1(); 501]);
    refused(&[m1(), m1()]);
    refused(&[MetricDataQuerySpec { id: "M1".to_owned(), ..m1() }]);
    refused(&[MetricDataQuerySpec { id: "m-1".to_owned(), ..m1() }]);
    refused(&[MetricDataQuerySpec { id: "m1".to_owned(), ..MetricDataQuerySpec::default() }]);
    refused(&[MetricDataQuerySpec { expression: Some("m1".to_owned()), ..m1() }]);
    refused(&[stat("m1", "Errors", "Sum", 61)]);
    refused(&[stat("m1", "Errors", "Median", 60)]);
    assert_eq!(
        refused(&[expression("e1", "m1 + 1")]).message,
        "Error in expression 'e1': m1 is not the id of a metric or expression"
    );
    assert_eq!(
        refused(&[expression("e1", "e2"), expression("e2", "e1 + e1")]).message,
        "The expressions refer to each other in a circle."
    );
    refused(&[expression("e1", "e1")]);
    refused(&[m1(), expression("e1", "AVG(m1)")]);
    refused(&[m1(), expression("e1", "AVG(m1")]);
    assert!(
        MetricDataQueries::parse(&[m1(), hidden(expression("e1", "AVG(m1)")), expression("e2", "m1 - e1")]).is_ok()
    );
}

#[test]
fn no_answer_has_more_points_than_allowed() {
    let queries =
        MetricDataQueries::parse(&[stat("a", "Errors", "Sum", 1), stat("b", "Errors", "Sum", 1)]).expect("valid");
    let day = |seconds: u64| queries.evaluate(&store(), START, START + Duration::from_secs(seconds), START);
    assert!(day(50_000).is_ok());
    assert_eq!(day(50_401), Err(DataError::TooManyPoints(100_802)));
    assert!(matches!(day(200_000), Err(DataError::Range { .. })));
}

#[test]
fn queries_are_given_back_as_they_were_given() {
    let specs = [
        MetricDataQuerySpec { period: Some(300), label: Some("l".to_owned()), ..expression("e1", "m1 * 2") },
        hidden(stat("m1", "Errors", "TM(10%:90%)", 60)),
    ];
    assert_eq!(MetricDataQueries::parse(&specs).expect("valid").to_specs(), specs);
    let text = serde_json::to_string(&specs).expect("serialises");
    assert_eq!(serde_json::from_str::<Vec<MetricDataQuerySpec>>(&text).expect("parses"), specs);
    assert!(
        text.contains(r#""metricStat":{"metric":{"namespace":"Shop","name":"Errors","dimensions":[]},"period":60,"#)
    );
}

#[test]
fn an_alarm_watches_exactly_one_time_series_of_one_period() {
    let parse = |specs: &[MetricDataQuerySpec]| -> Result<AlarmQueries, Invalid> { AlarmQueries::parse(specs) };
    let rate = expression("e", "a / b");
    let (a, b) = (hidden(stat("a", "Errors", "Sum", 60)), hidden(stat("b", "Requests", "Sum", 60)));
    assert!(parse(&[rate.clone(), a.clone(), b.clone()]).is_ok());
    assert!(parse(&[stat("a", "Errors", "p95", 10)]).expect("valid").watched_metric().is_some());
    assert!(parse(&[MetricDataQuerySpec { period: Some(60), ..expression("e", "TIME_SERIES(1)") }]).is_ok());
    assert!(parse(&[expression("e", "TIME_SERIES(1)")]).is_err(), "no period");
    assert!(parse(&[rate.clone(), a.clone(), stat("b", "Requests", "Sum", 60)]).is_err(), "two return data");
    assert!(parse(&[a.clone(), b.clone()]).is_err(), "none returns data");
    assert!(parse(&[rate, a.clone(), hidden(stat("b", "Requests", "Sum", 300))]).is_err(), "two periods");
    assert!(parse(&[expression("e", "METRICS()"), a.clone()]).is_err(), "an array");
    assert!(parse(&[stat("a", "Errors", "Sum", 5)]).is_err(), "no period of alarms");
    let many = |count: usize| -> Vec<MetricDataQuerySpec> {
        let metrics = (0..count).map(|index| hidden(stat(&format!("m{index}"), "Errors", "Sum", 60)));
        std::iter::once(expression("e", "SUM(METRICS())")).chain(metrics).collect()
    };
    assert!(parse(&many(10)).is_ok());
    assert!(parse(&many(11)).is_err());
}
