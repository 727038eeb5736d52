//! What an infrastructure tells of itself: values by name, of which the sensitive ones are never shown.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::config::error::{Fault, FaultKind};

/// Stands where a sensitive value would.
pub const SENSITIVE: &str = "(sensitive)";

/// A value that an infrastructure tells.
#[derive(Clone, PartialEq)]
pub enum Output {
    Plain(Json),
    /// It is not even kept: nothing here may show it.
    Sensitive,
}

/// The outputs of an infrastructure.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Outputs(BTreeMap<String, Output>);

impl Output {
    /// The value as text.
    pub fn shown(&self) -> String {
        match self {
            Output::Plain(Json::String(text)) => text.clone(),
            Output::Plain(value) => value.to_string(),
            Output::Sensitive => SENSITIVE.to_owned(),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Serialize for Output {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Output::Plain(value) => value.serialize(serializer),
            Output::Sensitive => serializer.serialize_str(SENSITIVE),
        }
    }
}

impl FromIterator<(String, Output)> for Outputs {
    fn from_iter<I: IntoIterator<Item = (String, Output)>>(outputs: I) -> Self {
        Self(outputs.into_iter().collect())
    }
}

impl Outputs {
    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Output)> {
        self.0.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that a configuration file may use.
    pub(crate) fn plain(&self) -> BTreeMap<String, Json> {
        let plain = |(name, output): (&String, &Output)| match output {
            Output::Plain(value) => Some((name.clone(), value.clone())),
            Output::Sensitive => None,
        };
        self.0.iter().filter_map(plain).collect()
    }

    /// Why a configuration file cannot use an output.
    pub(crate) fn lack(&self, name: &str) -> Fault {
        if self.0.get(name) == Some(&Output::Sensitive) {
            return Fault::new(format!(
                "the output `{name}` of the infrastructure is sensitive, and a task definition would show it"
            ))
            .instead(
                "let the infrastructure put it into Parameter Store or Secrets Manager, and name that under `secrets:`",
            );
        }
        let what = if self.0.is_empty() {
            format!("the infrastructure has no output `{name}`: it has none at all")
        } else {
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            format!("the infrastructure has no output `{name}`; it has {}", names.join(", "))
        };
        let advice = "if it is new, `seatrial infra apply` or `seatrial deploy` makes it";
        Fault { kind: FaultKind::MissingOutput, ..Fault::new(what).instead(advice) }
    }

    /// Adds those of another stack; a name that both have with different values is returned.
    pub(super) fn join(&mut self, others: Outputs) -> Result<(), String> {
        for (name, output) in others.0 {
            match self.0.get(&name) {
                Some(there) if *there != output => return Err(name),
                _ => drop(self.0.insert(name, output)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitive_value_is_neither_shown_nor_used() {
        let outputs: Outputs =
            [("url".to_owned(), Output::Plain("x".into())), ("password".to_owned(), Output::Sensitive)]
                .into_iter()
                .collect();
        assert_eq!(serde_json::to_string(&outputs).expect("JSON"), r#"{"password":"(sensitive)","url":"x"}"#);
        assert_eq!(outputs.plain().into_keys().collect::<Vec<_>>(), ["url"]);
        assert!(outputs.lack("password").what.contains("is sensitive"));
        let lack = outputs.lack("host");
        assert!(lack.what.ends_with("it has password, url") && lack.kind == FaultKind::MissingOutput, "{}", lack.what);
    }

    #[test]
    fn two_stacks_may_not_tell_different_things_under_one_name() {
        let of = |value: &str| -> Outputs { [("a".to_owned(), Output::Plain(value.into()))].into_iter().collect() };
        let mut outputs = of("x");
        assert_eq!(outputs.join(of("x")), Ok(()));
        assert_eq!(outputs.join(of("y")), Err("a".to_owned()));
    }
}
