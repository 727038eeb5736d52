//! `networkConfiguration`, held against the network mode of the task definition. Every task of the engine's is reached at the loopback
//! address; what ECS would refuse is refused all the same.

use seatrial_model::task_definition::NetworkMode;
use serde::Deserialize;
use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::RegisteredTaskDefinition;

/// Refuses a configuration that is missing, incomplete, or for another network mode.
pub(crate) fn check(registered: &RegisteredTaskDefinition, configuration: Option<&Value>) -> Result<(), Refusal> {
    let mode = registered.document.get("networkMode").and_then(|mode| NetworkMode::deserialize(mode).ok());
    let given = configuration.and_then(|configuration| configuration.get("awsvpcConfiguration"));
    let given = given.filter(|configuration| !configuration.is_null());
    match (mode.unwrap_or_default(), given) {
        (NetworkMode::Awsvpc, None) => {
            Err(Refusal::invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified."))
        }
        (NetworkMode::Awsvpc, Some(configuration)) => check_awsvpc(configuration),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, Some(_)) => Err(Refusal::invalid(
            "Network Configuration is not valid for the given networkMode of this task definition.",
        )),
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, None) => Ok(()),
    }
}

fn check_awsvpc(configuration: &Value) -> Result<(), Refusal> {
    if configuration["subnets"].as_array().is_none_or(Vec::is_empty) {
        return Err(Refusal::invalid("subnets can not be empty."));
    }
    match configuration["assignPublicIp"].as_str() {
        None | Some("ENABLED" | "DISABLED") => Ok(()),
        Some(other) => {
            Err(Refusal::invalid(format!("assignPublicIp should be one of [ENABLED,DISABLED], got '{other}'.")))
        }
    }
}
