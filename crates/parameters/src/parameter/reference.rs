//! How a request names a parameter: `name`, `name:3`, `name:label`, or the ARN, also with a version or label.

use seatrial_model::Arn;
use seatrial_model::arn::Scope;

use super::label;
use super::name::is_well_formed;
use crate::refused::{Refused, quoted};

/// A version or a label after the name of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Version(u64),
    Label(String),
}

impl Selector {
    fn parse(text: &str) -> Option<Self> {
        match text.parse::<u64>() {
            Ok(number) => (number > 0).then_some(Selector::Version(number)),
            Err(_) => label::is_valid(text).then(|| Selector::Label(text.to_owned())),
        }
    }
}

/// A parameter as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// What the parameter may be called, most likely first: an ARN does not tell a word from a path of one level.
    names: Vec<String>,
    selector: Option<Selector>,
    /// The selector as it was given, with its colon.
    suffix: Option<String>,
}

impl Reference {
    /// Parses a reference; an ARN must be of this account and Region.
    pub fn parse(text: &str, scope: &Scope) -> Result<Self, Refused> {
        let invalid = || {
            Refused::validation(format!(
                "Invalid parameter name {}. A parameter is named by its name, its name with a version or label after a colon, or its \
                 ARN in this account and Region.",
                quoted(text)
            ))
        };
        let (names, selector) = split(text, scope).ok_or_else(invalid)?;
        if names.iter().any(|name| !is_well_formed(name)) {
            return Err(invalid());
        }
        let parsed = selector.map(|given| Selector::parse(given).ok_or_else(invalid)).transpose()?;
        Ok(Reference { names, selector: parsed, suffix: selector.map(|given| format!(":{given}")) })
    }

    /// Returns what the parameter may be called, most likely first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    /// Returns `:3` or `:label`, as the answer shows it.
    pub fn suffix(&self) -> Option<&str> {
        self.suffix.as_deref()
    }
}

fn split<'a>(text: &'a str, scope: &Scope) -> Option<(Vec<String>, Option<&'a str>)> {
    if !text.starts_with("arn:") {
        let (name, selector) = cut(text);
        return Some((vec![name.to_owned()], selector));
    }
    let home = scope.arn("ssm", "parameter/");
    let rest = text.strip_prefix(home.as_str()).filter(|_| Arn::new(text).resource().is_some())?;
    let (name, selector) = cut(rest);
    let path = format!("/{name}");
    let names = if name.contains('/') { vec![path] } else { vec![name.to_owned(), path] };
    Some((names, selector))
}

fn cut(text: &str) -> (&str, Option<&str>) {
    match text.split_once(':') {
        Some((name, selector)) => (name, Some(selector)),
        None => (text, None),
    }
}
