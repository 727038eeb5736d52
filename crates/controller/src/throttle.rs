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
    failures: u32,
    not_before: Option<Timestamp>,
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

/// The failure count from which the service is said to be unable to start tasks consistently.
pub const IMPAIRED_AFTER: u32 = 2;
/// The wait varies by this many thousandths up and down, so that services that fail together do not retry together.
const JITTER_PERMILLE: u64 = 200;

impl Throttle {
    /// Counts a failure and returns whether the service should be reported as impaired now.
    pub fn failed(&mut self, now: Timestamp, end: EarlyEnd, policy: &Policy, seed: Seed, ordinal: u64) -> bool {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
        let cap = match end {
            EarlyEnd::NeverRan => policy.start_throttle_cap,
            EarlyEnd::RanBriefly => policy.crash_throttle_cap,
        };
        let doublings = (self.failures - 1).min(20);
        let delay = policy.start_throttle_base.saturating_mul(1 << doublings).min(cap);
        self.not_before = Some(now + jittered(delay, seed, ordinal).min(cap));
        end == EarlyEnd::NeverRan && self.failures == IMPAIRED_AFTER
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

    #[test]
    fn waits_double_up_to_the_cap_and_vary_by_a_fifth() {
        let policy = Policy::engine();
        let seed = Seed::from_bits(7);
        let mut throttle = Throttle::default();
        for failure in 0..20u32 {
            let now = Timestamp::from_millis(i64::from(failure) * 10_000_000);
            throttle.failed(now, EarlyEnd::NeverRan, &policy, seed, u64::from(failure));
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
        let now = Timestamp::EPOCH;
        for ordinal in 0..30 {
            throttle.failed(now, EarlyEnd::RanBriefly, &policy, Seed::from_bits(1), ordinal);
        }
        assert!(throttle.blocked_until(now).expect("blocked").since(now) <= policy.crash_throttle_cap);
        throttle.clear();
        assert_eq!(throttle.blocked_until(now), None);
    }
}
