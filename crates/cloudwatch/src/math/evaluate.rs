//! Running a program.

use std::collections::BTreeMap;

use super::function::Function;
use super::program::{Expression, Step};
use super::value::{Series, Value, Word};
use super::{MathError, aggregates, conditional, fill, series_functions};
use crate::clock::{Grid, Period};

/// The most points that computing one expression may produce on the way: fifty times what one request may return.
pub const MATH_POINTS_MAX: usize = 5_000_000;

/// What an expression is computed from.
#[derive(Clone, Debug)]
pub struct Inputs {
    grid: Grid,
    /// The grids of series whose period is another.
    grids: BTreeMap<Period, Grid>,
    /// The series of metrics, in the order of the request: what METRICS() returns.
    metrics: Vec<String>,
    values: BTreeMap<String, Value>,
}

/// Counts the points produced.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
}

impl Inputs {
    /// Makes inputs without series. The periods of `grid` are those that time series without gaps have.
    pub fn new(grid: Grid) -> Self {
        Inputs { grid, grids: BTreeMap::new(), metrics: Vec::new(), values: BTreeMap::new() }
    }

    /// Changes the periods that time series without gaps have.
    pub fn set_grid(&mut self, grid: Grid) {
        self.grid = grid;
    }

    /// Adds the series of a metric, with the periods it was asked for.
    pub fn add_metric(&mut self, id: &str, series: Series, grid: Grid) {
        self.grids.insert(grid.period(), grid);
        self.metrics.push(id.to_owned());
        self.values.insert(id.to_owned(), Value::Series(series));
    }

    /// Adds the value of another expression.
    pub fn add_expression(&mut self, id: &str, value: Value) {
        self.values.insert(id.to_owned(), value);
    }

    pub fn value(&self, id: &str) -> Option<&Value> {
        self.values.get(id)
    }

    /// Returns the series of all metrics whose id contains `part`.
    fn metrics(&self, part: &str) -> impl Iterator<Item = &Series> {
        let ids = self.metrics.iter().filter(move |id| id.contains(part));
        ids.filter_map(|id| match self.values.get(id) {
            Some(Value::Series(series)) => Some(series),
            Some(Value::Scalar(_) | Value::Array(_) | Value::Word(_) | Value::Text(_)) | None => None,
        })
    }

    /// Returns the periods in which a series of `period` could have points.
    pub(super) fn grid(&self, period: Period) -> &Grid {
        self.grids.get(&period).unwrap_or(&self.grid)
    }

    pub(super) fn default_grid(&self) -> &Grid {
        &self.grid
    }
}

impl Budget {
    /// Takes note of a series that was produced.
    pub fn take(&mut self, series: Series) -> Result<Series, MathError> {
        // An empty series costs, too.
        self.left = self.left.checked_sub(series.points.len() + 1).ok_or(MathError::TooLarge)?;
        Ok(series)
    }

    pub fn take_all(&mut self, series: impl IntoIterator<Item = Series>) -> Result<Vec<Series>, MathError> {
        series.into_iter().map(|series| self.take(series)).collect()
    }
}

impl Expression {
    /// Computes the expression. The result is a number, a series or an array; which, does not depend on the data, so evaluating without
    /// data tells whether the expression fits.
    pub fn evaluate(&self, inputs: &Inputs) -> Result<Value, MathError> {
        let mut budget = Budget { left: MATH_POINTS_MAX };
        let mut stack: Vec<Value> = Vec::new();
        for step in &self.steps {
            let value = match step {
                Step::Number(number) => Value::Scalar(*number),
                Step::Reference(id) => reference(id, inputs, &mut budget)?,
                Step::Text(text) => Value::Text(text.clone()),
                Step::Word(keyword) => Value::Word(Word(*keyword)),
                Step::Negate => negate(pop(&mut stack), &mut budget)?,
                Step::Operate(operator) => {
                    let right = pop(&mut stack);
                    operator.apply(pop(&mut stack), right, &mut budget)?
                }
                Step::Array(count) => array(stack.split_off(stack.len() - count))?,
                Step::Call(function, count) => {
                    let arguments = stack.split_off(stack.len() - count);
                    call(*function, arguments, inputs, &mut budget)?
                }
            };
            stack.push(value);
        }
        match pop(&mut stack) {
            result @ (Value::Scalar(_) | Value::Series(_) | Value::Array(_)) => Ok(result),
            Value::Word(_) | Value::Text(_) => {
                Err(MathError::Operands { operation: "the expression", expected: "time series as its result" })
            }
        }
    }
}

fn pop(stack: &mut Vec<Value>) -> Value {
    stack.pop().expect("the parser emits a step after its operands")
}

fn reference(id: &str, inputs: &Inputs, budget: &mut Budget) -> Result<Value, MathError> {
    let value = inputs.values.get(id).ok_or_else(|| MathError::UnknownId(id.to_owned()))?;
    match value {
        Value::Series(series) => Ok(Value::Series(budget.take(series.clone())?)),
        Value::Array(all) => Ok(Value::Array(budget.take_all(all.iter().cloned())?)),
        Value::Scalar(_) | Value::Word(_) | Value::Text(_) => Ok(value.clone()),
    }
}

fn negate(value: Value, budget: &mut Budget) -> Result<Value, MathError> {
    match value {
        Value::Scalar(number) => Ok(Value::Scalar(-number)),
        Value::Series(series) => Ok(Value::Series(budget.take(series.map(|value| -value))?)),
        Value::Array(all) => Ok(Value::Array(budget.take_all(all.iter().map(|series| series.map(|value| -value)))?)),
        Value::Word(_) | Value::Text(_) => {
            let expected = "a number, a time series or an array of time series";
            Err(MathError::Operands { operation: "unary minus", expected })
        }
    }
}

/// Puts series together; arrays among them are taken apart.
fn array(values: Vec<Value>) -> Result<Value, MathError> {
    let mut all = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::Series(series) => all.push(series),
            Value::Array(inner) => all.extend(inner),
            Value::Scalar(_) | Value::Word(_) | Value::Text(_) => {
                return Err(MathError::Operands { operation: "an array", expected: "time series" });
            }
        }
    }
    Ok(Value::Array(all))
}

fn call(
    function: Function,
    mut arguments: Vec<Value>,
    inputs: &Inputs,
    budget: &mut Budget,
) -> Result<Value, MathError> {
    let wrong = || MathError::Arguments { function: function.name(), expected: function.expected() };
    let computed = match function {
        Function::If => conditional::apply(arguments, inputs, budget)?,
        Function::Fill => fill::apply(arguments, inputs, budget)?,
        Function::Sort => aggregates::sort(arguments),
        Function::Metrics if arguments.is_empty() => Some(metrics("", inputs, budget)?),
        Function::Reduce(_)
        | Function::Map(_)
        | Function::Calendar(_)
        | Function::First
        | Function::Last
        | Function::MetricCount
        | Function::Metrics
        | Function::Period
        | Function::RemoveEmpty
        | Function::TimeSeries => match (arguments.pop(), arguments.is_empty()) {
            (Some(argument), true) => call_with_one(function, argument, inputs, budget)?,
            (Some(_), false) | (None, _) => None,
        },
    };
    computed.ok_or_else(wrong)
}

/// Calls a function that takes one argument; `None` when it takes another kind, or more.
fn call_with_one(
    function: Function,
    argument: Value,
    inputs: &Inputs,
    budget: &mut Budget,
) -> Result<Option<Value>, MathError> {
    Ok(match (function, argument) {
        (Function::Reduce(reduction), argument) => aggregates::reduce(reduction, argument, inputs, budget)?,
        (Function::Map(mapping), argument) => series_functions::map(mapping, argument, inputs, budget)?,
        (Function::Calendar(field), Value::Series(series)) => {
            Some(Value::Series(budget.take(series_functions::calendar(field, &series, inputs))?))
        }
        (Function::First, Value::Array(all)) => Some(aggregates::pick(all.into_iter().next(), inputs)),
        (Function::Last, Value::Array(all)) => Some(aggregates::pick(all.into_iter().next_back(), inputs)),
        (Function::MetricCount, Value::Array(all)) => Some(Value::Scalar(all.len() as f64)),
        (Function::Metrics, Value::Text(part)) => Some(metrics(&part, inputs, budget)?),
        (Function::Period, Value::Series(series)) => Some(Value::Scalar(f64::from(series.period.seconds()))),
        (Function::RemoveEmpty, Value::Array(mut all)) => {
            all.retain(|series| !series.points.is_empty());
            Some(Value::Array(all))
        }
        (Function::TimeSeries, Value::Scalar(number)) => {
            Some(Value::Series(budget.take(series_functions::constant(number, inputs))?))
        }
        (
            Function::Calendar(_)
            | Function::First
            | Function::Last
            | Function::MetricCount
            | Function::Metrics
            | Function::Period
            | Function::RemoveEmpty
            | Function::TimeSeries
            | Function::If
            | Function::Fill
            | Function::Sort,
            _,
        ) => None,
    })
}

fn metrics(part: &str, inputs: &Inputs, budget: &mut Budget) -> Result<Value, MathError> {
    Ok(Value::Array(budget.take_all(inputs.metrics(part).cloned())?))
}
