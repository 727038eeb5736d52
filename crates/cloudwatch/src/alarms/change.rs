//! Putting, deleting and overriding alarms.

use std::collections::BTreeSet;

use seatrial_model::Timestamp;

use super::{ALARMS_MAX, Alarms, DELETED_HISTORIES_MAX, Transition, watches};
use crate::alarm::composite::{self, Occasion};
use crate::alarm::{ActionOutcome, Alarm, AlarmName, AlarmState, AlarmType, CompositeAlarm, Definition, MetricAlarm};

/// The most alarms one DeleteAlarms takes (documented).
pub const DELETE_NAMES_MAX: usize = 100;

/// Why the alarms were not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    #[error("The maximum limit of {ALARMS_MAX} alarms has been reached.")]
    LimitExceeded,
    #[error("The alarm {0} does not exist.")]
    NotFound(AlarmName),
    #[error("The alarm {name} exists as a {exists_as}.")]
    OtherType { name: AlarmName, exists_as: AlarmType },
    #[error("Could not save the composite alarm as alarms [{}] do not exist.", join(.0))]
    NoSuchChildren(Vec<AlarmName>),
    #[error("The alarm {name} cannot be deleted as there are composite alarms depending on it: [{}].", join(.parents))]
    DependedUpon { name: AlarmName, parents: Vec<AlarmName> },
    #[error("Up to {DELETE_NAMES_MAX} alarms can be deleted at once, and no more than one of them a composite alarm.")]
    TooManyToDelete,
}

fn join(names: &[AlarmName]) -> String {
    names.iter().map(AlarmName::as_str).collect::<Vec<_>>().join(", ")
}

impl Alarms {
    /// Creates a metric alarm, in INSUFFICIENT_DATA, or replaces the definition of one, which keeps its state. It is due at once.
    pub fn put_metric(&mut self, alarm: MetricAlarm, now: Timestamp) -> Result<(), ChangeError> {
        let name = alarm.name().clone();
        self.put(Definition::Metric(alarm), now)?;
        self.schedule(name, now);
        Ok(())
    }

    /// Creates a composite alarm or replaces the definition of one, and evaluates it. A rule by which alarms watch themselves over others
    /// is taken, as CloudWatch takes it: none of them is evaluated until the cycle is broken.
    pub fn put_composite(&mut self, alarm: CompositeAlarm, now: Timestamp) -> Result<Vec<Transition>, ChangeError> {
        let name = alarm.name().clone();
        let existed = self.alarms.contains_key(&name);
        let named = alarm.rule().children().iter().chain(alarm.suppressor());
        let unknown: BTreeSet<&AlarmName> = named.filter(|child| !self.alarms.contains_key(child)).collect();
        if !unknown.is_empty() {
            return Err(ChangeError::NoSuchChildren(unknown.into_iter().cloned().collect()));
        }
        self.put(Definition::Composite(alarm), now)?;
        let before = self.composites.clone();
        self.order_composites();
        let occasion = if existed { Occasion::Updated } else { Occasion::Created };
        let mut transitions: Vec<Transition> = self.evaluate_composite(&name, &occasion, now).into_iter().collect();
        // Others whose cycle this has broken.
        for freed in self.composites.clone() {
            if freed != name && !before.contains(&freed) {
                transitions.extend(self.evaluate_composite(&freed, &Occasion::Updated, now));
            }
        }
        let above = self.propagate(&transitions, now);
        transitions.extend(above);
        Ok(transitions)
    }

    /// Deletes alarms; returns the names of those that were there. An alarm on which a composite alarm depends that is not deleted with it
    /// is refused, and nothing is deleted.
    pub fn delete(&mut self, names: &[AlarmName], now: Timestamp) -> Result<Vec<AlarmName>, ChangeError> {
        let wanted: BTreeSet<&AlarmName> = names.iter().collect();
        let there: Vec<&Alarm> = wanted.iter().filter_map(|name| self.alarms.get(name)).collect();
        let is_composite = |alarm: &&&Alarm| alarm.definition().alarm_type() == AlarmType::CompositeAlarm;
        if names.len() > DELETE_NAMES_MAX || there.iter().filter(is_composite).count() > 1 {
            return Err(ChangeError::TooManyToDelete);
        }
        for alarm in &there {
            let depends = |parent: &&Alarm| {
                watches(parent, alarm.name()) && (parent.name() == alarm.name() || !wanted.contains(parent.name()))
            };
            let parents: Vec<AlarmName> =
                self.alarms.values().filter(depends).map(|parent| parent.name().clone()).collect();
            if !parents.is_empty() {
                return Err(ChangeError::DependedUpon { name: alarm.name().clone(), parents });
            }
        }
        let deleted: Vec<AlarmName> = there.into_iter().map(|alarm| alarm.name().clone()).collect();
        deleted.iter().for_each(|name| self.remove(name, now));
        self.order_composites();
        Ok(deleted)
    }

    /// Overrides the state of an alarm until it is evaluated next; a composite alarm until one it watches changes.
    pub fn set_state(
        &mut self,
        name: &AlarmName,
        state: AlarmState,
        now: Timestamp,
    ) -> Result<Vec<Transition>, ChangeError> {
        if !self.alarms.contains_key(name) {
            return Err(ChangeError::NotFound(name.clone()));
        }
        let mut transitions: Vec<Transition> = self.apply(name, state, now).into_iter().collect();
        let above = self.propagate(&transitions, now);
        transitions.extend(above);
        Ok(transitions)
    }

    /// Enables the actions of alarms; names of no alarm are passed over.
    pub fn enable_actions(&mut self, names: &[AlarmName], now: Timestamp) {
        self.switch_actions(names, true, now);
    }

    /// Disables the actions of alarms; names of no alarm are passed over.
    pub fn disable_actions(&mut self, names: &[AlarmName], now: Timestamp) {
        self.switch_actions(names, false, now);
    }

    /// Notes in the history how an action of the alarm's present state ended.
    pub fn record_action(
        &mut self,
        name: &AlarmName,
        resource: &str,
        outcome: &ActionOutcome,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        let alarm = self.alarms.get_mut(name).ok_or_else(|| ChangeError::NotFound(name.clone()))?;
        alarm.record_action(resource, outcome, now);
        Ok(())
    }

    fn put(&mut self, definition: Definition, now: Timestamp) -> Result<(), ChangeError> {
        let name = definition.name().clone();
        let full = self.alarms.len() >= ALARMS_MAX;
        match self.alarms.get_mut(&name) {
            Some(alarm) if alarm.definition().alarm_type() != definition.alarm_type() => {
                let exists_as = alarm.definition().alarm_type();
                return Err(ChangeError::OtherType { name, exists_as });
            }
            Some(alarm) => alarm.redefine(definition, now),
            None if full => return Err(ChangeError::LimitExceeded),
            None => {
                let arn = composite::arn(&self.scope, &name);
                self.alarms.insert(name, Alarm::new(definition, arn, now));
            }
        }
        Ok(())
    }

    fn remove(&mut self, name: &AlarmName, now: Timestamp) {
        self.unschedule(name);
        if let Some(alarm) = self.alarms.remove(name) {
            self.deleted.push_back((name.clone(), alarm.into_deleted(now)));
        }
        if self.deleted.len() > DELETED_HISTORIES_MAX {
            self.deleted.pop_front();
        }
    }

    fn switch_actions(&mut self, names: &[AlarmName], enabled: bool, now: Timestamp) {
        for name in names {
            if let Some(alarm) = self.alarms.get_mut(name) {
                alarm.enable_actions(enabled, now);
            }
        }
    }
}
