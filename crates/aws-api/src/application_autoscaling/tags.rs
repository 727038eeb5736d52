//! TagResource, UntagResource and ListTagsForResource of scalable targets, and the tags of requests that register one.

use std::collections::BTreeMap;

use seatrial_aws_wire::Input;
use seatrial_engine::state::Tags;
use seatrial_engine::{Engine, Refusal, State, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::validation;
use crate::operations::OperationError;

/// The longest key of a tag, in characters (shape `TagKey`).
const KEY_LENGTH_MAX: usize = 128;
/// The longest value of a tag, in characters (shape `TagValue`).
const VALUE_LENGTH_MAX: usize = 256;

pub(super) type TagMap = BTreeMap<String, String>;

pub(super) fn parse(map: TagMap) -> Result<Tags, Refusal> {
    for (key, value) in &map {
        let fits = (1..=KEY_LENGTH_MAX).contains(&key.chars().count()) && value.chars().count() <= VALUE_LENGTH_MAX;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(validation(format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} characters that does not begin with aws: and a value of up to {VALUE_LENGTH_MAX}."
            )));
        }
    }
    if map.len() > tags::TAGS_MAX { Err(too_many()) } else { Ok(map) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfResource {
    #[serde(rename = "ResourceARN")]
    resource_arn: String,
    #[serde(default)]
    tags: TagMap,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn tag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let (arn, given) = (request.resource_arn, parse(request.tags)?);
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
    engine.transact(|tx| {
        check_exists(tx.state, &request.resource_arn)?;
        tags::unset(tx, &request.resource_arn, &request.tag_keys);
        Ok(())
    })?;
    Ok(json!({}))
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let tags = engine.read(|state| {
        check_exists(state, &request.resource_arn)?;
        Ok::<_, Refusal>(state.tags.get(&request.resource_arn).cloned().unwrap_or_default())
    })?;
    Ok(json!({ "Tags": tags }))
}

fn check_exists(state: &State, arn: &str) -> Result<(), Refusal> {
    if state.scalable_targets.values().any(|target| target.arn == arn) {
        return Ok(());
    }
    let shown: String = arn.chars().take(128).collect();
    Err(Refusal::new("ResourceNotFoundException", format!("There is no scalable target {shown}.")))
}

fn too_many() -> Refusal {
    Refusal::new("TooManyTagsException", format!("A scalable target may have at most {} tags.", tags::TAGS_MAX))
}
