//! The start throttle: how long to wait before the next start of a deployment whose tasks keep failing.
//!
//! Retries never stop; the wait doubles up to a cap. A task that runs for a while, or a new deployment, clears it.

use std::time::Duration;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::seed::Seed;

/// The throttle of one deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// Rounds of starts that failed, one after another.
    failures: u32,
    not_before: Option<Timestamp>,
    /// When the wait was last lengthened.
    lengthened_at: Option<Timestamp>,
    since: Option<Timestamp>,
}

/// How a task failed, as far as throttling cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlyEnd {
    /// It never reached RUNNING.
    NeverRan,
    /// It ran, but not for long.
    RanBriefly,
}

/// A task that failed early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EarlyFailure {
    pub end: EarlyEnd,
    pub created_at: Timestamp,
    /// The task's ordinal, from which the jitter is drawn.
    pub ordinal: u64,
}

/// The failure count from which the service is said to be unable to start tasks consistently.
pub const IMPAIRED_AFTER: u32 = 2;
/// The wait varies by this many thousandths up and down, so that services that fail together do not retry together.
const JITTER_PERMILLE: u64 = 200;
/// The shortest wait: the resolution of timestamps, below which it would be none and a start could fail for ever at one instant.
const WAIT_MIN: Duration = Duration::from_millis(1);
/// The wait stops doubling here, far beyond any cap, so that the factor fits its type.
const DOUBLINGS_MAX: u32 = 20;

impl Throttle {
    /// Takes note of a failure and returns whether the service should be reported as impaired now.
    ///
    /// Tasks started together fail together: those that were already started when the wait was last lengthened do not lengthen it again.
    pub fn failed(&mut self, now: Timestamp, failure: EarlyFailure, policy: &Policy, seed: Seed) -> bool {
        if self.lengthened_at.is_some_and(|at| failure.created_at < at || at == now) {
            return false;
        }
        self.lengthened_at = Some(now);
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
        let cap = match failure.end {
            EarlyEnd::NeverRan => policy.start_throttle_cap,
            EarlyEnd::RanBriefly => policy.crash_throttle_cap,
        };
        let doublings = (self.failures - 1).min(DOUBLINGS_MAX);
        let delay = policy.start_throttle_base.saturating_mul(1 << doublings).min(cap);
        self.not_before = Some(now + jittered(delay, seed, failure.ordinal).min(cap).max(WAIT_MIN));
        failure.end == EarlyEnd::NeverRan && self.failures == IMPAIRED_AFTER
    }

    pub fn clear(&mut self) {
        *self = Throttle::default();
    }

    /// Returns until when no task may be started, if that lies ahead.
    pub fn blocked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.not_before.filter(|until| *until > now)
    }

    /// Returns when the first of the present run of failures happened.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }
}

fn jittered(delay: Duration, seed: Seed, ordinal: u64) -> Duration {
    let permille = 1000 - JITTER_PERMILLE + seed.below(ordinal, 2 * JITTER_PERMILLE + 1);
    delay.saturating_mul(permille as u32) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn early(end: EarlyEnd, created_at: Timestamp, ordinal: u64) -> EarlyFailure {
        EarlyFailure { end, created_at, ordinal }
    }

    #[test]
    fn tasks_that_were_started_together_lengthen_the_wait_once() {
        let (policy, seed) = (Policy::engine(), Seed::from_bits(7));
        let created_at = Timestamp::from_millis(1000);
        let mut throttle = Throttle::default();
        for ordinal in 0..10 {
            let now = created_at + Duration::from_millis(100 + ordinal);
            throttle.failed(now, early(EarlyEnd::NeverRan, created_at, ordinal), &policy, seed);
        }
        let now = created_at + Duration::from_millis(110);
        let wait = throttle.blocked_until(now).expect("blocked").since(now);
        assert!(wait <= policy.start_throttle_base * 12 / 10, "{wait:?}");
    }

    #[test]
    fn waits_double_up_to_the_cap_and_vary_by_a_fifth() {
        let policy = Policy::engine();
        let seed = Seed::from_bits(7);
        let mut throttle = Throttle::default();
        for failure in 0..20u32 {
            let now = Timestamp::from_millis(i64::from(failure) * 10_000_000);
            throttle.failed(now, early(EarlyEnd::NeverRan, now, u64::from(failure)), &policy, seed);
            let wait = throttle.blocked_until(now).expect("blocked").since(now);
            let nominal = policy.start_throttle_base.saturating_mul(1 << failure).min(policy.start_throttle_cap);
            assert!(wait >= nominal * 8 / 10 - Duration::from_millis(1), "{failure}: {wait:?}");
            assert!(wait <= (nominal * 12 / 10).min(policy.start_throttle_cap), "{failure}: {wait:?}");
        }
    }

    #[test]
    fn a_task_that_ran_briefly_waits_at_most_the_crash_cap() {
        let policy = Policy::engine();
        let mut throttle = Throttle::default();
        let mut now = Timestamp::EPOCH;
        for ordinal in 0..30 {
            now = throttle.blocked_until(now).unwrap_or(now);
            throttle.failed(now, early(EarlyEnd::RanBriefly, now, ordinal), &policy, Seed::from_bits(1));
        }
        assert!(throttle.blocked_until(now).expect("blocked").since(now) <= policy.crash_throttle_cap);
        throttle.clear();
        assert_eq!(throttle.blocked_until(now), None);
    }
}
