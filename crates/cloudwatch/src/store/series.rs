//! The buckets of one metric in one unit, and how they grow coarser with age.

use std::collections::VecDeque;
use std::time::Duration;

use crate::aggregate::{Aggregate, Detail};
use crate::clock::{Grid, round_down};
use crate::metric::Samples;

pub(super) const SECOND: i64 = 1000;
pub(super) const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

const TIERS: usize = 4;

/// The lengths of buckets, nominal milliseconds.
const WIDTHS: [i64; TIERS] = [SECOND, MINUTE, 5 * MINUTE, 60 * MINUTE];

/// How long (nominal) buckets of a second, a minute, five minutes and an hour are kept: CloudWatch's own retention.
pub const RETENTION: [Duration; TIERS] = [
    Duration::from_secs(3 * 3600),
    Duration::from_secs(15 * 24 * 3600),
    Duration::from_secs(63 * 24 * 3600),
    Duration::from_secs(455 * 24 * 3600),
];

const RETENTION_MILLIS: [i64; TIERS] = [3 * 60 * MINUTE, 15 * DAY, 63 * DAY, 455 * DAY];

/// How long (nominal) buckets of a second are kept at least when memory is short: enough for an alarm of 30 periods of 30 s.
pub const FINE_RETENTION_MIN: Duration = Duration::from_secs(15 * 60);

const FINE_RETENTION_MIN_MILLIS: i64 = 15 * MINUTE;

#[derive(Clone, Debug)]
struct Bucket {
    /// First instant, nominal.
    start: i64,
    aggregate: Aggregate,
}

/// Buckets in tiers of growing length, each ascending by start; a bucket is in one tier only.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    tiers: [VecDeque<Bucket>; TIERS],
    /// Bytes the distributions hold.
    heap: usize,
}

impl Series {
    /// Adds samples of the nominal instant `at`.
    pub fn record(&mut self, at: i64, samples: &Samples, now: i64) {
        self.roll_up(now);
        let age = now.saturating_sub(at);
        let Some(tier) = RETENTION_MILLIS.iter().position(|retention| age <= *retention) else { return };
        let aggregate = self.bucket(tier, round_down(at, WIDTHS[tier]));
        let before = aggregate.heap_bytes();
        aggregate.record(samples);
        let after = aggregate.heap_bytes();
        self.heap = self.heap + after - before;
    }

    /// Moves every bucket that is past its tier's retention to the next tier; drops those past the last.
    pub fn roll_up(&mut self, now: i64) {
        self.roll_up_after(RETENTION_MILLIS, now);
    }

    /// Rolls up fine buckets before their time.
    pub fn roll_up_early(&mut self, now: i64) {
        let [_, minute, five_minutes, hour] = RETENTION_MILLIS;
        self.roll_up_after([FINE_RETENTION_MIN_MILLIS, minute, five_minutes, hour], now);
        self.tiers.iter_mut().for_each(|tier| tier.shrink_to(tier.len() + tier.len() / 4));
    }

    /// Merges the buckets into the periods of `grid` in which they begin.
    pub fn collect(&self, grid: &Grid, detail: Detail, slots: &mut [Aggregate]) {
        for (tier, width) in self.tiers.iter().zip(WIDTHS) {
            if width > grid.period().millis() {
                return;
            }
            let from = tier.partition_point(|bucket| bucket.start < grid.first());
            for bucket in tier.range(from..).take_while(|bucket| bucket.start < grid.end()) {
                if let Some(slot) = grid.slot(bucket.start) {
                    slots[slot].merge(&bucket.aggregate, detail);
                }
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.tiers.iter().all(VecDeque::is_empty)
    }

    /// Returns the start of the newest bucket, nominal.
    pub fn newest(&self) -> Option<i64> {
        self.tiers.iter().filter_map(|tier| tier.back()).map(|bucket| bucket.start).max()
    }

    /// Returns the bytes the buckets occupy.
    pub fn bytes(&self) -> usize {
        self.heap + self.tiers.iter().map(|tier| tier.capacity() * size_of::<Bucket>()).sum::<usize>()
    }

    fn roll_up_after(&mut self, retention: [i64; TIERS], now: i64) {
        for (tier, retention) in retention.into_iter().enumerate() {
            let kept_from = now.saturating_sub(retention);
            while let Some(bucket) = self.tiers[tier].pop_front_if(|bucket| bucket.start < kept_from) {
                self.heap -= bucket.aggregate.heap_bytes();
                let Some(&width) = WIDTHS.get(tier + 1) else { continue };
                let aggregate = self.bucket(tier + 1, round_down(bucket.start, width));
                let before = aggregate.heap_bytes();
                aggregate.merge(&bucket.aggregate, Detail::Distribution);
                let after = aggregate.heap_bytes();
                self.heap = self.heap + after - before;
            }
        }
    }

    /// Finds or makes the bucket that begins at `start`. Nearly always it is the newest.
    fn bucket(&mut self, tier: usize, start: i64) -> &mut Aggregate {
        let buckets = &mut self.tiers[tier];
        let newest = buckets.back().map(|bucket| bucket.start);
        let index = match newest {
            Some(newest) if newest == start => buckets.len() - 1,
            Some(newest) if newest > start => {
                let index = buckets.partition_point(|bucket| bucket.start < start);
                if buckets[index].start != start {
                    buckets.insert(index, Bucket { start, aggregate: Aggregate::default() });
                }
                index
            }
            Some(_) | None => {
                if let Some(finished) = buckets.back_mut() {
                    let before = finished.aggregate.heap_bytes();
                    finished.aggregate.shrink();
                    self.heap = self.heap + finished.aggregate.heap_bytes() - before;
                }
                buckets.push_back(Bucket { start, aggregate: Aggregate::default() });
                buckets.len() - 1
            }
        };
        &mut buckets[index].aggregate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_forms_of_retention_agree() {
        for (duration, millis) in RETENTION.iter().zip(RETENTION_MILLIS) {
            assert_eq!(duration.as_millis() as i64, millis);
        }
        assert_eq!(FINE_RETENTION_MIN.as_millis() as i64, FINE_RETENTION_MIN_MILLIS);
    }
}
