//! Turns form parameters into one JSON value: `A.B=x` is a structure, `A.member.1=x` a list, `A.entry.1.key=k` a map.

use std::collections::BTreeMap;

use percent_encoding::percent_decode;
use serde_json::{Map, Value};

/// The most parameters in one request. A PutMetricData call as large as CloudWatch takes it (1 MB) has 25,000 of 40 bytes each.
pub const PARAMETERS_MAX: usize = 50_000;

/// The most parts of names in one request, those that names share counted once: a parameter of PutMetricData adds one or two. Each can
/// take 800 bytes of memory.
pub const PARTS_MAX: usize = 150_000;

/// The most parts of one parameter's name. ELBv2's deepest has eight.
pub const PARAMETER_DEPTH_MAX: usize = 24;

/// Why a form is no query input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    #[error("The request has more than {PARAMETERS_MAX} parameters")]
    TooManyParameters,
    #[error("The names of the parameters have more than {PARTS_MAX} parts")]
    TooManyParts,
    #[error("The name of parameter {0} has more than {PARAMETER_DEPTH_MAX} parts")]
    TooDeep(usize),
    #[error("Parameter {0} is not UTF-8")]
    NotUtf8(usize),
    #[error("The name of parameter {0} has an empty part")]
    EmptyName(usize),
    /// A name that is given twice, or once as a value and once as a structure.
    #[error("The name of parameter {0} is given twice")]
    Conflict(usize),
}

/// Decodes a form. Positions in errors count from one.
pub(crate) fn decode(form: &[u8]) -> Result<Map<String, Value>, InvalidQuery> {
    let mut root = Node::default();
    let mut parts = 0;
    let pairs = form.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    for (index, pair) in pairs.enumerate() {
        let position = index + 1;
        if position > PARAMETERS_MAX {
            return Err(InvalidQuery::TooManyParameters);
        }
        let split = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let name = text(&pair[..split], position)?;
        let value = text(pair.get(split + 1..).unwrap_or_default(), position)?;
        parts += root.insert(&name, value, position)?;
        if parts > PARTS_MAX {
            return Err(InvalidQuery::TooManyParts);
        }
    }
    Ok(root.children.into_iter().map(|(name, node)| (name, node.into_value())).collect())
}

fn text(encoded: &[u8], position: usize) -> Result<String, InvalidQuery> {
    let spaced: Vec<u8> = encoded.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).map_err(|_| InvalidQuery::NotUtf8(position))
}

/// A part of a parameter's name, with the value given to it or the parts that follow it.
#[derive(Default)]
struct Node {
    value: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    /// Adds a parameter and returns how many parts of its name are new.
    fn insert(&mut self, name: &str, value: String, position: usize) -> Result<usize, InvalidQuery> {
        let mut node = self;
        let mut added = 0;
        for (depth, part) in name.split('.').enumerate() {
            if depth == PARAMETER_DEPTH_MAX {
                return Err(InvalidQuery::TooDeep(position));
            }
            if part.is_empty() {
                return Err(InvalidQuery::EmptyName(position));
            }
            if node.value.is_some() {
                return Err(InvalidQuery::Conflict(position));
            }
            added += usize::from(!node.children.contains_key(part));
            node = node.children.entry(part.to_owned()).or_default();
        }
        if node.value.is_some() || !node.children.is_empty() {
            return Err(InvalidQuery::Conflict(position));
        }
        node.value = Some(value);
        Ok(added)
    }

    /// Recursion is bounded by [`PARAMETER_DEPTH_MAX`].
    fn into_value(mut self) -> Value {
        if let Some(value) = self.value {
            return Value::String(value);
        }
        if self.children.len() == 1 {
            if self.children.get("member").is_some_and(Node::is_list) {
                return self.children.remove("member").map(Node::into_value).unwrap_or_default();
            }
            if self.children.get("entry").is_some_and(Node::is_map) {
                return self.children.remove("entry").map(Node::into_map).unwrap_or_default();
            }
        }
        if self.is_list() {
            return Value::Array(self.in_order().into_iter().map(Node::into_value).collect());
        }
        Value::Object(self.children.into_iter().map(|(name, node)| (name, node.into_value())).collect())
    }

    /// Tells whether the children are numbered. Numbers may have gaps, as AWS accepts them, but not two spellings.
    fn is_list(&self) -> bool {
        !self.children.is_empty() && self.children.keys().all(|name| number(name).is_some())
    }

    fn is_map(&self) -> bool {
        let text = |node: &Node, name: &str| node.children.get(name).is_some_and(|node| node.value.is_some());
        self.is_list()
            && self
                .children
                .values()
                .all(|entry| text(entry, "key") && entry.children.len() == 2 && entry.children.contains_key("value"))
    }

    fn into_map(self) -> Value {
        let entries = self.in_order().into_iter().filter_map(|mut entry| {
            let key = entry.children.remove("key")?.value?;
            Some((key, entry.children.remove("value")?.into_value()))
        });
        Value::Object(entries.collect())
    }

    fn in_order(self) -> Vec<Node> {
        let mut children: Vec<_> = self.children.into_iter().map(|(name, node)| (number(&name), node)).collect();
        children.sort_by_key(|(number, _)| *number);
        children.into_iter().map(|(_, node)| node).collect()
    }
}

fn number(name: &str) -> Option<u32> {
    let canonical = name.bytes().all(|b| b.is_ascii_digit()) && !name.starts_with('0');
    if canonical { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value(form: &str) -> Result<Value, InvalidQuery> {
        decode(form.as_bytes()).map(Value::Object)
    }

    #[test]
    fn dotted_names_spell_out_structures_and_lists() {
        let form = "Priority=10&Conditions.member.1.Field=http-header\
                    &Conditions.member.1.HttpHeaderConfig.HttpHeaderName=X-Env\
                    &Conditions.member.1.HttpHeaderConfig.Values.member.1=test\
                    &Conditions.member.2.Field=path-pattern&Conditions.member.2.Values.member.1=%2Fapi%2F*";
        assert_eq!(
            value(form),
            Ok(json!({
                "Priority": "10",
                "Conditions": [
                    {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Env", "Values": ["test"]}},
                    {"Field": "path-pattern", "Values": ["/api/*"]},
                ],
            }))
        );
    }

    #[test]
    fn lists_are_ordered_by_number_not_by_text() {
        let form: String = (1..=11).rev().map(|n| format!("&L.member.{n}=v{n}")).collect();
        let expected: Vec<String> = (1..=11).map(|n| format!("v{n}")).collect();
        assert_eq!(value(&form), Ok(json!({ "L": expected })));
        assert_eq!(value("L.member.4000000000=b&L.member.2=a"), Ok(json!({"L": ["a", "b"]})));
        assert_eq!(value("L.1=a&L.2=b"), Ok(json!({"L": ["a", "b"]})), "flattened lists");
    }

    #[test]
    fn entries_become_a_map() {
        let form = "Tags.entry.1.key=a&Tags.entry.1.value=1&Tags.entry.2.key=b&Tags.entry.2.value=2";
        assert_eq!(value(form), Ok(json!({"Tags": {"a": "1", "b": "2"}})));
    }

    #[test]
    fn plus_and_percent_are_decoded_and_empty_values_kept() {
        assert_eq!(value("A=x+y%20z%2B&B=&C"), Ok(json!({"A": "x y z+", "B": "", "C": ""})));
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(value("A=1&A=2"), Err(InvalidQuery::Conflict(2)));
        assert_eq!(value("A=1&A.B=2"), Err(InvalidQuery::Conflict(2)));
        assert_eq!(value("A.B=1&A=2"), Err(InvalidQuery::Conflict(2)));
        assert_eq!(value("A..B=1"), Err(InvalidQuery::EmptyName(1)));
        assert_eq!(value("A=%ff"), Err(InvalidQuery::NotUtf8(1)));
    }

    #[test]
    fn count_and_depth_have_limits() {
        let many: String = (0..=PARAMETERS_MAX).map(|n| format!("p{n}=1&")).collect();
        assert_eq!(value(&many), Err(InvalidQuery::TooManyParameters));
        let deep: String = (0..PARAMETERS_MAX / 2).map(|n| format!("p{n}.{}=1&", "a.a.a.a.a.a.a.a")).collect();
        assert_eq!(value(&deep), Err(InvalidQuery::TooManyParts));
        let wide: String = (0..PARAMETERS_MAX)
            .map(|n| format!("Data.member.{}.Values.member.{}=1&", n / 50 + 1, n % 50 + 1))
            .collect();
        assert!(value(&wide).is_ok());
        let name = vec!["a"; PARAMETER_DEPTH_MAX].join(".");
        assert!(value(&name).is_ok());
        assert_eq!(value(&format!("{name}.a")), Err(InvalidQuery::TooDeep(1)));
        assert_eq!(value(&"a.".repeat(1_000_000)), Err(InvalidQuery::TooDeep(1)));
    }

    proptest! {
        #[test]
        fn no_form_panics(form in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&form);
        }

        #[test]
        fn no_shape_of_names_panics(form in "([aA.]|member|entry|key|value|[019]|=|&|%4){0,60}") {
            let _ = decode(form.as_bytes());
        }
    }
}
