//! TagResource, UntagResource, ListTagsForResource.

use seatrial_aws_wire::Input;
use seatrial_engine::state::Tags;
use seatrial_engine::{Engine, Refusal, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::show;
use crate::operations::OperationError;

/// The longest key and value ECS accepts.
const KEY_LENGTH_MAX: usize = 128;
const VALUE_LENGTH_MAX: usize = 256;

/// `[{key, value}]`.
pub(super) type TagList = Vec<Tag>;

#[derive(Deserialize)]
pub(super) struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

pub(super) fn parse_tags(list: TagList) -> Result<Tags, Refusal> {
    let mut parsed = Tags::new();
    for Tag { key, value } in list {
        if key.is_empty() || key.len() > KEY_LENGTH_MAX || value.len() > VALUE_LENGTH_MAX {
            let message = format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} and a value of up to {VALUE_LENGTH_MAX} characters."
            );
            return Err(Refusal::invalid(message));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(Refusal::invalid("Tag keys may not begin with aws:."));
        }
        if parsed.insert(key.clone(), value).is_some() {
            return Err(Refusal::invalid(format!("Duplicate tag key {key}.")));
        }
    }
    if parsed.len() > tags::TAGS_MAX {
        return Err(Refusal::invalid(format!("A resource may have at most {} tags.", tags::TAGS_MAX)));
    }
    Ok(parsed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TagResource {
    resource_arn: String,
    #[serde(default)]
    tags: TagList,
}

pub(super) fn tag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: TagResource = input.read()?;
    if request.tags.is_empty() {
        return Err(Refusal::invalid("Tags can not be empty.").into());
    }
    let given = parse_tags(request.tags)?;
    engine.transact(|tx| tags::set(tx, &request.resource_arn, given))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UntagResource {
    resource_arn: String,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn untag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: UntagResource = input.read()?;
    engine.transact(|tx| {
        tags::unset(tx, &request.resource_arn, &request.tag_keys);
        Ok(())
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTagsForResource {
    resource_arn: String,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListTagsForResource = input.read()?;
    Ok(json!({ "tags": engine.read(|state| show::tags_of(state, &request.resource_arn)) }))
}
