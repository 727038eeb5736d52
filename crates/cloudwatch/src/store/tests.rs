//! Queries, retention, limits and scales of the store.

use proptest::prelude::*;

use super::*;
use crate::clock::{GRID_POINTS_MAX, Period};
use crate::metric::{Dimension, MetricName, Namespace};

const START: i64 = 1_700_000_000_000 - 1_700_000_000_000 % 3_600_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

fn scale(factor: u32) -> TimeScale {
    TimeScale::try_from(factor).expect("a scale")
}

fn metric(name: &str) -> Metric {
    let (namespace, name) = (Namespace::parse("Shop").expect("valid"), MetricName::parse(name).expect("valid"));
    Metric::new(namespace, name, vec![Dimension::parse("Service", "web").expect("valid")]).expect("valid")
}

fn datum(name: &str, timestamp: Timestamp, value: f64) -> Datum {
    Datum::of_value(metric(name), timestamp, Unit::Count, value).expect("valid")
}

fn store() -> MetricStore {
    MetricStore::new(TimeScale::REAL, Limits::default())
}

fn grid(start: Timestamp, end: Timestamp, period: i64, now: Timestamp, scale: TimeScale) -> Grid {
    Grid::of_request(start, end, Period::parse(period).expect("valid"), now, scale).expect("few points")
}

fn sums(store: &MetricStore, grid: &Grid) -> Vec<(i64, f64)> {
    let points = store.points(&metric("Orders"), None, &Statistic::Sum, grid);
    points.iter().map(|point| (point.timestamp.as_millis() - START, point.value)).collect()
}

fn names(store: &MetricStore, now: Timestamp) -> Vec<String> {
    store.list(&MetricFilter::default(), None, now).map(|metric| metric.name().as_str().to_owned()).collect()
}

#[test]
fn points_are_sums_over_aligned_periods() {
    let mut store = store();
    for second in [0, 1, 59, 60, 125, 239] {
        store.put(&datum("Orders", at(second * 1000), 1.0), at(second * 1000)).expect("room");
    }
    let now = at(240_000);
    assert_eq!(
        sums(&store, &grid(at(0), now, 60, now, TimeScale::REAL)),
        [(0, 3.0), (60_000, 1.0), (120_000, 1.0), (180_000, 1.0)]
    );
    assert_eq!(sums(&store, &grid(at(0), now, 120, now, TimeScale::REAL)), [(0, 4.0), (120_000, 2.0)]);
    assert_eq!(sums(&store, &grid(at(0), at(60_000), 60, now, TimeScale::REAL)), [(0, 3.0)]);
    assert_eq!(sums(&store, &grid(at(70_000), at(130_000), 60, now, TimeScale::REAL)), [(60_000, 1.0), (120_000, 1.0)]);
    assert_eq!(sums(&store, &grid(at(50_000), at(70_000), 10, now, TimeScale::REAL)), [(50_000, 1.0), (60_000, 1.0)]);
}

#[test]
fn late_and_disordered_data_are_counted_where_they_belong() {
    let mut store = store();
    for second in [100, 10, 50, 10, 99, 0] {
        store.put(&datum("Orders", at(second * 1000), 1.0), at(100_000)).expect("room");
    }
    let now = at(101_000);
    assert_eq!(
        sums(&store, &grid(at(0), now, 1, now, TimeScale::REAL)),
        [(0, 1.0), (10_000, 2.0), (50_000, 1.0), (99_000, 1.0), (100_000, 1.0)]
    );
}

#[test]
fn units_are_kept_apart_and_asked_for_together_or_alone() {
    let mut store = store();
    let bytes = Datum::of_value(metric("Orders"), at(0), Unit::Bytes, 5.0).expect("valid");
    store.put(&datum("Orders", at(0), 1.0), at(0)).expect("room");
    store.put(&bytes, at(0)).expect("room");
    let grid = grid(at(0), at(60_000), 60, at(60_000), TimeScale::REAL);
    let sum = |unit| {
        let points = store.points(&metric("Orders"), unit, &Statistic::Sum, &grid);
        points.first().map(|point| point.value)
    };
    assert_eq!(sum(Some(Unit::Count)), Some(1.0));
    assert_eq!(sum(Some(Unit::Bytes)), Some(5.0));
    assert_eq!(sum(Some(Unit::Percent)), None);
    assert_eq!(sum(None), Some(6.0));
    assert_eq!(store.units(&metric("Orders")).collect::<Vec<_>>(), [Unit::Count, Unit::Bytes]);
}

#[test]
fn a_scaled_minute_is_a_real_second() {
    let scale = scale(60);
    let mut store = MetricStore::new(scale, Limits::default());
    for tick in 0..300 {
        store.put(&datum("Orders", at(tick * 10), 1.0), at(tick * 10)).expect("room");
    }
    let now = at(3000);
    assert_eq!(sums(&store, &grid(at(0), now, 60, now, scale)), [(0, 100.0), (1000, 100.0), (2000, 100.0)]);
    // A nominal second is a sixtieth of a real one: 10 ms steps hit 1 or 2 of them each.
    let fine = sums(&store, &grid(at(0), at(1000), 1, now, scale));
    assert_eq!(fine.len(), 60);
    assert_eq!(fine.iter().map(|(_, sum)| sum).sum::<f64>(), 100.0);
}

#[test]
fn standard_resolution_data_lie_at_the_minute() {
    let mut store = store();
    let spec = crate::metric::DatumSpec {
        metric_name: "Orders".to_owned(),
        value: Some(1.0),
        timestamp: Some(at(42_000)),
        ..Default::default()
    };
    let datum = Datum::parse(&Namespace::parse("Shop").expect("valid"), &spec, at(42_000)).expect("valid");
    store.put(&datum, at(42_000)).expect("room");
    let grid = grid(at(0), at(60_000), 10, at(60_000), TimeScale::REAL);
    let points = store.points(datum.metric(), None, &Statistic::Sum, &grid);
    assert_eq!(points.iter().map(|point| point.timestamp).collect::<Vec<_>>(), [at(0)]);
}

#[test]
fn data_grow_coarser_with_age_and_keep_their_sums() {
    const HOUR: i64 = 3_600_000;
    let mut store = store();
    for minute in 0..60 {
        store.put(&datum("Orders", at(minute * 60_000 + 7_000), 2.0), at(minute * 60_000 + 7_000)).expect("room");
    }
    let count = |store: &MetricStore, now: i64, period: i64| {
        let grid = grid(at(0), at(HOUR), period, at(now), TimeScale::REAL);
        let points = store.points(&metric("Orders"), None, &Statistic::Sum, &grid);
        assert!(points.is_empty() || points.iter().map(|point| point.value).sum::<f64>() == 120.0);
        points.len()
    };
    store.maintain(at(2 * HOUR));
    assert_eq!([1, 60, 300, 3600].map(|period| count(&store, 2 * HOUR, period)), [60, 60, 12, 1]);
    store.maintain(at(5 * HOUR));
    assert_eq!([1, 60, 300, 3600].map(|period| count(&store, 5 * HOUR, period)), [0, 60, 12, 1]);
    store.maintain(at(17 * 24 * HOUR));
    assert_eq!([60, 300, 3600].map(|period| count(&store, 17 * 24 * HOUR, period)), [0, 12, 1]);
    store.maintain(at(64 * 24 * HOUR));
    assert_eq!([60, 300, 3600].map(|period| count(&store, 64 * 24 * HOUR, period)), [0, 0, 1]);
    let bytes = store.bytes();
    store.maintain(at(456 * 24 * HOUR));
    assert_eq!(count(&store, 456 * 24 * HOUR, 3600), 0);
    assert!(store.is_empty() && bytes > 0);
    assert_eq!(store.bytes(), 0);
}

#[test]
fn percentiles_survive_rolling_up() {
    let mut store = store();
    for second in 0..3600 {
        store.put(&datum("Orders", at(second * 1000), second as f64 + 1.0), at(second * 1000)).expect("room");
    }
    store.maintain(at(20 * 24 * 3_600_000));
    let grid = grid(at(0), at(3_600_000), 3600, at(20 * 24 * 3_600_000), TimeScale::REAL);
    let points = store.points(&metric("Orders"), None, &Statistic::parse("p95").expect("valid"), &grid);
    let expected = 3420.0;
    assert!((points[0].value - expected).abs() <= expected * 0.01, "{}", points[0].value);
    assert_eq!(points[0].sample_count, 3600.0);
}

#[test]
fn a_new_metric_takes_the_place_of_the_longest_idle_or_is_refused() {
    let mut store = MetricStore::new(TimeScale::REAL, Limits { metrics_max: 3, ..Limits::default() });
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        store.put(&datum(name, at(0), 1.0), at(index as i64)).expect("room");
    }
    assert_eq!(store.put(&datum("d", at(0), 1.0), at(1000)), Err(PutError::TooManyMetrics(3)));
    let later = at(IDLE_AFTER.as_millis() as i64 + 1000);
    store.put(&datum("a", later, 1.0), later).expect("room");
    store.put(&datum("d", later, 1.0), later).expect("b is idle");
    assert_eq!(names(&store, later), ["a", "c", "d"]);
}

#[test]
fn memory_is_bounded_by_rolling_up_early_then_dropping_idle_metrics_then_refusing() {
    let limits = Limits { bytes_max: 400_000, ..Limits::default() };
    let mut store = MetricStore::new(TimeScale::REAL, limits);
    store.put(&datum("idle", at(0), 1.0), at(0)).expect("room");
    let mut refused = 0;
    for second in 0..30_000 {
        for name in ["a", "b"] {
            let values = (0..20).map(|value| (f64::from(value * second % 977), 1.0)).collect();
            let now = at(i64::from(second) * 1000);
            let datum = Datum::of_values(metric(name), now, Unit::Count, values).expect("valid");
            refused += usize::from(store.put(&datum, now).is_err());
            assert!(store.bytes() < limits.bytes_max + 400_000, "{} bytes at {second}", store.bytes());
        }
    }
    assert!(refused > 0, "15 minutes of seconds of two such metrics do not fit");
    assert_eq!(names(&store, at(0)), ["a", "b"]);
}

#[test]
fn metrics_are_listed_by_namespace_name_dimensions_and_recency() {
    let mut store = store();
    let hour = 3_600_000;
    store.put(&datum("Old", at(0), 1.0), at(0)).expect("room");
    store.put(&datum("New", at(5 * hour), 1.0), at(5 * hour)).expect("room");
    let list = |filter: &MetricFilter, now| {
        store.list(filter, None, now).map(|metric| metric.name().as_str().to_owned()).collect::<Vec<_>>()
    };
    let all = MetricFilter::default();
    assert_eq!(list(&all, at(5 * hour)), ["New", "Old"]);
    assert_eq!(list(&MetricFilter { recency: Recency::RecentlyActive, ..all.clone() }, at(5 * hour)), ["New"]);
    assert_eq!(list(&all, at(15 * 24 * hour)), [""; 0]);
    let by_name = MetricFilter { name: Some(MetricName::parse("Old").expect("valid")), ..all.clone() };
    assert_eq!(list(&by_name, at(5 * hour)), ["Old"]);
    let dimension = |value: Option<&str>| {
        let dimensions = vec![("Service".to_owned(), value.map(str::to_owned))];
        list(&MetricFilter { dimensions, ..all.clone() }, at(5 * hour)).len()
    };
    assert_eq!([dimension(None), dimension(Some("web")), dimension(Some("db"))], [2, 2, 0]);
    let other = MetricFilter { namespace: Some(Namespace::parse("Other").expect("valid")), ..all.clone() };
    assert_eq!(list(&other, at(5 * hour)), [""; 0]);
    let after: Vec<&Metric> = store.list(&all, Some(&metric("New")), at(5 * hour)).collect();
    assert_eq!(after, [&metric("Old")]);
}

proptest! {
    #[test]
    fn every_datum_is_in_exactly_one_period(
        data in prop::collection::vec((0_i64..10_000_000, 0_u8..100), 1..200),
        factor in prop_oneof![Just(1_u32), Just(7), Just(60), Just(1000)],
        period in prop_oneof![Just(1_i64), Just(10), Just(60), Just(300), Just(3600)],
    ) {
        let scale = scale(factor);
        let mut store = MetricStore::new(scale, Limits::default());
        let millis = |nominal: i64| nominal / i64::from(factor);
        let now = at(millis(10_000_000));
        for (nominal, value) in &data {
            store.put(&datum("Orders", at(millis(*nominal)), f64::from(*value)), now).expect("room");
        }
        let grid = grid(at(0), at(millis(10_000_000) + 1), period, now, scale);
        prop_assert!(grid.count() < GRID_POINTS_MAX);
        let points = store.points(&metric("Orders"), None, &Statistic::Sum, &grid);
        prop_assert_eq!(points.iter().map(|point| point.value).sum::<f64>(), data.iter().map(|(_, v)| f64::from(*v)).sum::<f64>());
        prop_assert_eq!(points.iter().map(|point| point.sample_count).sum::<f64>(), data.len() as f64);
        prop_assert!(points.windows(2).all(|pair| pair[0].timestamp < pair[1].timestamp));
    }
}
