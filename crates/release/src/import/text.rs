//! Text that is partly fixed and partly filled in when `seatrial.yml` is read.

use crate::difference::{is_secret_name, password};

/// Literal pieces and template expressions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Literal(String),
    /// An expression, without its braces.
    Template(String),
}

/// The beginnings of templates, which literal text must not hold.
const OPENINGS: [&str; 3] = ["{{", "{%", "{#"];

impl Text {
    pub fn literal(text: &str) -> Self {
        Text(vec![Piece::Literal(text.to_owned())])
    }

    /// What the variable holds; without a default it has to be set.
    pub fn variable(name: &str, default: Option<&str>) -> Self {
        Text(vec![Piece::Template(expression(name, default))])
    }

    /// Text that has no templates.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Literal(text)] if !OPENINGS.iter().any(|opening| text.contains(opening)) => Some(text),
            _ => None,
        }
    }

    pub fn push_literal(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(text),
            Some(Piece::Template(_)) | None => self.0.push(Piece::Literal(text.to_owned())),
        }
    }

    pub fn push_variable(&mut self, name: &str, default: Option<&str>) {
        self.0.push(Piece::Template(expression(name, default)));
    }

    pub fn extend(&mut self, other: &Text) {
        for piece in &other.0 {
            match piece {
                Piece::Literal(text) => self.push_literal(text),
                Piece::Template(_) => self.0.push(piece.clone()),
            }
        }
    }

    /// In the double quotes of YAML.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.written(|text| guarded(&escaped(text))))
    }

    /// Without quotes, where the imported file had none.
    pub fn unquoted(&self) -> String {
        self.written(guarded)
    }

    fn written(&self, literal: impl Fn(&str) -> String) -> String {
        let mut written = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => written += &literal(text),
                Piece::Template(expression) => {
                    // A brace right before a template would be read as one of its own.
                    if written.ends_with('{') {
                        written.pop();
                        written += "{{ '{' }}";
                    }
                    written += &format!("{{{{ {expression} }}}}");
                }
            }
        }
        written
    }
}

/// Whether a value is another variable's and no more: `$NAME` or `${NAME}`. Nothing of it is copied.
pub(super) fn is_reference(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('$') else { return false };
    let name = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a value would copy a secret into the file: by its variable's name, or as the password of an address.
pub(super) fn copies_secret(name: &str, text: &str) -> bool {
    let by_name = is_secret_name(name) && !text.is_empty() && !is_reference(text);
    by_name || password(text).is_some_and(|range| !is_reference(&text[range]))
}

fn expression(name: &str, default: Option<&str>) -> String {
    match default {
        // The default stands between YAML's quotes once it is filled in.
        Some(default) => {
            let default = escaped(default).replace('\\', "\\\\").replace('\'', "\\'");
            format!("env('{name}', '{default}')")
        }
        None => format!("must_env('{name}')"),
    }
}

/// As between the quotes of JSON, which YAML reads alike.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::String(text.to_owned()).to_string();
    let inner = &quoted[1..quoted.len() - 1];
    let is_unprintable =
        |c: char| ('\u{7f}'..='\u{9f}').contains(&c) || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}');
    inner.chars().map(|c| if is_unprintable(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }).collect()
}

/// Keeps literal text from being taken for a template.
fn guarded(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = OPENINGS.iter().filter_map(|opening| rest.find(opening)).min() {
        let (before, from) = rest.split_at(at);
        let (opening, after) = from.split_at(2);
        out.push_str(&format!("{before}{{{{ '{opening}' }}}}"));
        rest = after;
    }
    out + rest
}

/// Text in which `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:?message}` stand for variables, and `$$` for `$`.
///
/// The second part of the answer are the expressions that could not be taken over.
pub(super) fn interpolated(text: &str) -> (Text, Vec<String>) {
    let (mut out, mut refused) = (Text::default(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_literal(&rest[..at]);
        let after = &rest[at + 1..];
        rest = if let Some(after) = after.strip_prefix('$') {
            out.push_literal("$");
            after
        } else if let Some(inner) = after.strip_prefix('{').and_then(|inner| Some(&inner[..end_of_braces(inner)?])) {
            braces(inner, &mut out, &mut refused);
            &after[inner.len() + 2..]
        } else {
            let length = name_length(after);
            match length {
                0 => out.push_literal("$"),
                _ => out.push_variable(&after[..length], Some("")),
            }
            &after[length..]
        };
    }
    if !rest.is_empty() || out.0.is_empty() {
        out.push_literal(rest);
    }
    (out, refused)
}

fn braces(inner: &str, out: &mut Text, refused: &mut Vec<String>) {
    let (name, operator) = inner.split_at(name_length(inner));
    let default = operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-'));
    let is_needed = operator.starts_with(":?") || operator.starts_with('?');
    match (name, operator, default) {
        ("", _, _) => {}
        (_, "", _) => return out.push_variable(name, Some("")),
        (_, _, Some(default)) if !default.contains('$') => return out.push_variable(name, Some(default)),
        (_, _, None) if is_needed => return out.push_variable(name, None),
        (_, _, _) => {}
    }
    refused.push(format!("${{{inner}}}"));
    out.push_literal(&format!("${{{inner}}}"));
}

fn end_of_braces(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn name_length(text: &str) -> usize {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts { text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len()) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_copied_by_anything_but_the_name_of_another_variable() {
        for (name, value, is_copied) in [
            ("DB_PASSWORD", "hunter$$2", true),
            ("API_TOKEN", "${API_TOKEN:-hunter3}", true),
            ("API_TOKEN", "${API_TOKEN}", false),
            ("API_TOKEN", "$TOKEN", false),
            ("API_TOKEN", "", false),
            ("URL", "postgres://u:${DB_PASSWORD}@h/d", false),
            ("URL", "postgres://u:p@h/d", true),
            ("COLOUR", "${COLOUR:-red}", false),
        ] {
            assert_eq!(copies_secret(name, value), is_copied, "{name}={value}");
        }
    }

    #[test]
    fn variables_become_templates() {
        let cases = [
            ("plain", r#""plain""#),
            ("", r#""""#),
            ("$$HOME", r#""$HOME""#),
            ("a$", r#""a$""#),
            ("$TAG.x", r#""{{ env('TAG', '') }}.x""#),
            ("${TAG:-v1}", r#""{{ env('TAG', 'v1') }}""#),
            ("${TAG-it's \"x\"}", r#""{{ env('TAG', 'it\'s \\"x\\"') }}""#),
            ("${TAG:?no tag}", r#""{{ must_env('TAG') }}""#),
            ("{{ x }}", r#""{{ '{{' }} x }}""#),
            ("{$NAME}", r#""{{ '{' }}{{ env('NAME', '') }}}""#),
        ];
        for (text, expected) in cases {
            let (text, refused) = interpolated(text);
            assert_eq!(text.quoted(), expected);
            assert!(refused.is_empty());
        }
        for text in ["${A:+b}", "${A:-${B}}", "${}"] {
            assert_eq!(interpolated(text), (Text::literal(text), vec![text.to_owned()]));
        }
        assert_eq!(interpolated("${unclosed").0, Text::literal("${unclosed"));
    }
}
