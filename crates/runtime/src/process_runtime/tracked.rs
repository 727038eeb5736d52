//! What the runtime knows of one task, shared between its orders and its follower.

use std::sync::{Mutex, MutexGuard, PoisonError};

use seatrial_model::TaskId;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{TaskPhase, TaskReports};
use tokio::sync::watch;

use crate::directory::TaskDirectory;

pub(super) struct Tracked {
    pub task: TaskId,
    pub directory: TaskDirectory,
    latest: Mutex<Option<TaskReport>>,
    /// How often the task was ordered to stop.
    stops: watch::Sender<u32>,
}

impl Tracked {
    pub fn new(task: TaskId, directory: TaskDirectory) -> Self {
        Tracked { task, directory, latest: Mutex::default(), stops: watch::Sender::new(0) }
    }

    pub fn order_stop(&self) {
        self.stops.send_modify(|stops| *stops = stops.saturating_add(1));
    }

    pub fn is_ordered_to_stop(&self) -> bool {
        *self.stops.borrow() > 0
    }

    /// Gives the follower something to wait for further orders with.
    pub fn stops(&self) -> watch::Receiver<u32> {
        self.stops.subscribe()
    }

    pub fn is_stopped(&self) -> bool {
        self.latest().as_ref().is_some_and(|report| report.phase == TaskPhase::Stopped)
    }

    /// Passes a report on unless a later one has been.
    pub fn deliver(&self, reports: &TaskReports, report: TaskReport) {
        let mut latest = self.latest();
        if latest.as_ref().is_none_or(|latest| latest.sequence < report.sequence) {
            *latest = Some(report.clone());
            // Still locked, so that reports leave in order. The receiver must not block, and orders it gives take other locks.
            reports(report);
        }
    }

    /// Repeats the last report. Before the first, the follower is about to make it.
    pub fn report_again(&self, reports: &TaskReports) {
        let latest = self.latest();
        if let Some(report) = latest.as_ref() {
            reports(report.clone());
        }
    }

    pub fn last_sequence(&self) -> u64 {
        self.latest().as_ref().map_or(0, |report| report.sequence)
    }

    fn latest(&self) -> MutexGuard<'_, Option<TaskReport>> {
        // A receiver that panicked was called after the change was complete.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
