//! The alarms of an engine, by name.
//!
//! Every method that can change states returns the [`Transition`]s, in the order they happened: what is persisted, published and acted
//! upon is up to the caller. Metric alarms are due at whole multiples of their interval (and at once when they are put); composite alarms
//! are evaluated when they are put and whenever an alarm they watch changes state.

mod change;
mod composites;
mod evaluate;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use seatrial_model::arn::Scope;
use seatrial_model::{TimeScale, Timestamp};

pub use self::change::{ChangeError, DELETE_NAMES_MAX};
use crate::alarm::{Alarm, AlarmName, AlarmState, AlarmType, Definition, HistoryItem, StateValue};

/// The most alarms: CloudWatch's former quota of a Region, and far more than one machine's services need.
pub const ALARMS_MAX: usize = 5000;

/// Of how many deleted alarms the history is kept; of the longest deleted it is dropped first.
pub const DELETED_HISTORIES_MAX: usize = 100;

/// An alarm that went from one state into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub alarm: AlarmName,
    pub arn: String,
    pub alarm_type: AlarmType,
    pub from: StateValue,
    pub to: AlarmState,
    pub at: Timestamp,
    /// The actions to take now: none when they are disabled or suppressed. The outcome of each is told by [`Alarms::record_action`].
    pub actions: Vec<String>,
}

/// Alarms by name, with what is due when.
#[derive(Clone, Debug)]
pub struct Alarms {
    scope: Scope,
    scale: TimeScale,
    alarms: BTreeMap<AlarmName, Alarm>,
    /// When metric alarms are evaluated next.
    due: BTreeSet<(Timestamp, AlarmName)>,
    due_at: BTreeMap<AlarmName, Timestamp>,
    /// Composite alarms, each after those it watches; without those that watch themselves over others, whose evaluation stops.
    composites: Vec<AlarmName>,
    /// History of deleted alarms, longest deleted first.
    deleted: VecDeque<(AlarmName, VecDeque<HistoryItem>)>,
}

impl Alarms {
    /// Makes an empty collection. `scope` is where the alarms' ARNs live; periods and intervals are shortened by `scale`.
    pub fn new(scope: Scope, scale: TimeScale) -> Self {
        Alarms {
            scope,
            scale,
            alarms: BTreeMap::new(),
            due: BTreeSet::new(),
            due_at: BTreeMap::new(),
            composites: Vec::new(),
            deleted: VecDeque::new(),
        }
    }

    /// Takes alarms back that were kept elsewhere; metric alarms are due at once.
    pub fn restore(scope: Scope, scale: TimeScale, alarms: impl IntoIterator<Item = Alarm>, now: Timestamp) -> Self {
        let mut restored = Alarms::new(scope, scale);
        for alarm in alarms {
            if alarm.definition().alarm_type() == AlarmType::MetricAlarm {
                restored.schedule(alarm.name().clone(), now);
            }
            restored.alarms.insert(alarm.name().clone(), alarm);
        }
        restored.order_composites();
        restored
    }

    pub fn get(&self, name: &AlarmName) -> Option<&Alarm> {
        self.alarms.get(name)
    }

    /// Returns all alarms, ascending by name.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Alarm> {
        self.alarms.values()
    }

    pub fn len(&self) -> usize {
        self.alarms.len()
    }

    pub fn is_empty(&self) -> bool {
        self.alarms.is_empty()
    }

    /// Returns the composite alarms that watch `name`, or have it as suppressor.
    pub fn parents<'a>(&'a self, name: &'a AlarmName) -> impl Iterator<Item = &'a AlarmName> + 'a {
        self.alarms.values().filter(move |alarm| watches(alarm, name)).map(Alarm::name)
    }

    /// Returns the history of an alarm, also of a deleted one, oldest first.
    pub fn history<'a>(&'a self, name: &'a AlarmName) -> impl Iterator<Item = &'a HistoryItem> + 'a {
        let deleted = self.deleted.iter().filter(move |(deleted, _)| deleted == name).flat_map(|(_, items)| items);
        deleted.chain(self.alarms.get(name).into_iter().flat_map(Alarm::history))
    }

    /// Returns the history of all alarms, also of deleted ones, alarm by alarm, each oldest first.
    pub fn histories(&self) -> impl Iterator<Item = &HistoryItem> {
        let deleted = self.deleted.iter().flat_map(|(_, items)| items);
        deleted.chain(self.alarms.values().flat_map(Alarm::history))
    }

    /// Returns the next instant at which [`Alarms::evaluate_due`] has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(timestamp, _)| *timestamp)
    }

    /// Returns the metric alarms that [`Alarms::evaluate_due`] will evaluate at `now`.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &AlarmName> {
        self.due.iter().take_while(move |(at, _)| *at <= now).map(|(_, name)| name)
    }

    /// Sets when a metric alarm is evaluated next.
    fn schedule(&mut self, name: AlarmName, at: Timestamp) {
        self.unschedule(&name);
        self.due.insert((at, name.clone()));
        self.due_at.insert(name, at);
    }

    fn unschedule(&mut self, name: &AlarmName) {
        if let Some(at) = self.due_at.remove(name) {
            self.due.remove(&(at, name.clone()));
        }
    }

    /// Puts an alarm into a state; returns the transition if the value changed.
    fn apply(&mut self, name: &AlarmName, state: AlarmState, now: Timestamp) -> Option<Transition> {
        let suppressed = self.is_suppressed(name);
        let alarm = self.alarms.get_mut(name)?;
        let from = alarm.set_state(state, now)?;
        let (to, actions) = (alarm.state().clone(), alarm.definition().actions());
        let wanted = match to.value {
            StateValue::Ok => &actions.ok,
            StateValue::Alarm => &actions.alarm,
            StateValue::InsufficientData => &actions.insufficient_data,
        };
        let actions = if actions.enabled && !suppressed { wanted.clone() } else { Vec::new() };
        let (arn, alarm_type) = (alarm.arn().to_owned(), alarm.definition().alarm_type());
        Some(Transition { alarm: name.clone(), arn, alarm_type, from, to, at: now, actions })
    }

    fn is_suppressed(&self, name: &AlarmName) -> bool {
        let suppressor = match self.alarms.get(name).map(Alarm::definition) {
            Some(Definition::Composite(alarm)) => alarm.suppressor(),
            Some(Definition::Metric(_)) | None => None,
        };
        let suppressor = suppressor.and_then(|suppressor| self.alarms.get(suppressor));
        suppressor.is_some_and(|alarm| alarm.state().value == StateValue::Alarm)
    }
}

/// Reports whether a composite alarm depends on another alarm.
fn watches(alarm: &Alarm, name: &AlarmName) -> bool {
    match alarm.definition() {
        Definition::Metric(_) => false,
        Definition::Composite(composite) => {
            composite.rule().children().contains(name) || composite.suppressor() == Some(name)
        }
    }
}

#[cfg(test)]
mod tests;
