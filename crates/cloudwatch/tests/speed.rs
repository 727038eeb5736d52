//! How fast data are stored and alarms are evaluated. Figures, not judgements:
//!
//! ```text
//! cargo test --release -p seatrial-cloudwatch -- --ignored --nocapture
//! ```
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "measuring takes a clock")]

use std::time::{Duration, Instant};

use seatrial_cloudwatch::alarm::MetricAlarmSpec;
use seatrial_cloudwatch::metric::{MetricSpec, Unit};
use seatrial_cloudwatch::query::{MetricDataQuerySpec, MetricStatSpec};
use seatrial_cloudwatch::store::Limits;
use seatrial_cloudwatch::{Alarms, Datum, Metric, MetricAlarm, MetricStore};
use seatrial_model::arn::Scope;
use seatrial_model::{AccountId, Region, TimeScale, Timestamp};

const START: i64 = 1_700_568_000_000;
const METRICS: usize = 1000;
const SECONDS: i64 = 600;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(START + second * 1000)
}

fn metric_spec(index: usize) -> MetricSpec {
    MetricSpec { namespace: "AWS/ApplicationELB".to_owned(), name: format!("Metric{index}"), dimensions: Vec::new() }
}

fn metric(index: usize) -> Metric {
    Metric::parse(&metric_spec(index)).expect("valid")
}

/// Numbers that look like latencies, between a millisecond and two seconds, always the same.
fn latency(number: usize) -> f64 {
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    0.001 * 2000_f64.powf(mixed as f64 / (1 << 24) as f64)
}

fn store_of_counts() -> (MetricStore, usize, Duration) {
    let metrics: Vec<Metric> = (0..METRICS).map(metric).collect();
    let mut store = MetricStore::new(TimeScale::REAL, Limits::default());
    let mut spent = Duration::ZERO;
    let mut count = 0;
    for second in 0..SECONDS {
        let data: Vec<Datum> = metrics
            .iter()
            .map(|metric| Datum::of_value(metric.clone(), at(second), Unit::Count, 3.0).expect("valid"))
            .collect();
        let began = Instant::now();
        data.iter().for_each(|datum| store.put(datum, at(second)).expect("room"));
        spent += began.elapsed();
        count += data.len();
    }
    (store, count, spent)
}

fn store_of_latencies(metrics: usize, values: usize) -> (MetricStore, usize, Duration) {
    let mut store = MetricStore::new(TimeScale::REAL, Limits::default());
    let mut spent = Duration::ZERO;
    let mut count = 0;
    for second in 0..SECONDS {
        for index in 0..metrics {
            let samples = (0..values).map(|number| (latency(count + number), 1.0)).collect();
            let datum = Datum::of_values(metric(index), at(second), Unit::Seconds, samples).expect("valid");
            let began = Instant::now();
            store.put(&datum, at(second)).expect("room");
            spent += began.elapsed();
            count += values;
        }
    }
    (store, count, spent)
}

fn alarm_spec(index: usize, statistic: &str) -> MetricAlarmSpec {
    let simple = statistic == "Sum";
    MetricAlarmSpec {
        alarm_name: format!("alarm-{index}"),
        namespace: Some("AWS/ApplicationELB".to_owned()),
        metric_name: Some(format!("Metric{}", index % METRICS)),
        statistic: simple.then(|| statistic.to_owned()),
        extended_statistic: (!simple).then(|| statistic.to_owned()),
        period: Some(60),
        evaluation_periods: Some(3),
        threshold: Some(1e9),
        comparison_operator: Some("GreaterThanThreshold".to_owned()),
        ..MetricAlarmSpec::default()
    }
}

fn rate_spec(index: usize) -> MetricAlarmSpec {
    let stat = |id: &str, metric: usize| MetricDataQuerySpec {
        id: id.to_owned(),
        metric_stat: Some(MetricStatSpec {
            metric: metric_spec(metric % METRICS),
            period: 60,
            stat: "Sum".to_owned(),
            unit: None,
        }),
        return_data: Some(false),
        ..MetricDataQuerySpec::default()
    };
    let rate = MetricDataQuerySpec {
        id: "rate".to_owned(),
        expression: Some("100 * FILL(m1, 0) / m2".to_owned()),
        ..MetricDataQuerySpec::default()
    };
    let metrics = vec![rate, stat("m1", index), stat("m2", index + 1)];
    let none = MetricAlarmSpec {
        namespace: None,
        metric_name: None,
        statistic: None,
        period: None,
        ..alarm_spec(index, "Sum")
    };
    MetricAlarmSpec { metrics, ..none }
}

fn evaluate(what: &str, store: &MetricStore, specs: impl Iterator<Item = MetricAlarmSpec>) {
    let scope = Scope {
        region: Region::parse("us-east-1").expect("valid"),
        account: AccountId::parse("123456789012").expect("valid"),
    };
    let mut alarms = Alarms::new(scope, TimeScale::REAL);
    for spec in specs {
        alarms.put_metric(MetricAlarm::parse(spec).expect("valid"), at(300)).expect("room");
    }
    let began = Instant::now();
    let mut evaluated = 0;
    let mut transitions = 0;
    for minute in 6..10 {
        transitions += alarms.evaluate_due(at(minute * 60), store).len();
        evaluated += alarms.len();
    }
    let spent = began.elapsed();
    let rate = evaluated as f64 / spent.as_secs_f64();
    println!("{what}: {rate:.0} alarms/s ({evaluated} evaluations, {transitions} transitions, {spent:?})");
}

#[test]
#[ignore = "measures; run it in release mode"]
fn data_are_stored_and_alarms_are_evaluated_this_fast() {
    let (counts, stored, spent) = store_of_counts();
    let rate = stored as f64 / spent.as_secs_f64();
    let bytes = counts.bytes() as f64 / stored as f64;
    println!("counts: {rate:.0} data/s; {METRICS} metrics, {SECONDS} buckets each, {bytes:.0} bytes a bucket");

    let (latencies, stored, spent) = store_of_latencies(20, 500);
    let rate = stored as f64 / spent.as_secs_f64();
    let bytes = latencies.bytes() as f64 / (20 * SECONDS) as f64;
    println!("latencies: {rate:.0} values/s, in data of 500 values; {bytes:.0} bytes a bucket");

    evaluate("Sum, 3 x 60 s of 1 s buckets", &counts, (0..5000).map(|index| alarm_spec(index, "Sum")));
    evaluate("expression of two such metrics", &counts, (0..5000).map(rate_spec));
    evaluate("p95 of 500 values/s, 3 x 60 s", &latencies, (0..20).map(|index| alarm_spec(index, "p95")));
}
