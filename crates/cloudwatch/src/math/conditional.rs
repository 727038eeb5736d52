//! IF: one of two values, point by point.

use seatrial_model::Timestamp;

use super::MathError;
use super::evaluate::{Budget, Inputs};
use super::series_functions::constant;
use super::value::{Series, Value};

/// Applies IF; `None` when the arguments are not those it expects.
pub(super) fn apply(arguments: Vec<Value>, inputs: &Inputs, budget: &mut Budget) -> Result<Option<Value>, MathError> {
    let mut arguments = arguments.into_iter();
    let (Some(condition), Some(if_true)) = (arguments.next(), arguments.next()) else { return Ok(None) };
    let if_false = arguments.next();
    let usable = |value: &Value| matches!(value, Value::Scalar(_) | Value::Series(_));
    if arguments.next().is_some() || !usable(&if_true) || !if_false.as_ref().is_none_or(usable) {
        return Ok(None);
    }
    match condition {
        Value::Series(condition) => {
            let chosen = budget.take(by_point(&condition, &if_true, if_false.as_ref()))?;
            Ok(Some(Value::Series(chosen)))
        }
        Value::Scalar(condition) => by_number(condition, if_true, if_false, inputs, budget).map(Some),
        Value::Array(_) | Value::Word(_) | Value::Text(_) => Ok(None),
    }
}

/// Where the condition has no point, neither has the result. A missing point counts as 0 where the condition is true, and is dropped where
/// it is false (documented).
fn by_point(condition: &Series, if_true: &Value, if_false: Option<&Value>) -> Series {
    let at = |value: Option<&Value>, timestamp: Timestamp| match value {
        Some(Value::Scalar(number)) => Some(*number),
        Some(Value::Series(series)) => series.at(timestamp),
        Some(Value::Array(_) | Value::Word(_) | Value::Text(_)) | None => None,
    };
    condition.map_points(|timestamp, holds| {
        if holds == 0.0 {
            at(if_false, timestamp).unwrap_or(f64::NAN)
        } else {
            at(Some(if_true), timestamp).unwrap_or(0.0)
        }
    })
}

/// The result is a number only if both values are; a number beside a series stands for a series without gaps.
fn by_number(
    condition: f64,
    if_true: Value,
    if_false: Option<Value>,
    inputs: &Inputs,
    budget: &mut Budget,
) -> Result<Value, MathError> {
    let both_numbers = matches!((&if_true, &if_false), (Value::Scalar(_), Some(Value::Scalar(_))));
    let nothing = if both_numbers { Value::Scalar(f64::NAN) } else { Value::Series(constant(f64::NAN, inputs)) };
    let chosen = match condition {
        condition if condition.is_nan() => nothing,
        0.0 => if_false.unwrap_or(nothing),
        _ => if_true,
    };
    match chosen {
        Value::Scalar(number) if !both_numbers => Ok(Value::Series(budget.take(constant(number, inputs))?)),
        chosen => Ok(chosen),
    }
}
