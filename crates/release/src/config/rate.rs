//! A share of requests.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A share of requests in percent: from 0 (any one) to less than 100, since more than 100 cannot be.
pub(crate) struct Rate(f64);

impl Rate {
    /// The percentage.
    pub fn get(self) -> f64 {
        self.0
    }
}

#[derive(Clone, Copy)]
struct RateVisitor;

impl Visitor<'_> for RateVisitor {
    type Value = Rate;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage from 0 to less than 100, such as 5%")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Rate, E> {
        self.visit_f64(number as f64)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Rate, E> {
        self.visit_f64(number as f64)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Rate, E> {
        let fits = (0.0..100.0).contains(&number);
        if fits { Ok(Rate(number)) } else { Err(E::invalid_value(Unexpected::Float(number), &self)) }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Rate, E> {
        let number = text.trim().trim_end_matches('%').trim_end().parse().unwrap_or(f64::NAN);
        self.visit_f64(number).map_err(|_: E| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}
