//! Tags in ECS's shape: a list of `{key, value}`.

use seatrial_engine::State;
use serde_json::{Value, json};

/// Whether an operation that describes something was asked for its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    Tags,
    NoTags,
}

impl Include {
    /// Reads `include`.
    pub fn asked(include: &[String]) -> Self {
        if include.iter().any(|field| field == "TAGS") { Include::Tags } else { Include::NoTags }
    }

    /// Returns the tags of a resource if they were asked for, else none, as ECS does.
    pub fn tags_of(self, state: &State, arn: &str) -> Value {
        match self {
            Include::Tags => tags_of(state, arn),
            Include::NoTags => json!([]),
        }
    }
}

/// Returns the tags of a resource, empty when it has none.
pub fn tags_of(state: &State, arn: &str) -> Value {
    let tags = state.tags.get(arn).into_iter().flatten();
    tags.map(|(key, value)| json!({ "key": key, "value": value })).collect()
}
