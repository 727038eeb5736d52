//! The history of an alarm, with HistoryData in CloudWatch's form.

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{AlarmName, AlarmState, AlarmType, StateValue};
use crate::calendar;

/// The most items kept of one alarm, the newest: what DescribeAlarmHistory pages through in ten calls.
pub const HISTORY_ITEMS_MAX: usize = 1000;

/// The kinds of history items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HistoryItemType {
    ConfigurationUpdate,
    StateUpdate,
    Action,
}

/// One item of DescribeAlarmHistory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryItem {
    pub alarm_name: AlarmName,
    pub alarm_type: AlarmType,
    pub timestamp: Timestamp,
    pub item_type: HistoryItemType,
    /// A sentence, such as `Alarm updated from OK to ALARM`.
    pub summary: String,
    /// JSON.
    pub data: String,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionOutcome {
    Succeeded,
    /// With the reason.
    Failed(String),
}

/// What happened to a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConfigurationChange {
    Create,
    Update,
    Delete,
}

impl HistoryItemType {
    pub fn as_str(self) -> &'static str {
        match self {
            HistoryItemType::ConfigurationUpdate => "ConfigurationUpdate",
            HistoryItemType::StateUpdate => "StateUpdate",
            HistoryItemType::Action => "Action",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateUpdateData<'a> {
    version: &'static str,
    old_state: StateData<'a>,
    new_state: StateData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateData<'a> {
    state_value: StateValue,
    state_reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason_data: Option<Box<RawValue>>,
}

impl<'a> StateData<'a> {
    fn of(state: &'a AlarmState) -> Self {
        // What SetAlarmState gave may be no JSON; then it is left out.
        let data = state.reason_data.clone().and_then(|data| RawValue::from_string(data).ok());
        StateData { state_value: state.value, state_reason: &state.reason, state_reason_data: data }
    }
}

/// Makes summary and data of a state update.
pub(super) fn state_update(old: &AlarmState, new: &AlarmState) -> (String, String) {
    let data = StateUpdateData { version: "1.0", old_state: StateData::of(old), new_state: StateData::of(new) };
    (format!("Alarm updated from {} to {}", old.value, new.value), json(&data))
}

/// Makes summary and data of a change of the definition, whose JSON is `definition`.
pub(super) fn configuration_update(
    name: &AlarmName,
    change: ConfigurationChange,
    definition: serde_json::Value,
) -> (String, String) {
    let (kind, member, done) = match change {
        ConfigurationChange::Create => ("Create", "createdAlarm", "created"),
        ConfigurationChange::Update => ("Update", "updatedAlarm", "updated"),
        ConfigurationChange::Delete => ("Delete", "deletedAlarm", "deleted"),
    };
    let data = serde_json::json!({ "version": "1.0", "type": kind, member: definition });
    (format!("Alarm \"{name}\" {done}"), data.to_string())
}

/// Makes summary and data of an action that was taken because the state changed at `state_updated`.
pub(super) fn action(resource: &str, outcome: &ActionOutcome, state_updated: Timestamp) -> (String, String) {
    let (summary, state, error) = match outcome {
        ActionOutcome::Succeeded => (format!("Successfully executed action {resource}"), "Succeeded", None),
        ActionOutcome::Failed(reason) => {
            (format!("Failed to execute action {resource}. Received error: \"{reason}\""), "Failed", Some(reason))
        }
    };
    let data = serde_json::json!({
        "actionState": state,
        "stateUpdateTimestamp": calendar::iso(state_updated),
        "notificationResource": resource,
        "error": error,
    });
    (summary, data.to_string())
}

fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect("texts and checked JSON serialise")
}
