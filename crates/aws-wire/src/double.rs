//! Doubles as the protocols write them: a number, or one of three texts where JSON and forms have no number.

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

const NOT_A_NUMBER: &str = "NaN";
const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

/// A number that may be infinite or no number at all, read in whichever form the request's protocol has for it.
///
/// A member read as `f64` refuses such values as malformed; with this the operation gets to see them and says what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Double(pub f64);

/// Returns the JSON form of a double.
pub(crate) fn to_json(double: f64) -> Value {
    match Number::from_f64(double) {
        Some(number) => Value::Number(number),
        None if double.is_nan() => NOT_A_NUMBER.into(),
        None if double > 0.0 => INFINITY.into(),
        None => NEGATIVE_INFINITY.into(),
    }
}

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyForm)
    }
}

struct AnyForm;

impl Visitor<'_> for AnyForm {
    type Value = Double;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Double, E> {
        Ok(Double(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Double, E> {
        Ok(Double(number as f64))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Double, E> {
        Ok(Double(number as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Double, E> {
        match text.trim() {
            NOT_A_NUMBER => Ok(Double(f64::NAN)),
            INFINITY => Ok(Double(f64::INFINITY)),
            NEGATIVE_INFINITY => Ok(Double(f64::NEG_INFINITY)),
            digits => digits.parse().map(Double).map_err(|_| E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Option<f64> {
        Double::deserialize(&value).ok().map(|double| double.0)
    }

    #[test]
    fn a_double_is_a_number_or_a_text_that_stands_for_one() {
        assert_eq!(read(json!(0.5)), Some(0.5));
        assert_eq!(read(json!(-3)), Some(-3.0));
        assert_eq!(read(json!("1e300")), Some(1e300), "a form has only texts");
        assert_eq!(read(json!("-Infinity")), Some(f64::NEG_INFINITY));
        assert!(read(json!("NaN")).is_some_and(f64::is_nan));
        assert_eq!(read(json!("five")), None);
        assert_eq!(read(json!(true)), None);
    }

    #[test]
    fn what_is_no_json_number_becomes_a_text_that_reads_back() {
        for double in [f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.25] {
            assert_eq!(read(to_json(double)), Some(double));
        }
        assert_eq!(to_json(f64::NAN), json!("NaN"));
    }
}
