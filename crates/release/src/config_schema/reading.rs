//! Values are text, and schemas are about numbers, too: a value is read as what the schema takes.
//!
//! As text first. Where that does not fit and the text is JSON (a number, `true`, a list), it is read as that.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde_json::{Map, Value as Json};

use super::{About, Breach, Given, words};

/// Deepest list or map that a value is read as.
const DEPTH_MAX: usize = 8;

/// Everything that is not as the schema wants it, in the order of the names.
pub(super) fn breaches(validator: &Validator, values: &BTreeMap<String, Given<'_>>, schema: &str) -> Vec<Breach> {
    let read = read(validator, values);
    let mut breaches: Vec<Breach> =
        validator.iter_errors(&read).flat_map(|error| of_error(&error, values, schema)).collect();
    breaches.sort_by(|one, other| one.about.cmp(&other.about));
    breaches.dedup();
    breaches
}

fn read(validator: &Validator, values: &BTreeMap<String, Given<'_>>) -> Json {
    let text = |given: &Given<'_>| match given {
        Given::Plain(text) | Given::Hidden(text) => Json::String((*text).to_owned()),
        Given::Unseen => Json::String(String::new()),
    };
    let texts: Map<String, Json> = values.iter().map(|(name, given)| (name.clone(), text(given))).collect();
    let texts = Json::Object(texts);
    let as_text = Unfit::of(validator, &texts);
    let mut read = texts.clone();
    let other = |name: &String| match values.get(name)? {
        Given::Plain(text) | Given::Hidden(text) => other_than_text(text),
        Given::Unseen => None,
    };
    for name in &as_text.all {
        if let Some(value) = other(name) {
            read[name] = value;
        }
    }
    let as_other = Unfit::of(validator, &read);
    for name in &as_text.all {
        // The reading that comes closer is the one that is told of.
        let is_closer =
            !as_other.all.contains(name) || (as_text.by_type.contains(name) && !as_other.by_type.contains(name));
        if !is_closer {
            read[name] = texts[name].clone();
        }
    }
    read
}

/// What a text is as JSON, if that is not text again.
fn other_than_text(text: &str) -> Option<Json> {
    let value: Json = serde_json::from_str(text).ok()?;
    (!value.is_string() && depth(&value) <= DEPTH_MAX).then_some(value)
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

/// The names of values that do not fit.
struct Unfit {
    all: BTreeSet<String>,
    /// Because they are of another type.
    by_type: BTreeSet<String>,
}

impl Unfit {
    fn of(validator: &Validator, values: &Json) -> Self {
        let mut unfit = Unfit { all: BTreeSet::new(), by_type: BTreeSet::new() };
        for error in validator.iter_errors(values) {
            let Some((name, _)) = place(&error) else { continue };
            if matches!(error.kind(), ValidationErrorKind::Type { .. }) {
                unfit.by_type.insert(name.clone());
            }
            unfit.all.insert(name);
        }
        unfit
    }
}

/// The name of the value that an error is about, and where within it.
fn place(error: &ValidationError<'_>) -> Option<(String, String)> {
    let pointer = error.instance_path().as_str().strip_prefix('/')?;
    let (name, within) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
    Some((name.replace("~1", "/").replace("~0", "~"), within.to_owned()))
}

fn of_error(error: &ValidationError<'_>, values: &BTreeMap<String, Given<'_>>, schema: &str) -> Vec<Breach> {
    if let Some((name, within)) = place(error) {
        return match values.get(&name) {
            Some(Given::Unseen) => Vec::new(),
            Some(Given::Hidden(_)) => vec![words::value(&name, None, &within, error, schema)],
            Some(Given::Plain(text)) => vec![words::value(&name, Some(text), &within, error, schema)],
            None => vec![words::whole(error, schema)],
        };
    }
    match error.kind() {
        ValidationErrorKind::Required { property: Json::String(name) } => vec![Breach {
            about: About::Lacking(name.clone()),
            what: format!("the configuration has no `{name}`, which {schema} requires"),
        }],
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            unexpected.iter().map(|name| words::unexpected(name, schema)).collect()
        }
        ValidationErrorKind::PropertyNames { error } => match error.instance().as_str() {
            Some(name) => vec![words::unexpected(name, schema)],
            None => vec![words::whole(error, schema)],
        },
        _ => vec![words::whole(error, schema)],
    }
}
