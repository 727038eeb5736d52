//! Lets serde read typed values out of a form, where every leaf is a text.

use std::str::FromStr;

use serde::Deserializer;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Error as _, IntoDeserializer, Unexpected, Visitor};
use serde_json::{Error, Value};

/// A value of a form. An empty text is also an empty list or structure, as clients write those so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FormValue<'a>(pub &'a Value);

impl<'de> FormValue<'de> {
    fn is_empty_text(self) -> bool {
        self.0.as_str() == Some("")
    }

    fn parse<T: FromStr>(self, expected: &'static str) -> Result<T, Error> {
        let Value::String(text) = self.0 else {
            return Err(Error::invalid_type(unexpected(self.0), &expected));
        };
        text.trim().parse().map_err(|_| Error::invalid_value(Unexpected::Str(text), &expected))
    }
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Null => Unexpected::Unit,
        Value::Bool(flag) => Unexpected::Bool(*flag),
        Value::Number(_) => Unexpected::Other("number"),
        Value::String(text) => Unexpected::Str(text),
        Value::Array(_) => Unexpected::Seq,
        Value::Object(_) => Unexpected::Map,
    }
}

macro_rules! parsed {
    ($($method:ident, $visit:ident, $type:ty, $expected:literal;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                visitor.$visit(self.parse::<$type>($expected)?)
            }
        )*
    };
}

impl<'de> Deserializer<'de> for FormValue<'de> {
    type Error = Error;

    parsed! {
        deserialize_i8, visit_i64, i64, "an integer";
        deserialize_i16, visit_i64, i64, "an integer";
        deserialize_i32, visit_i64, i64, "an integer";
        deserialize_i64, visit_i64, i64, "an integer";
        deserialize_u8, visit_u64, u64, "a non-negative integer";
        deserialize_u16, visit_u64, u64, "a non-negative integer";
        deserialize_u32, visit_u64, u64, "a non-negative integer";
        deserialize_u64, visit_u64, u64, "a non-negative integer";
        deserialize_f32, visit_f64, f64, "a number";
        deserialize_f64, visit_f64, f64, "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.0.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let lower = self.0.as_str().map(str::to_ascii_lowercase);
        match lower.as_deref() {
            Some("true") => visitor.visit_bool(true),
            Some("false") => visitor.visit_bool(false),
            Some(_) => Err(Error::invalid_value(unexpected(self.0), &"true or false")),
            None => Err(Error::invalid_type(unexpected(self.0), &"true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items: &[Value] = match self.0 {
            Value::Array(items) => items,
            _ if self.is_empty_text() => &[],
            other => return Err(Error::invalid_type(unexpected(other), &visitor)),
        };
        let mut items = SeqDeserializer::new(items.iter().map(FormValue));
        let value = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Object(members) => {
                let members = members.iter().map(|(name, member)| (name.as_str(), FormValue(member)));
                visitor.visit_map(MapDeserializer::new(members))
            }
            _ if self.is_empty_text() => {
                visitor.visit_map(MapDeserializer::new(std::iter::empty::<(&str, FormValue<'de>)>()))
            }
            other => Err(Error::invalid_type(unexpected(other), &visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for FormValue<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::timestamp::Iso8601;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase")]
    struct CreateRule {
        priority: u32,
        weight: Option<f64>,
        enabled: Option<bool>,
        #[serde(default)]
        values: Vec<String>,
        ports: Option<Vec<u16>>,
        kind: Option<Kind>,
        at: Option<Iso8601>,
        #[serde(default)]
        config: Config,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "PascalCase", default)]
    struct Config {
        name: Option<String>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        FixedResponse,
    }

    fn read(value: &Value) -> Result<CreateRule, Error> {
        CreateRule::deserialize(FormValue(value))
    }

    #[test]
    fn texts_are_read_as_the_types_a_handler_asks_for() {
        let rule = read(&json!({
            "Priority": "10", "Weight": "0.5", "Enabled": "True", "Values": ["a"], "Ports": ["80"],
            "Kind": "fixed-response", "At": "2015-08-30T12:36:00Z", "Config": {"Name": "7"}, "Unknown": ["x"],
        }))
        .expect("a rule");
        assert_eq!((rule.priority, rule.weight, rule.enabled), (10, Some(0.5), Some(true)));
        assert_eq!((rule.values, rule.ports), (vec!["a".to_owned()], Some(vec![80])));
        assert_eq!((rule.kind, rule.config.name.as_deref()), (Some(Kind::FixedResponse), Some("7")));
    }

    #[test]
    fn an_empty_text_is_an_empty_list_or_structure() {
        let rule = read(&json!({"Priority": "1", "Values": "", "Config": ""})).expect("a rule");
        assert_eq!((rule.values, rule.config), (Vec::new(), Config::default()));
    }

    #[test]
    fn texts_that_do_not_fit_are_refused() {
        for wrong in [
            json!({"Priority": "ten"}),
            json!({"Priority": "-1"}),
            json!({"Priority": ["1"]}),
            json!({"Priority": "1", "Enabled": "yes"}),
            json!({"Priority": "1", "Values": "a"}),
            json!({"Priority": "1", "Ports": ["70000"]}),
            json!({"Priority": "1", "Config": "a"}),
            json!({"Priority": "1", "Kind": "other"}),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }
}
