//! A share of traffic in percent.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A share of traffic: 0.1 to 100 percent in steps of 0.1, written `5`, `2.5` or `5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// What reads a share in any of its forms.
    pub(super) fn visit() -> ShareVisitor {
        ShareVisitor
    }

    fn of<E: de::Error>(percent: f64, unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Result<Self, E> {
        let tenths = (percent * 10.0).round();
        let fits = (percent * 10.0 - tenths).abs() < 1e-6 && (1.0..=1000.0).contains(&tenths);
        if fits { Ok(Share(tenths / 10.0)) } else { Err(E::invalid_value(unexpected, expected)) }
    }

    /// The percentage.
    pub fn get(self) -> f64 {
        self.0
    }
}

pub(super) struct ShareVisitor;

impl Visitor<'_> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage from 0.1 to 100 in steps of 0.1")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Share, E> {
        Share::of(number as f64, Unexpected::Unsigned(number), &self)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Share, E> {
        Share::of(number as f64, Unexpected::Signed(number), &self)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Share, E> {
        Share::of(number, Unexpected::Float(number), &self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
        let number = text.trim().trim_end_matches('%').trim_end().parse().unwrap_or(f64::NAN);
        Share::of(number, Unexpected::Str(text), &self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Percentage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A percentage from 0.1 to 100 in steps of 0.1.",
            "oneOf": [{ "type": "number", "minimum": 0.1, "maximum": 100 }, { "type": "string", "pattern": "^[0-9.]+ *%?$" }]
        })
    }
}
