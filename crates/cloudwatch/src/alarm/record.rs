//! An alarm: a definition with its state, its timestamps and its history.

use std::collections::VecDeque;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::{self, ConfigurationChange};
use super::{
    ActionOutcome, Actions, AlarmName, AlarmState, AlarmType, CompositeAlarm, EvaluationState, HISTORY_ITEMS_MAX,
    HistoryItem, HistoryItemType, MetricAlarm, StateValue,
};
use crate::calendar;

/// What an alarm is defined as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Definition {
    Metric(MetricAlarm),
    Composite(CompositeAlarm),
}

/// A defined alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    definition: Definition,
    arn: String,
    state: AlarmState,
    evaluation_state: Option<EvaluationState>,
    state_updated_at: Timestamp,
    state_transitioned_at: Timestamp,
    configuration_updated_at: Timestamp,
    /// Oldest first.
    history: VecDeque<HistoryItem>,
}

impl Definition {
    pub fn name(&self) -> &AlarmName {
        match self {
            Definition::Metric(alarm) => alarm.name(),
            Definition::Composite(alarm) => alarm.name(),
        }
    }

    pub fn alarm_type(&self) -> AlarmType {
        match self {
            Definition::Metric(_) => AlarmType::MetricAlarm,
            Definition::Composite(_) => AlarmType::CompositeAlarm,
        }
    }

    pub fn actions(&self) -> &Actions {
        match self {
            Definition::Metric(alarm) => alarm.actions(),
            Definition::Composite(alarm) => alarm.actions(),
        }
    }

    pub(crate) fn actions_mut(&mut self) -> &mut Actions {
        match self {
            Definition::Metric(alarm) => alarm.actions_mut(),
            Definition::Composite(alarm) => alarm.actions_mut(),
        }
    }

    fn to_json(&self) -> serde_json::Value {
        let json = match self {
            Definition::Metric(alarm) => serde_json::to_value(alarm.to_spec()),
            Definition::Composite(alarm) => serde_json::to_value(alarm.to_spec()),
        };
        json.expect("texts and finite numbers serialise")
    }
}

impl Alarm {
    pub(crate) fn new(definition: Definition, arn: String, now: Timestamp) -> Self {
        let mut alarm = Alarm {
            definition,
            arn,
            state: AlarmState::initial(),
            evaluation_state: None,
            state_updated_at: now,
            state_transitioned_at: now,
            configuration_updated_at: now,
            history: VecDeque::new(),
        };
        alarm.record_configuration(ConfigurationChange::Create, now);
        alarm
    }

    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    pub fn name(&self) -> &AlarmName {
        self.definition.name()
    }

    pub fn arn(&self) -> &str {
        &self.arn
    }

    pub fn state(&self) -> &AlarmState {
        &self.state
    }

    pub fn evaluation_state(&self) -> Option<EvaluationState> {
        self.evaluation_state
    }

    /// Returns when state or reason last changed.
    pub fn state_updated_at(&self) -> Timestamp {
        self.state_updated_at
    }

    /// Returns when the state value last changed.
    pub fn state_transitioned_at(&self) -> Timestamp {
        self.state_transitioned_at
    }

    pub fn configuration_updated_at(&self) -> Timestamp {
        self.configuration_updated_at
    }

    /// Returns the history, oldest first, at most [`HISTORY_ITEMS_MAX`] items.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = &HistoryItem> + ExactSizeIterator {
        self.history.iter()
    }

    /// Replaces the whole definition; the state stays.
    pub(crate) fn redefine(&mut self, definition: Definition, now: Timestamp) {
        self.definition = definition;
        self.configuration_updated_at = now;
        self.record_configuration(ConfigurationChange::Update, now);
    }

    pub(crate) fn enable_actions(&mut self, enabled: bool, now: Timestamp) {
        if self.definition.actions().enabled != enabled {
            self.definition.actions_mut().enabled = enabled;
            self.configuration_updated_at = now;
            self.record_configuration(ConfigurationChange::Update, now);
        }
    }

    pub(crate) fn set_evaluation_state(&mut self, state: Option<EvaluationState>) {
        self.evaluation_state = state;
    }

    /// Puts the alarm into a state; returns the value it had if that changed.
    pub(crate) fn set_state(&mut self, state: AlarmState, now: Timestamp) -> Option<StateValue> {
        let old = std::mem::replace(&mut self.state, state);
        self.state_updated_at = now;
        if old.value == self.state.value {
            return None;
        }
        self.state_transitioned_at = now;
        let (summary, data) = history::state_update(&old, &self.state);
        self.record(HistoryItemType::StateUpdate, summary, data, now);
        Some(old.value)
    }

    pub(crate) fn record_action(&mut self, resource: &str, outcome: &ActionOutcome, now: Timestamp) {
        let (summary, data) = history::action(resource, outcome, self.state_updated_at);
        self.record(HistoryItemType::Action, summary, data, now);
    }

    /// Ends the alarm; what is left is its history.
    pub(crate) fn into_deleted(mut self, now: Timestamp) -> VecDeque<HistoryItem> {
        self.record_configuration(ConfigurationChange::Delete, now);
        self.history
    }

    fn record_configuration(&mut self, change: ConfigurationChange, now: Timestamp) {
        let mut definition = self.definition.to_json();
        if let Some(members) = definition.as_object_mut() {
            members.insert("alarmArn".to_owned(), self.arn.clone().into());
            members.insert("stateValue".to_owned(), self.state.value.as_str().into());
            let dates = [
                ("alarmConfigurationUpdatedTimestamp", self.configuration_updated_at),
                ("stateUpdatedTimestamp", self.state_updated_at),
            ];
            for (member, timestamp) in dates {
                members.insert(member.to_owned(), calendar::iso(timestamp).into());
            }
        }
        let (summary, data) = history::configuration_update(self.name(), change, definition);
        self.record(HistoryItemType::ConfigurationUpdate, summary, data, now);
    }

    fn record(&mut self, item_type: HistoryItemType, summary: String, data: String, timestamp: Timestamp) {
        let (alarm_name, alarm_type) = (self.name().clone(), self.definition.alarm_type());
        self.history.push_back(HistoryItem { alarm_name, alarm_type, timestamp, item_type, summary, data });
        if self.history.len() > HISTORY_ITEMS_MAX {
            self.history.pop_front();
        }
    }
}
