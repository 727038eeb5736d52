//! Account settings: kept and shown, as clients read them before they deploy. The engine acts on none.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::{Engine, Refusal, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, page};
use super::request::{one_of, required};
use crate::operations::OperationError;

const SWITCH: &[&str] = &["enabled", "disabled"];
const ON_OFF: &[&str] = &["on", "off"];
/// The values of `containerInsights`, of an account and of a cluster.
pub(super) const CONTAINER_INSIGHTS: &[&str] = &["enhanced", "enabled", "disabled"];

/// A setting ECS knows: its name, its values, and the one a new account begins with.
type Setting = (&'static str, &'static [&'static str], &'static str);

const SETTINGS: [Setting; 11] = [
    ("awsvpcTrunking", SWITCH, "disabled"),
    ("containerInsights", CONTAINER_INSIGHTS, "disabled"),
    ("containerInstanceLongArnFormat", SWITCH, "enabled"),
    ("defaultLogDriverMode", &["blocking", "non-blocking"], "non-blocking"),
    ("fargateEventWindows", SWITCH, "disabled"),
    ("fargateFIPSMode", SWITCH, "disabled"),
    ("fargateTaskRetirementWaitPeriod", &["0", "7", "14"], "7"),
    ("guardDutyActivate", ON_OFF, "off"),
    ("serviceLongArnFormat", SWITCH, "enabled"),
    ("tagResourceAuthorization", ON_OFF, "off"),
    ("taskLongArnFormat", SWITCH, "enabled"),
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
        let settings = SETTINGS
            .iter()
            .filter(|(known, ..)| name.is_none_or(|wanted| wanted == *known))
            .filter(|(known, ..)| request.effective_settings || state.account_settings.contains(known))
            .map(|(known, _, default)| (*known, state.account_settings.get(known).map_or(*default, String::as_str)))
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
    check_value(&name, &value)?;
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
    one_of(name, "Setting name", &SETTINGS.map(|(known, ..)| known))
}

fn check_value(name: &str, value: &str) -> Result<(), Refusal> {
    match SETTINGS.iter().find(|(known, ..)| *known == name) {
        Some((_, values, _)) if !values.contains(&value) => Err(wrong_value(name, value, values)),
        Some(_) | None => Ok(()),
    }
}

/// Makes the refusal of a value that a setting cannot have, which ECS takes in one spelling only.
pub(super) fn wrong_value(name: &str, value: &str, values: &[&str]) -> Refusal {
    let values = values.join(",");
    Refusal::invalid(format!("Invalid setting 'value'. {name} should be one of [{values}], got '{value}'."))
}

fn show(state: &State, name: &str, value: &str) -> Value {
    let principal = format!("arn:aws:iam::{}:root", state.scope.account);
    json!({ "name": name, "value": value, "principalArn": principal, "type": "user" })
}
