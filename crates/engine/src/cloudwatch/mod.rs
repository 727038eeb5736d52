//! CloudWatch in the engine: alarms that are kept, metrics that are not.
//!
//! The table `alarms` is the truth about alarms; [`Monitoring`] holds the same alarms with what is due when, and the metrics they are
//! evaluated against. A transaction changes both ([`alarms`]), and when it is taken back, [`Monitoring`] is made anew from the table.
//! Metrics live in memory only: an engine that starts knows none (see [`watching::RESTART_PAUSE_MAX`] for what that does to alarms).

pub mod alarms;
mod increments;
pub mod metrics;
mod mirrored;
mod published;
mod refused;
mod sheet;
pub mod watching;

use seatrial_cloudwatch::store::Limits;
use seatrial_cloudwatch::{AlarmName, Alarms, MetricStore};
use seatrial_model::{TimeScale, Timestamp};

use self::published::Publisher;
use crate::reports::Reports;
use crate::state::State;

/// Alarms with what is due when, and metrics.
#[derive(Debug)]
pub struct Monitoring {
    alarms: Alarms,
    metrics: MetricStore,
    publisher: Publisher,
    /// The running transaction has changed alarms.
    changed: bool,
    /// When metrics were last rolled up.
    maintained_at: Timestamp,
}

impl Monitoring {
    /// Takes up the alarms of the table; they keep their states until their data can have come in again.
    pub(crate) fn restore(state: &State, scale: TimeScale, now: Timestamp) -> Self {
        let first_evaluation = now + scale.apply(watching::restart_pause(state));
        let alarms = Alarms::restore(state.scope.clone(), scale, state.alarms.values().cloned(), first_evaluation);
        let metrics = MetricStore::new(scale, Limits::default());
        Monitoring { alarms, metrics, publisher: Publisher::default(), changed: false, maintained_at: now }
    }

    pub fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    pub fn metrics(&self) -> &MetricStore {
        &self.metrics
    }

    /// Publishes the readings of reports as AWS's own metrics, and rolls metrics up now and then.
    pub(crate) fn note_readings(&mut self, state: &State, reports: &Reports, now: Timestamp) {
        if let Some(metrics) = &reports.metrics {
            self.publisher.balancing(&mut self.metrics, state, metrics, now);
        }
        for report in reports.tasks.values() {
            if let (Some(usage), Some(task)) = (report.usage, state.tasks.get(report.task.as_str())) {
                self.publisher.usage(&mut self.metrics, task, usage, now);
            }
        }
        self.publisher.forget_tasks(state);
        self.maintain(now);
    }

    /// Returns when alarms are evaluated next.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.alarms.next_due()
    }

    /// Returns the alarms to change them; the transaction must write what it changes to the table.
    fn change(&mut self) -> &mut Alarms {
        self.changed = true;
        &mut self.alarms
    }

    pub(crate) fn keep(&mut self) {
        self.changed = false;
    }

    /// Returns to the alarms of the table, after that has been taken back. They are due at once: an evaluation too many is harmless.
    pub(crate) fn take_back(&mut self, state: &State, now: Timestamp) {
        if std::mem::take(&mut self.changed) {
            let rows = state.alarms.values().cloned();
            self.alarms = Alarms::restore(state.scope.clone(), self.metrics.scale(), rows, now);
        }
    }
}

/// Writes alarms to the table as they now are.
fn write(state: &mut State, monitoring: &Monitoring, names: &[AlarmName]) {
    for name in names {
        match monitoring.alarms.get(name) {
            Some(alarm) => state.alarms.insert(name.as_str(), alarm.clone()),
            None => {
                state.alarms.remove(name.as_str());
            }
        }
    }
}
