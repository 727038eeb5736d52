//! The values of `secrets[]`, pulled at the moment a task is ordered to start: what a task gets is what a parameter or secret is then,
//! and a new value needs a new task.
//!
//! The values go into the order and nowhere else: not into a row, an event or a log line.

use std::collections::BTreeMap;

use seatrial_model::SecretText;
use seatrial_model::task_definition::TaskDefinition;
use seatrial_parameters::secret::Form;
use seatrial_parameters::value_from::{SecretPlace, json_member};
use seatrial_parameters::{Reference, ValueFrom};
use seatrial_ports::Vault;
use seatrial_ports::runtime::LaunchSecrets;

use crate::sealing;
use crate::state::State;
use crate::{parameters, secrets};

/// How many of the values that are missing a reason names.
const NAMED_MAX: usize = 3;

/// Pulls what the containers of a task ask for, or says why that cannot be.
pub(crate) fn pull(state: &State, vault: &dyn Vault, definition: &TaskDefinition) -> LaunchSecrets {
    let (mut pulled, mut missing) = (BTreeMap::new(), Vec::new());
    for container in &definition.containers {
        for (variable, source) in &container.secrets {
            match value(state, vault, source) {
                Ok(value) => {
                    let variables: &mut BTreeMap<String, SecretText> =
                        pulled.entry(container.name.clone()).or_default();
                    variables.insert(variable.clone(), value);
                }
                Err(why) => missing.push(format!("{variable} of container {} from {source}: {why}", container.name)),
            }
        }
    }
    if missing.is_empty() { LaunchSecrets::Pulled(pulled) } else { LaunchSecrets::Missing(explain(&missing)) }
}

fn explain(missing: &[String]) -> String {
    let named = missing[..missing.len().min(NAMED_MAX)].join("; ");
    let more = match missing.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("execution resource retrieval failed: {named}{more}")
}

fn value(state: &State, vault: &dyn Vault, source: &str) -> Result<SecretText, String> {
    let value = match ValueFrom::parse(source, &state.scope).map_err(|error| error.to_string())? {
        ValueFrom::Parameter(reference) => {
            parameter(state, vault, &reference).map_err(|why| format!("unable to retrieve secrets from ssm: {why}"))?
        }
        ValueFrom::Secret(place) => {
            secret(state, vault, &place).map_err(|why| format!("unable to retrieve secret from asm: {why}"))?
        }
    };
    if value.expose().contains('\0') {
        return Err("the value holds a NUL character, which no environment variable can".to_owned());
    }
    Ok(value)
}

fn parameter(state: &State, vault: &dyn Vault, reference: &Reference) -> Result<SecretText, String> {
    let found = parameters::find(state, reference)
        .map_err(|_| format!("invalid parameters: {} does not exist", reference.names().last().unwrap_or_default()));
    let (parameter, version) = found?;
    parameters::open(vault, parameter, version).map_err(|error| sealing::describe(&error))
}

fn secret(state: &State, vault: &dyn Vault, place: &SecretPlace) -> Result<SecretText, String> {
    let refused = |refusal: crate::refusal::Refusal| refusal.to_string();
    let secret = secrets::in_use(state, &place.secret).map_err(refused)?;
    let version = secret.select(place.version.as_ref(), place.stage.as_ref());
    let version = version.map_err(|error| refused(error.into()))?;
    if version.form == Form::Binary {
        return Err("the secret is a SecretBinary, and a variable needs a SecretString".to_owned());
    }
    let value = secrets::open(vault, secret, version).map_err(|error| sealing::describe(&error))?;
    match &place.json_key {
        None => Ok(value),
        Some(key) => json_member(value.expose(), key)
            .map(SecretText::new)
            .ok_or_else(|| format!("retrieved secret from Secrets Manager did not contain json key {key}")),
    }
}
