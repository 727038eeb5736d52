//! Latencies: recorded with an error below 0.1 %, read as percentiles.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Highest latency told apart, in microseconds: one hour. Longer ones count as this.
const HIGHEST_MICROS: u64 = 3_600_000_000;

/// Significant decimal digits kept of every latency.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Percentiles of a set of latencies, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Percentiles {
    /// How many latencies there are; without any, all the others are 0.
    pub count: u64,
    /// Half are at most this.
    pub p50_us: u64,
    /// 90 % are at most this.
    pub p90_us: u64,
    /// 99 % are at most this.
    pub p99_us: u64,
    /// 99.9 % are at most this.
    pub p99_9_us: u64,
    /// All are at most this.
    pub max_us: u64,
}

/// A growing set of latencies.
#[derive(Debug, Clone)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, HIGHEST_MICROS, SIGNIFICANT_DIGITS);
        Latencies(histogram.expect("the bounds are valid"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Percentiles {
            count: self.0.len(),
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p99_9_us: at(0.999),
            max_us: self.0.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_a_thousandth() {
        let mut latencies = Latencies::new();
        for micros in 1..=100_000 {
            latencies.record(Duration::from_micros(micros));
        }
        let percentiles = latencies.percentiles();
        assert_eq!(percentiles.count, 100_000);
        for (found, exact) in
            [(percentiles.p50_us, 50_000), (percentiles.p99_us, 99_000), (percentiles.p99_9_us, 99_900)]
        {
            assert!(found.abs_diff(exact) * 1000 <= exact, "{found} instead of {exact}");
        }
    }

    #[test]
    fn no_latency_and_endless_latency_are_no_problem() {
        assert_eq!(Latencies::new().percentiles(), Percentiles::default());
        let mut latencies = Latencies::new();
        latencies.record(Duration::ZERO);
        latencies.record(Duration::MAX);
        assert_eq!(latencies.percentiles().count, 2);
    }
}
