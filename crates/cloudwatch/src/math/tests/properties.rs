//! Expressions of any form: no input makes parsing or computing panic, and computed points are finite and in order.

use proptest::prelude::*;

use super::*;
use crate::math::function::{FUNCTIONS, UNSUPPORTED};

fn any_inputs() -> Inputs {
    inputs(&[("m1", "1, -, 0, -5, 1e300"), ("m2", "-, -, -, -, -"), ("m3", "0, 2, 1e-300, 4, 5")])
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let Ok(expression) = Expression::parse(text) else { return Ok(()) };
    prop_assert_eq!(expression.as_str(), text);
    let series = match expression.evaluate(&any_inputs()) {
        Ok(Value::Series(series)) => vec![series],
        Ok(Value::Array(all)) => all,
        Ok(Value::Scalar(_)) | Err(_) => Vec::new(),
        Ok(Value::Word(_) | Value::Text(_)) => return Err(TestCaseError::fail("no result of an expression")),
    };
    for series in series {
        prop_assert!(series.points.iter().all(|(_, value)| value.is_finite()), "{}: {:?}", text, series);
        prop_assert!(series.points.windows(2).all(|pair| pair[0].0 < pair[1].0), "{}: {:?}", text, series);
    }
    Ok(())
}

/// An expression that parses, with ids, functions and operators at random.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["m1", "m2", "m3", "METRICS()", "METRICS(\"m\")", "REPEAT", "LINEAR", "ASC", "AVG"])
            .prop_map(str::to_owned),
        (0.0..1000.0_f64).prop_map(|number| number.to_string()),
    ];
    leaf.prop_recursive(5, 64, 4, |inner| {
        let operators = vec!["+", "-", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=", "AND", "OR", "&&", "||"];
        let functions: Vec<&str> = FUNCTIONS.into_iter().map(|(name, _)| name).collect();
        prop_oneof![
            (inner.clone(), prop::sample::select(operators), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            inner.clone().prop_map(|inner| format!("-{inner}")),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(", "))),
            (prop::sample::select(functions), prop::collection::vec(inner, 0..4))
                .prop_map(|(function, all)| format!("{function}({})", all.join(", "))),
        ]
    })
}

/// Whether a value is a number, a series or an array.
fn shape(value: &Value) -> &'static str {
    match value {
        Value::Scalar(_) => "number",
        Value::Series(_) => "series",
        Value::Array(_) => "array",
        Value::Word(_) | Value::Text(_) => "none",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_computed_or_refused(text in ".{0,80}") {
        check(&text)?;
    }

    #[test]
    fn any_sequence_of_words_is_computed_or_refused(words in prop::collection::vec(prop_oneof![
        prop::sample::select(vec![
            "m1", "m2", "m3", "e1", "(", ")", "[", "]", ",", "+", "-", "*", "/", "^", "<", ">=", "==", "!=", "AND", "OR", "0", "1",
            "1e5", "\"m\"", "'", "REPEAT", "LINEAR", "ASC", "DESC", "é",
        ]).prop_map(str::to_owned),
        prop::sample::select(FUNCTIONS.to_vec()).prop_map(|(name, _)| format!("{name}(")),
        prop::sample::select(UNSUPPORTED.to_vec()).prop_map(str::to_owned),
    ], 0..25)) {
        check(&words.join(" "))?;
    }

    #[test]
    fn any_expression_is_computed_or_refused(text in expression()) {
        check(&text)?;
    }

    #[test]
    fn the_type_of_a_result_does_not_depend_on_the_data(text in expression()) {
        if let Ok(expression) = Expression::parse(&text) {
            let nothing = inputs(&[("m1", "-, -"), ("m2", "-, -"), ("m3", "-, -")]);
            let (with, without) = (expression.evaluate(&any_inputs()), expression.evaluate(&nothing));
            prop_assert_eq!(with.as_ref().map(shape).ok(), without.as_ref().map(shape).ok(), "{}: {:?}, {:?}", text, with, without);
        }
    }

    #[test]
    fn sums_over_arrays_are_sums_of_sums(values in prop::collection::vec(prop::collection::vec(0_u8..100, 5), 1..6)) {
        let rows: Vec<(String, String)> = values
            .iter()
            .enumerate()
            .map(|(index, row)| (format!("m{index}"), row.iter().map(u8::to_string).collect::<Vec<_>>().join(",")))
            .collect();
        let metrics: Vec<(&str, &str)> = rows.iter().map(|(id, row)| (id.as_str(), row.as_str())).collect();
        let inputs = inputs(&metrics);
        let sum = Expression::parse("TIME_SERIES(SUM(SUM(METRICS())))").expect("valid").evaluate(&inputs).expect("fits");
        let expected: u32 = values.iter().flatten().map(|value| u32::from(*value)).sum();
        let Value::Series(series) = sum else { return Err(TestCaseError::fail("a series")) };
        prop_assert!(series.points.iter().all(|(_, value)| *value == f64::from(expected)));
    }
}
