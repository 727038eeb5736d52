//! TagResource, UntagResource, ListTagsForResource of alarms, and the tags of requests that create one.

use seatrial_aws_wire::Input;
use seatrial_engine::state::Tags;
use seatrial_engine::{Engine, Refusal, State, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_value, required};
use crate::operations::OperationError;

/// The longest key of a tag, in characters.
const KEY_LENGTH_MAX: usize = 128;
/// The longest value of a tag, in characters.
const VALUE_LENGTH_MAX: usize = 256;

/// `[{Key, Value}]`.
pub(super) type TagList = Vec<Tag>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

pub(super) fn parse(list: TagList) -> Result<Tags, Refusal> {
    let mut parsed = Tags::new();
    for Tag { key, value } in list {
        let fits = (1..=KEY_LENGTH_MAX).contains(&key.chars().count()) && value.chars().count() <= VALUE_LENGTH_MAX;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid_value(format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} characters that does not begin with aws: and a value of up to {VALUE_LENGTH_MAX}."
            )));
        }
        parsed.insert(key, value);
    }
    if parsed.len() > tags::TAGS_MAX { Err(too_many()) } else { Ok(parsed) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: Option<String>,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn tag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let arn = required("ResourceARN", request.resource_arn)?;
    let given = parse(request.tags)?;
    engine.transact(|tx| {
        check_exists(tx.state, &arn)?;
        let kept = tx.state.tags.get(&arn).into_iter().flatten().filter(|(key, _)| !given.contains_key(*key)).count();
        if kept + given.len() > tags::TAGS_MAX {
            return Err(too_many());
        }
        tags::set(tx, &arn, given)
    })?;
    Ok(json!({}))
}

pub(super) fn untag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let arn = required("ResourceARN", request.resource_arn)?;
    engine.transact(|tx| {
        check_exists(tx.state, &arn)?;
        tags::unset(tx, &arn, &request.tag_keys);
        Ok(())
    })?;
    Ok(json!({}))
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let arn = required("ResourceARN", request.resource_arn)?;
    engine.read(|state| {
        check_exists(state, &arn)?;
        let tags = state.tags.get(&arn).cloned().unwrap_or_default();
        let list: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        Ok(json!({ "Tags": list }))
    })
}

fn check_exists(state: &State, arn: &str) -> Result<(), Refusal> {
    if state.alarms.values().any(|alarm| alarm.arn() == arn) {
        return Ok(());
    }
    let shown: String = arn.chars().take(128).collect();
    Err(Refusal::new("ResourceNotFoundException", format!("The resource {shown} does not exist.")))
}

fn too_many() -> Refusal {
    invalid_value(format!("A resource may have at most {} tags.", tags::TAGS_MAX))
}
