//! Numbers and durations of `seatrial.yml`. Each type can only hold a value within its range.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::decode_error::complaint;

/// A whole number from `MIN` to `MAX`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<const MIN: i32, const MAX: i32>(i32);

impl<const MIN: i32, const MAX: i32> Bounded<MIN, MAX> {
    /// The number.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl<'de, const MIN: i32, const MAX: i32> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BoundedVisitor::<MIN, MAX>)
    }
}

struct BoundedVisitor<const MIN: i32, const MAX: i32>;

impl<const MIN: i32, const MAX: i32> Visitor<'_> for BoundedVisitor<MIN, MAX> {
    type Value = Bounded<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        match i32::try_from(number) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Bounded(number)),
            Ok(_) | Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
        }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(number), &self)),
        }
    }

    /// A quoted number, as a template may leave one.
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match text.parse() {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

impl<const MIN: i32, const MAX: i32> JsonSchema for Bounded<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Integer{MIN}To{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A length of time, written `1500ms`, `30s`, `2m`, `1h` or as plain seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

/// Units of a written duration, in milliseconds. `ms` stands before `m` and `s`, of which it is made.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Longest duration that can be written: a week, more than any wait in a deployment.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A duration that could not be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a duration: write 1500ms, 30s, 2m, 1h or plain seconds, up to 168h")]
pub struct SpanError(String);

impl Span {
    /// The duration.
    pub fn get(self) -> Duration {
        self.0
    }

    /// Reads a written duration.
    pub fn parse(text: &str) -> Result<Self, SpanError> {
        let refused = || SpanError(text.to_owned());
        let trimmed = text.trim();
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(suffix, unit)| trimmed.strip_suffix(suffix).map(|digits| (digits, *unit)))
            .unwrap_or((trimmed, 1_000));
        let digits = digits.trim_end();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused());
        }
        let amount: u64 = digits.parse().map_err(|_| refused())?;
        let duration = Duration::from_millis(amount.checked_mul(unit).ok_or_else(refused)?);
        if duration > LONGEST { Err(refused()) } else { Ok(Self(duration)) }
    }
}

impl std::str::FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|_| {
            de::Error::custom(complaint(
                format_args!("is `{text}`, which is not a duration"),
                "write 1500ms, 30s, 2m or plain seconds",
            ))
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A duration: 1500ms, 30s, 2m, 1h, or plain seconds.",
            "oneOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": "^[0-9]+ *(ms|s|m|h)?$" }]
        })
    }
}

/// A duration of whole seconds from `MIN` to `MAX`, as ECS and Elastic Load Balancing take them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds<const MIN: i32, const MAX: i32>(i32);

impl<const MIN: i32, const MAX: i32> Seconds<MIN, MAX> {
    /// The seconds.
    pub fn get(self) -> i32 {
        self.0
    }
}

impl<'de, const MIN: i32, const MAX: i32> Deserialize<'de> for Seconds<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let duration = Span::deserialize(deserializer)?.get();
        if duration.subsec_nanos() != 0 {
            return Err(de::Error::custom(complaint(
                format_args!("is {} ms, but ECS takes whole seconds here", duration.as_millis()),
                "write whole seconds, such as 2s",
            )));
        }
        match i32::try_from(duration.as_secs()) {
            Ok(seconds) if (MIN..=MAX).contains(&seconds) => Ok(Self(seconds)),
            Ok(_) | Err(_) => Err(de::Error::custom(format!(
                "is {} s, but must lie between {MIN} and {MAX} seconds",
                duration.as_secs()
            ))),
        }
    }
}

impl<const MIN: i32, const MAX: i32> JsonSchema for Seconds<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        Span::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Span::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, milliseconds) in
            [("1500ms", 1500), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000), ("15", 15_000), ("5 s", 5_000)]
        {
            assert_eq!(Span::parse(text).expect(text).get(), Duration::from_millis(milliseconds));
        }
        for text in ["", "s", "-1s", "1.5s", "1d", "1 000", "99999999999999999999s", "169h"] {
            assert!(Span::parse(text).is_err(), "{text}");
        }
    }
}
