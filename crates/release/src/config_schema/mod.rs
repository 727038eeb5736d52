//! What the values of an environment's configuration may be: the JSON Schema that `config_schema` names, and what breaks it.
//!
//! A schema is about all values of an environment, as an object by name. Nothing of a secret's value is told. Nothing is fetched: a schema
//! refers to itself only, and [`bounds`] refuses one that could take for ever.

mod bounds;
mod reading;
mod stored;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

use crate::config::error::{ConfigError, Fault, Position};
use crate::config::json;
use crate::config::node::Node;
use crate::difference::is_secret_name;

pub(crate) use stored::broken;
pub use stored::{refuse_new, refuse_stored};

/// Largest file of a schema; a real one has a few kilobytes.
const FILE_MAX: u64 = 256 * 1024;

/// Most memory of one compiled regular expression, in bytes.
const PATTERN_MAX: usize = 1024 * 1024;

/// A JSON Schema that is sound and refers to nothing outside itself.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigSchema {
    /// How it is called in messages.
    name: String,
    schema: Json,
    /// Where the values of the file stand.
    places: BTreeMap<String, Position>,
}

/// A value that a schema is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<'a> {
    Plain(&'a str),
    /// Looked at and never told.
    Hidden(&'a str),
    /// It is there, and what it is nobody knows here.
    Unseen,
}

/// What is not as the schema wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    pub about: About,
    pub what: String,
}

/// What a breach is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// A value that is there.
    Value(String),
    /// A value that is not.
    Lacking(String),
    /// All of them together.
    Whole,
}

impl ConfigSchema {
    /// Reads the file that a node names, or the schema below it.
    pub(crate) fn of_node(node: &Node, file: &Path, directory: &Path) -> Result<Self, ConfigError> {
        match json::to_json(node) {
            Json::String(name) => {
                let path = directory.join(&name);
                let schema = read(&path).map_err(|fault| ConfigError::new(&path, fault))?;
                Self::sound(name, schema).map_err(|fault| ConfigError::new(&path, fault))
            }
            schema => Self::sound("config_schema".to_owned(), schema)
                .map_err(|fault| ConfigError::new(file, fault.at(node.at))),
        }
    }

    /// The same schema, knowing where values stand.
    pub(crate) fn with_places(self, places: BTreeMap<String, Position>) -> Self {
        Self { places, ..self }
    }

    /// The same schema wherever the values stand.
    pub(crate) fn without_places(self) -> Self {
        self.with_places(BTreeMap::new())
    }

    fn sound(name: String, schema: Json) -> Result<Self, Fault> {
        bounds::check(&schema)?;
        let sound = Self { name, schema, places: BTreeMap::new() };
        sound.validator()?;
        Ok(sound)
    }

    fn validator(&self) -> Result<Validator, Fault> {
        let patterns = PatternOptions::regex().size_limit(PATTERN_MAX).dfa_size_limit(PATTERN_MAX);
        let options = jsonschema::options().offline().should_validate_formats(true).with_pattern_options(patterns);
        options.build(&self.schema).map_err(|error| {
            let place = match error.instance_path().as_str() {
                "" => String::new(),
                place => format!(" at {place}"),
            };
            Fault::new(format!("`config_schema` is not a JSON Schema{place}: {}", words::shortened(&error.to_string())))
                .instead("correct the schema; it is one of draft 2020-12 unless `$schema` says otherwise, and its patterns have no look-around")
        })
    }

    /// Everything that is not as the schema wants it.
    pub(crate) fn breaches(&self, values: &BTreeMap<String, Given<'_>>) -> Vec<Breach> {
        let validator = self.validator().expect("the schema was sound when it was read");
        reading::breaches(&validator, values, &self.name)
    }

    /// Refuses values of the file that are not as the schema wants them. What the file lacks may have been put with `config set`, so that is
    /// no fault of the file.
    pub(crate) fn refuse_file(
        &self,
        config: &BTreeMap<String, String>,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<(), Fault> {
        let values = given(config.iter().map(|(name, text)| (name, is_known(text).then_some(text.as_str()))));
        let first = self.breaches(&values).into_iter().find_map(|breach| match breach.about {
            About::Value(name) => Some((name, breach.what)),
            About::Lacking(_) | About::Whole => None,
        });
        let Some((name, what)) = first else { return Ok(()) };
        let fault = Fault::new(what).instead(format!("write another value, or change {}", self.name));
        Err(match self.places.get(&name) {
            Some(place) => fault.at(*place),
            None => fault,
        })
    }

    /// The names of values that the schema requires and the file does not have.
    pub fn lacking(&self, config: &BTreeMap<String, String>) -> Vec<String> {
        let values = given(config.iter().map(|(name, text)| (name, Some(text.as_str()))));
        let lacking = self.breaches(&values).into_iter().filter_map(|breach| match breach.about {
            About::Lacking(name) => Some(name),
            About::Value(_) | About::Whole => None,
        });
        lacking.collect()
    }
}

/// Values by name; none of them known is there all the same.
fn given<'a>(values: impl Iterator<Item = (&'a String, Option<&'a str>)>) -> BTreeMap<String, Given<'a>> {
    let given = |(name, text): (&'a String, Option<&'a str>)| {
        let given = match text {
            None => Given::Unseen,
            Some(text) if is_secret_name(name) => Given::Hidden(text),
            Some(text) => Given::Plain(text),
        };
        (name.clone(), given)
    };
    values.map(given).collect()
}

/// Reads a file of bounded size, JSON or YAML.
fn read(path: &Path) -> Result<Json, Fault> {
    let unreadable = |why: String| {
        Fault::new(format!("the file of `config_schema` cannot be read: {why}"))
            .instead("give the path of a file, relative to the configuration file")
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is no file".to_owned()));
    }
    if metadata.len() > FILE_MAX {
        return Err(unreadable(format!("it has {} bytes, and at most {FILE_MAX} are read", metadata.len())));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return serde_json::from_str(&text).map_err(|error| {
            let at = Position { line: error.line().max(1), column: error.column().max(1) };
            Fault::new(format!("this is not valid JSON: {error}")).at(at)
        });
    }
    Node::parse(&text).map(|node| json::to_json(&node))
}

#[cfg(test)]
mod tests;
