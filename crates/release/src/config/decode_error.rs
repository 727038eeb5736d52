//! Errors of decoding: what was expected at which place, the nearest valid key, advice.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use super::error::{Fault, Position};
use super::nearest::nearest;

/// A message for `serde::de::Error::custom` that carries advice.
pub(crate) fn complaint(what: impl fmt::Display, instead: impl fmt::Display) -> String {
    format!("{what}{ADVICE}{instead}")
}

/// Parts a complaint from its advice; cannot occur in a message otherwise, since those are single lines.
const ADVICE: char = '\n';

/// The keys from the root of the file to a value.
pub(crate) struct Path<'p> {
    pub parent: Option<&'p Path<'p>>,
    pub segment: &'p str,
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent {
            Some(parent) if !parent.is_root() => write!(f, "{parent}.{}", self.segment),
            Some(_) | None => f.write_str(self.segment),
        }
    }
}

impl Path<'_> {
    fn is_root(&self) -> bool {
        self.parent.is_none() && self.segment.is_empty()
    }
}

/// A fault in the making: it gets its place on the way up from the value it is about.
#[derive(Debug)]
pub(crate) struct DecodeError {
    at: Option<Position>,
    path: Option<String>,
    kind: Kind,
}

/// What serde or a value had to say.
#[derive(Debug)]
pub(crate) enum Kind {
    UnknownKey { name: String, valid: &'static [&'static str] },
    UnknownWord { word: String, valid: &'static [&'static str] },
    MissingKey(&'static str),
    WrongType { expected: String, found: String },
    Custom(String),
}

impl DecodeError {
    pub fn new(kind: Kind) -> Self {
        Self { at: None, path: None, kind }
    }

    /// Names the place unless an inner one has been named already.
    pub fn located(mut self, at: Position, path: &Path<'_>) -> Self {
        if self.path.is_none() {
            self.at = Some(at);
            self.path = Some(path.to_string());
        }
        self
    }

    pub fn into_fault(self) -> Fault {
        let path = self.path.filter(|path| !path.is_empty());
        let subject = path.as_deref().map_or_else(|| "the file".to_owned(), |path| format!("`{path}`"));
        let fault = match self.kind {
            Kind::UnknownKey { name, valid } => {
                let container =
                    path.as_deref().map_or_else(|| "at the top of the file".to_owned(), |path| format!("in `{path}`"));
                Fault::new(format!("unknown key `{name}` {container}")).instead(suggestion(&name, valid, "keys"))
            }
            Kind::UnknownWord { word, valid } => {
                Fault::new(format!("{subject} cannot be `{word}`")).instead(suggestion(&word, valid, "values"))
            }
            Kind::MissingKey(name) => Fault::new(format!("{subject} lacks `{name}`")).instead(format!("add `{name}:`")),
            Kind::WrongType { expected, found } => Fault::new(format!("{subject} must be {expected}, but is {found}")),
            Kind::Custom(text) => match text.split_once(ADVICE) {
                Some((what, instead)) => Fault::new(format!("{subject} {what}")).instead(instead),
                None => Fault::new(format!("{subject} {text}")),
            },
        };
        match self.at {
            Some(at) => fault.at(at),
            None => fault,
        }
    }
}

fn suggestion(word: &str, valid: &'static [&'static str], what: &str) -> String {
    match nearest(word, valid.iter().copied()) {
        Some(near) => format!("write `{near}`"),
        None => format!("valid {what} are {}", valid.join(", ")),
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Kind::Custom(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongType { expected: expected.to_string(), found: describe(found) })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(name: &str, valid: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey { name: name.to_owned(), valid })
    }

    fn unknown_variant(word: &str, valid: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownWord { word: word.to_owned(), valid })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Kind::MissingKey(name))
    }
}

fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("`{value}`"),
        Unexpected::Float(value) => format!("`{value}`"),
        Unexpected::Unit => "empty".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}
