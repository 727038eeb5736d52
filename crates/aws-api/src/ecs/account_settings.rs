//! Account settings: kept and shown, as clients read them before they deploy. The engine acts on none.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::{Engine, Refusal, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, page};
use super::request::{one_of, required};
use crate::operations::OperationError;

/// The settings ECS knows, by name, with the values a new account begins with.
const DEFAULTS: [(&str, &str); 11] = [
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("fargateEventWindows", "disabled"),
    ("fargateFIPSMode", "disabled"),
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
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListAccountSettings = input.read()?;
    check_name(request.name.as_deref())?;
    let (name, value) = (request.name.as_deref(), request.value.as_deref());
    engine.read(|state| {
        let settings = DEFAULTS
            .iter()
            .filter(|(known, _)| name.is_none_or(|wanted| wanted == *known))
            .filter(|(known, _)| request.effective_settings || state.account_settings.contains(known))
            .map(|(known, default)| (*known, state.account_settings.get(known).map_or(*default, String::as_str)))
            .filter(|(_, current)| value.is_none_or(|wanted| wanted == *current));
        page(
            &Listing::new("ListAccountSettings", [name.unwrap_or_default(), value.unwrap_or_default()]),
            "settings",
            settings,
            |(known, _)| (*known).to_owned(),
            |(known, current)| show(state, known, current),
            PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 100 },
        )
    })
}

#[derive(Deserialize)]
struct AccountSetting {
    name: Option<String>,
    value: Option<String>,
}

pub(super) fn put(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: AccountSetting = input.read()?;
    check_name(request.name.as_deref())?;
    let (name, value) = (required(request.name, "Setting name")?, required(request.value, "Setting value")?);
    engine.transact(|tx| {
        tx.state.account_settings.insert(name.as_str(), value.clone());
        Ok(())
    })?;
    Ok(json!({ "setting": engine.read(|state| show(state, &name, &value)) }))
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: AccountSetting = input.read()?;
    check_name(request.name.as_deref())?;
    let name = required(request.name, "Setting name")?;
    engine.transact(|tx| {
        tx.state.account_settings.remove(&name);
        Ok(())
    })?;
    Ok(json!({ "setting": engine.read(|state| show(state, &name, "")) }))
}

fn check_name(name: Option<&str>) -> Result<(), Refusal> {
    one_of(name, "Setting name", &DEFAULTS.map(|(known, _)| known))
}

fn show(state: &State, name: &str, value: &str) -> Value {
    let principal = format!("arn:aws:iam::{}:root", state.scope.account);
    json!({ "name": name, "value": value, "principalArn": principal, "type": "user" })
}
