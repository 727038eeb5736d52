//! How long a function may take.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Lambda's own limit. Also what a function has when the file says nothing.
pub(crate) const TIME_LIMIT_MAX: Duration = Duration::from_secs(15 * 60);

/// The units a limit can be written in, longest suffix first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// A limit of more than nothing and at most [`TIME_LIMIT_MAX`]: `1500ms`, `30s`, `2m` or plain seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeLimit(Duration);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the timeout `{0}` is not a duration up to 15m; write 1500ms, 30s, 2m or plain seconds")]
pub(crate) struct InvalidTimeLimit(String);

impl TimeLimit {
    pub fn get(self) -> Duration {
        self.0
    }

    pub fn parse(text: &str) -> Result<Self, InvalidTimeLimit> {
        let trimmed = text.trim();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(suffix, unit)| trimmed.strip_suffix(suffix).map(|digits| (digits.trim_end(), *unit)))
            .unwrap_or((trimmed, 1_000));
        let is_number = digits.bytes().all(|b| b.is_ascii_digit());
        let millis = digits.parse().ok().filter(|_| is_number).and_then(|number: u64| number.checked_mul(unit));
        match millis.map(Duration::from_millis) {
            Some(limit) if !limit.is_zero() && limit <= TIME_LIMIT_MAX => Ok(TimeLimit(limit)),
            Some(_) | None => Err(InvalidTimeLimit(text.to_owned())),
        }
    }
}

impl Default for TimeLimit {
    fn default() -> Self {
        TimeLimit(TIME_LIMIT_MAX)
    }
}

impl<'de> Deserialize<'de> for TimeLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TimeLimit::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_with_or_without_unit() {
        for (text, millis) in
            [("1500ms", 1500), ("30s", 30_000), ("2m", 120_000), ("15", 15_000), (" 5 s ", 5_000), ("15m", 900_000)]
        {
            assert_eq!(TimeLimit::parse(text).map(TimeLimit::get), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_limit_of_nothing_or_beyond_lambdas_is_refused() {
        for text in ["", "s", "0", "0ms", "16m", "1h", "901", "-1s", "+1s", "1.5s", "soon", "99999999999999999999h"] {
            assert!(TimeLimit::parse(text).is_err(), "{text}");
        }
    }
}
