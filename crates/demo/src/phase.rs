//! The phases of the service's life after its port is open, and how tasks
//! learn of them.

use tokio::sync::watch;

/// Where the service is in its life. Phases only ever advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Requests are answered, connections are kept.
    Serving,
    /// What is in flight is finished, connections are given up.
    Draining,
    /// Everything is dropped where it stands.
    Cut,
}

/// A task's view of the phase.
#[derive(Debug, Clone)]
pub(crate) struct Phases(watch::Receiver<Phase>);

impl Phases {
    /// Makes the one sender and the first view of it.
    pub(crate) fn new() -> (watch::Sender<Phase>, Phases) {
        let (sender, receiver) = watch::channel(Phase::Serving);
        (sender, Phases(receiver))
    }

    /// Returns the phase now.
    pub(crate) fn now(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until the phase is this one or a later one. A service that was
    /// dropped altogether counts as cut.
    pub(crate) async fn reached(&mut self, phase: Phase) {
        // An error means that the sender is gone, which is later than every phase.
        let _ = self.0.wait_for(|now| *now >= phase).await;
    }
}
