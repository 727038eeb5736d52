//! Metric math: expressions over time series.
//!
//! An [`Expression`] is parsed once into a flat program and evaluated without recursion. Of the documented functions SEARCH,
//! ANOMALY_DETECTION_BAND, SLICE and those that read other services are refused by name.
//!
//! **Missing points.** Arithmetic and comparison of two series take a point that only one of them has as 0 in the other; a point that
//! would divide by zero, or whose value is no finite number, is dropped. Scalars of no data (`AVG` of an empty series) make every point
//! they touch drop.
//!
//! **Time.** PERIOD, RATE and DIFF_TIME count nominal seconds, as periods do; MINUTE to EPOCH are of the real calendar in UTC.

mod aggregates;
mod conditional;
mod evaluate;
mod fill;
mod function;
mod operator;
mod parse;
mod program;
mod series_functions;
mod token;
mod value;

pub use self::evaluate::{Inputs, MATH_POINTS_MAX};
pub use self::program::Expression;
pub use self::value::{Series, Value};

/// The longest expression, in characters (shape `MetricExpression`).
pub const EXPRESSION_LENGTH_MAX: usize = 2048;

/// How deep an expression may be nested: deeper than any that can be read, shallow enough for any stack.
pub const EXPRESSION_DEPTH_MAX: usize = 64;

/// Why an expression cannot be parsed or computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MathError {
    #[error("the expression must have 1 to {EXPRESSION_LENGTH_MAX} characters")]
    Length,
    /// The position counts characters from 1.
    #[error("the expression is not valid at character {position}: {problem}")]
    Syntax { position: usize, problem: &'static str },
    #[error("the expression is nested more than {EXPRESSION_DEPTH_MAX} deep")]
    TooDeep,
    #[error("{0} is not a metric math function")]
    UnknownFunction(String),
    #[error("{0} is not supported")]
    Unsupported(String),
    #[error("{0} is not the id of a metric or expression")]
    UnknownId(String),
    #[error("{function} expects {expected}")]
    Arguments { function: &'static str, expected: &'static str },
    #[error("{operation} expects {expected}")]
    Operands { operation: &'static str, expected: &'static str },
    #[error("computing the expression takes more than {MATH_POINTS_MAX} points")]
    TooLarge,
}

#[cfg(test)]
mod tests;
