//! TagResource, UntagResource, ListTagsForResource.

use seatrial_aws_wire::Input;
use seatrial_engine::state::Tags;
use seatrial_engine::{Engine, Refusal, State, tags, task_definitions};
use seatrial_model::Arn;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::required;
use super::show;
use crate::operations::OperationError;

/// The longest key of a tag, in characters.
const KEY_LENGTH_MAX: usize = 128;
/// The longest value of a tag, in characters.
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
        if !(1..=KEY_LENGTH_MAX).contains(&key.chars().count()) || value.chars().count() > VALUE_LENGTH_MAX {
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
struct TagRequest {
    resource_arn: Option<String>,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn tag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: TagRequest = input.read()?;
    let arn = required(request.resource_arn, "Resource ARN")?;
    if request.tags.is_empty() {
        return Err(Refusal::invalid("Tags can not be empty.").into());
    }
    let given = parse_tags(request.tags)?;
    engine.transact(|tx| {
        find(tx.state, &arn)?;
        tags::set(tx, &arn, given)
    })?;
    Ok(json!({}))
}

pub(super) fn untag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: TagRequest = input.read()?;
    let arn = required(request.resource_arn, "Resource ARN")?;
    if request.tag_keys.is_empty() {
        return Err(Refusal::invalid("Tag keys can not be empty.").into());
    }
    engine.transact(|tx| {
        find(tx.state, &arn)?;
        tags::unset(tx, &arn, &request.tag_keys);
        Ok(())
    })?;
    Ok(json!({}))
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: TagRequest = input.read()?;
    let arn = required(request.resource_arn, "Resource ARN")?;
    engine.read(|state| {
        // Unlike the other two operations, this one has no error for a resource that is not there.
        find(state, &arn).map_err(|missing| Refusal::invalid(missing.message))?;
        Ok(json!({ "tags": show::tags_of(state, &arn) }))
    })
}

/// Refuses the ARN of anything that is not there.
fn find(state: &State, arn: &str) -> Result<(), Refusal> {
    let name = Arn::new(arn);
    let resource = name.resource().unwrap_or_default();
    let (kind, path) = resource.split_once('/').unwrap_or_default();
    let missing = || Refusal::new("ResourceNotFoundException", "The specified resource was not found.");
    let found = match kind {
        "cluster" => state.clusters.get(path).map(|cluster| state.scope.cluster(&cluster.name)),
        "service" => state.services.get(path).map(|service| state.scope.service(&service.cluster, &service.name)),
        "task" => {
            let task = path.split_once('/').and_then(|(_, id)| state.tasks.get(id));
            task.map(|task| state.scope.task(&task.cluster, &task.id))
        }
        "task-definition" => {
            let registered = task_definitions::find(state, arn).ok();
            registered.map(|registered| state.scope.task_definition(&registered.id))
        }
        _ => return Err(Refusal::invalid("Invalid resource ARN.")),
    };
    if found == Some(name) { Ok(()) } else { Err(missing()) }
}
