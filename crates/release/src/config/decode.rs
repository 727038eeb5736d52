//! Turns a [`Node`] tree into typed configuration through serde, so that one set of types gives the parser, the error
//! messages and the JSON schema.
//!
//! Beside what serde does by itself: `x-*` keys of structures are skipped, every error carries the position and the path of
//! the innermost value, an unknown key names the nearest valid one, and text stays as written (`1.10` is not a number).

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, Visitor};

use super::decode_error::{DecodeError, Kind, Path};
use super::error::Fault;
use super::json;
use super::node::{Key, Node, Value};

/// Decodes `node`, which stands at `path` in the file (empty for the root).
pub(crate) fn decode<T: DeserializeOwned>(node: &Node, path: &str) -> Result<T, Fault> {
    let path = Path { parent: None, segment: path };
    T::deserialize(NodeDeserializer { node, path: &path }).map_err(DecodeError::into_fault)
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'n> {
    node: &'n Node,
    path: &'n Path<'n>,
}

impl<'n> NodeDeserializer<'n> {
    fn wrong(&self, expected: &str) -> DecodeError {
        let found = match &self.node.value {
            Value::Scalar { .. } if self.node.is_null() => "empty".to_owned(),
            Value::Scalar { text, .. } => format!("`{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        DecodeError::new(Kind::WrongType { expected: expected.to_owned(), found }).located(self.node.at, self.path)
    }

    fn located<T>(&self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|error| error.located(self.node.at, self.path))
    }

    fn entries(&self) -> Result<&'n [(Key, Node)], DecodeError> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Scalar { .. } | Value::List(_) => Err(self.wrong("a map of keys")),
        }
    }

    fn text(&self) -> Result<&'n str, DecodeError> {
        match &self.node.value {
            Value::Scalar { .. } if self.node.is_null() => Err(self.wrong("text (write \"\" for none)")),
            Value::Scalar { text, .. } => Ok(text),
            Value::List(_) | Value::Map(_) => Err(self.wrong("text")),
        }
    }
}

impl<'de> de::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::Scalar { text, quoted: true } => visitor.visit_str(text),
            Value::Scalar { text, quoted: false } => match json::plain(text) {
                serde_json::Value::Null => visitor.visit_unit(),
                serde_json::Value::Bool(value) => visitor.visit_bool(value),
                serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                    (Some(value), _) => visitor.visit_u64(value),
                    (None, Some(value)) => visitor.visit_i64(value),
                    (None, None) => visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN)),
                },
                _ => visitor.visit_str(text),
            },
            Value::List(_) => return self.deserialize_seq(visitor),
            Value::Map(_) => return self.deserialize_struct("", &[], visitor),
        };
        self.located(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Scalar { text, .. } if text == "true" => visitor.visit_bool(true),
            Value::Scalar { text, .. } if text == "false" => visitor.visit_bool(false),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => Err(self.wrong("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let text = self.text()?;
        self.located(visitor.visit_str(text))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let result = visitor.visit_newtype_struct(self);
        self.located(result)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::List(items) => {
                self.located(visitor.visit_seq(Items { items: items.iter(), index: 0, path: self.path }))
            }
            Value::Scalar { .. } | Value::Map(_) => Err(self.wrong("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let entries =
            Entries { rest: self.entries()?, value: None, path: self.path, skip_extensions: Extensions::Kept };
        self.located(visitor.visit_map(entries))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let entries =
            Entries { rest: self.entries()?, value: None, path: self.path, skip_extensions: Extensions::Skipped };
        self.located(visitor.visit_map(entries))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let text = self.text()?;
        self.located(visitor.visit_enum(StrDeserializer::<DecodeError>::new(text)))
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

struct Items<'n> {
    items: std::slice::Iter<'n, Node>,
    index: usize,
    path: &'n Path<'n>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.items.next() else { return Ok(None) };
        let segment = self.index.to_string();
        self.index += 1;
        let path = Path { parent: Some(self.path), segment: &segment };
        let item = seed.deserialize(NodeDeserializer { node, path: &path });
        item.map(Some).map_err(|error| error.located(node.at, &path))
    }
}

/// Whether `x-*` keys are data (in maps, such as environment variables) or remarks (in structures).
#[derive(PartialEq)]
enum Extensions {
    Kept,
    Skipped,
}

struct Entries<'n> {
    rest: &'n [(Key, Node)],
    value: Option<&'n (Key, Node)>,
    path: &'n Path<'n>,
    skip_extensions: Extensions,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        while let Some((entry, rest)) = self.rest.split_first() {
            self.rest = rest;
            if self.skip_extensions == Extensions::Skipped && entry.0.text.starts_with("x-") {
                continue;
            }
            self.value = Some(entry);
            let key = seed.deserialize(StrDeserializer::<DecodeError>::new(&entry.0.text));
            return key.map(Some).map_err(|error| error.located(entry.0.at, self.path));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let (key, node) = self.value.take().expect("serde asks for a value only after its key");
        let path = Path { parent: Some(self.path), segment: &key.text };
        seed.deserialize(NodeDeserializer { node, path: &path }).map_err(|error| error.located(node.at, &path))
    }
}
