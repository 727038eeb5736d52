//! Writes a template as YAML for people: block style, CloudFormation's short forms (`!Ref`, `!GetAtt`, `!Sub`), quotes only where text
//! would be read as something else.

use serde_json::Value as Json;

use super::template::Tree;

/// The YAML text of a map.
pub(super) fn text(tree: &Tree) -> String {
    let mut out = String::new();
    if let Tree::Map(members) = tree {
        for (index, (key, value)) in members.iter().enumerate() {
            if index > 1 {
                out.push('\n');
            }
            member(&mut out, key, value, 0);
        }
    }
    out
}

fn member(out: &mut String, key: &str, value: &Tree, depth: usize) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(&scalar_text(key));
    out.push(':');
    after_colon(out, value, depth);
}

/// What follows `key:`, with the line feed at its end.
fn after_colon(out: &mut String, value: &Tree, depth: usize) {
    if let Some(inline) = inline(value, depth + 1) {
        out.push(' ');
        out.push_str(&inline);
        out.push('\n');
        return;
    }
    out.push('\n');
    match value {
        Tree::Map(members) => members.iter().for_each(|(key, value)| member(out, key, value, depth + 1)),
        Tree::List(items) => items.iter().for_each(|value| item(out, value, depth + 1)),
        Tree::Scalar(_) => {}
    }
}

fn item(out: &mut String, value: &Tree, depth: usize) {
    out.push_str(&"  ".repeat(depth));
    out.push('-');
    match (inline(value, depth + 1), value) {
        (Some(inline), _) => {
            out.push(' ');
            out.push_str(&inline);
            out.push('\n');
        }
        (None, Tree::Map(members)) => {
            // The first member stands beside the hyphen.
            for (index, (key, value)) in members.iter().enumerate() {
                if index == 0 {
                    out.push(' ');
                    out.push_str(&scalar_text(key));
                    out.push(':');
                    after_colon(out, value, depth + 1);
                } else {
                    member(out, key, value, depth + 1);
                }
            }
        }
        (None, Tree::List(items)) => {
            out.push('\n');
            items.iter().for_each(|value| item(out, value, depth + 1));
        }
        (None, Tree::Scalar(_)) => {}
    }
}

/// A value that stands on the line it begins on; text of several lines goes on below it.
fn inline(value: &Tree, depth: usize) -> Option<String> {
    match value {
        Tree::Map(members) => match members.as_slice() {
            [] => Some("{}".to_owned()),
            [(key, value)] => short_form(key, value, depth),
            [_, _, ..] => None,
        },
        Tree::List(items) if items.is_empty() => Some("[]".to_owned()),
        Tree::List(_) => None,
        Tree::Scalar(Json::String(text)) if text.contains('\n') => Some(block(text, depth)),
        Tree::Scalar(Json::String(text)) => Some(scalar_text(text)),
        Tree::Scalar(value) => Some(value.to_string()),
    }
}

fn short_form(key: &str, value: &Tree, depth: usize) -> Option<String> {
    match (key, value) {
        ("Ref", Tree::Scalar(Json::String(id))) => Some(format!("!Ref {}", scalar_text(id))),
        ("Fn::Sub", value @ Tree::Scalar(Json::String(_))) => Some(format!("!Sub {}", inline(value, depth)?)),
        ("Fn::GetAtt", Tree::List(parts)) => match parts.as_slice() {
            [Tree::Scalar(Json::String(id)), Tree::Scalar(Json::String(name))] => Some(format!("!GetAtt {id}.{name}")),
            _ => None,
        },
        (_, _) => None,
    }
}

/// Text of several lines, as it is. Only text without blanks at the beginning of its first line can be written so.
fn block(text: &str, depth: usize) -> String {
    if text.starts_with([' ', '\n']) || text.chars().any(|letter| letter.is_control() && letter != '\n') {
        return quoted(text);
    }
    // How many line feeds end the text: none, one, or all that are there.
    let (chomping, body) = match text.strip_suffix('\n') {
        None => ("-", text),
        Some(body) if body.ends_with('\n') => ("+", body),
        Some(body) => ("", body),
    };
    let indent = "  ".repeat(depth);
    let lines: Vec<String> =
        body.split('\n').map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") }).collect();
    format!("|{chomping}\n{}", lines.join("\n"))
}

/// Text as it is where no reader of YAML 1.1 or 1.2 would take it for anything else, in quotes otherwise.
fn scalar_text(text: &str) -> String {
    const WORDS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "~"];
    let begins_plainly = text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '/');
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " _./:,()%+=;<>*$@-".contains(letter);
    let ends_plainly = !text.ends_with([' ', ':']);
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    let is_free = begins_plainly && ends_plainly && !is_word && !text.contains(": ") && text.chars().all(is_plain);
    if is_free { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        // A JSON string is a YAML one.
        return Json::String(text.to_owned()).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let awkward = [
            "",
            " ",
            "true",
            "No",
            "~",
            "2010-09-09",
            "1e3",
            "0x1f",
            "a: b",
            "a:",
            "a #b",
            "#a",
            "- a",
            "'",
            "it's",
            "\"",
            "*",
            "&a",
            "!Ref x",
            "{a}",
            "[a]",
            "%a",
            "@a",
            "`a`",
            "?",
            "|",
            ">",
            "a\tb",
            "a\nb",
            "a\n\n  b\n",
            "\na",
            " a\nb",
            "a\n\n",
            "${A}",
            "ä",
            "a\\b",
            "/health/ready",
            "arn:aws:iam::1:role/x",
            "null",
            "Null",
            ".5",
            "=",
        ];
        for text in awkward {
            let value = json!({ "key": text, text: [text, { "a": text, "b": [[text], {}, []] }] });
            let written = super::text(&value.clone().into());
            let read: Json =
                serde_saphyr::from_str(&written).unwrap_or_else(|error| panic!("{text:?}: {error}\n{written}"));
            assert_eq!(read, value, "{written}");
        }
    }

    #[test]
    fn functions_have_their_short_forms() {
        let value = json!({ "a": { "Ref": "X" }, "b": [{ "Fn::GetAtt": ["X", "Arn"] }], "c": { "Fn::Sub": "a/${X}" },
            "d": { "Fn::Select": [0, { "Fn::GetAZs": "" }] } });
        let expected = "a: !Ref X\nb:\n  - !GetAtt X.Arn\n\nc: !Sub 'a/${X}'\n\nd:\n  Fn::Select:\n    - 0\n    - Fn::GetAZs: ''\n";
        assert_eq!(text(&value.into()).replace("\n\n", "\n"), expected.replace("\n\n", "\n"));
    }
}
