//! Writes the YAML of a `seatrial.yml`. Text is quoted wherever YAML or the templates could take it for something else.

use serde_json::Value as Json;

use super::text::Text;
use crate::config::json;

/// Longest list that is written on one line, in characters.
const FLOW_MAX: usize = 90;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Yaml {
    /// A number, a word or null, as it is.
    Plain(String),
    Text(Text),
    List(Vec<Yaml>),
    Map(Entries),
}

/// The entries of a map, in the order in which they are written.
pub(super) type Entries = Vec<(String, Yaml)>;

impl Yaml {
    pub fn text(text: &str) -> Self {
        Yaml::Text(Text::literal(text))
    }

    pub fn plain(value: impl ToString) -> Self {
        Yaml::Plain(value.to_string())
    }

    pub fn texts(texts: Vec<Text>) -> Self {
        Yaml::List(texts.into_iter().map(Yaml::Text).collect())
    }

    /// A document, with a line feed at its end.
    pub fn document(entries: &Entries) -> String {
        let mut out = String::new();
        map(entries, 0, &mut out);
        out
    }

    fn on_one_line(&self) -> Option<String> {
        match self {
            Yaml::Plain(word) => Some(word.clone()),
            Yaml::Text(text) => Some(scalar(text)),
            Yaml::List(items) => {
                let items: Option<Vec<String>> = items
                    .iter()
                    .map(|item| match item {
                        Yaml::Plain(_) | Yaml::Text(_) => item.on_one_line(),
                        Yaml::List(_) | Yaml::Map(_) => None,
                    })
                    .collect();
                Some(format!("[{}]", items?.join(", "))).filter(|line| line.len() <= FLOW_MAX)
            }
            Yaml::Map(entries) if entries.is_empty() => Some("{}".to_owned()),
            Yaml::Map(_) => None,
        }
    }
}

fn map(entries: &Entries, indent: usize, out: &mut String) {
    for (key, value) in entries {
        out.push_str(&" ".repeat(indent));
        entry(key, value, indent, out);
    }
}

fn entry(key: &str, value: &Yaml, indent: usize, out: &mut String) {
    out.push_str(&scalar(&Text::literal(key)));
    out.push(':');
    match (value.on_one_line(), value) {
        (Some(line), _) => out.push_str(&format!(" {line}\n")),
        (None, Yaml::Map(inner)) => {
            out.push('\n');
            map(inner, indent + 2, out);
        }
        (None, Yaml::List(items)) => {
            out.push('\n');
            items.iter().for_each(|inner| item(inner, indent + 2, out));
        }
        (None, Yaml::Plain(_) | Yaml::Text(_)) => out.push('\n'),
    }
}

fn item(value: &Yaml, indent: usize, out: &mut String) {
    out.push_str(&" ".repeat(indent));
    out.push_str("- ");
    match (value.on_one_line(), value) {
        (Some(line), _) => out.push_str(&format!("{line}\n")),
        (None, Yaml::Map(entries)) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(&" ".repeat(indent + 2));
                }
                entry(key, value, indent + 2, out);
            }
        }
        (None, Yaml::List(items)) => {
            out.push('\n');
            items.iter().for_each(|inner| item(inner, indent + 2, out));
        }
        (None, Yaml::Plain(_) | Yaml::Text(_)) => out.push('\n'),
    }
}

fn scalar(text: &Text) -> String {
    match text.as_literal() {
        Some(literal) if is_plain(literal) => literal.to_owned(),
        Some(_) | None => text.quoted(),
    }
}

/// Whether text needs no quotes, in a map as well as in a list on one line.
fn is_plain(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/' || c == '.');
    let inner = text.chars().all(|c| c.is_ascii_alphanumeric() || "._/-@:+".contains(c));
    let word = matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n");
    first && inner && !word && !text.ends_with(':') && matches!(json::plain(text), Json::String(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::node::Node;

    #[test]
    fn what_is_written_is_read_again_as_it_was() {
        let words = [
            "a",
            "1.10",
            "yes",
            "null",
            "",
            " x ",
            "a: b",
            "[",
            "{{ x }}",
            "{% y %}",
            "{#",
            "it's \"so\"",
            "\u{1}\n\t",
            "ä",
            "#",
        ];
        let list = Yaml::List(words.iter().map(|word| Yaml::text(word)).collect());
        let nested = Yaml::List(vec![
            Yaml::Map(vec![("a".into(), list.clone()), ("b c".into(), Yaml::plain(1))]),
            Yaml::Map(vec![]),
        ]);
        let text = Yaml::document(&vec![("list".into(), list), ("nested".into(), nested)]);
        let rendered =
            crate::config::rendered(&text, &crate::config::Variables::fixed::<&str, &str>([])).expect("a template");
        let read = json::to_json(&Node::parse(&rendered).unwrap_or_else(|fault| panic!("{fault:?}\n{text}")));
        assert_eq!(read["list"], serde_json::json!(words));
        assert_eq!(read["nested"], serde_json::json!([{ "a": words, "b c": 1 }, {}]));
    }
}
