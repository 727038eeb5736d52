//! FILL: values for the periods without a point.

use seatrial_model::Timestamp;

use super::MathError;
use super::evaluate::{Budget, Inputs};
use super::function::Keyword;
use super::value::{Series, Value, Word};

enum Filler {
    Number(f64),
    Series(Series),
    /// The last value before.
    Repeat,
    /// On the line between the values before and after.
    Linear,
}

/// Applies FILL; `None` when the arguments are not those it expects.
pub(super) fn apply(arguments: Vec<Value>, inputs: &Inputs, budget: &mut Budget) -> Result<Option<Value>, MathError> {
    let Ok([filled, filler]) = <[Value; 2]>::try_from(arguments) else { return Ok(None) };
    let filler = match filler {
        Value::Scalar(number) => Filler::Number(number),
        Value::Series(series) => Filler::Series(series),
        Value::Word(Word(Keyword::Repeat)) => Filler::Repeat,
        Value::Word(Word(Keyword::Linear)) => Filler::Linear,
        Value::Word(_) | Value::Text(_) | Value::Array(_) => return Ok(None),
    };
    match filled {
        Value::Series(series) => Ok(Some(Value::Series(budget.take(fill(&series, &filler, inputs))?))),
        Value::Array(all) => {
            let filled: Result<_, _> = all.iter().map(|series| budget.take(fill(series, &filler, inputs))).collect();
            Ok(Some(Value::Array(filled?)))
        }
        Value::Scalar(_) | Value::Word(_) | Value::Text(_) => Ok(None),
    }
}

/// Gives every period a point, where the filler has one for it.
fn fill(series: &Series, filler: &Filler, inputs: &Inputs) -> Series {
    let mut points = Vec::with_capacity(inputs.grid(series.period).count());
    let mut next = 0;
    for timestamp in inputs.grid(series.period).timestamps() {
        while series.points.get(next).is_some_and(|(known, _)| *known < timestamp) {
            next += 1;
        }
        let known = series.points.get(next).filter(|(known, _)| *known == timestamp);
        let value = known.map(|(_, value)| *value).or_else(|| {
            let before = next.checked_sub(1).map(|before| series.points[before]);
            value_of(filler, timestamp, before, series.points.get(next).copied())
        });
        points.extend(value.filter(|value| value.is_finite()).map(|value| (timestamp, value)));
    }
    series.with(points)
}

fn value_of(
    filler: &Filler,
    timestamp: Timestamp,
    before: Option<(Timestamp, f64)>,
    after: Option<(Timestamp, f64)>,
) -> Option<f64> {
    match filler {
        Filler::Number(number) => Some(*number),
        Filler::Series(series) => series.at(timestamp),
        Filler::Repeat => before.map(|(_, value)| value),
        Filler::Linear => {
            let ((from, low), (to, high)) = (before?, after?);
            let share = timestamp.since(from).as_secs_f64() / to.since(from).as_secs_f64();
            Some(low + (high - low) * share)
        }
    }
}
