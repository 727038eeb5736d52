//! What the runtime knows of one task, shared between its orders and its follower.

use std::sync::{Mutex, MutexGuard, PoisonError};

use seatrial_model::TaskId;
use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{LaunchSecrets, TaskPhase, TaskReports};
use tokio::sync::watch;

use crate::directory::TaskDirectory;

pub(super) struct Tracked {
    pub task: TaskId,
    pub directory: TaskDirectory,
    latest: Mutex<Option<TaskReport>>,
    /// How often the task was ordered to stop.
    stops: watch::Sender<u32>,
    secrets: watch::Sender<Handover>,
}

/// How far the values of secrets have come on their way from the order to the supervisor. They are kept no longer than that takes.
#[derive(Default)]
pub(super) enum Handover {
    /// No order has been given yet: the task was found among the files of a former engine.
    #[default]
    Awaited,
    Offered(LaunchSecrets),
    /// A supervisor has them, or nobody needs them.
    Done,
}

impl Tracked {
    pub fn new(task: TaskId, directory: TaskDirectory) -> Self {
        Tracked {
            task,
            directory,
            latest: Mutex::default(),
            stops: watch::Sender::new(0),
            secrets: watch::Sender::default(),
        }
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

    /// Hands over what an order to start has with it, unless the task needs nothing any more.
    pub fn offer_secrets(&self, secrets: LaunchSecrets) {
        self.secrets.send_if_modified(|handover| match handover {
            Handover::Awaited | Handover::Offered(_) => {
                *handover = Handover::Offered(secrets);
                true
            }
            Handover::Done => false,
        });
    }

    /// Waits until the task has been ordered to start, and takes what the order had with it; none when it is ordered to stop before.
    pub async fn take_secrets(&self) -> Option<LaunchSecrets> {
        let (mut stops, mut secrets) = (self.stops(), self.secrets.subscribe());
        tokio::select! {
            _ = stops.wait_for(|stops| *stops > 0) => {}
            _ = secrets.wait_for(|handover| matches!(handover, Handover::Offered(_))) => {}
        }
        match self.secrets.send_replace(Handover::Done) {
            Handover::Offered(secrets) => Some(secrets),
            Handover::Awaited | Handover::Done => None,
        }
    }

    /// Forgets values that nobody needs any more.
    pub fn drop_secrets(&self) {
        self.secrets.send_replace(Handover::Done);
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
