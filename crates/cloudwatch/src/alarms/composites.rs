//! Composite alarms: in which order they are evaluated, and what a change below them does.

use std::collections::{BTreeMap, BTreeSet};

use seatrial_model::Timestamp;

use super::{Alarms, Transition};
use crate::alarm::composite::Occasion;
use crate::alarm::{AlarmName, Definition, StateValue, composite};

impl Alarms {
    /// Evaluates the composite alarms above alarms that changed, bottom up, each at most once.
    pub(super) fn propagate(&mut self, changed: &[Transition], now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        if changed.is_empty() {
            return transitions;
        }
        let mut changed: BTreeMap<AlarmName, StateValue> =
            changed.iter().map(|transition| (transition.alarm.clone(), transition.to.value)).collect();
        for name in self.composites.clone() {
            let Some(occasion) = self.occasion(&name, &changed, now) else { continue };
            if let Some(transition) = self.evaluate_composite(&name, &occasion, now) {
                changed.insert(name, transition.to.value);
                transitions.push(transition);
            }
        }
        transitions
    }

    pub(super) fn evaluate_composite(
        &mut self,
        name: &AlarmName,
        occasion: &Occasion,
        now: Timestamp,
    ) -> Option<Transition> {
        if !self.composites.contains(name) {
            return None;
        }
        let record = self.alarms.get(name)?;
        let alarm = match record.definition() {
            Definition::Composite(alarm) => alarm,
            Definition::Metric(_) => return None,
        };
        let child = |name: &AlarmName| {
            let alarm = self.alarms.get(name)?;
            Some((alarm.state().value, alarm.state_transitioned_at()))
        };
        let state = composite::evaluate(alarm, record.state().value, occasion, &child, &self.scope)?;
        self.apply(name, state, now)
    }

    /// Puts the composite alarms in an order in which each comes after those it watches. Those in a cycle, and those above one, are left
    /// out: CloudWatch stops evaluating where it finds a cycle.
    pub(super) fn order_composites(&mut self) {
        let mut waiting: BTreeMap<&AlarmName, BTreeSet<&AlarmName>> = BTreeMap::new();
        let mut above: BTreeMap<&AlarmName, Vec<&AlarmName>> = BTreeMap::new();
        let is_composite = |name: &AlarmName| {
            matches!(self.alarms.get(name).map(|alarm| alarm.definition()), Some(Definition::Composite(_)))
        };
        for alarm in self.alarms.values() {
            let Definition::Composite(composite) = alarm.definition() else { continue };
            let below: BTreeSet<&AlarmName> =
                composite.rule().children().iter().filter(|child| is_composite(child)).collect();
            below.iter().for_each(|child| above.entry(child).or_default().push(alarm.name()));
            waiting.insert(alarm.name(), below);
        }
        let mut ready: Vec<&AlarmName> =
            waiting.iter().filter(|(_, below)| below.is_empty()).map(|(name, _)| *name).collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(name) = ready.pop() {
            order.push(name.clone());
            for parent in above.get(name).into_iter().flatten() {
                let below = waiting.get_mut(parent).expect("every parent is a composite alarm");
                if below.remove(name) && below.is_empty() {
                    ready.push(parent);
                }
            }
        }
        self.composites = order;
    }

    /// Returns the change for which a composite alarm is evaluated, if one of those it watches changed.
    fn occasion(
        &self,
        name: &AlarmName,
        changed: &BTreeMap<AlarmName, StateValue>,
        now: Timestamp,
    ) -> Option<Occasion> {
        let alarm = match self.alarms.get(name)?.definition() {
            Definition::Composite(alarm) => alarm,
            Definition::Metric(_) => return None,
        };
        let mut children = alarm.rule().children().iter();
        children.find_map(|child| Some(Occasion::Child(child.clone(), *changed.get(child)?, now)))
    }
}
