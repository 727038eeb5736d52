//! Operators between two values.

use super::value::{Series, Value, merged};
use super::{MathError, evaluate::Budget};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

/// How tightly unary minus binds: `-2^2` is -4, `-2*3` is (-2)*3.
pub(super) const NEGATION_PRECEDENCE: u8 = 6;

impl Operator {
    pub fn of_sign(sign: &str) -> Option<Operator> {
        match sign {
            "||" => Some(Operator::Or),
            "&&" => Some(Operator::And),
            "==" => Some(Operator::Equal),
            "!=" => Some(Operator::NotEqual),
            "<" => Some(Operator::Less),
            "<=" => Some(Operator::LessOrEqual),
            ">" => Some(Operator::Greater),
            ">=" => Some(Operator::GreaterOrEqual),
            "+" => Some(Operator::Add),
            "-" => Some(Operator::Subtract),
            "*" => Some(Operator::Multiply),
            "/" => Some(Operator::Divide),
            "^" => Some(Operator::Power),
            _ => None,
        }
    }

    pub fn precedence(self) -> u8 {
        match self {
            Operator::Or => 1,
            Operator::And => 2,
            Operator::Equal
            | Operator::NotEqual
            | Operator::Less
            | Operator::LessOrEqual
            | Operator::Greater
            | Operator::GreaterOrEqual => 3,
            Operator::Add | Operator::Subtract => 4,
            Operator::Multiply | Operator::Divide => 5,
            Operator::Power => 7,
        }
    }

    /// Computes; NaN where the result is no number.
    fn of(self, a: f64, b: f64) -> f64 {
        if a.is_nan() || b.is_nan() {
            return f64::NAN;
        }
        let truth = |holds: bool| if holds { 1.0 } else { 0.0 };
        let result = match self {
            Operator::Or => truth(a != 0.0 || b != 0.0),
            Operator::And => truth(a != 0.0 && b != 0.0),
            Operator::Equal => truth(a == b),
            Operator::NotEqual => truth(a != b),
            Operator::Less => truth(a < b),
            Operator::LessOrEqual => truth(a <= b),
            Operator::Greater => truth(a > b),
            Operator::GreaterOrEqual => truth(a >= b),
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Power => a.powf(b),
        };
        if result.is_finite() { result } else { f64::NAN }
    }

    /// Applies the operator; an array is taken series by series.
    pub fn apply(self, a: Value, b: Value, budget: &mut Budget) -> Result<Value, MathError> {
        Ok(match (a, b) {
            (Value::Scalar(a), Value::Scalar(b)) => Value::Scalar(self.of(a, b)),
            (Value::Series(a), Value::Scalar(b)) => Value::Series(budget.take(a.map(|a| self.of(a, b)))?),
            (Value::Scalar(a), Value::Series(b)) => Value::Series(budget.take(b.map(|b| self.of(a, b)))?),
            (Value::Series(a), Value::Series(b)) => Value::Series(self.join(&a, &b, budget)?),
            (Value::Array(all), Value::Scalar(b)) => {
                let mapped = all.into_iter().map(|a| budget.take(a.map(|a| self.of(a, b))));
                Value::Array(mapped.collect::<Result<_, _>>()?)
            }
            (Value::Scalar(a), Value::Array(all)) => {
                let mapped = all.into_iter().map(|b| budget.take(b.map(|b| self.of(a, b))));
                Value::Array(mapped.collect::<Result<_, _>>()?)
            }
            (Value::Array(all), Value::Series(b)) => {
                Value::Array(all.iter().map(|a| self.join(a, &b, budget)).collect::<Result<_, _>>()?)
            }
            (Value::Series(a), Value::Array(all)) => {
                Value::Array(all.iter().map(|b| self.join(&a, b, budget)).collect::<Result<_, _>>()?)
            }
            (Value::Array(_), Value::Array(_))
            | (Value::Word(_) | Value::Text(_), _)
            | (_, Value::Word(_) | Value::Text(_)) => {
                let expected = "numbers, time series, or one array of time series with one of those";
                return Err(MathError::Operands { operation: "an operator", expected });
            }
        })
    }

    /// Joins two series at all their timestamps; where one has no point it counts as 0.
    fn join(self, a: &Series, b: &Series, budget: &mut Budget) -> Result<Series, MathError> {
        let points = merged(&[a, b], |values| {
            let [a, b] = [values[0], values[1]].map(|value| value.unwrap_or(0.0));
            self.of(a, b)
        });
        let label = a.label.clone();
        budget.take(Series { label, period: a.period.max(b.period), points })
    }
}
