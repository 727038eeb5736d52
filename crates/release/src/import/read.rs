//! Looking into a tree of YAML whose shape nobody has promised.

use std::path::Path;

use super::notes::Notes;
use super::text::{self, Text};
use crate::config::ConfigError;
use crate::config::error::Fault;
use crate::config::node::{Key, Node, Value};

/// Longest name of an application or a service.
const NAME_MAX: usize = 40;

/// Reads a file that must be a map.
pub(super) fn document(path: &Path, text: &str) -> Result<Node, ConfigError> {
    let node = Node::parse(text).map_err(|fault| ConfigError::new(path, fault))?;
    match node.value {
        Value::Map(_) => Ok(node),
        Value::Scalar { .. } | Value::List(_) => {
            Err(refused(path, "the file must be a map of keys", "name another one"))
        }
    }
}

pub(super) fn refused(path: &Path, what: impl Into<String>, instead: impl Into<String>) -> ConfigError {
    ConfigError::new(path, Fault::new(what).instead(instead))
}

/// The entries of a map; of anything else none.
pub(super) fn entries(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Scalar { .. } | Value::List(_) => &[],
    }
}

pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Scalar { .. } | Value::Map(_) => &[],
    }
}

/// The text of a scalar that is not null.
pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } if !node.is_null() => Some(text),
        Value::Scalar { .. } | Value::List(_) | Value::Map(_) => None,
    }
}

pub(super) fn scalar_at<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(scalar)
}

/// A scalar, or a list of them.
pub(super) fn scalars(node: &Node) -> Vec<&str> {
    match scalar(node) {
        Some(text) => vec![text],
        None => items(node).iter().filter_map(scalar).collect(),
    }
}

/// The forms in which a value may be written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Scalar,
    /// One or several of them.
    Scalars,
    List,
    Map,
}

/// Whether a value has a form; null has any.
pub(super) fn has_form(node: &Node, form: Form) -> bool {
    match (form, &node.value) {
        (_, Value::Scalar { .. }) if node.is_null() => true,
        (Form::Scalar | Form::Scalars, Value::Scalar { .. }) => true,
        (Form::Scalars, Value::List(items)) => items.iter().all(|item| scalar(item).is_some()),
        (Form::List, Value::List(_)) | (Form::Map, Value::Map(_)) => true,
        (_, Value::Scalar { .. } | Value::List(_) | Value::Map(_)) => false,
    }
}

/// Text with its variables, telling of those that could not be taken over.
pub(super) fn filled(text: &str, key: &str, notes: &mut Notes) -> Text {
    let (text, refused) = text::interpolated(text);
    for expression in refused {
        notes.add(key, format!("`{expression}` is written as it stands; write it with env(\"NAME\", \"default\")"));
    }
    text
}

/// The words of a command: a list, or a line split at its blanks outside quotes.
pub(super) fn words(node: &Node, key: &str, notes: &mut Notes) -> Vec<Text> {
    let words = match scalar(node) {
        Some(line) => split(line),
        None => items(node).iter().filter_map(scalar).map(ToOwned::to_owned).collect(),
    };
    words.iter().map(|word| filled(word, key, notes)).collect()
}

fn split(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// The nearest name that Seatrial takes.
pub(super) fn name(text: &str, otherwise: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let folded: String = lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let joined = folded.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let begins = joined.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    let name: String = begins.chars().take(NAME_MAX).collect();
    let name = name.trim_end_matches('-');
    if name.is_empty() { otherwise.to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_blanks_outside_quotes() {
        let cases: [(&str, &[&str]); 4] = [
            ("server --port 80", &["server", "--port", "80"]),
            ("sh -c \"a && b\"", &["sh", "-c", "a && b"]),
            ("x '' a\\ b", &["x", "", "a b"]),
            ("  ", &[]),
        ];
        for (line, expected) in cases {
            assert_eq!(split(line), expected);
        }
    }

    #[test]
    fn any_text_gives_a_name() {
        for (text, expected) in [("My_App", "my-app"), ("2048", "app"), ("a--b_", "a-b"), ("ä", "app")] {
            assert_eq!(name(text, "app"), expected);
        }
        assert!(name(&"a-".repeat(50), "app").parse::<crate::config::AppName>().is_ok());
    }
}
