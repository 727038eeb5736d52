//! A clock that moves when the test says so.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use seatrial_model::Timestamp;
use seatrial_ports::Clock;

/// Some day in 2026, so that shown times look like times.
const FIRST: i64 = 1_790_000_000_000;

pub struct FakeClock(AtomicI64);

impl Default for FakeClock {
    fn default() -> Self {
        FakeClock(AtomicI64::new(FIRST))
    }
}

impl FakeClock {
    /// Moves on; whoever sleeps towards an instant has to be woken by the test ([`Inbox::poke`]).
    ///
    /// [`Inbox::poke`]: seatrial_engine::reports::Inbox::poke
    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(duration.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
