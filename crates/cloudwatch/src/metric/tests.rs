//! The limits of identities and data, one row each.

use seatrial_model::Timestamp;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::parse(name, value).expect("a valid dimension")
}

fn metric(dimensions: Vec<Dimension>) -> Result<Metric, Invalid> {
    let (namespace, name) = (Namespace::parse("Shop")?, MetricName::parse("Orders")?);
    Metric::new(namespace, name, dimensions)
}

fn spec() -> DatumSpec {
    DatumSpec { metric_name: "Orders".to_owned(), value: Some(1.0), ..DatumSpec::default() }
}

fn parse(spec: &DatumSpec) -> Result<Datum, Invalid> {
    Datum::parse(&Namespace::parse("Shop").expect("a namespace"), spec, NOW)
}

#[test]
fn the_order_of_dimensions_does_not_matter() {
    let one = metric(vec![dimension("a", "1"), dimension("b", "2")]);
    let other = metric(vec![dimension("b", "2"), dimension("a", "1")]);
    assert_eq!(one, other);
}

#[test]
fn identities_outside_the_documented_limits_are_refused() {
    assert!(Namespace::parse("").is_err());
    assert!(Namespace::parse(":x").is_err());
    assert!(Namespace::parse("  ").is_err());
    assert!(Namespace::parse(&"x".repeat(256)).is_err());
    assert!(Namespace::parse(&"x".repeat(255)).is_ok());
    assert!(MetricName::parse("a\u{7}").is_err());
    assert!(Dimension::parse("", "x").is_err());
    assert!(Dimension::parse("x", " ").is_err());
    assert!(Dimension::parse(":x", "y").is_err());
    assert!(Dimension::parse("é", "y").is_err());
    assert!(Dimension::parse("x", &"y".repeat(1024)).is_ok());
    assert!(Dimension::parse("x", &"y".repeat(1025)).is_err());
    assert!(metric((0..30).map(|i| dimension(&format!("d{i}"), "x")).collect()).is_ok());
    assert!(metric((0..31).map(|i| dimension(&format!("d{i}"), "x")).collect()).is_err());
    assert!(metric(vec![dimension("a", "1"), dimension("a", "2")]).is_err());
}

#[test]
fn identities_survive_serialisation() {
    let metric = metric(vec![dimension("b", "2"), dimension("a", "1")]).expect("a metric");
    let text = serde_json::to_string(&metric).expect("serialises");
    assert_eq!(serde_json::from_str::<Metric>(&text).expect("parses"), metric);
    assert!(serde_json::from_str::<Metric>(r#"{"namespace":"","name":"x"}"#).is_err());
}

#[test]
fn a_datum_has_exactly_one_kind_of_value() {
    assert!(parse(&spec()).is_ok());
    assert!(parse(&DatumSpec { value: None, ..spec() }).is_err());
    assert!(parse(&DatumSpec { values: vec![1.0], ..spec() }).is_err());
    let set = StatisticSet { sample_count: 2.0, sum: 3.0, minimum: 1.0, maximum: 2.0 };
    assert!(parse(&DatumSpec { statistic_values: Some(set), ..spec() }).is_err());
    assert!(parse(&DatumSpec { value: None, statistic_values: Some(set), ..spec() }).is_ok());
}

#[test]
fn values_and_counts_go_together() {
    let many = |values: usize, counts: usize| {
        let values = (0..values).map(|value| value as f64).collect();
        parse(&DatumSpec { value: None, values, counts: vec![1.0; counts], ..spec() })
    };
    assert!(many(150, 0).is_ok());
    assert!(many(150, 150).is_ok());
    assert!(many(151, 0).is_err());
    assert!(many(3, 2).is_err());
    assert!(parse(&DatumSpec { counts: vec![1.0], ..spec() }).is_err());
    assert!(parse(&DatumSpec { value: None, values: vec![1.0], counts: vec![-1.0], ..spec() }).is_err());
    assert!(parse(&DatumSpec { value: None, values: vec![1.0], counts: vec![0.0], ..spec() }).is_err());
}

#[test]
fn special_and_huge_values_are_refused() {
    let value = |value: f64| parse(&DatumSpec { value: Some(value), ..spec() });
    for refused in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, VALUE_ABSOLUTE_MAX * 2.0, f64::MAX] {
        assert!(value(refused).is_err(), "{refused}");
    }
    for taken in [0.0, -0.0, VALUE_ABSOLUTE_MAX, -VALUE_ABSOLUTE_MAX, f64::MIN_POSITIVE] {
        assert!(value(taken).is_ok(), "{taken}");
    }
    let set = |sample_count, sum, minimum, maximum| {
        let set = StatisticSet { sample_count, sum, minimum, maximum };
        parse(&DatumSpec { value: None, statistic_values: Some(set), ..spec() })
    };
    assert!(set(1.0, f64::NAN, 0.0, 1.0).is_err());
    assert!(set(0.0, 1.0, 0.0, 1.0).is_err());
    assert!(set(1.0, 1.0, 2.0, 1.0).is_err());
}

#[test]
fn timestamps_reach_from_two_weeks_ago_to_two_hours_ahead() {
    let at = |timestamp| parse(&DatumSpec { timestamp: Some(timestamp), ..spec() });
    let milli = std::time::Duration::from_millis(1);
    assert!(at(NOW - PAST_MAX).is_ok());
    assert!(at(NOW - PAST_MAX - milli).is_err());
    assert!(at(NOW + FUTURE_MAX).is_ok());
    assert!(at(NOW + FUTURE_MAX + milli).is_err());
    assert_eq!(parse(&spec()).expect("a datum").timestamp(), NOW);
}

#[test]
fn storage_resolution_is_one_second_or_one_minute() {
    let resolution = |seconds| parse(&DatumSpec { storage_resolution: Some(seconds), ..spec() });
    assert_eq!(resolution(1).expect("valid").resolution(), StorageResolution::High);
    assert_eq!(resolution(60).expect("valid").resolution(), StorageResolution::Standard);
    assert_eq!(parse(&spec()).expect("valid").resolution(), StorageResolution::Standard);
    assert!(resolution(30).is_err());
}

#[test]
fn units_have_cloudwatchs_names() {
    for unit in Unit::ALL {
        assert_eq!(Unit::parse(unit.as_str()), Ok(unit));
    }
    assert_eq!(Unit::parse("Count/Second"), Ok(Unit::CountPerSecond));
    assert!(Unit::parse("count").is_err());
}
