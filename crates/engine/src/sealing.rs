//! Sealing within transactions: which key it is done with is written down with the first value sealed, so that a key that went missing is
//! never replaced by another one in silence. Where nothing sealed is left, the next value may have another key.

use seatrial_model::SecretText;
use seatrial_parameters::{Parameter, Secret, StoredValue};
use seatrial_ports::VaultError;

use crate::state::State;
use crate::transaction::Transaction;

/// The row that names the key in use.
const CURRENT: &str = "current";

/// Seals a value for one place, which `context` names.
pub(crate) fn seal(tx: &mut Transaction<'_>, context: &str, value: &SecretText) -> Result<String, VaultError> {
    let known = tx.state.sealing_keys.get(CURRENT).filter(|_| is_needed(tx.state));
    let sealed = tx.vault.seal(known, context, value)?;
    if tx.state.sealing_keys.get(CURRENT) != Some(&sealed.key) {
        tx.state.sealing_keys.insert(CURRENT, sealed.key);
    }
    Ok(sealed.text)
}

/// Tells whether any value is sealed.
fn is_needed(state: &State) -> bool {
    let is_sealed = |value: &StoredValue| matches!(value, StoredValue::Sealed(_));
    let parameters = state.parameters.values().flat_map(Parameter::versions).map(|version| &version.value);
    let secrets = state.secrets.values().flat_map(Secret::versions).map(|version| &version.value);
    parameters.chain(secrets).any(is_sealed)
}

/// Describes a failure with what led to it.
pub(crate) fn describe(error: &VaultError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
