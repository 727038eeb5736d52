//! The driver: one thread that works reports in and wakes controllers when their time has come.

use std::time::Duration;

use seatrial_model::{TimeScale, Timestamp};

use crate::auto_scaling;
use crate::cloudwatch;
use crate::effects;
use crate::engine::{Engine, Guarded};
use crate::load_balancing::targets;
use crate::observe;
use crate::reports::Reports;
use crate::secrets;
use crate::state::{ServiceRecord, State};
use crate::tasks;

/// The longest the driver sleeps: a guard against a clock that was set back, not a tick anything waits for.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// The wait before reports that could not be made durable are tried again; long enough not to hammer a full disk.
const RETRY_DELAY: Duration = Duration::from_secs(1);

impl Engine {
    /// Works until [`Engine::close`]; to be called on a thread of its own.
    pub fn drive(&self) {
        let mut unstored = Reports::default();
        loop {
            let timeout = if unstored.is_empty() { self.sleep_time() } else { RETRY_DELAY };
            let Some(fresh) = self.inner.inbox.take(timeout) else { return };
            self.note_readings(&fresh);
            let reports = merge(std::mem::take(&mut unstored), fresh);
            if let Err(error) = self.work_in(&reports) {
                tracing::error!(%error, "reports could not be stored; they are kept and tried again");
                unstored = reports;
            }
        }
    }

    /// Ends [`Engine::drive`]. Tasks and the data plane go on.
    pub fn close(&self) {
        self.inner.inbox.close();
    }

    fn work_in(&self, reports: &Reports) -> Result<(), seatrial_ports::JournalError> {
        let outcome = self.transact_at::<(), std::convert::Infallible>(self.now(), |tx| {
            observe::work_in(tx, reports);
            targets::remove_overdue(tx);
            tasks::forget_old(tx);
            secrets::delete_due(tx);
            cloudwatch::alarms::evaluate_due(tx);
            effects::tick_due(tx);
            auto_scaling::settle(tx);
            Ok(())
        })?;
        outcome.map_or_else(|never| match never {}, Ok)
    }

    fn note_readings(&self, reports: &Reports) {
        let now = self.now();
        let mut guarded = self.lock();
        let volatile = &mut guarded.volatile;
        if let Some(generation) = reports.applied_generation {
            volatile.applied_generation = generation;
        }
        if let Some(metrics) = &reports.metrics {
            volatile.metrics = metrics.clone();
        }
        for (arn, outcome) in &reports.listeners {
            match outcome {
                Ok(()) => volatile.closed_listeners.remove(arn),
                Err(why) => volatile.closed_listeners.insert(arn.clone(), why.clone()),
            };
        }
        for report in reports.tasks.values() {
            if let Some(usage) = report.usage {
                volatile.usage.insert(report.task.clone(), usage);
            }
        }
        let Guarded { state, volatile, monitoring, .. } = &mut *guarded;
        monitoring.note_readings(state, reports, now);
        volatile.usage.retain(|task, _| state.tasks.contains(task.as_str()));
        drop(guarded);
        self.inner.changed.notify_all();
    }

    fn sleep_time(&self) -> Duration {
        let now = self.now();
        let guarded = self.lock();
        let evaluation = guarded.monitoring.next_due();
        let wake = next_wake(&guarded.state, self.settings().scale).into_iter().chain(evaluation).min();
        drop(guarded);
        wake.map_or(SLEEP_MAX, |at| at.since(now).min(SLEEP_MAX))
    }
}

fn next_wake(state: &State, scale: TimeScale) -> Option<Timestamp> {
    let controllers = state.services.values().filter_map(ServiceRecord::wake_at);
    controllers.chain(targets::next_overdue(state, scale)).chain(tasks::next_forgotten(state)).min()
}

fn merge(mut older: Reports, newer: Reports) -> Reports {
    older.tasks.extend(newer.tasks);
    older.health.extend(newer.health);
    older.drained.extend(newer.drained);
    older.listeners.extend(newer.listeners);
    older.hooks.extend(newer.hooks);
    older.applied_generation = newer.applied_generation.or(older.applied_generation);
    older.metrics = newer.metrics.or(older.metrics);
    older
}
