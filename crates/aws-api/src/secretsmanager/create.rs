//! CreateSecret.

use seatrial_aws_wire::Input;
use seatrial_engine::Engine;
use seatrial_engine::secrets::{self, NewSecret};
use seatrial_parameters::{Refused, SecretName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::token;
use super::tags::{self, TagList};
use super::value_member::ValueMembers;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateSecret {
    name: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(default)]
    tags: TagList,
    #[serde(default)]
    add_replica_regions: Vec<Value>,
    #[serde(flatten)]
    value: ValueMembers,
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateSecret = input.read()?;
    if !request.add_replica_regions.is_empty() {
        return Err(
            Refused::invalid_parameter("This engine has one Region: AddReplicaRegions is not implemented.").into()
        );
    }
    let new = NewSecret {
        name: SecretName::parse(&request.name)?,
        token: token(request.client_request_token)?,
        description: request.description,
        key_id: request.kms_key_id,
        value: request.value.value()?,
        tags: tags::collect(request.tags),
    };
    let (secret, version) = engine.transact(|tx| secrets::create(tx, new))?;
    let mut answer = json!({ "ARN": secret.arn(), "Name": secret.name().as_str() });
    if let Some(version) = version {
        answer["VersionId"] = version.as_str().into();
    }
    Ok(answer)
}
