//! Keeps time: calls for one request after the other when each is due. A thread
//! of its own, because the timers of the runtime are exact to a millisecond
//! only, and because the clock must go on when the runtime is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::plan::Length;
use crate::values::Rate;

/// Longest sleep at a time. A stop wakes the thread at once; this is for the
/// case that the wake-up was lost.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// When requests are due: a pure function of their number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) rate: Rate,
    pub(crate) length: Length,
}

impl Schedule {
    /// Returns when the request with this many before it is due, counted from
    /// the start; none when there is no such request.
    fn due(self, earlier: u64) -> Option<Duration> {
        let offset = self.rate.offset(earlier);
        let within = match self.length {
            Length::Duration(duration) => offset < duration,
            Length::Requests(requests) => earlier < requests,
            Length::UntilStopped => true,
        };
        within.then_some(offset)
    }
}

/// Stops a pacer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Brake(Arc<AtomicBool>);

impl Brake {
    fn is_pulled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Stops the pacer running on this thread.
    pub(crate) fn pull(&self, thread: &Thread) {
        self.0.store(true, Ordering::SeqCst);
        thread.unpark();
    }
}

/// Calls `start` with the number and the scheduled time of every request when
/// it is due, until the schedule ends or the brake is pulled. Requests that are
/// overdue are called for at once, so that none is left out.
pub(crate) fn pace(schedule: Schedule, began: Instant, brake: &Brake, mut start: impl FnMut(u64, Instant)) {
    for number in 0.. {
        let Some(due) = schedule.due(number).and_then(|offset| began.checked_add(offset)) else { return };
        if !wait_until(due, brake) {
            return;
        }
        start(number, due);
    }
}

/// Waits; false when the brake was pulled.
fn wait_until(due: Instant, brake: &Brake) -> bool {
    while !brake.is_pulled() {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::park_timeout(left.min(LONGEST_SLEEP));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: &str, length: Length) -> Schedule {
        Schedule { rate: rate.parse().expect("a rate"), length }
    }

    #[test]
    fn a_duration_holds_rate_times_duration_requests() {
        let schedule = schedule("1000", Length::Duration(Duration::from_millis(50)));
        let mut started = Vec::new();
        let began = Instant::now();
        pace(schedule, began, &Brake::default(), |number, due| {
            assert!(Instant::now() >= due, "request {number} came early");
            started.push((number, due - began));
        });
        let expected: Vec<_> = (0..50).map(|number| (number, Duration::from_millis(number))).collect();
        assert_eq!(started, expected);
    }

    #[test]
    fn a_count_is_met_exactly_even_when_every_request_is_overdue() {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(5)).expect("the clock is past 5 s");
        let mut started = 0;
        pace(schedule("1000", Length::Requests(77)), long_ago, &Brake::default(), |_, _| started += 1);
        assert_eq!(started, 77);
    }

    #[test]
    fn pulled_brake_ends_a_long_wait_at_once() {
        let brake = Brake::default();
        let began = Instant::now();
        let pacer = thread::spawn({
            let brake = brake.clone();
            move || pace(schedule("0.001", Length::UntilStopped), began, &brake, |_, _| {})
        });
        brake.pull(pacer.thread());
        pacer.join().expect("no panic");
        assert!(began.elapsed() < Duration::from_secs(60));
    }
}
