//! TagResource, UntagResource, and the tags of requests that make a secret.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use seatrial_parameters::secret::SecretId;
use seatrial_parameters::{Refused, Tags, tagging};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::operations::OperationError;

/// `[{Key, Value}]`.
pub(super) type TagList = Vec<Tag>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

pub(super) fn collect(list: TagList) -> Tags {
    list.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagResource {
    secret_id: String,
    tags: TagList,
}

pub(super) fn tag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: TagResource = input.read()?;
    let given = collect(request.tags);
    let id = SecretId::new(request.secret_id);
    engine.transact(|tx| {
        secrets::change(tx, &id, |secret, _| {
            let added = tagging::add(secret.tags_mut(), given);
            added.map_err(|problem| Refused::invalid_parameter(problem.describe()))
        })
    })?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UntagResource {
    secret_id: String,
    tag_keys: Vec<String>,
}

pub(super) fn untag(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: UntagResource = input.read()?;
    let id = SecretId::new(request.secret_id);
    engine.transact(|tx| {
        secrets::change(tx, &id, |secret, _| {
            secret.tags_mut().retain(|key, _| !request.tag_keys.contains(key));
            Ok(())
        })
    })?;
    Ok(json!({}))
}
