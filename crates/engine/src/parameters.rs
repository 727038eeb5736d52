//! Parameter Store in the engine: one row a parameter, SecureStrings sealed before they reach it.
//!
//! What may be put where is `seatrial-parameters`' business; here values are sealed and opened, and rows written.

use seatrial_model::SecretText;
use seatrial_parameters::parameter::tier::Population;
use seatrial_parameters::parameter::{Draft, ParameterType, ParameterVersion, PutRequest, not_found};
use seatrial_parameters::{Parameter, Reference, Refused, StoredValue};
use seatrial_ports::{Vault, VaultError};

use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::sealing;
use crate::state::State;
use crate::transaction::Transaction;

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Refusal::new(refused.code, refused.message)
    }
}

/// Puts a parameter and returns it with its new version; `by` is the ARN of who does.
pub fn put(tx: &mut Transaction<'_>, request: PutRequest, by: &str) -> Result<Parameter, Refusal> {
    let existing = tx.state.parameters.get(&request.name).cloned();
    let population = Population::of(tx.state.parameters.values());
    let draft = Draft::new(request, existing.as_ref(), population, &tx.state.scope)?;
    let value = match draft.kind() {
        ParameterType::String | ParameterType::StringList => StoredValue::Plain(draft.value().expose().to_owned()),
        ParameterType::SecureString => {
            let context = context(draft.name().as_str(), draft.number());
            StoredValue::Sealed(sealing::seal(tx, &context, draft.value()).map_err(|error| unsealable(&error))?)
        }
    };
    let parameter = Parameter::with(existing, draft, value, tx.now, by);
    tx.state.parameters.insert(parameter.name().as_str(), parameter.clone());
    Ok(parameter)
}

/// Finds a parameter and the version a reference names.
pub fn find<'a>(state: &'a State, reference: &Reference) -> Result<(&'a Parameter, &'a ParameterVersion), Refusal> {
    let name = key(state, reference)?;
    let parameter = state.parameters.get(&name).expect("its key was just found");
    Ok((parameter, parameter.select(reference.selector())?))
}

/// Changes a parameter in other ways than by giving it a value.
pub fn change<T>(
    tx: &mut Transaction<'_>,
    reference: &Reference,
    change: impl FnOnce(&mut Parameter) -> Result<T, Refused>,
) -> Result<T, Refusal> {
    let name = key(tx.state, reference)?;
    let parameter = tx.state.parameters.get_mut(&name).expect("its key was just found");
    Ok(change(parameter)?)
}

/// Deletes a parameter with all its versions.
pub fn delete(tx: &mut Transaction<'_>, reference: &Reference) -> Result<Parameter, Refusal> {
    let name = key(tx.state, reference)?;
    Ok(tx.state.parameters.remove(&name).expect("its key was just found"))
}

fn key(state: &State, reference: &Reference) -> Result<String, Refusal> {
    let found = reference.names().find(|name| state.parameters.contains(name)).map(str::to_owned);
    found.ok_or_else(|| not_found(reference.names().last().unwrap_or_default()).into())
}

impl Engine {
    /// Returns the plaintext of a version.
    pub fn parameter_value(&self, parameter: &Parameter, version: &ParameterVersion) -> Result<SecretText, Refusal> {
        open(self.inner.machine.vault.as_ref(), parameter, version).map_err(|error| unsealable(&error))
    }
}

/// Opens the value of a version.
pub(crate) fn open(
    vault: &dyn Vault,
    parameter: &Parameter,
    version: &ParameterVersion,
) -> Result<SecretText, VaultError> {
    match &version.value {
        StoredValue::Plain(text) => Ok(SecretText::new(text.clone())),
        StoredValue::Sealed(text) => vault.open(&context(parameter.name().as_str(), version.number), text),
    }
}

/// What a sealed value is bound to.
fn context(name: &str, version: u64) -> String {
    format!("parameter {name} {version}")
}

fn unsealable(error: &VaultError) -> Refusal {
    let text = sealing::describe(error);
    tracing::error!(error = text, "a SecureString could not be sealed or opened");
    Refusal::new("InternalServerError", format!("The engine could not use the key of SecureStrings: {text}."))
}
