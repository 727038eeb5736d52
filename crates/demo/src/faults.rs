//! The misbehaviour ordered for ordinary requests. Shares are spread evenly
//! over the requests instead of drawn by chance, so that 100 requests at an
//! error rate of 0.05 have exactly 5 errors, wherever the count starts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::args::DemoArgs;
use crate::values::Fraction;

/// What happens to one ordinary request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is answered after this delay.
    Answer(Duration),
    /// It is answered with an error after this delay.
    Fail(Duration),
    /// The process crashes instead.
    Crash,
}

/// Decides the fate of each ordinary request.
#[derive(Debug)]
pub(crate) struct Faults {
    error_rate: Fraction,
    slow_fraction: Fraction,
    latency: Duration,
    slow_latency: Duration,
    crash_after_requests: Option<u64>,
    requests: AtomicU64,
}

impl Faults {
    pub(crate) fn new(args: &DemoArgs) -> Self {
        Faults {
            error_rate: args.error_rate,
            slow_fraction: args.slow_fraction,
            latency: args.latency,
            slow_latency: args.slow_latency,
            crash_after_requests: args.crash_after_requests,
            requests: AtomicU64::new(0),
        }
    }

    /// Counts one ordinary request and decides its fate.
    pub(crate) fn next(&self) -> Fate {
        self.fate(self.requests.fetch_add(1, Ordering::Relaxed))
    }

    fn fate(&self, earlier: u64) -> Fate {
        if self.crash_after_requests.is_some_and(|limit| earlier >= limit) {
            return Fate::Crash;
        }
        let delay = if falls_on(self.slow_fraction, earlier) { self.slow_latency } else { self.latency };
        if falls_on(self.error_rate, earlier) { Fate::Fail(delay) } else { Fate::Answer(delay) }
    }
}

/// Tells whether an evenly spread share falls on the request that has this many before it.
fn falls_on(share: Fraction, earlier: u64) -> bool {
    let due = |requests: u64| (requests as f64 * share.get()).floor();
    due(earlier.saturating_add(1)) > due(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(args: DemoArgs, requests: u64) -> Vec<Fate> {
        let faults = Faults::new(&args);
        (0..requests).map(|_| faults.next()).collect()
    }

    #[test]
    fn error_rate_is_met_exactly() {
        for (rate, expected) in [("0", 0), ("0.01", 10), ("0.25", 250), ("1", 1000)] {
            let args = DemoArgs { error_rate: rate.parse().expect("a fraction"), ..DemoArgs::default() };
            let failed = fates(args, 1000).iter().filter(|fate| matches!(fate, Fate::Fail(_))).count();
            assert_eq!(failed, expected, "at rate {rate}");
        }
    }

    #[test]
    fn slow_requests_are_spread_evenly() {
        let args = DemoArgs { slow_fraction: "0.25".parse().expect("a fraction"), ..DemoArgs::default() };
        let slow: Vec<bool> = fates(args, 8).iter().map(|fate| *fate == Fate::Answer(Duration::from_secs(2))).collect();
        assert_eq!(slow, [false, false, false, true, false, false, false, true]);
    }

    #[test]
    fn crash_comes_with_the_request_after_the_limit() {
        let args = DemoArgs { crash_after_requests: Some(2), ..DemoArgs::default() };
        let plain = Fate::Answer(Duration::ZERO);
        assert_eq!(fates(args, 4), [plain, plain, Fate::Crash, Fate::Crash]);
    }
}
