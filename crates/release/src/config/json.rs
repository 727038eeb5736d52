//! A YAML tree as JSON, by YAML's core schema: the form in which ECS documents travel.

use serde_json::{Map, Number, Value as Json};

use super::node::{Node, Value};

/// Converts a tree to JSON; plain scalars become null, booleans and numbers as YAML 1.2 says.
pub(crate) fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Scalar { text, quoted: true } => Json::String(text.clone()),
        Value::Scalar { text, quoted: false } => plain(text),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.text.clone(), to_json(value))).collect::<Map<_, _>>())
        }
    }
}

/// What a plain (unquoted) scalar means.
pub(crate) fn plain(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => number(text).map_or_else(|| Json::String(text.to_owned()), Json::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits.chars().any(|c| c == '_') {
        return None;
    }
    if digits.chars().all(|c| c.is_ascii_digit()) {
        // 007 is a number in YAML, but whoever writes it means text.
        let padded = digits.len() > 1 && digits.starts_with('0');
        return if padded { None } else { text.trim_start_matches('+').parse::<i64>().ok().map(Number::from) };
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_follow_the_core_schema() {
        let cases = [
            ("1", json!(1)),
            ("-7", json!(-7)),
            ("1.5", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("true", json!(true)),
            ("yes", json!("yes")),
            ("~", json!(null)),
            ("1.2.3", json!("1.2.3")),
            ("0123", json!("0123")),
            ("12_000", json!("12_000")),
            ("30s", json!("30s")),
            ("'1'", json!("1")),
        ];
        for (text, expected) in cases {
            assert_eq!(to_json(&Node::parse(text).expect(text)), expected, "{text}");
        }
    }
}
