//! How the workers of a load learn that it is over.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// A worker's view of whether the load is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Makes the one sender, by which `true` stops, and the first view of it.
    pub(crate) fn new() -> (watch::Sender<bool>, Stop) {
        let (sender, receiver) = watch::channel(false);
        (sender, Stop(receiver))
    }

    /// Tells whether the load is to stop now.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the load is to stop.
    pub(crate) async fn requested(&mut self) {
        // An error means that the load is gone altogether.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Pauses for this long, or until the load is to stop.
    pub(crate) async fn pause(&mut self, duration: Duration) {
        // Over either way.
        let _ = timeout(duration, self.requested()).await;
    }
}
