//! Evaluating what is due.

use seatrial_model::Timestamp;

use super::{Alarms, Transition};
use crate::alarm::{AlarmName, Definition, EvaluationState, evaluate, evaluation_grid, next_evaluation};
use crate::store::MetricStore;

impl Alarms {
    /// Evaluates every metric alarm that is due at `now` against `store`, then the composite alarms above those that changed.
    ///
    /// Each alarm looks at whole periods that are over, so data must be put before: a datum that arrives late counts from the next
    /// evaluation on. An alarm that was not evaluated for a while is evaluated once, for `now`.
    pub fn evaluate_due(&mut self, now: Timestamp, store: &MetricStore) -> Vec<Transition> {
        let mut transitions = Vec::new();
        while let Some((at, name)) = self.due.pop_first() {
            if at > now {
                self.due.insert((at, name));
                break;
            }
            self.due_at.remove(&name);
            transitions.extend(self.evaluate_metric(&name, now, store));
        }
        let composites = self.propagate(&transitions, now);
        transitions.extend(composites);
        transitions
    }

    /// Evaluates one alarm. One whose expression cannot be computed keeps its state, and says so in its evaluation state.
    fn evaluate_metric(&mut self, name: &AlarmName, now: Timestamp, store: &MetricStore) -> Option<Transition> {
        let record = self.alarms.get_mut(name)?;
        let alarm = match record.definition() {
            Definition::Metric(alarm) => alarm,
            Definition::Composite(_) => return None,
        };
        let next = next_evaluation(alarm, now, self.scale);
        let slots = alarm.watched().slots(store, &evaluation_grid(alarm, now, self.scale));
        let failed = slots.as_ref().err().map(|_| EvaluationState::EvaluationError);
        let state = slots.ok().and_then(|slots| evaluate(alarm, record.state().value, &slots, now));
        record.set_evaluation_state(failed);
        self.due.insert((next, name.clone()));
        self.due_at.insert(name.clone(), next);
        self.apply(name, state?, now)
    }
}
