//! Statistics by table, and percentiles against sorted values.

use proptest::prelude::*;

use super::*;
use crate::distribution::{EXACT_VALUES_MAX, RELATIVE_ERROR};
use crate::metric::StatisticSet;

fn aggregate(values: impl IntoIterator<Item = f64>) -> Aggregate {
    let mut aggregate = Aggregate::default();
    values.into_iter().for_each(|value| aggregate.record_value(value, 1.0));
    aggregate
}

fn value(statistic: &str, values: impl IntoIterator<Item = f64>) -> Option<f64> {
    Statistic::parse(statistic).expect(statistic).of(&aggregate(values))
}

#[test]
fn names_are_written_as_they_were_read() {
    for name in [
        "SampleCount",
        "Average",
        "Sum",
        "Minimum",
        "Maximum",
        "p0",
        "p50",
        "p99.9",
        "p99.90",
        "p100",
        "tm90",
        "tc99.5",
        "ts1",
        "wm98",
        "IQM",
        "TM(10%:90%)",
        "TM(:95%)",
        "TM(10%:)",
        "TC(0.005:0.030)",
        "TC(:0.5)",
        "TS(80%:)",
        "TS(80:)",
        "WM(10%:90%)",
        "WM(1:2)",
        "PR(:300)",
        "PR(100:2000)",
        "PR(10:)",
        "TM(2.0%:98.00%)",
    ] {
        assert_eq!(Statistic::parse(name).expect(name).to_string(), name);
    }
}

#[test]
fn other_names_are_refused() {
    for name in [
        "",
        "p",
        "p101",
        "p-1",
        "P95",
        "p 95",
        "p95%",
        "average",
        "tm",
        "tm101",
        "TM90",
        "tm(10%:90%)",
        "TM()",
        "TM(:)",
        "TM(10%:90)",
        "TM(90%:10%)",
        "TM(5:5)",
        "TM(10%:90%",
        "TM10%:90%)",
        "PR(10%:20%)",
        "PR()",
        "iqm",
        "IQM(1:2)",
        "é",
        "pé",
        "aé(",
        "p1e3",
        "TM(-1:5)",
    ] {
        assert!(Statistic::parse(name).is_err(), "{name}");
    }
    assert!(Statistic::parse_simple("p95").is_err());
    assert!(Statistic::parse_extended("Sum").is_err());
}

#[test]
fn statistics_of_ten_values_are_those_of_the_definitions() {
    let values = || (1..=10).map(f64::from);
    for (statistic, expected) in [
        ("SampleCount", 10.0),
        ("Sum", 55.0),
        ("Average", 5.5),
        ("Minimum", 1.0),
        ("Maximum", 10.0),
        ("p0", 1.0),
        ("p50", 5.0),
        ("p90", 9.0),
        ("p90.1", 10.0),
        ("p100", 10.0),
        ("tm90", 5.0),
        ("TM(:90%)", 5.0),
        ("TM(10%:90%)", 5.5),
        ("tc90", 9.0),
        ("ts90", 45.0),
        ("TS(80%:)", 19.0),
        ("IQM", 5.5),
        ("wm90", 5.4),
        ("WM(20%:80%)", 5.3),
        ("WM(3:7)", 5.2),
        ("TM(3:7)", 5.5),
        ("TC(3:7)", 4.0),
        ("TC(:7)", 7.0),
        ("TS(7:)", 27.0),
        ("PR(:3)", 30.0),
        ("PR(3:7)", 40.0),
        ("PR(7:)", 30.0),
    ] {
        let found = value(statistic, values()).expect(statistic);
        assert!((found - expected).abs() < 1e-9, "{statistic} is {found}, not {expected}");
    }
}

#[test]
fn without_samples_there_is_no_statistic() {
    for statistic in ["SampleCount", "Sum", "Average", "p50", "TC(1:2)", "PR(:5)"] {
        assert_eq!(value(statistic, []), None, "{statistic}");
    }
    assert_eq!(value("TM(100:200)", [1.0, 2.0]), None);
    assert_eq!(value("TC(100:200)", [1.0, 2.0]), Some(0.0));
    assert_eq!(value("PR(100:200)", [1.0, 2.0]), Some(0.0));
}

#[test]
fn percentiles_need_raw_and_positive_values() {
    let p50 = Statistic::parse("p50").expect("a statistic");
    assert_eq!(value("p50", [1.0, -1.0, 2.0]), None);
    assert_eq!(value("Average", [1.0, -1.0, 3.0]), Some(1.0));
    let set =
        |sample_count, sum, minimum, maximum| Aggregate::from(StatisticSet { sample_count, sum, minimum, maximum });
    assert_eq!(p50.of(&set(2.0, 3.0, 1.0, 2.0)), None);
    assert_eq!(Statistic::Average.of(&set(2.0, 3.0, 1.0, 2.0)), Some(1.5));
    assert_eq!(p50.of(&set(1.0, 2.0, 2.0, 2.0)), Some(2.0));
    assert_eq!(p50.of(&set(3.0, 0.3, 0.1, 0.1)), Some(0.1));
    let mut mixed = aggregate([1.0, 2.0]);
    mixed.merge(&set(2.0, 3.0, 1.0, 2.0), Detail::Distribution);
    assert_eq!(p50.of(&mixed), None);
    assert_eq!(Statistic::Sum.of(&mixed), Some(6.0));
}

/// The plain definition: sort, count.
fn sorted_percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (share * values.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted[rank - 1]
}

proptest! {
    #[test]
    fn percentiles_are_exact_for_few_values(
        values in prop::collection::vec(0.0..1e6_f64, 1..EXACT_VALUES_MAX),
        percent in 0_u32..=100,
    ) {
        let found = value(&format!("p{percent}"), values.iter().copied()).expect("samples");
        prop_assert_eq!(found, sorted_percentile(&values, f64::from(percent) / 100.0));
    }

    #[test]
    fn percentiles_of_many_values_are_within_one_percent(
        values in prop::collection::vec(prop_oneof![0.0..1e-3_f64, 0.0..1.0_f64, 0.0..1e9_f64], 100..2000),
        percent in 0_u32..=100,
        split in 0_usize..100,
    ) {
        // Recorded in two buckets and merged, as a query does it.
        let mut merged = aggregate(values[..split].iter().copied());
        merged.merge(&aggregate(values[split..].iter().copied()), Detail::Distribution);
        let statistic = Statistic::parse(&format!("p{percent}")).expect("a statistic");
        let found = statistic.of(&merged).expect("samples");
        let exact = sorted_percentile(&values, f64::from(percent) / 100.0);
        prop_assert!((found - exact).abs() <= exact * RELATIVE_ERROR * 1.000_001, "p{} is {}, not {}", percent, found, exact);
    }

    #[test]
    fn merging_in_any_way_keeps_count_sum_and_the_middle(
        parts in prop::collection::vec(prop::collection::vec(0_u8..50, 0..40), 1..8),
    ) {
        let values: Vec<f64> = parts.iter().flatten().map(|value| f64::from(*value)).collect();
        let mut merged = Aggregate::default();
        for part in &parts {
            merged.merge(&aggregate(part.iter().map(|value| f64::from(*value))), Detail::Distribution);
        }
        prop_assert_eq!(merged.count(), values.len() as f64);
        prop_assert_eq!(merged.sum(), values.iter().sum::<f64>());
        if !values.is_empty() {
            let exact = sorted_percentile(&values, 0.5);
            let found = Statistic::parse("p50").expect("a statistic").of(&merged).expect("samples");
            prop_assert!((found - exact).abs() <= exact * RELATIVE_ERROR * 1.000_001);
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,40}") {
        if let Ok(statistic) = Statistic::parse(&text) {
            prop_assert_eq!(statistic.to_string(), text);
        }
    }
}
