//! Functions over all points of a series, or over all series of an array.

use super::MathError;
use super::evaluate::{Budget, Inputs};
use super::function::{Keyword, Reduction};
use super::value::{Series, Value, Word, merged};

/// Reduces a series to a number, an array to a series; `None` when the argument is neither.
pub(super) fn reduce(
    reduction: Reduction,
    argument: Value,
    inputs: &Inputs,
    budget: &mut Budget,
) -> Result<Option<Value>, MathError> {
    Ok(match argument {
        Value::Series(series) => Some(Value::Scalar(of_points(reduction, &series))),
        Value::Array(all) => Some(Value::Series(budget.take(across(reduction, &all, inputs))?)),
        Value::Scalar(_) | Value::Word(_) | Value::Text(_) => None,
    })
}

/// `FIRST` and `LAST`: a series of an array, one without points if there is none.
pub(super) fn pick(series: Option<Series>, inputs: &Inputs) -> Value {
    let nothing = || Series { label: String::new(), period: inputs.default_grid().period(), points: Vec::new() };
    Value::Series(series.unwrap_or_else(nothing))
}

/// `SORT(array, AVG | MIN | MAX | SUM, ASC | DESC[, limit])`; series without points come last.
pub(super) fn sort(arguments: Vec<Value>) -> Option<Value> {
    let mut arguments = arguments.into_iter();
    let (Value::Array(mut all), Value::Word(Word(Keyword::By(by)))) = (arguments.next()?, arguments.next()?) else {
        return None;
    };
    let sign = match arguments.next()? {
        Value::Word(Word(Keyword::Ascending)) => 1.0,
        Value::Word(Word(Keyword::Descending)) => -1.0,
        Value::Word(_) | Value::Text(_) | Value::Scalar(_) | Value::Series(_) | Value::Array(_) => return None,
    };
    let mut ranked: Vec<(f64, Series)> = all.drain(..).map(|series| (sign * of_points(by, &series), series)).collect();
    ranked.sort_by(|(a, _), (b, _)| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
    let limit = match (arguments.next(), arguments.next()) {
        (None, _) => ranked.len(),
        // Negative and fractional limits are rounded towards 0.
        (Some(Value::Scalar(limit)), None) => limit as usize,
        (Some(_), _) => return None,
    };
    Some(Value::Array(ranked.into_iter().take(limit).map(|(_, series)| series).collect()))
}

/// Computes a number from the points of one series: those there are.
fn of_points(reduction: Reduction, series: &Series) -> f64 {
    compute(reduction, series.values(), series.points.len())
}

/// Computes a series from an array, timestamp by timestamp. For AVG a missing point is a 0 (documented); otherwise it is not there.
fn across(reduction: Reduction, all: &[Series], inputs: &Inputs) -> Series {
    let series: Vec<&Series> = all.iter().collect();
    let points = merged(&series, |values| {
        let present = values.iter().copied().flatten();
        let count = if reduction == Reduction::Avg { values.len() } else { present.clone().count() };
        compute(reduction, present, count)
    });
    let period = all.iter().map(|series| series.period).max().unwrap_or(inputs.default_grid().period());
    Series { label: String::new(), period, points }
}

/// Computes a reduction; NaN when there are no values to compute it from. There is always a count of values, even of none.
fn compute(reduction: Reduction, values: impl Iterator<Item = f64> + Clone, count: usize) -> f64 {
    let sum = || values.clone().sum::<f64>();
    match reduction {
        Reduction::DatapointCount => count as f64,
        Reduction::Max => values.fold(f64::NAN, f64::max),
        Reduction::Min => values.fold(f64::NAN, f64::min),
        Reduction::Sum | Reduction::Avg | Reduction::Stddev if count == 0 => f64::NAN,
        Reduction::Sum => sum(),
        Reduction::Avg => sum() / count as f64,
        Reduction::Stddev => {
            let mean = sum() / count as f64;
            (values.map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64).sqrt()
        }
    }
}
