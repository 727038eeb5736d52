//! Secrets Manager in the engine: one row a secret, every value sealed before it reaches it.
//!
//! What may be done with a secret is `seatrial-parameters`' business; here values are sealed, opened and compared, and rows written.

use std::collections::BTreeSet;

use seatrial_model::{SecretText, Timestamp};
use seatrial_parameters::secret::deletion::DeletionWish;
use seatrial_parameters::secret::{NewValue, SECRETS_MAX, SecretId, SecretVersion, Stage, not_found};
use seatrial_parameters::tagging::{self, TagProblem};
use seatrial_parameters::{Refused, Secret, SecretName, StoredValue, Tags, VersionId};
use seatrial_ports::{Vault, VaultError};

use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::sealing;
use crate::state::State;
use crate::transaction::Transaction;

/// What CreateSecret asks for.
#[derive(Clone, Debug)]
pub struct NewSecret {
    pub name: SecretName,
    pub token: Option<VersionId>,
    pub description: Option<String>,
    pub key_id: Option<String>,
    pub value: Option<NewValue>,
    pub tags: Tags,
}

/// Creates a secret, with its first version when there is a value. Returns the version's id. The same request again changes nothing.
pub fn create(tx: &mut Transaction<'_>, request: NewSecret) -> Result<(Secret, Option<VersionId>), Refusal> {
    let name = request.name.as_str().to_owned();
    if let Some(existing) = tx.state.secrets.get(&name).cloned() {
        return repeat_creation(tx, existing, &request);
    }
    if tx.state.secrets.len() >= SECRETS_MAX {
        return Err(Refusal::new(
            "LimitExceededException",
            format!("There are {SECRETS_MAX} secrets, the most there may be."),
        ));
    }
    let mut secret = Secret::new(request.name.clone(), request.name.arn(&tx.state.scope, tx.draw_bits()), tx.now);
    secret.describe(request.description, request.key_id, tx.now)?;
    let added = tagging::add(secret.tags_mut(), request.tags);
    added.map_err(|problem: TagProblem| Refused::invalid_parameter(problem.describe()))?;
    let version = match request.value {
        Some(value) => Some(add(tx, &mut secret, request.token, &value, None)?),
        None => None,
    };
    tx.state.secrets.insert(name, secret.clone());
    Ok((secret, version))
}

fn repeat_creation(
    tx: &Transaction<'_>,
    existing: Secret,
    request: &NewSecret,
) -> Result<(Secret, Option<VersionId>), Refusal> {
    if existing.deletion().is_some() {
        let text = "You can't create this secret because a secret with this name is already scheduled for deletion.";
        return Err(Refusal::new("InvalidRequestException", text));
    }
    if let (Some(token), Some(value)) = (&request.token, &request.value)
        && existing.version(token).is_some()
    {
        check_same(tx, &existing, token, value)?;
        return Ok((existing, Some(token.clone())));
    }
    let text = format!("The operation failed because the secret {} already exists.", existing.name());
    Err(Refusal::new("ResourceExistsException", text))
}

/// PutSecretValue, and UpdateSecret with a value: adds a version, unless the same request was made before.
pub fn put_value(
    tx: &mut Transaction<'_>,
    id: &SecretId,
    token: Option<VersionId>,
    value: &NewValue,
    stages: Option<BTreeSet<Stage>>,
) -> Result<(Secret, VersionId), Refusal> {
    let mut secret = in_use(tx.state, id)?.clone();
    if let Some(token) = &token
        && secret.version(token).is_some()
    {
        check_same(tx, &secret, token, value)?;
        return Ok((secret, token.clone()));
    }
    let version = add(tx, &mut secret, token, value, stages)?;
    tx.state.secrets.insert(secret.name().as_str(), secret.clone());
    Ok((secret, version))
}

/// Changes a secret that is not marked for deletion.
pub fn change<T>(
    tx: &mut Transaction<'_>,
    id: &SecretId,
    change: impl FnOnce(&mut Secret, Timestamp) -> Result<T, Refused>,
) -> Result<(Secret, T), Refusal> {
    let mut secret = in_use(tx.state, id)?.clone();
    let outcome = change(&mut secret, tx.now)?;
    tx.state.secrets.insert(secret.name().as_str(), secret.clone());
    Ok((secret, outcome))
}

/// Deletes a secret or marks it for deletion; returns when it is gone.
pub fn delete(tx: &mut Transaction<'_>, id: &SecretId, wish: DeletionWish) -> Result<(Secret, Timestamp), Refusal> {
    let mut secret = find(tx.state, id)?.clone();
    let name = secret.name().as_str().to_owned();
    match wish {
        DeletionWish::AtOnce => {
            tx.state.secrets.remove(&name);
            Ok((secret, tx.now))
        }
        DeletionWish::After(days) => {
            secret.check_in_use()?;
            let due_at = secret.mark(days, tx.now);
            tx.state.secrets.insert(name, secret.clone());
            Ok((secret, due_at))
        }
    }
}

/// Takes the mark of deletion from a secret.
pub fn restore(tx: &mut Transaction<'_>, id: &SecretId) -> Result<Secret, Refusal> {
    let mut secret = find(tx.state, id)?.clone();
    secret.restore(tx.now);
    tx.state.secrets.insert(secret.name().as_str(), secret.clone());
    Ok(secret)
}

/// Deletes the secrets whose recovery window has passed.
pub(crate) fn delete_due(tx: &mut Transaction<'_>) {
    let is_due = |secret: &&Secret| secret.deletion().is_some_and(|deletion| deletion.due_at <= tx.now);
    let due: Vec<String> = tx.state.secrets.values().filter(is_due).map(|it| it.name().as_str().to_owned()).collect();
    for name in due {
        tracing::info!(secret = name, "the recovery window of a deleted secret has passed");
        tx.state.secrets.remove(&name);
    }
}

/// Finds a secret, marked for deletion or not.
pub fn find<'a>(state: &'a State, id: &SecretId) -> Result<&'a Secret, Refusal> {
    id.find(state.secrets.values()).ok_or_else(|| not_found().into())
}

/// Finds a secret that is not marked for deletion.
pub fn in_use<'a>(state: &'a State, id: &SecretId) -> Result<&'a Secret, Refusal> {
    let secret = find(state, id)?;
    secret.check_in_use()?;
    Ok(secret)
}

impl Engine {
    /// Returns the plaintext of a version; a binary value is base64.
    pub fn secret_value(&self, secret: &Secret, version: &SecretVersion) -> Result<SecretText, Refusal> {
        open(self.inner.machine.vault.as_ref(), secret, version).map_err(|error| unopenable(&error))
    }
}

/// Opens the value of a version.
pub(crate) fn open(vault: &dyn Vault, secret: &Secret, version: &SecretVersion) -> Result<SecretText, VaultError> {
    match &version.value {
        StoredValue::Plain(text) => Ok(SecretText::new(text.clone())),
        StoredValue::Sealed(text) => vault.open(&context(secret, &version.id), text),
    }
}

fn add(
    tx: &mut Transaction<'_>,
    secret: &mut Secret,
    token: Option<VersionId>,
    value: &NewValue,
    stages: Option<BTreeSet<Stage>>,
) -> Result<VersionId, Refusal> {
    let id = match token {
        Some(token) => token,
        None => VersionId::parse("VersionId", &tx.draw_uuid())?,
    };
    let sealed = sealing::seal(tx, &context(secret, &id), &value.text).map_err(|error| {
        let text = sealing::describe(&error);
        tracing::error!(error = text, "a secret could not be sealed");
        Refusal::new("EncryptionFailure", format!("The engine could not use the key of secrets: {text}."))
    })?;
    secret.add(id.clone(), value.form, StoredValue::Sealed(sealed), stages, tx.now)?;
    Ok(id)
}

/// Refuses another value under an id that is taken.
fn check_same(tx: &Transaction<'_>, secret: &Secret, id: &VersionId, value: &NewValue) -> Result<(), Refusal> {
    let Some(version) = secret.version(id) else { return Ok(()) };
    let there = open(tx.vault.as_ref(), secret, version).map_err(|error| unopenable(&error))?;
    if there == value.text && version.form == value.form {
        return Ok(());
    }
    let text = format!(
        "You can't use ClientRequestToken {id} because that value is already in use for a version of secret {}.",
        secret.arn()
    );
    Err(Refusal::new("ResourceExistsException", text))
}

/// What a sealed value is bound to.
fn context(secret: &Secret, version: &VersionId) -> String {
    format!("secret {} {version}", secret.arn())
}

fn unopenable(error: &VaultError) -> Refusal {
    let text = sealing::describe(error);
    tracing::error!(error = text, "a secret could not be opened");
    Refusal::new("DecryptionFailure", format!("The engine could not use the key of secrets: {text}."))
}
