//! PutSecretValue.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use seatrial_parameters::Refused;
use seatrial_parameters::secret::{SecretId, Stage, stage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::token;
use super::value_member::ValueMembers;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    client_request_token: Option<String>,
    version_stages: Option<Vec<String>>,
    #[serde(flatten)]
    value: ValueMembers,
}

pub(super) fn put(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: PutSecretValue = input.read()?;
    let token = token(request.client_request_token)?;
    let stages = request.version_stages.map(|list| stage::parse_all(&list)).transpose()?;
    let missing = || Refused::invalid_request("You must provide either SecretString or SecretBinary.");
    let value = request.value.value()?.ok_or_else(missing)?;
    let id = SecretId::new(request.secret_id);
    let (secret, version) = engine.transact(|tx| secrets::put_value(tx, &id, token, &value, stages))?;
    let stages = secret.version(&version).into_iter().flat_map(|version| &version.stages);
    let mut answer = json!({ "ARN": secret.arn(), "Name": secret.name().as_str(), "VersionId": version.as_str() });
    let stages: Vec<&str> = stages.map(Stage::as_str).collect();
    if !stages.is_empty() {
        answer["VersionStages"] = stages.into();
    }
    Ok(answer)
}
