//! Sealing within transactions: which key it is done with is written down with the first value sealed, so that a key that went missing is
//! never replaced by another one in silence. Where nothing sealed is left, the next value may have another key.

use seatrial_model::SecretText;
use seatrial_parameters::{Parameter, Secret, StoredValue};
use seatrial_ports::{Vault, VaultError};

use crate::state::State;
use crate::transaction::Transaction;
use crate::{parameters, secrets};

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
    let parameters = state.parameters.values().flat_map(Parameter::versions).map(|version| &version.value);
    let secrets = state.secrets.values().flat_map(Secret::versions).map(|version| &version.value);
    parameters.chain(secrets).any(is_sealed)
}

fn is_sealed(value: &StoredValue) -> bool {
    matches!(value, StoredValue::Sealed(_))
}

/// Tries the key on a parameter and a secret, and says in the log what is wrong with it. The engine works on without: whatever needs the
/// key is refused, and all else goes on.
pub(crate) fn try_key(state: &State, vault: &dyn Vault) {
    let parameter = state.parameters.values().find(|it| is_sealed(&it.latest().value));
    let secret = state.secrets.values().find_map(|it| Some((it, it.versions().next()?)));
    let tried = [
        parameter.map(|it| parameters::open(vault, it, it.latest())),
        secret.map(|(it, version)| secrets::open(vault, it, version)),
    ];
    if let Some(error) = tried.into_iter().flatten().find_map(Result::err) {
        let error = describe(&error);
        tracing::error!(error, "SecureStrings and secrets cannot be read; tasks that ask for them will not start");
    }
}

/// Describes a failure with what led to it.
pub(crate) fn describe(error: &VaultError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
