//! Tags in ECS's shape: a list of `{key, value}`.

use seatrial_engine::State;
use serde_json::{Value, json};

/// Returns the tags of a resource, empty when it has none.
pub fn tags_of(state: &State, arn: &str) -> Value {
    let tags = state.tags.get(arn).into_iter().flatten();
    tags.map(|(key, value)| json!({ "key": key, "value": value })).collect()
}
