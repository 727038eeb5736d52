//! AddTagsToResource, RemoveTagsFromResource, ListTagsForResource of parameters, and the tags of requests that make one.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, Refusal, parameters};
use seatrial_parameters::tagging::{self, TagProblem};
use seatrial_parameters::{Reference, Refused, Tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::whole;
use crate::operations::OperationError;

/// `[{Key, Value}]`.
pub(super) type TagList = Vec<Tag>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

pub(super) fn collect(list: TagList) -> Tags {
    list.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfResource {
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    tag_keys: Vec<String>,
}

pub(super) fn add(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let reference = parameter(engine, &request)?;
    let given = collect(request.tags);
    let refused = |problem: TagProblem| match problem {
        TagProblem::TooMany => Refused::new("TooManyTagsError", problem.describe()),
        TagProblem::Malformed => Refused::validation(problem.describe()),
    };
    let added = engine.transact(|tx| {
        parameters::change(tx, &reference, |parameter| tagging::add(parameter.tags_mut(), given).map_err(refused))
    });
    added.map_err(of_resource)?;
    Ok(json!({}))
}

pub(super) fn remove(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let reference = parameter(engine, &request)?;
    let removed = engine.transact(|tx| {
        parameters::change(tx, &reference, |parameter| {
            parameter.tags_mut().retain(|key, _| !request.tag_keys.contains(key));
            Ok(())
        })
    });
    removed.map_err(of_resource)?;
    Ok(json!({}))
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfResource = input.read()?;
    let reference = parameter(engine, &request)?;
    let tags = engine.read(|state| parameters::find(state, &reference).map(|(it, _)| it.tags().clone()));
    let tags = tags.map_err(of_resource)?;
    let list: Vec<Value> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    Ok(json!({ "TagList": list }))
}

fn parameter(engine: &Engine, request: &OfResource) -> Result<Reference, Refused> {
    if request.resource_type != "Parameter" {
        let text = "The resource type isn't valid: of Systems Manager's resources this engine has Parameter.";
        return Err(Refused::new("InvalidResourceType", text));
    }
    whole(engine, &request.resource_id)
}

/// These operations have an error of their own for a parameter that is not there.
fn of_resource(refusal: Refusal) -> Refusal {
    match refusal.code {
        "ParameterNotFound" => {
            Refusal::new("InvalidResourceId", "The resource ID isn't valid: there is no such parameter.")
        }
        _ => refusal,
    }
}
