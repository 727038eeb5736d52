//! What is refused of a schema before it is compiled: other people's files must neither be fetched nor keep the program busy for ever.

use serde_json::Value as Json;

use crate::config::error::Fault;

/// Most schemas that one value is held against, references followed.
const STEPS_MAX: usize = 1000;

/// Keywords whose schemas are about the same value again.
const ONE: [&str; 4] = ["not", "if", "then", "else"];
const SEVERAL: [&str; 3] = ["allOf", "anyOf", "oneOf"];

/// Keywords that hold data, in which nothing is a schema.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// References that are found out only while a value is looked at.
const DYNAMIC: [&str; 2] = ["$dynamicRef", "$recursiveRef"];

/// Refuses references that leave the schema, and those by which a value would be looked at without end.
pub(super) fn check(schema: &Json) -> Result<(), Fault> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err(Fault::new("`config_schema` is not a JSON Schema, which is a map of keywords")
            .instead("name a file, or write the schema, for example { properties: { WORKERS: { type: integer } } }"));
    }
    walk(schema, schema, true)
}

fn walk(root: &Json, schema: &Json, is_root: bool) -> Result<(), Fault> {
    match schema {
        Json::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Json::as_str).filter(|reference| !is_local(reference))
            {
                return Err(refused(reference));
            }
            let dynamic = DYNAMIC.iter().find_map(|keyword| members.get(*keyword).and_then(Json::as_str));
            if let Some(reference) = dynamic {
                return Err(refused(reference));
            }
            if !is_root && members.get("$id").is_some_and(Json::is_string) {
                return Err(Fault::new("`config_schema` has a schema with an `$id` of its own in it")
                    .instead("take the `$id` away, and refer to it by `#/$defs/…`"));
            }
            let mut steps = 0;
            count(root, schema, &mut steps)?;
            members
                .iter()
                .filter(|(name, _)| !DATA.contains(&name.as_str()))
                .try_for_each(|(_, member)| walk(root, member, false))
        }
        Json::Array(items) => items.iter().try_for_each(|item| walk(root, item, false)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(()),
    }
}

fn is_local(reference: &str) -> bool {
    reference == "#" || reference.starts_with("#/")
}

fn refused(reference: &str) -> Fault {
    Fault::new(format!("`config_schema` refers to `{reference}`, and only what is in the schema itself is read"))
        .instead("copy it below `$defs`, and refer to it by `#/$defs/…`")
}

/// Counts the schemas that one value is held against.
fn count(root: &Json, schema: &Json, steps: &mut usize) -> Result<(), Fault> {
    *steps += 1;
    if *steps > STEPS_MAX {
        return Err(Fault::new(format!("`config_schema` holds one value against more than {STEPS_MAX} schemas"))
            .instead("look for a `$ref` that leads back to itself"));
    }
    let reference = schema.get("$ref").and_then(Json::as_str).and_then(|reference| reference.strip_prefix('#'));
    if let Some(target) = reference.and_then(|pointer| root.pointer(pointer)) {
        count(root, target, steps)?;
    }
    let several = SEVERAL.iter().filter_map(|keyword| schema.get(*keyword)?.as_array()).flatten();
    let dependent = schema.get("dependentSchemas").and_then(Json::as_object);
    let dependent = dependent.into_iter().flat_map(|schemas| schemas.values());
    let same = ONE.iter().filter_map(|keyword| schema.get(*keyword)).chain(several).chain(dependent);
    same.into_iter().try_for_each(|same| count(root, same, steps))
}
