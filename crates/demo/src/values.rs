//! The option values of the demonstration service, parsed into types that
//! cannot be wrong.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderValue;

/// Longest version name: it is part of every answer and every log line.
const MAX_VERSION_NAME: usize = 128;

/// An option value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(String);

/// A share of something, from 0 (none) to 1 (all).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    /// None of it.
    pub const NONE: Fraction = Fraction(0.0);

    /// Returns the share as a number from 0 to 1.
    pub fn get(self) -> f64 {
        self.0
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

/// The version the service says it is: 1–128 visible ASCII characters, so that
/// it can be sent as a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionName(String);

impl VersionName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as a header value.
    pub(crate) fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("a version name is visible ASCII")
    }
}

impl FromStr for VersionName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || text.is_empty() || text.len() > MAX_VERSION_NAME {
            return Err(InvalidValue(format!(
                "a version is 1 to {MAX_VERSION_NAME} visible ASCII characters without spaces"
            )));
        }
        Ok(VersionName(text.to_owned()))
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the health paths answer once the port is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// 200, always.
    Healthy,
    /// 503, always.
    Unhealthy,
    /// 200 for this long after the port opened, then 503.
    HealthyFor(Duration),
}

impl Health {
    /// Tells whether a check passes this long after the port opened.
    pub(crate) fn passes(self, since_ready: Duration) -> bool {
        match self {
            Health::Healthy => true,
            Health::Unhealthy => false,
            Health::HealthyFor(limit) => since_ready < limit,
        }
    }
}

impl FromStr for Health {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "healthy" => Ok(Health::Healthy),
            None if text == "unhealthy" => Ok(Health::Unhealthy),
            Some(("healthy-for", duration)) => Ok(Health::HealthyFor(parse_duration(duration)?)),
            None | Some(_) => {
                Err(InvalidValue(format!("'{text}' is none of 'healthy', 'unhealthy', 'healthy-for:DURATION'")))
            }
        }
    }
}

/// Parses a duration such as `250ms`, `1.5s`, `2m` or `1h`.
///
/// The unit is required, except for zero.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, InvalidValue> {
    let invalid = || InvalidValue(format!("'{text}' is not a duration such as 250ms, 1.5s, 2m or 1h"));
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| invalid())?;
    let seconds = match &text[digits.len()..] {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        "" if number == 0.0 => 0.0,
        _ => return Err(invalid()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_keep_their_precision() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "5", "s", "-1s", "1 s s", "infs", "nans", "1e30s", "5d", "ü"] {
            assert!(parse_duration(wrong).is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn fractions_stay_between_zero_and_one() {
        assert_eq!("0.25".parse(), Ok(Fraction(0.25)));
        assert_eq!("1".parse(), Ok(Fraction(1.0)));
        for wrong in ["", "1.01", "-0.1", "NaN", "10%"] {
            assert!(wrong.parse::<Fraction>().is_err(), "{wrong} was accepted");
        }
    }

    #[test]
    fn health_is_always_never_or_for_a_while() {
        assert_eq!("healthy".parse(), Ok(Health::Healthy));
        assert_eq!("unhealthy".parse(), Ok(Health::Unhealthy));
        assert_eq!("healthy-for:3s".parse(), Ok(Health::HealthyFor(Duration::from_secs(3))));
        for wrong in ["", "yes", "healthy-for", "healthy-for:", "unhealthy:3s"] {
            assert!(wrong.parse::<Health>().is_err(), "{wrong} was accepted");
        }
        let for_a_while = Health::HealthyFor(Duration::from_secs(3));
        assert!(for_a_while.passes(Duration::from_millis(2999)));
        assert!(!for_a_while.passes(Duration::from_secs(3)));
    }

    #[test]
    fn version_names_fit_into_a_header() {
        assert_eq!("2.0.1-rc1".parse::<VersionName>().map(|v| v.to_string()), Ok("2.0.1-rc1".to_owned()));
        for wrong in ["", "two words", "ünï", "a\nb"] {
            assert!(wrong.parse::<VersionName>().is_err(), "{wrong} was accepted");
        }
    }
}
