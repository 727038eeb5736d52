//! DeleteSecret and RestoreSecret.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use seatrial_parameters::secret::SecretId;
use seatrial_parameters::secret::deletion::DeletionWish;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::OfSecret;
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteSecret {
    secret_id: String,
    recovery_window_in_days: Option<i64>,
    force_delete_without_recovery: Option<bool>,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteSecret = input.read()?;
    let wish = DeletionWish::parse(request.recovery_window_in_days, request.force_delete_without_recovery)?;
    let id = SecretId::new(request.secret_id);
    match engine.transact(|tx| secrets::delete(tx, &id, wish)) {
        Ok((secret, gone_at)) => Ok(json!({
            "ARN": secret.arn(),
            "Name": secret.name().as_str(),
            "DeletionDate": gone_at.as_epoch_seconds(),
        })),
        // What is to be gone at once, whatever it takes, may be gone already.
        Err(refusal) if refusal.code == "ResourceNotFoundException" && wish == DeletionWish::AtOnce => {
            Ok(json!({ "Name": id.as_str(), "DeletionDate": engine.now().as_epoch_seconds() }))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

pub(super) fn restore(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: OfSecret = input.read()?;
    let id = request.id();
    let secret = engine.transact(|tx| secrets::restore(tx, &id))?;
    Ok(json!({ "ARN": secret.arn(), "Name": secret.name().as_str() }))
}
