//! Keys that take a word, a switch, a list or a map: `target`, `circuit_breaker`, `auto_scaling`, `task_definition`, `infra`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::auto_scaling::AutoScalingSettings;
use super::document::{AwsTargetEntry, CircuitBreakerDetails};
use super::infrastructure::InfraKinds;

/// Where an environment lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TargetEntry {
    Embedded,
    Aws(AwsTargetEntry),
}

/// `true`, `false`, or the details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CircuitBreakerEntry {
    Switch(bool),
    Details(CircuitBreakerDetails),
}

/// `none`, `preset`, or the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AutoScalingEntry {
    None,
    Preset,
    Settings(AutoScalingSettings),
}

/// An ECS document: the name of a file, or the document itself (which is read from the tree, where its text is exact).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EcsDocumentEntry {
    File(String),
    Inline,
}

/// A JSON Schema: its file, or the schema itself, which is read from the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConfigSchemaEntry;

/// `none`, or the kind of infrastructure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InfraEntry {
    None,
    Kinds(Box<InfraKinds>),
}

/// A directory, or the words of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AppEntry {
    Assembly(String),
    Command(Vec<String>),
}

/// A value with several written forms; a form that is not overridden is refused.
trait Either: Sized {
    const EXPECTED: &'static str;

    fn of_word(_word: &str) -> Option<Self> {
        None
    }

    fn of_switch(_switch: bool) -> Option<Self> {
        None
    }

    fn of_list(_words: Vec<String>) -> Option<Self> {
        None
    }

    fn of_map<'de, A: MapAccess<'de>>(_map: A) -> Result<Self, A::Error> {
        Err(de::Error::invalid_type(Unexpected::Map, &Self::EXPECTED))
    }
}

struct EitherVisitor<T>(PhantomData<T>);

impl<'de, T: Either> Visitor<'de> for EitherVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<T, E> {
        T::of_word(word).ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
    }

    fn visit_bool<E: de::Error>(self, switch: bool) -> Result<T, E> {
        T::of_switch(switch).ok_or_else(|| E::invalid_value(Unexpected::Bool(switch), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = items.next_element()? {
            words.push(word);
        }
        T::of_list(words).ok_or_else(|| de::Error::invalid_type(Unexpected::Seq, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::of_map(map)
    }
}

impl Either for TargetEntry {
    const EXPECTED: &'static str = "`embedded` or `{ region: … }`";

    fn of_word(word: &str) -> Option<Self> {
        (word == "embedded").then_some(Self::Embedded)
    }

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        AwsTargetEntry::deserialize(MapAccessDeserializer::new(map)).map(Self::Aws)
    }
}

impl Either for CircuitBreakerEntry {
    const EXPECTED: &'static str = "true, false or `{ rollback: …, threshold: … }`";

    fn of_switch(switch: bool) -> Option<Self> {
        Some(Self::Switch(switch))
    }

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        CircuitBreakerDetails::deserialize(MapAccessDeserializer::new(map)).map(Self::Details)
    }
}

impl Either for AutoScalingEntry {
    const EXPECTED: &'static str = "`none`, `preset` or `{ min: …, max: …, cpu: … }`";

    fn of_word(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "preset" => Some(Self::Preset),
            _ => None,
        }
    }

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        AutoScalingSettings::deserialize(MapAccessDeserializer::new(map)).map(Self::Settings)
    }
}

impl Either for EcsDocumentEntry {
    const EXPECTED: &'static str = "the name of a file, or an ECS document";

    fn of_word(word: &str) -> Option<Self> {
        Some(Self::File(word.to_owned()))
    }

    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<String, IgnoredAny>()?.is_some() {}
        Ok(Self::Inline)
    }
}

impl Either for ConfigSchemaEntry {
    const EXPECTED: &'static str = "the name of a file, or a JSON Schema";

    fn of_word(_word: &str) -> Option<Self> {
        Some(Self)
    }

    fn of_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<String, IgnoredAny>()?.is_some() {}
        Ok(Self)
    }
}

impl Either for InfraEntry {
    const EXPECTED: &'static str = "`none`, or one of `{ terraform: … }`, `{ cloudformation: … }` and `{ cdk: … }`";

    fn of_word(word: &str) -> Option<Self> {
        (word == "none").then_some(Self::None)
    }

    fn of_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        InfraKinds::deserialize(MapAccessDeserializer::new(map)).map(|kinds| Self::Kinds(Box::new(kinds)))
    }
}

impl Either for AppEntry {
    const EXPECTED: &'static str = "the directory of an assembly, or a command as a list of words";

    fn of_word(word: &str) -> Option<Self> {
        Some(Self::Assembly(word.to_owned()))
    }

    fn of_list(words: Vec<String>) -> Option<Self> {
        Some(Self::Command(words))
    }
}

macro_rules! deserialize_either {
    ($($type:ty),*) => {
        $(impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(EitherVisitor(PhantomData))
            }
        })*
    };
}

deserialize_either!(
    TargetEntry,
    CircuitBreakerEntry,
    AutoScalingEntry,
    ConfigSchemaEntry,
    EcsDocumentEntry,
    InfraEntry,
    AppEntry
);

impl JsonSchema for TargetEntry {
    fn schema_name() -> Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let aws = generator.subschema_for::<AwsTargetEntry>();
        json_schema!({ "description": "The embedded engine, or an AWS region.", "oneOf": [{ "const": "embedded" }, aws] })
    }
}

impl JsonSchema for CircuitBreakerEntry {
    fn schema_name() -> Cow<'static, str> {
        "CircuitBreaker".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let details = generator.subschema_for::<CircuitBreakerDetails>();
        json_schema!({ "oneOf": [{ "type": "boolean" }, details] })
    }
}

impl JsonSchema for AutoScalingEntry {
    fn schema_name() -> Cow<'static, str> {
        "AutoScaling".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let settings = generator.subschema_for::<AutoScalingSettings>();
        json_schema!({ "oneOf": [{ "enum": ["none", "preset"] }, settings] })
    }
}

impl JsonSchema for EcsDocumentEntry {
    fn schema_name() -> Cow<'static, str> {
        "EcsDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A file with an ECS document (JSON or YAML, camelCase as ECS has it), or the document itself.",
            "oneOf": [{ "type": "string", "minLength": 1 }, { "type": "object" }]
        })
    }
}

impl JsonSchema for ConfigSchemaEntry {
    fn schema_name() -> Cow<'static, str> {
        "ConfigSchema".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The name of a file with a JSON Schema (draft 2020-12), or the schema itself.",
            "oneOf": [{ "type": "string", "minLength": 1 }, { "type": "object" }]
        })
    }
}

impl JsonSchema for InfraEntry {
    fn schema_name() -> Cow<'static, str> {
        "Infra".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds = generator.subschema_for::<InfraKinds>();
        json_schema!({ "description": "What makes the infrastructure.", "oneOf": [{ "const": "none" }, kinds] })
    }
}

impl JsonSchema for AppEntry {
    fn schema_name() -> Cow<'static, str> {
        "CdkApp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The directory of a synthesised assembly, or the command that writes one.",
            "oneOf": [{ "type": "string", "minLength": 1 }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }]
        })
    }
}
