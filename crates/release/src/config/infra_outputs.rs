//! `{{ infra.NAME }}` in a configuration file: what the environment's infrastructure told when it was made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind, Output, State, escape_formatter};
use serde_json::Value as Json;

/// The outputs that a template can ask for, and those it has asked for.
#[derive(Debug)]
pub(super) struct InfraOutputs {
    /// None while nobody knows them.
    known: Option<BTreeMap<String, Json>>,
    /// What stands for one that is not known.
    hold_place: fn(&str) -> String,
    asked_for: Mutex<BTreeSet<String>>,
}

impl InfraOutputs {
    pub fn new(known: Option<BTreeMap<String, Json>>, hold_place: fn(&str) -> String) -> Self {
        Self { known, hold_place, asked_for: Mutex::default() }
    }

    pub fn asked_for(&self) -> BTreeSet<String> {
        self.asked_for.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a value into the file: lists and maps as YAML reads them, text as it is. An output with several lines would change what
    /// stands around it.
    pub fn write(&self, output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
        if let Some(held) = value.downcast_object_ref::<Held>() {
            return output.write_str(&held.0).map_err(Into::into);
        }
        match value.kind() {
            ValueKind::Seq | ValueKind::Map => {
                let text = serde_json::to_string(value)
                    .map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))?;
                output.write_str(&text).map_err(Into::into)
            }
            ValueKind::String if value.as_str().is_some_and(|text| text.contains('\n') && self.has(text)) => {
                Err(Error::new(ErrorKind::InvalidOperation, "an output of the infrastructure has several lines"))
            }
            _ => escape_formatter(output, state, value),
        }
    }

    fn has(&self, text: &str) -> bool {
        self.known.iter().flat_map(BTreeMap::values).any(|value| value.as_str() == Some(text))
    }
}

/// A value as templates know it.
fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::from(number),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(value).collect::<Vec<_>>().into(),
        Json::Object(members) => {
            members.iter().map(|(name, json)| (name.clone(), value(json))).collect::<BTreeMap<_, _>>().into()
        }
    }
}

impl Object for InfraOutputs {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        self.asked_for.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        let known = self.known.as_ref().and_then(|known| known.get(name));
        Some(known.map_or_else(|| Value::from_object(Held((self.hold_place)(name))), value))
    }
}

/// Stands for an output that is not known, and for each of its parts: it may be a list or a map.
#[derive(Debug)]
struct Held(String);

impl Object for Held {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_dyn_object(self.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(vec![Value::from_dyn_object(self.clone())])
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
