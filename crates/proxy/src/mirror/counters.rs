//! Owns what is counted of the copies sent to one target group, and the comparison of a copy with its original.

use std::sync::atomic::{AtomicU64, Ordering};

use seatrial_model::TargetGroupArn;
use seatrial_ports::balancer::MirrorMetrics;

use crate::histogram::Histogram;
use crate::mirror::Outcome;
use crate::plane::target::class;

/// Counters of one target group's copies.
#[derive(Debug, Default)]
pub(crate) struct CopyCounters {
    requests: AtomicU64,
    dropped: AtomicU64,
    answers: [AtomicU64; 6],
    unanswered: AtomicU64,
    mismatches: AtomicU64,
    latency: Histogram,
    original_latency: Histogram,
}

impl CopyCounters {
    pub fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts how a copy ended: with a status, or without an answer.
    pub fn count_answer(&self, status: Option<u16>) {
        let counter = status.map_or(&self.unanswered, |status| &self.answers[class(status)]);
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Compares the answer of an original with its copy's. Latencies are counted in pairs, so that they can be compared too.
    pub fn compare(&self, original: Outcome, copy: Option<Outcome>) {
        if copy.map(|copy| copy.status) != Some(original.status) {
            self.mismatches.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(copy) = copy {
            self.latency.record(copy.latency);
            self.original_latency.record(original.latency);
        }
    }

    pub fn metrics(&self, target_group: &TargetGroupArn) -> MirrorMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MirrorMetrics {
            target_group: target_group.clone(),
            requests: read(&self.requests),
            dropped: read(&self.dropped),
            answers: self.answers.each_ref().map(read),
            unanswered: read(&self.unanswered),
            mismatches: read(&self.mismatches),
            latency: self.latency.buckets(),
            original_latency: self.original_latency.buckets(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pair_matches_when_both_have_the_same_status() {
        let outcome = |status| Outcome { status, latency: Duration::from_micros(5) };
        let table = [
            (200, Some(200), 0),
            (500, Some(500), 0),
            (200, Some(204), 1),
            (200, Some(500), 1),
            (500, Some(200), 1),
            (200, None, 1),
        ];
        for (original, copy, mismatches) in table {
            let counters = CopyCounters::default();
            counters.count_answer(copy);
            counters.compare(outcome(original), copy.map(outcome));
            let metrics = counters.metrics(&TargetGroupArn::new("group"));
            assert_eq!(metrics.mismatches, mismatches, "{original} {copy:?}");
            assert_eq!(metrics.unanswered, u64::from(copy.is_none()));
            assert_eq!(metrics.answers.iter().sum::<u64>(), u64::from(copy.is_some()));
            let pairs = if copy.is_some() { vec![(5, 1)] } else { vec![] };
            assert_eq!((metrics.latency, metrics.original_latency), (pairs.clone(), pairs));
        }
    }
}
