//! Commands and lists of texts, which may be written in a short and a long form.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::decode_error::complaint;

/// The words of a command: a list, or one line split as a shell splits it. There is no shell, so nothing is expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(Vec<String>);

/// What only a shell understands; a command line with one of these outside quotes must name its shell.
const SHELL_CHARACTERS: &[char] = &['|', '&', ';', '<', '>', '$', '`', '*', '?', '(', ')', '\n'];

/// What a shell expands even between double quotes.
const EXPANDED_IN_QUOTES: &[char] = &['$', '`'];

/// What a backslash takes its meaning between double quotes; before any other character it stands for itself.
const ESCAPED_IN_QUOTES: &[char] = &['"', '\\', '$', '`'];

impl Command {
    /// The words, at least one.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// Reads a line, which is split as a shell splits it.
    pub(crate) fn of_text(line: &str) -> Result<Self, String> {
        Self::of_line(line)
    }

    fn of_line(line: &str) -> Result<Self, String> {
        // A folded YAML text ends in a line feed.
        let line = line.trim();
        let needs_shell = |character: char| {
            complaint(
                format_args!("contains `{}`, which needs a shell", character.escape_default()),
                format_args!("write a list: [sh, -c, {line:?}]"),
            )
        };
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote: Option<char> = None;
        let mut characters = line.chars().peekable();
        while let Some(character) = characters.next() {
            match (quote, character) {
                (Some(open), _) if open == character => quote = None,
                (Some('"'), '\\') => {
                    let escaped = characters.next_if(|next| ESCAPED_IN_QUOTES.contains(next));
                    word.get_or_insert_default().push(escaped.unwrap_or(character));
                }
                (Some('"'), _) if EXPANDED_IN_QUOTES.contains(&character) => return Err(needs_shell(character)),
                (Some(_), _) => word.get_or_insert_default().push(character),
                (None, '\'' | '"') => {
                    quote = Some(character);
                    word.get_or_insert_default();
                }
                (None, '\\') => match characters.next() {
                    Some(escaped) => word.get_or_insert_default().push(escaped),
                    None => return Err(complaint("ends in a backslash", "finish the line or write a list")),
                },
                (None, ' ' | '\t') => words.extend(word.take()),
                (None, _) if SHELL_CHARACTERS.contains(&character) => return Err(needs_shell(character)),
                (None, _) => word.get_or_insert_default().push(character),
            }
        }
        if let Some(open) = quote {
            return Err(complaint(format_args!("has no closing {open}"), "close the quotation or write a list"));
        }
        words.extend(word);
        Self::of_words(words)
    }

    fn of_words(words: Vec<String>) -> Result<Self, String> {
        match words.first() {
            Some(program) if !program.is_empty() => Ok(Self(words)),
            Some(_) | None => Err(complaint("is empty", "name the program to run: [server, --flag]")),
        }
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CommandVisitor;
        impl<'de> Visitor<'de> for CommandVisitor {
            type Value = Command;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a command: a list of words, or one line")
            }

            fn visit_str<E: de::Error>(self, line: &str) -> Result<Command, E> {
                Command::of_line(line).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Command, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = items.next_element::<String>()? {
                    words.push(word);
                }
                Command::of_words(words).map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(CommandVisitor)
    }
}

impl JsonSchema for Command {
    fn schema_name() -> Cow<'static, str> {
        "Command".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of words, or one line split into words as a shell does (quotes and backslashes; nothing is expanded).",
            "oneOf": [{ "type": "array", "items": { "type": "string" }, "minItems": 1 }, { "type": "string", "minLength": 1 }]
        })
    }
}

/// One text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMany(Vec<String>);

impl OneOrMany {
    /// The texts, in the order written.
    pub fn values(&self) -> &[String] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrManyVisitor;
        impl<'de> Visitor<'de> for OneOrManyVisitor {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = items.next_element::<String>()? {
                    texts.push(text);
                }
                if texts.is_empty() { Err(de::Error::custom("is an empty list")) } else { Ok(OneOrMany(texts)) }
            }
        }
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_are_split_with_quotes_and_without_a_shell() {
        let words = |line| Command::of_line(line).map(|command| command.0);
        assert_eq!(
            words("server --name 'a b' \"\""),
            Ok(vec!["server".into(), "--name".into(), "a b".into(), String::new()])
        );
        assert_eq!(words("a\\ b \"c\\\"d\\e\" 'f\\g$'\n"), Ok(vec!["a b".into(), "c\"d\\e".into(), "f\\g$".into()]));
        assert!(words("a && b").expect_err("needs a shell").contains("[sh, -c, \"a && b\"]"));
        for refused in ["a 'b", "  ", "a \"$HOME\"", "a\\", "a\nb"] {
            assert!(words(refused).is_err(), "{refused:?}");
        }
    }
}
