//! The JSON schema of `seatrial.yml`, for editors.

use super::document::Document;

/// The JSON schema of `seatrial.yml` (draft 2020-12), made from the types that read it.
///
/// Keys beginning with `x-` are valid in every map of keys, as they are to the parser.
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document).to_value();
    allow_extensions(&mut schema);
    schema
}

/// Gives every closed object an exception for `x-*`.
fn allow_extensions(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(members) => {
            if members.get("additionalProperties") == Some(&serde_json::Value::Bool(false))
                && members.contains_key("properties")
            {
                let patterns = members.entry("patternProperties").or_insert_with(|| serde_json::json!({}));
                patterns["^x-"] = serde_json::json!(true);
            }
            members.values_mut().for_each(allow_extensions);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(allow_extensions),
        _ => {}
    }
}
