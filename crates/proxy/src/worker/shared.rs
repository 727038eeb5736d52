//! Owns what everything running on one worker thread shares.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::limits::Limits;

/// One worker, as its connections and the other workers see it.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Its place among the workers, and in every target's per-worker tables.
    pub index: usize,
    pub clock: Clock,
    pub limits: Limits,
    /// Connections of clients, by worker.
    pub open: Arc<[AtomicUsize]>,
    /// Room for copies of requests.
    pub copies: Arc<Semaphore>,
}
