//! ListSecretVersionIds and UpdateSecretVersionStage.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, secrets};
use seatrial_parameters::secret::{SecretId, SecretVersion, Stage};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{invalid_token, listing, size, version};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListSecretVersionIds {
    secret_id: String,
    max_results: Option<i64>,
    next_token: Option<String>,
    #[serde(default)]
    include_deprecated: bool,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListSecretVersionIds = input.read()?;
    let size = size(request.max_results)?;
    let id = SecretId::new(request.secret_id);
    let secret = engine.read(|state| secrets::find(state, &id).cloned())?;
    let shown = secret.versions().filter(|version| request.include_deprecated || !version.stages.is_empty());
    let listing = listing("ListSecretVersionIds", input);
    let page = listing.page(shown, |version| version.id.clone(), request.next_token.as_deref(), size);
    let page = page.map_err(|_| invalid_token())?;
    let versions: Vec<Value> = page.items.into_iter().map(entry).collect();
    let mut answer = json!({ "ARN": secret.arn(), "Name": secret.name().as_str(), "Versions": versions });
    if let Some(token) = page.next_token {
        answer["NextToken"] = token.into();
    }
    Ok(answer)
}

fn entry(version: &SecretVersion) -> Value {
    let mut shown = json!({
        "VersionId": version.id.as_str(),
        "CreatedDate": version.created_at.as_epoch_seconds(),
        "KmsKeyIds": ["DefaultEncryptionKey"],
    });
    let stages: Vec<&str> = version.stages.iter().map(Stage::as_str).collect();
    if !stages.is_empty() {
        shown["VersionStages"] = stages.into();
    }
    shown
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecretVersionStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

pub(super) fn update_stage(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: UpdateSecretVersionStage = input.read()?;
    let stage = Stage::parse(&request.version_stage)?;
    let from = version("RemoveFromVersionId", request.remove_from_version_id)?;
    let to = version("MoveToVersionId", request.move_to_version_id)?;
    let id = SecretId::new(request.secret_id);
    let (secret, ()) = engine.transact(|tx| {
        secrets::change(tx, &id, |secret, now| secret.move_stage(&stage, from.as_ref(), to.as_ref(), now))
    })?;
    Ok(json!({ "ARN": secret.arn(), "Name": secret.name().as_str() }))
}
