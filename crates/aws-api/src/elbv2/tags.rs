//! AddTags, RemoveTags, DescribeTags, and the tags of requests that create something.

use seatrial_aws_wire::Input;
use seatrial_engine::load_balancing::tagging;
use seatrial_engine::state::Tags;
use seatrial_engine::tags::TAGS_MAX;
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{check_named, cut, validation};
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
        if !(1..=KEY_LENGTH_MAX).contains(&key.chars().count()) || value.chars().count() > VALUE_LENGTH_MAX {
            return Err(validation(format!(
                "A tag needs a key of 1 to {KEY_LENGTH_MAX} and a value of up to {VALUE_LENGTH_MAX} characters"
            )));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(validation("Tag keys cannot begin with 'aws:'"));
        }
        if parsed.contains_key(&key) {
            return Err(Refusal::new("DuplicateTagKeys", format!("The tag key '{}' is given twice", cut(&key))));
        }
        parsed.insert(key, value);
    }
    if parsed.len() > TAGS_MAX { Err(tagging::too_many()) } else { Ok(parsed) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AddTags {
    resource_arns: Vec<String>,
    tags: TagList,
}

pub(super) fn add(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: AddTags = input.read()?;
    check_named(&request.resource_arns)?;
    let tags = parse(request.tags)?;
    if tags.is_empty() {
        return Err(validation("At least one tag must be specified").into());
    }
    engine.transact(|tx| tagging::add(tx, &request.resource_arns, &tags))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RemoveTags {
    resource_arns: Vec<String>,
    tag_keys: Vec<String>,
}

pub(super) fn remove(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: RemoveTags = input.read()?;
    check_named(&request.resource_arns)?;
    engine.transact(|tx| tagging::remove(tx, &request.resource_arns, &request.tag_keys))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeTags {
    resource_arns: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeTags = input.read()?;
    check_named(&request.resource_arns)?;
    let descriptions = engine.read(|state| {
        let describe = |arn: &String| {
            let tags = tagging::of(state, arn)?;
            let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
            Ok(json!({ "ResourceArn": arn, "Tags": tags }))
        };
        request.resource_arns.iter().map(describe).collect::<Result<Vec<Value>, Refusal>>()
    })?;
    Ok(json!({ "TagDescriptions": descriptions }))
}
