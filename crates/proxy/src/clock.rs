//! Owns the translation between the monotonic clock, which everything runs by, and wall-clock timestamps.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use seatrial_model::Timestamp;
use tokio::time::Instant;

/// A monotonic clock that began at the wall clock's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Instant,
    began_at: Timestamp,
}

impl Clock {
    pub fn start() -> Self {
        Clock { began: Instant::now(), began_at: wall_clock() }
    }

    pub fn now(&self) -> Timestamp {
        self.timestamp(Instant::now())
    }

    pub fn timestamp(&self, instant: Instant) -> Timestamp {
        self.began_at + instant.saturating_duration_since(self.began)
    }

    /// The instant a timestamp of this clock stands for.
    pub fn instant(&self, timestamp: Timestamp) -> Instant {
        self.began + timestamp.since(self.began_at)
    }
}

/// The machine's idea of the time, which may jump.
pub(crate) fn wall_clock() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH + since_epoch
}
