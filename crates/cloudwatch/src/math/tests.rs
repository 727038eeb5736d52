//! Metric math by table, with the documentation's examples, and against any text.

mod properties;

use seatrial_model::{TimeScale, Timestamp};

use super::*;
use crate::clock::{Grid, Period};

/// Sunday, 31 December 2023, 23:57:00 UTC: the periods run into Monday and the next year.
const START: i64 = 1_704_067_020_000;

pub(super) fn grid(count: usize, scale: TimeScale) -> Grid {
    let factor = i64::from(scale.factor());
    let end = Timestamp::from_millis(START + count as i64 * 60_000 / factor);
    Grid::before(end, Period::SECOND, Period::MINUTE, count, scale)
}

/// Reads `30, -, 0`: a point for each period, `-` for none.
pub(super) fn series(id: &str, points: &str, grid: &Grid) -> Series {
    let values = points.split(',').map(|point| point.trim().parse::<f64>().ok());
    let points = grid.timestamps().zip(values).filter_map(|(timestamp, value)| Some((timestamp, value?))).collect();
    Series { label: id.to_owned(), period: Period::MINUTE, points }
}

pub(super) fn inputs(metrics: &[(&str, &str)]) -> Inputs {
    let grid = grid(metrics.first().map_or(5, |(_, points)| points.split(',').count()), TimeScale::REAL);
    let mut inputs = Inputs::new(grid);
    metrics.iter().for_each(|(id, points)| inputs.add_metric(id, series(id, points, &grid), grid));
    inputs
}

/// Writes a value as [`series`] reads it; the series of an array are separated by `;`, a number stands for itself.
fn written(value: &Value, grid: &Grid) -> String {
    let one = |series: &Series| {
        let point = |timestamp| series.at(timestamp).map_or("-".to_owned(), |value| (value + 0.0).to_string());
        grid.timestamps().map(point).collect::<Vec<_>>().join(", ")
    };
    match value {
        Value::Scalar(number) => format!("= {number}"),
        Value::Series(series) => one(series),
        Value::Array(all) => all.iter().map(one).collect::<Vec<_>>().join("; "),
        Value::Word(_) | Value::Text(_) => "?".to_owned(),
    }
}

fn computed(expression: &str, inputs: &Inputs) -> String {
    let value = Expression::parse(expression).and_then(|expression| expression.evaluate(inputs));
    value.map_or_else(|error| format!("error: {error}"), |value| written(&value, inputs.default_grid()))
}

fn check(inputs: &Inputs, table: &[(&str, &str)]) {
    for (expression, expected) in table {
        assert_eq!(computed(expression, inputs), *expected, "{expression}");
    }
}

#[test]
fn arithmetic_takes_missing_points_as_zero_and_drops_what_divides_by_it() {
    check(
        &inputs(&[("m1", "1, 2, -, 4, -"), ("m2", "10, -, 30, 0, -")]),
        &[
            ("m1 + m2", "11, 2, 30, 4, -"),
            ("m1 - m2", "-9, 2, -30, 4, -"),
            ("m1 * m2", "10, 0, 0, 0, -"),
            ("m1 / m2", "0.1, -, 0, -, -"),
            ("m2 / m1", "10, 0, -, 0, -"),
            ("m1 ^ 2", "1, 4, -, 16, -"),
            ("2 ^ m1", "2, 4, -, 16, -"),
            ("5 * m1", "5, 10, -, 20, -"),
            ("m1 / 0", "-, -, -, -, -"),
            ("-m1", "-1, -2, -, -4, -"),
            ("m1 + 1 / 0", "-, -, -, -, -"),
            ("[m1, m2] * 2", "2, 4, -, 8, -; 20, -, 60, 0, -"),
            ("100 / [m1, m2]", "100, 50, -, 25, -; 10, -, 3.3333333333333335, -, -"),
            ("[m1, m2] - m1", "0, 0, -, 0, -; 9, -2, 30, -4, -"),
            ("m1 - [m1, m2]", "0, 0, -, 0, -; -9, 2, -30, 4, -"),
            ("-[m1]", "-1, -2, -, -4, -"),
            ("[[m1], m2, [m1, m1]] * 0", "0, 0, -, 0, -; 0, -, 0, 0, -; 0, 0, -, 0, -; 0, 0, -, 0, -"),
            ("m1 * 1e308 * 10", "-, -, -, -, -"),
            ("(-8) ^ 0.5 + m1", "-, -, -, -, -"),
        ],
    );
}

#[test]
fn operators_bind_as_in_mathematics() {
    let inputs = inputs(&[("m1", "0, 1")]);
    for (expression, value) in [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("2 ^ -2 ^ 2", 2_f64.powi(-4)),
        ("2 * -3", -6.0),
        ("1 - -1", 2.0),
        ("--1", 1.0),
        ("10 - 2 - 3", 5.0),
        ("100 / 10 / 2", 5.0),
        ("1 + 2 > 2", 1.0),
        ("1 > 2 || 2 > 1", 1.0),
        ("1 OR 1 AND 0", 1.0),
        ("(1 OR 1) AND 0", 0.0),
        ("1 < 2 && 3 != 3", 0.0),
        ("2 == 2.0", 1.0),
        ("1 >= 2", 0.0),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("5.", 5.0),
    ] {
        let found = Expression::parse(expression).expect(expression).evaluate(&inputs);
        assert_eq!(found, Ok(Value::Scalar(value)), "{expression}");
    }
}

#[test]
fn comparisons_are_those_of_the_documentation() {
    check(
        &inputs(&[("metric1", "30, 20, 0, 0"), ("metric2", "20, -, 20, -")]),
        &[
            ("metric1 < metric2", "0, 0, 1, 0"),
            ("metric1 >= 30", "1, 0, 0, 0"),
            ("metric1 > 15 AND metric2 > 15", "1, 0, 0, 0"),
            ("metric2 > 15", "1, -, 1, -"),
            ("metric1 == metric2", "0, 0, 0, 1"),
        ],
    );
}

#[test]
fn if_is_that_of_the_documentation() {
    let inputs =
        inputs(&[("metric1", "1, 1, 0, 0, -"), ("metric2", "30, -, 0, 0, 30"), ("metric3", "0, 0, 20, -, 20")]);
    check(
        &inputs,
        &[
            ("IF(metric1, metric2, metric3)", "30, 0, 20, -, -"),
            ("IF(metric1, 5, metric3)", "5, 5, 20, -, -"),
            ("IF(metric1, metric2, 5)", "30, 0, 5, 5, -"),
            ("IF(metric1, metric2)", "30, 0, -, -, -"),
            ("IF(metric1, 1, 0)", "1, 1, 0, 0, -"),
            ("IF(1, metric2, metric3)", "30, -, 0, 0, 30"),
            ("IF(0, metric2, metric3)", "0, 0, 20, -, 20"),
            ("IF(0, metric2)", "-, -, -, -, -"),
            ("IF(-1, 7, metric2)", "7, 7, 7, 7, 7"),
            ("IF(1, 2, 3)", "= 2"),
            ("IF(metric2 < 20, metric2)", "-, -, 0, 0, -"),
            (
                "IF(METRICS(), 1, 2)",
                "error: IF expects a condition, a value if it is true and perhaps one if it is false: numbers or time series",
            ),
            (
                "IF(metric1)",
                "error: IF expects a condition, a value if it is true and perhaps one if it is false: numbers or time series",
            ),
        ],
    );
}

#[test]
fn functions_compute_what_they_are_documented_to() {
    check(
        &inputs(&[("m1", "1, 4, -, -2.5, 8"), ("m2", "-, 10, -, 30, 0"), ("errors", "2, 2, 2, 2, 2")]),
        &[
            ("ABS(m1)", "1, 4, -, 2.5, 8"),
            ("CEIL(m1)", "1, 4, -, -2, 8"),
            ("FLOOR([m1])", "1, 4, -, -3, 8"),
            ("LOG10(10 ^ m1)", "1, 4, -, -2.5, 8"),
            ("LOG(m2)", "-, 2.302585092994046, -, 3.4011973816621555, -"),
            ("AVG(m1)", "= 2.625"),
            ("SUM(m1)", "= 10.5"),
            ("MIN(m1)", "= -2.5"),
            ("MAX(m1)", "= 8"),
            ("DATAPOINT_COUNT(m1)", "= 4"),
            ("STDDEV(errors)", "= 0"),
            ("m1 - AVG(m1)", "-1.625, 1.375, -, -5.125, 5.375"),
            ("SUM([m1, m2])", "1, 14, -, 27.5, 8"),
            ("AVG([m1, m2])", "0.5, 7, -, 13.75, 4"),
            ("MIN([m1, m2])", "1, 4, -, -2.5, 0"),
            ("MAX([m1, m2])", "1, 10, -, 30, 8"),
            ("DATAPOINT_COUNT([m1, m2])", "1, 2, -, 2, 2"),
            ("STDDEV([m1, m2])", "0, 3, -, 16.25, 4"),
            ("SUM(METRICS())", "3, 16, 2, 29.5, 10"),
            ("SUM(METRICS(\"m\"))", "1, 14, -, 27.5, 8"),
            ("SUM([METRICS('m'), METRICS(\"err\")])", "3, 16, 2, 29.5, 10"),
            ("METRIC_COUNT(METRICS())", "= 3"),
            ("PERIOD(m1)", "= 60"),
            ("m2 / PERIOD(m2)", "-, 0.16666666666666666, -, 0.5, 0"),
            ("DIFF(m1)", "-, 3, -, -6.5, 10.5"),
            ("DIFF_TIME(m1)", "-, 60, -, 120, 60"),
            ("RATE(m1)", "-, 0.05, -, -0.05416666666666667, 0.175"),
            ("RUNNING_SUM(m1)", "1, 5, -, 2.5, 10.5"),
            ("FIRST(METRICS())", "1, 4, -, -2.5, 8"),
            ("LAST(METRICS())", "2, 2, 2, 2, 2"),
            ("LAST(METRICS(\"none\"))", "-, -, -, -, -"),
            ("REMOVE_EMPTY([m1 / 0, m2])", "-, 10, -, 30, 0"),
            ("METRIC_COUNT(REMOVE_EMPTY([m1 / 0]))", "= 0"),
            ("TIME_SERIES(MAX(m1))", "8, 8, 8, 8, 8"),
            ("SORT([m1, m2, errors], SUM, DESC)", "-, 10, -, 30, 0; 1, 4, -, -2.5, 8; 2, 2, 2, 2, 2"),
            ("SORT([m1, m2, errors], AVG, ASC, 2)", "2, 2, 2, 2, 2; 1, 4, -, -2.5, 8"),
            ("SORT([m1 / 0, errors], MAX, DESC)", "2, 2, 2, 2, 2; -, -, -, -, -"),
            ("SORT([m1], MIN, ASC, -1)", ""),
            ("FIRST(SORT(METRICS(), MAX, DESC))", "-, 10, -, 30, 0"),
            ("MAX([])", "-, -, -, -, -"),
            ("AVG(m1 / 0) + m1", "-, -, -, -, -"),
        ],
    );
}

#[test]
fn fill_gives_every_period_a_point() {
    check(
        &inputs(&[("m1", "-, 10, -, -, 40, -"), ("m2", "1, 2, 3, -, 5, 6")]),
        &[
            ("FILL(m1, 0)", "0, 10, 0, 0, 40, 0"),
            ("FILL(m1, REPEAT)", "-, 10, 10, 10, 40, 40"),
            ("FILL(m1, LINEAR)", "-, 10, 20, 30, 40, -"),
            ("FILL(m1, m2)", "1, 10, 3, -, 40, 6"),
            ("FILL([m1, m2], 7)", "7, 10, 7, 7, 40, 7; 1, 2, 3, 7, 5, 6"),
            ("FILL(METRICS(), MIN(m1))", "10, 10, 10, 10, 40, 10; 1, 2, 3, 10, 5, 6"),
            ("FILL(m1 / 0, 1)", "1, 1, 1, 1, 1, 1"),
            ("FILL(m1, AVG(m1 / 0))", "-, 10, -, -, 40, -"),
            (
                "FILL(m1, SUM)",
                "error: FILL expects a time series or array of time series, and a number, a time series, REPEAT or LINEAR",
            ),
            (
                "FILL(5, 5)",
                "error: FILL expects a time series or array of time series, and a number, a time series, REPEAT or LINEAR",
            ),
        ],
    );
}

#[test]
fn calendar_functions_follow_the_periods_into_the_next_year() {
    check(
        &inputs(&[("m1", "-, -, 5, -, -")]),
        &[
            ("MINUTE(m1)", "57, 58, 59, 0, 1"),
            ("HOUR(m1)", "23, 23, 23, 0, 0"),
            ("DAY(m1)", "7, 7, 7, 1, 1"),
            ("DATE(m1)", "31, 31, 31, 1, 1"),
            ("MONTH(m1)", "12, 12, 12, 1, 1"),
            ("YEAR(m1)", "2023, 2023, 2023, 2024, 2024"),
            ("EPOCH(m1) - 1704067200", "-180, -120, -60, 0, 60"),
            ("IF(DAY(m1) == 7, m1)", "0, 0, 5, -, -"),
        ],
    );
}

#[test]
fn scaled_series_compute_in_nominal_seconds() {
    let scale = TimeScale::try_from(60).expect("a scale");
    let grid = grid(4, scale);
    assert_eq!(grid.timestamp(1).as_millis() - grid.timestamp(0).as_millis(), 1000);
    let mut inputs = Inputs::new(grid);
    inputs.add_metric("m1", series("m1", "0, 60, -, 240", &grid), grid);
    check(
        &inputs,
        &[
            ("PERIOD(m1)", "= 60"),
            ("DIFF_TIME(m1)", "-, 60, -, 120"),
            ("RATE(m1)", "-, 1, -, 1.5"),
            ("MINUTE(m1)", "57, 57, 57, 57"),
        ],
    );
}

#[test]
fn expressions_refer_to_other_expressions() {
    let mut inputs = inputs(&[("m1", "1, 2"), ("m2", "3, 4")]);
    let sum = Expression::parse("SUM([m1, m2])").expect("valid");
    assert_eq!(sum.ids().into_iter().collect::<Vec<_>>(), ["m1", "m2"]);
    inputs.add_expression("e1", sum.evaluate(&inputs).expect("fits"));
    inputs.add_expression("n", Value::Scalar(2.0));
    check(
        &inputs,
        &[("e1 / n", "2, 3"), ("SUM(METRICS())", "4, 6"), ("e2", "error: e2 is not the id of a metric or expression")],
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (expression, name) in [
        ("SEARCH('{AWS/EC2,InstanceId} CPU', 'Average', 300)", "SEARCH"),
        ("ANOMALY_DETECTION_BAND(m1, 2)", "ANOMALY_DETECTION_BAND"),
        ("SLICE(METRICS(), 0, 1)", "SLICE"),
        ("INSIGHT_RULE_METRIC('rule', 'Sum')", "INSIGHT_RULE_METRIC"),
        ("SELECT AVG(CPUUtilization) FROM \"AWS/EC2\"", "SELECT"),
        ("m1 / SERVICE_QUOTA(m1)", "SERVICE_QUOTA"),
    ] {
        assert_eq!(Expression::parse(expression), Err(MathError::Unsupported(name.to_owned())), "{expression}");
    }
    assert_eq!(Expression::parse("MEDIAN(m1)"), Err(MathError::UnknownFunction("MEDIAN".to_owned())));
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    for (expression, position) in [
        ("m1 +", 5),
        ("* m1", 1),
        ("m1 m2", 4),
        ("(m1", 4),
        ("m1)", 3),
        ("[m1, ]", 6),
        ("AVG(m1", 7),
        ("m1 ! m2", 4),
        ("m1 = m2", 4),
        ("METRICS(\"x)", 9),
        ("é", 1),
        ("m1 + é", 6),
        ("1.2.3", 4),
        ("1e999", 1),
        ("1 % 2", 3),
    ] {
        match Expression::parse(expression) {
            Err(MathError::Syntax { position: found, .. }) => assert_eq!(found, position, "{expression}"),
            other => panic!("{expression}: {other:?}"),
        }
    }
    assert_eq!(Expression::parse("  "), Err(MathError::Length));
    assert_eq!(Expression::parse(&"1".repeat(EXPRESSION_LENGTH_MAX + 1)), Err(MathError::Length));
    assert_eq!(Expression::parse(&"(".repeat(1000)), Err(MathError::TooDeep));
    assert_eq!(Expression::parse(&"-".repeat(1000)), Err(MathError::TooDeep));
    assert_eq!(Expression::parse(&format!("1{}", "^1".repeat(100))), Err(MathError::TooDeep));
    assert!(Expression::parse(&format!("1{}", "+1".repeat(1000))).is_ok(), "a long sum is not deep");
}

#[test]
fn types_that_do_not_fit_are_refused() {
    let inputs = inputs(&[("m1", "1, 2"), ("m2", "3, 4")]);
    for expression in [
        "[m1] + [m2]",
        "[1, 2]",
        "ABS(5)",
        "AVG(5)",
        "AVG(m1, m2)",
        "AVG()",
        "PERIOD([m1])",
        "PERIOD(5)",
        "HOUR(METRICS())",
        "FIRST(m1)",
        "METRIC_COUNT(m1)",
        "REMOVE_EMPTY(m1)",
        "TIME_SERIES(m1)",
        "METRICS(m1)",
        "METRICS(\"a\", \"b\")",
        "SORT(m1, AVG, ASC)",
        "SORT([m1], STDDEV, ASC)",
        "SORT([m1], AVG)",
        "SORT([m1], AVG, ASC, 1, 2)",
        "SORT([m1], AVG, ASC, m1)",
        "REPEAT",
        "AVG + 1",
        "\"text\"",
        "-\"text\"",
        "m1 + \"text\"",
        "[\"text\"]",
        "FILL(m1)",
        "FILL(m1, [m2])",
        "IF(\"a\", 1, 2)",
        "IF(1, [m1], 2)",
    ] {
        let result = Expression::parse(expression).and_then(|expression| expression.evaluate(&inputs));
        assert!(result.is_err(), "{expression}: {result:?}");
    }
}

#[test]
fn expressions_cannot_grow_without_end() {
    let points = vec!["1"; 2000].join(",");
    let metrics: Vec<(String, &str)> = (0..100).map(|index| (format!("m{index}"), points.as_str())).collect();
    let metrics: Vec<(&str, &str)> = metrics.iter().map(|(id, points)| (id.as_str(), *points)).collect();
    let inputs = inputs(&metrics);
    let doubled = format!("SUM([{}])", vec!["METRICS()"; 150].join(","));
    assert_eq!(computed(&doubled, &inputs), format!("error: {}", MathError::TooLarge));
}
