//! Timestamps as the protocols write them: epoch seconds in JSON and CBOR, ISO 8601 in query and XML. Both to the millisecond.

use seatrial_model::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A timestamp that is written as a JSON number of seconds since the epoch and read from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EpochSeconds(pub Timestamp);

/// A timestamp that is written as an ISO 8601 text in UTC and read from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Iso8601(pub Timestamp);

/// A timestamp of a service that speaks several protocols: read from epoch seconds or an ISO 8601 text, written as epoch seconds.
///
/// The writers of CBOR and XML give it their own form where the service's [`crate::AnswerForms`] name its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnyTimestamp(pub Timestamp);

/// A text or number that is no instant between the years 0 and 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a timestamp between the years 0 and 9999")]
pub struct InvalidTimestamp;

impl EpochSeconds {
    /// Reads seconds with a fraction, rounded to the millisecond.
    pub fn parse(seconds: f64) -> Result<Self, InvalidTimestamp> {
        let millis = (seconds * 1000.0).round();
        if !millis.is_finite() || millis.abs() >= i64::MAX as f64 {
            return Err(InvalidTimestamp);
        }
        let timestamp = Timestamp::from_millis(millis as i64);
        calendar(timestamp).map(|_| EpochSeconds(timestamp))
    }
}

impl Iso8601 {
    /// Reads `2026-01-31T12:00:00Z`, with or without a fraction, with any offset.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let instant = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        Ok(Iso8601(Timestamp::from_millis((instant.unix_timestamp_nanos() / 1_000_000) as i64)))
    }

    /// Writes `2026-01-31T12:00:00.000Z`.
    pub fn format(self) -> String {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let instant = calendar(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        instant.format(&format).expect("the format has only components every instant has")
    }
}

impl AnyTimestamp {
    /// Returns what an answer holds for the instant.
    pub fn to_json(self) -> serde_json::Value {
        self.0.as_epoch_seconds().into()
    }
}

/// Returns the calendar form of an instant, if the calendar reaches that far.
pub(crate) fn calendar(timestamp: Timestamp) -> Result<OffsetDateTime, InvalidTimestamp> {
    let nanos = i128::from(timestamp.as_millis()) * 1_000_000;
    match OffsetDateTime::from_unix_timestamp_nanos(nanos) {
        Ok(instant) if (0..=9999).contains(&instant.year()) => Ok(instant),
        Ok(_) | Err(_) => Err(InvalidTimestamp),
    }
}

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.as_epoch_seconds())
    }
}

impl Serialize for Iso8601 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.format())
    }
}

impl Serialize for AnyTimestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EpochSeconds(self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EpochSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        EpochSeconds::parse(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Iso8601 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Iso8601;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an ISO 8601 timestamp")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Iso8601, E> {
                Iso8601::parse(text).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<'de> Deserialize<'de> for AnyTimestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyForm;
        impl Visitor<'_> for AnyForm {
            type Value = AnyTimestamp;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a timestamp")
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<AnyTimestamp, E> {
                EpochSeconds::parse(seconds).map(|stamp| AnyTimestamp(stamp.0)).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<AnyTimestamp, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<AnyTimestamp, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<AnyTimestamp, E> {
                Iso8601::parse(text).map(|stamp| AnyTimestamp(stamp.0)).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(AnyForm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_timestamps_are_seconds_with_milliseconds_as_fraction() {
        let stamp = EpochSeconds(Timestamp::from_millis(1_760_000_000_123));
        assert_eq!(serde_json::to_string(&stamp).expect("a number"), "1760000000.123");
        assert_eq!(serde_json::from_str::<EpochSeconds>("1760000000.123").expect("an instant"), stamp);
        assert_eq!(serde_json::from_str::<EpochSeconds>("1760000000").expect("an instant").0.as_millis() % 1000, 0);
        assert_eq!(EpochSeconds::parse(f64::NAN), Err(InvalidTimestamp));
        assert_eq!(EpochSeconds::parse(1e15), Err(InvalidTimestamp));
    }

    #[test]
    fn query_timestamps_are_iso_8601_in_utc() {
        let stamp = Iso8601(Timestamp::from_millis(1_440_938_160_007));
        assert_eq!(stamp.format(), "2015-08-30T12:36:00.007Z");
        assert_eq!(Iso8601::parse("2015-08-30T14:36:00.007+02:00"), Ok(stamp));
        assert_eq!(Iso8601::parse("30 August 2015"), Err(InvalidTimestamp));
    }

    #[test]
    fn a_timestamp_of_any_protocol_is_read_in_either_form() {
        let stamp = AnyTimestamp(Timestamp::from_millis(1_769_860_800_250));
        let read = |json: &str| serde_json::from_str::<AnyTimestamp>(json).ok();
        assert_eq!(read("1769860800.25"), Some(stamp));
        assert_eq!(read("\"2026-01-31T12:00:00.250000Z\""), Some(stamp));
        assert_eq!(read("-60").map(|stamp| stamp.0.as_millis()), Some(-60_000));
        assert_eq!(read("1e18"), None);
        assert_eq!(read("\"Infinity\""), None);
        assert_eq!(stamp.to_json().to_string(), "1769860800.25");
    }
}
