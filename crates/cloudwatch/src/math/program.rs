//! A parsed expression: what to do, one step after the other, on a stack.

use std::collections::BTreeSet;
use std::fmt;

use super::function::{Function, Keyword};
use super::operator::Operator;

/// One step of a program.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Number(f64),
    /// The metric or expression of an id.
    Reference(String),
    Text(String),
    Word(Keyword),
    Negate,
    Operate(Operator),
    /// Puts as many values into an array.
    Array(usize),
    /// Calls a function with as many arguments.
    Call(Function, usize),
}

/// A metric math expression that was parsed; it is written as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    pub(super) text: String,
    pub(super) steps: Vec<Step>,
}

impl Expression {
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the ids the expression refers to. METRICS() refers to metrics without naming them.
    pub fn ids(&self) -> BTreeSet<&str> {
        let ids = self.steps.iter().filter_map(|step| match step {
            Step::Reference(id) => Some(id.as_str()),
            Step::Number(_)
            | Step::Text(_)
            | Step::Word(_)
            | Step::Negate
            | Step::Operate(_)
            | Step::Array(_)
            | Step::Call(..) => None,
        });
        ids.collect()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
