//! Laying an environment's overrides over the base configuration.

use super::node::{Node, Value};

/// Merges `over` into `base`: maps key by key, everything else replaced; `null` takes a setting away, so that its preset or
/// default applies again.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    let (Value::Map(base_entries), Value::Map(over_entries)) = (&base.value, &over.value) else {
        return over.clone();
    };
    let mut entries = base_entries.clone();
    for (key, value) in over_entries {
        let found = entries.iter().position(|(other, _)| other.text == key.text);
        match found {
            Some(index) if value.is_null() => drop(entries.remove(index)),
            Some(index) => entries[index] = (key.clone(), merge(&entries[index].1, value)),
            None if value.is_null() => {}
            None => entries.push((key.clone(), value.clone())),
        }
    }
    Node { at: over.at, value: Value::Map(entries) }
}

/// The tree without its null settings: overrides as they are checked by themselves, before they are merged.
pub(crate) fn without_nulls(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => {
            let kept = entries.iter().filter(|(_, value)| !value.is_null());
            Value::Map(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Scalar { .. } | Value::List(_) => node.value.clone(),
    };
    Node { at: node.at, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, over: &str) -> serde_json::Value {
        let node = merge(&Node::parse(base).expect("base"), &Node::parse(over).expect("over"));
        crate::config::json::to_json(&node)
    }

    #[test]
    fn maps_merge_key_by_key_and_lists_are_replaced() {
        let result = merged("{a: {b: 1, c: [1, 2]}, d: x}", "{a: {c: [3], e: 5}}");
        assert_eq!(result, serde_json::json!({"a": {"b": 1, "c": [3], "e": 5}, "d": "x"}));
    }

    #[test]
    fn null_takes_a_setting_away() {
        assert_eq!(merged("{a: 1, b: 2}", "{a: null, c: ~}"), serde_json::json!({"b": 2}));
    }

    #[test]
    fn a_value_replaces_a_map() {
        assert_eq!(merged("{a: {b: 1}}", "{a: file.json}"), serde_json::json!({"a": "file.json"}));
    }
}
