//! TagResource, UntagResource, ListTagsForResource of log groups.

use std::collections::BTreeMap;

use seatrial_aws_wire::Input;
use seatrial_engine::logs::{find_group, group_arn};
use seatrial_engine::state::Tags;
use seatrial_engine::{Engine, Refusal, State, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid, name_in};
use crate::operations::OperationError;

/// The longest key of a tag, in characters.
const KEY_LENGTH_MAX: usize = 128;
/// The longest value of a tag, in characters.
const VALUE_LENGTH_MAX: usize = 256;

pub(super) fn check(tags: BTreeMap<String, String>) -> Result<Tags, Refusal> {
    if tags.len() > tags::TAGS_MAX {
        return Err(too_many());
    }
    for (key, value) in &tags {
        let fits = (1..=KEY_LENGTH_MAX).contains(&key.chars().count()) && value.chars().count() <= VALUE_LENGTH_MAX;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} characters that does not begin with aws: and a value of up to {VALUE_LENGTH_MAX}."
            )));
        }
    }
    Ok(tags)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfResource {
    resource_arn: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn tag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let given = check(request.tags)?;
    engine.transact(|tx| {
        let arn = known(tx.state, &request.resource_arn)?;
        let has = tx.state.tags.get(&arn).into_iter().flatten().filter(|(key, _)| !given.contains_key(*key)).count();
        if has + given.len() > tags::TAGS_MAX {
            return Err(too_many());
        }
        tags::set(tx, &arn, given)
    })?;
    Ok(json!({}))
}

pub(super) fn untag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    engine.transact(|tx| {
        let arn = known(tx.state, &request.resource_arn)?;
        tags::unset(tx, &arn, &request.tag_keys);
        Ok(())
    })?;
    Ok(json!({}))
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    engine.read(|state| {
        let arn = known(state, &request.resource_arn)?;
        Ok(json!({ "tags": state.tags.get(&arn).cloned().unwrap_or_default() }))
    })
}

/// Returns the ARN under which the log group's tags are kept.
fn known(state: &State, arn: &str) -> Result<String, Refusal> {
    let group = find_group(state, name_in(arn))?;
    Ok(group_arn(&state.scope, &group.name).as_str().to_owned())
}

fn too_many() -> Refusal {
    Refusal::new("TooManyTagsException", format!("A resource may have at most {} tags.", tags::TAGS_MAX))
}
