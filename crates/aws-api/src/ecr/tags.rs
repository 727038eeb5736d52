//! TagResource, UntagResource, ListTagsForResource of repositories.

use seatrial_aws_wire::Input;
use seatrial_engine::images::repositories;
use seatrial_engine::state::Tags;
use seatrial_engine::{Refusal, State, tags};
use seatrial_model::image::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Ecr;
use super::answer::invalid;
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
    value: String,
}

pub(super) fn parse(list: TagList) -> Result<Tags, Refusal> {
    let mut parsed = Tags::new();
    for Tag { key, value } in list {
        let fits = (1..=KEY_LENGTH_MAX).contains(&key.chars().count()) && value.chars().count() <= VALUE_LENGTH_MAX;
        if !fits || key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} characters that does not begin with aws: and a value of up to {VALUE_LENGTH_MAX}."
            );
            return Err(Refusal::new("InvalidTagParameterException", message));
        }
        if parsed.insert(key.clone(), value).is_some() {
            return Err(Refusal::new("InvalidTagParameterException", format!("Duplicate tag key {key}.")));
        }
    }
    if parsed.len() > tags::TAGS_MAX {
        return Err(too_many());
    }
    Ok(parsed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfResource {
    resource_arn: String,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn tag(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let given = parse(request.tags)?;
    ecr.engine.transact(|tx| {
        known(tx.state, &request.resource_arn)?;
        let has = tx.state.tags.get(&request.resource_arn).into_iter().flatten();
        if has.filter(|(key, _)| !given.contains_key(*key)).count() + given.len() > tags::TAGS_MAX {
            return Err(too_many());
        }
        tags::set(tx, &request.resource_arn, given)
    })?;
    Ok(json!({}))
}

pub(super) fn untag(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    ecr.engine.transact(|tx| {
        known(tx.state, &request.resource_arn)?;
        tags::unset(tx, &request.resource_arn, &request.tag_keys);
        Ok(())
    })?;
    Ok(json!({}))
}

pub(super) fn list(ecr: &Ecr, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    ecr.engine.read(|state| {
        known(state, &request.resource_arn)?;
        let tags = state.tags.get(&request.resource_arn).into_iter().flatten();
        let shown: Vec<Value> = tags.map(|(key, value)| json!({"Key": key, "Value": value})).collect();
        Ok(json!({"tags": shown}))
    })
}

/// Refuses the ARN of anything but a repository that is there.
fn known(state: &State, arn: &str) -> Result<(), Refusal> {
    let name = arn.split_once(":repository/").and_then(|(_, name)| RepositoryName::parse(name).ok());
    let name = name.filter(|name| repositories::arn(&state.scope, name).as_str() == arn);
    let name =
        name.ok_or_else(|| invalid(format!("Invalid parameter at 'resourceArn': {arn} is no repository here")))?;
    repositories::find(state, &name).map(drop)
}

fn too_many() -> Refusal {
    Refusal::new("TooManyTagsException", format!("A resource may have at most {} tags.", tags::TAGS_MAX))
}
