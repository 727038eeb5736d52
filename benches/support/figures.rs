//! Figures of several rounds, of which the smallest, the middle and the largest are told.

use std::fmt;
use std::time::Duration;

/// The figures of some rounds, in any unit.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
        self.0.sort_by(f64::total_cmp);
    }

    pub fn push_milliseconds(&mut self, time: Duration) {
        self.push(milliseconds(time));
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The middle figure; of an even number the upper of the two, since a lower cost is a better one.
    pub fn median(&self) -> f64 {
        self.0.get(self.0.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub fn min(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

impl FromIterator<f64> for Figures {
    fn from_iter<I: IntoIterator<Item = f64>>(figures: I) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Figures(sorted)
    }
}

/// Smallest, middle and largest, in columns; the precision is the formatter's, by default 2 digits.
impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:>9.digits$} {:>9.digits$} {:>9.digits$}", self.min(), self.median(), self.max())
    }
}

/// The heads of the columns that [`Figures`] print.
pub const HEADS: &str = "      min    median       max";

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Says whether a figure reaches its goal.
pub fn verdict(figure: f64, goal: f64) -> &'static str {
    if figure <= goal { "goal reached" } else { "GOAL MISSED" }
}
