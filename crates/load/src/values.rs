//! The numbers of a load plan, parsed into types that cannot be wrong.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Highest rate: beyond it the generator itself, not the target, is measured.
const MAX_RATE: f64 = 1_000_000.0;

/// Lowest rate: one request in a day.
const MIN_RATE: f64 = 1.0 / 86_400.0;

/// A value of a load plan that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub(crate) String);

/// Requests per second: above 0, at most a million; fractions are allowed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// Returns the requests per second.
    pub fn per_second(self) -> f64 {
        self.0
    }

    /// Returns when the request with this many before it is due, counted from the start.
    pub(crate) fn offset(self, earlier: u64) -> Duration {
        Duration::try_from_secs_f64(earlier as f64 / self.0).unwrap_or(Duration::MAX)
    }
}

impl FromStr for Rate {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<f64>() {
            Ok(rate) if (MIN_RATE..=MAX_RATE).contains(&rate) => Ok(Rate(rate)),
            Ok(_) | Err(_) => {
                Err(InvalidValue(format!("'{text}' is not a rate: requests per second, above 0 and up to {MAX_RATE}")))
            }
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A share of something, from 0 (none) to 1 (all).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    /// Returns the share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }

    /// Tells whether the share, spread evenly, falls on the item that has this
    /// many before it. Of 100 items, a share of 0.05 falls on exactly 5.
    pub(crate) fn falls_on(self, earlier: u64) -> bool {
        let due = |items: u64| (items as f64 * self.0).floor();
        due(earlier.saturating_add(1)) > due(earlier)
    }
}

impl FromStr for Fraction {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().parse::<f64>() {
            Ok(value) if (0.0..=1.0).contains(&value) => Ok(Fraction(value)),
            Ok(_) | Err(_) => Err(InvalidValue(format!("'{text}' is not a number from 0 to 1"))),
        }
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Parses a duration such as `250ms`, `1.5s`, `2m` or `1h`; it must be above zero.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, InvalidValue> {
    let invalid = || InvalidValue(format!("'{text}' is not a duration above zero such as 250ms, 1.5s, 2m or 1h"));
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| invalid())?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(invalid()),
    };
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        Ok(_) | Err(_) => Err(invalid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_constant_distance() {
        let rate: Rate = "400".parse().expect("a rate");
        assert_eq!(rate.offset(0), Duration::ZERO);
        assert_eq!(rate.offset(1), Duration::from_micros(2500));
        assert_eq!(rate.offset(4_000_000), Duration::from_secs(10_000));
    }

    #[test]
    fn rates_are_positive_and_bounded() {
        assert_eq!("0.5".parse::<Rate>().map(Rate::per_second), Ok(0.5));
        for wrong in ["", "0", "-1", "NaN", "inf", "1e9", "fast"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn shares_are_spread_evenly_and_met_exactly() {
        for (share, expected) in [("0", 0), ("0.01", 10), ("0.5", 500), ("1", 1000)] {
            let share: Fraction = share.parse().expect("a fraction");
            assert_eq!((0..1000).filter(|earlier| share.falls_on(*earlier)).count(), expected, "{share}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        for wrong in ["", "5", "0s", "-1s", "nans", "1e30s", "5d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong} was accepted");
        }
    }
}
