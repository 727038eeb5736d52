//! GetSecretValue.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use seatrial_parameters::secret::{Form, SecretId, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::version;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

pub(super) fn get(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetSecretValue = input.read()?;
    let wanted = version("VersionId", request.version_id)?;
    let stage = request.version_stage.map(|text| Stage::parse(&text)).transpose()?;
    let id = SecretId::new(request.secret_id);
    let secret = engine.read(|state| secrets::in_use(state, &id).cloned())?;
    let version = secret.select(wanted.as_ref(), stage.as_ref())?;
    let member = match version.form {
        Form::Text => "SecretString",
        Form::Binary => "SecretBinary",
    };
    let stages: Vec<&str> = version.stages.iter().map(Stage::as_str).collect();
    let mut answer = json!({
        "ARN": secret.arn(),
        "Name": secret.name().as_str(),
        "VersionId": version.id.as_str(),
        "CreatedDate": version.created_at.as_epoch_seconds(),
        member: engine.secret_value(&secret, version)?.expose(),
    });
    if !stages.is_empty() {
        answer["VersionStages"] = stages.into();
    }
    Ok(answer)
}
