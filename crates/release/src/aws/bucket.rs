//! A token bucket: so many calls at once, and so many a second in the long run.

use std::time::{Duration, Instant};

/// How many calls there may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub burst: f64,
    pub per_second: f64,
}

impl Limit {
    pub const fn of(burst: u32, per_second: u32) -> Self {
        Limit { burst: burst as f64, per_second: per_second as f64 }
    }

    /// A part of it, and of the burst at least one call.
    pub fn share(self, share: f64) -> Self {
        Limit { burst: (self.burst * share).max(1.0), per_second: self.per_second * share }
    }
}

/// The slowest that a bucket is made by refusals, as a part of its limit.
const PACE_MIN: f64 = 1.0 / 16.0;
/// How much of its pace a bucket wins back in a second.
const RECOVERY_PER_SECOND: f64 = 0.02;

/// A bucket. Whoever takes a token that is not there yet waits for it; tokens are given in the order in which they are asked for.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    /// Below zero, they are promised already.
    tokens: f64,
    /// The part of the limit that is used now.
    pace: f64,
    at: Instant,
}

impl Bucket {
    pub fn full(limit: Limit, now: Instant) -> Self {
        Bucket { limit, tokens: limit.burst, pace: 1.0, at: now }
    }

    /// Takes a token; returns how long it has to be waited for.
    pub fn take(&mut self, now: Instant) -> Duration {
        self.refill(now);
        self.tokens -= 1.0;
        let missing = (-self.tokens).max(0.0);
        Duration::from_secs_f64(missing / (self.limit.per_second * self.pace))
    }

    /// How long a token that is asked for at a later moment has to be waited for, if nobody else takes one.
    pub fn until_token(&mut self, now: Instant) -> Duration {
        self.refill(now);
        let missing = (1.0 - self.tokens).max(0.0);
        Duration::from_secs_f64(missing / (self.limit.per_second * self.pace))
    }

    /// Goes on at half the pace: AWS has refused a call, since others take from the same bucket of the account.
    pub fn refused(&mut self, now: Instant) {
        self.refill(now);
        self.pace = (self.pace / 2.0).max(PACE_MIN);
        self.tokens = self.tokens.min(0.0);
    }

    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.tokens = (self.tokens + since * self.limit.per_second * self.pace).min(self.limit.burst);
        self.pace = (self.pace + since * RECOVERY_PER_SECOND).min(1.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Limit = Limit::of(10, 5);

    proptest! {
        /// However calls come, no window has more than the burst and what comes in meanwhile, and everybody is served at last.
        #[test]
        fn no_window_has_too_many(pauses in proptest::collection::vec(0_u64..400, 1..200)) {
            let begin = Instant::now();
            let mut bucket = Bucket::full(LIMIT, begin);
            let (mut now, mut sent) = (begin, Vec::new());
            for pause in pauses {
                now += Duration::from_millis(pause);
                sent.push(now + bucket.take(now));
            }
            for (first, from) in sent.iter().enumerate() {
                for (last, to) in sent.iter().enumerate().skip(first) {
                    let most = LIMIT.burst + LIMIT.per_second * to.saturating_duration_since(*from).as_secs_f64();
                    prop_assert!((last - first + 1) as f64 <= most + 1.0 + 1e-6, "{first}..={last}");
                }
            }
            let waited = sent.last().map(|last| last.saturating_duration_since(now)).unwrap_or_default();
            prop_assert!(waited.as_secs_f64() <= sent.len() as f64 / LIMIT.per_second);
        }
    }

    #[test]
    fn a_refusal_halves_the_pace_which_is_won_back() {
        let begin = Instant::now();
        let mut bucket = Bucket::full(LIMIT, begin);
        bucket.refused(begin);
        assert_eq!(bucket.take(begin), Duration::from_millis(400), "half of five a second");
        for _ in 0..20 {
            bucket.refused(begin);
        }
        assert!(bucket.take(begin) <= Duration::from_secs(10), "never so slow that nothing goes on");
        let later = begin + Duration::from_secs(120);
        assert_eq!(bucket.take(later), Duration::ZERO);
        assert!((bucket.pace - 1.0).abs() < f64::EPSILON);
    }
}
