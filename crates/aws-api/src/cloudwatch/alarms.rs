//! SetAlarmState, DeleteAlarms, EnableAlarmActions, DisableAlarmActions.

use seatrial_aws_wire::Input;
use seatrial_cloudwatch::{AlarmName, AlarmState};
use seatrial_engine::cloudwatch::alarms;
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::answer::{invalid_value, required};
use super::request::alarm_names;
use crate::operations::OperationError;

/// The most alarms a request can name (shape `AlarmNames`).
const NAMES_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetAlarmState {
    alarm_name: Option<String>,
    state_value: Option<String>,
    state_reason: Option<String>,
    state_reason_data: Option<String>,
}

pub(super) fn set_state(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: SetAlarmState = input.read()?;
    let name = AlarmName::parse(&required("AlarmName", request.alarm_name)?)?;
    let value = required("StateValue", request.state_value)?;
    let reason = required("StateReason", request.state_reason)?;
    let data = request.state_reason_data.as_deref();
    if data.is_some_and(|data| serde_json::from_str::<IgnoredAny>(data).is_err()) {
        return Err(Refusal::new("InvalidFormat", "StateReasonData is not valid JSON.").into());
    }
    let state = AlarmState::parse(&value, &reason, data)?;
    engine.transact(|tx| alarms::set_state(tx, &name, state))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    alarm_names: Option<Vec<String>>,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let names = named(input)?;
    engine.transact(|tx| alarms::delete(tx, &names))?;
    Ok(json!({}))
}

pub(super) fn enable_actions(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let names = named(input)?;
    engine.transact(|tx| {
        alarms::enable_actions(tx, &names);
        Ok(())
    })?;
    Ok(json!({}))
}

pub(super) fn disable_actions(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let names = named(input)?;
    engine.transact(|tx| {
        alarms::disable_actions(tx, &names);
        Ok(())
    })?;
    Ok(json!({}))
}

fn named(input: &Input) -> Result<Vec<AlarmName>, OperationError> {
    let request: Named = input.read()?;
    let names = required("AlarmNames", request.alarm_names)?;
    if names.len() > NAMES_MAX {
        return Err(
            invalid_value(format!("The parameter AlarmNames must not name more than {NAMES_MAX} alarms.")).into()
        );
    }
    Ok(alarm_names(&names)?)
}
