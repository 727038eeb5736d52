//! UpdateSecret, and what there is instead of RotateSecret.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use seatrial_parameters::Refused;
use seatrial_parameters::secret::SecretId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{OfSecret, token};
use super::value_member::ValueMembers;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecret {
    secret_id: String,
    client_request_token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    #[serde(flatten)]
    value: ValueMembers,
}

pub(super) fn update(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: UpdateSecret = input.read()?;
    let token = token(request.client_request_token)?;
    let value = request.value.value()?;
    let id = SecretId::new(request.secret_id);
    let (secret, version) = engine.transact(|tx| {
        let described = |secret: &mut seatrial_parameters::Secret, now| {
            secret.describe(request.description, request.kms_key_id, now)
        };
        let (secret, ()) = secrets::change(tx, &id, described)?;
        match value {
            Some(value) => {
                secrets::put_value(tx, &id, token, &value, None).map(|(secret, version)| (secret, Some(version)))
            }
            None => Ok((secret, None)),
        }
    })?;
    let mut answer = json!({ "ARN": secret.arn(), "Name": secret.name().as_str() });
    if let Some(version) = version {
        answer["VersionId"] = version.as_str().into();
    }
    Ok(answer)
}

/// Refuses rotation: no function is run here, and saying otherwise would leave a secret as it is in silence.
pub(super) fn rotate(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfSecret = input.read()?;
    let id = request.id();
    engine.read(|state| secrets::in_use(state, &id).map(|_| ()))?;
    let text = "No rotation is configured: this engine runs no rotation functions. Put the new value with PutSecretValue and deploy \
                again with a forced new deployment.";
    Err(Refused::invalid_request(text).into())
}
