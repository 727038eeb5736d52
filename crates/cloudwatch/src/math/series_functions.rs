//! Functions that make a series of a series, point by point, and those of the calendar.

use seatrial_model::Timestamp;

use super::MathError;
use super::evaluate::{Budget, Inputs};
use super::function::{CalendarField, Mapping};
use super::value::{Series, Value};
use crate::calendar::Civil;
use crate::clock::{Grid, nominal};

/// Maps a series, or every series of an array; `None` when the argument is neither.
pub(super) fn map(
    mapping: Mapping,
    argument: Value,
    inputs: &Inputs,
    budget: &mut Budget,
) -> Result<Option<Value>, MathError> {
    let grid = inputs.default_grid();
    Ok(match argument {
        Value::Series(series) => Some(Value::Series(budget.take(mapped(mapping, &series, grid))?)),
        Value::Array(all) => {
            Some(Value::Array(budget.take_all(all.iter().map(|series| mapped(mapping, series, grid)))?))
        }
        Value::Scalar(_) | Value::Word(_) | Value::Text(_) => None,
    })
}

/// Makes a series of one value in every period; without points, if it is NaN.
pub(super) fn constant(value: f64, inputs: &Inputs) -> Series {
    let grid = inputs.default_grid();
    let timestamps = grid.timestamps().filter(|_| value.is_finite());
    let points = timestamps.map(|timestamp| (timestamp, value)).collect();
    Series { label: String::new(), period: grid.period(), points }
}

/// Makes a series of what the calendar says of every period a series could have a point in.
pub(super) fn calendar(field: CalendarField, series: &Series, inputs: &Inputs) -> Series {
    let value = |timestamp: Timestamp| {
        let civil = Civil::of(timestamp);
        match field {
            CalendarField::Minute => f64::from(civil.minute),
            CalendarField::Hour => f64::from(civil.hour),
            CalendarField::Day => f64::from(civil.day),
            CalendarField::Date => f64::from(civil.date),
            CalendarField::Month => f64::from(civil.month),
            CalendarField::Year => civil.year as f64,
            CalendarField::Epoch => timestamp.as_epoch_seconds(),
        }
    };
    let grid = inputs.grid(series.period);
    series.with(grid.timestamps().map(|timestamp| (timestamp, value(timestamp))).collect())
}

fn mapped(mapping: Mapping, series: &Series, grid: &Grid) -> Series {
    let seconds = |from: Timestamp, to: Timestamp| nominal_seconds(grid, from, to);
    match mapping {
        Mapping::Abs => series.map(f64::abs),
        Mapping::Ceil => series.map(f64::ceil),
        Mapping::Floor => series.map(f64::floor),
        Mapping::Log => series.map(f64::ln),
        Mapping::Log10 => series.map(f64::log10),
        Mapping::Diff => pairs(series, |(_, before), (_, value)| value - before),
        Mapping::DiffTime => pairs(series, |(from, _), (to, _)| seconds(from, to)),
        Mapping::Rate => pairs(series, |(from, before), (to, value)| (value - before) / seconds(from, to)),
        Mapping::RunningSum => running_sum(series),
    }
}

fn pairs(series: &Series, compute: impl Fn((Timestamp, f64), (Timestamp, f64)) -> f64) -> Series {
    let computed = series.points.windows(2).map(|pair| (pair[1].0, compute(pair[0], pair[1])));
    series.with(computed.filter(|(_, value)| value.is_finite()).collect())
}

fn running_sum(series: &Series) -> Series {
    let sums = series.points.iter().scan(0.0, |sum, &(timestamp, value)| {
        *sum += value;
        Some((timestamp, *sum))
    });
    series.with(sums.filter(|(_, sum)| sum.is_finite()).collect())
}

/// Returns the nominal seconds between the first instants of two periods: whole, although the timestamps are rounded.
fn nominal_seconds(grid: &Grid, from: Timestamp, to: Timestamp) -> f64 {
    let scale = grid.scale();
    let millis = nominal(scale, to).saturating_sub(nominal(scale, from));
    (millis as f64 / 1000.0).round()
}
