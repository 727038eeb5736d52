//! Account settings: kept and shown, as clients read them before they deploy. The engine acts on none.

use seatrial_aws_wire::Input;
use seatrial_engine::{Engine, Refusal, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::operations::OperationError;

/// The settings every account has, with the values a new account begins with.
const DEFAULTS: [(&str, &str); 10] = [
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("dualStackIPv6", "enabled"),
    ("fargateTaskRetirementWaitPeriod", "7"),
    ("guardDutyActivate", "off"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "off"),
    ("taskLongArnFormat", "enabled"),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListAccountSettings {
    name: Option<String>,
    value: Option<String>,
    #[serde(default)]
    effective_settings: bool,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListAccountSettings = input.read()?;
    Ok(engine.read(|state| {
        let settings: Vec<Value> = DEFAULTS
            .iter()
            .filter(|(name, _)| request.name.as_deref().is_none_or(|wanted| wanted == *name))
            .filter(|(name, _)| request.effective_settings || state.account_settings.contains(name))
            .map(|(name, default)| show(state, name, value(state, name, default)))
            .filter(|setting| request.value.as_deref().is_none_or(|wanted| setting["value"] == wanted))
            .collect();
        json!({ "settings": settings })
    }))
}

#[derive(Deserialize)]
struct AccountSetting {
    name: String,
    value: Option<String>,
}

pub(super) fn put(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: AccountSetting = input.read()?;
    check_name(&request.name)?;
    let given = request.value.unwrap_or_default();
    engine.transact(|tx| {
        tx.state.account_settings.insert(request.name.as_str(), given.clone());
        Ok(())
    })?;
    Ok(json!({ "setting": engine.read(|state| show(state, &request.name, given)) }))
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: AccountSetting = input.read()?;
    check_name(&request.name)?;
    engine.transact(|tx| {
        tx.state.account_settings.remove(&request.name);
        Ok(())
    })?;
    Ok(json!({ "setting": engine.read(|state| show(state, &request.name, String::new())) }))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    if DEFAULTS.iter().any(|(known, _)| *known == name) {
        Ok(())
    } else {
        Err(Refusal::invalid(format!("Unknown account setting: {name}")))
    }
}

fn value(state: &State, name: &str, default: &str) -> String {
    state.account_settings.get(name).cloned().unwrap_or_else(|| default.to_owned())
}

fn show(state: &State, name: &str, value: String) -> Value {
    let principal = format!("arn:aws:iam::{}:root", state.scope.account);
    json!({ "name": name, "value": value, "principalArn": principal, "type": "user" })
}
