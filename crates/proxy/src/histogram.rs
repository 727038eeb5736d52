//! Owns a histogram of durations that many threads add to: logarithmic octaves of 128 linear buckets each, so that a bucket is less
//! than 0.8 % wide. Adding is one atomic increment; an octave's memory comes with its first value.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const OCTAVE_BITS: u32 = 7;
const OCTAVE_SIZE: usize = 1 << OCTAVE_BITS;
/// Octave 0 holds 0 to 127 µs exactly, octave 29 ends at 2³⁶ µs, 19 hours; longer durations count as that.
const OCTAVES: usize = 30;

type Octave = [AtomicU64; OCTAVE_SIZE];

/// Durations by how often they occurred.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    octaves: [OnceLock<Box<Octave>>; OCTAVES],
}

impl Histogram {
    pub fn record(&self, duration: Duration) {
        let (octave, bucket) = position(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        let octave = self.octaves[octave].get_or_init(|| Box::new([const { AtomicU64::new(0) }; OCTAVE_SIZE]));
        octave[bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the buckets that are not empty: the largest value in microseconds, and how many values.
    pub fn buckets(&self) -> Vec<(u64, u64)> {
        let octaves = self.octaves.iter().enumerate().filter_map(|(index, octave)| Some((index, octave.get()?)));
        let buckets = octaves.flat_map(|(index, octave)| {
            octave
                .iter()
                .enumerate()
                .map(move |(bucket, count)| (largest(index, bucket), count.load(Ordering::Relaxed)))
        });
        buckets.filter(|(_, count)| *count > 0).collect()
    }
}

fn position(micros: u64) -> (usize, usize) {
    let micros = micros.min(largest(OCTAVES - 1, OCTAVE_SIZE - 1));
    if micros < OCTAVE_SIZE as u64 {
        return (0, micros as usize);
    }
    let shift = micros.ilog2() - OCTAVE_BITS;
    (shift as usize + 1, (micros >> shift) as usize - OCTAVE_SIZE)
}

fn largest(octave: usize, bucket: usize) -> u64 {
    match octave {
        0 => bucket as u64,
        octave => (((OCTAVE_SIZE + bucket + 1) as u64) << (octave - 1)) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_is_at_most_one_percent_wide_and_they_follow_one_another() {
        let mut smallest = 0;
        for octave in 0..OCTAVES {
            for bucket in 0..OCTAVE_SIZE {
                let largest = largest(octave, bucket);
                assert_eq!(position(smallest), (octave, bucket));
                assert_eq!(position(largest), (octave, bucket));
                assert!((largest - smallest) as f64 <= 0.01 * smallest as f64, "{smallest}..={largest}");
                smallest = largest + 1;
            }
        }
        assert_eq!(position(u64::MAX), (OCTAVES - 1, OCTAVE_SIZE - 1));
    }

    #[test]
    fn values_are_counted_in_their_buckets() {
        let histogram = Histogram::default();
        for micros in [5, 5, 1_000_000, u64::MAX] {
            histogram.record(Duration::from_micros(micros));
        }
        let buckets = histogram.buckets();
        assert_eq!(buckets[0], (5, 2));
        assert!((1_000_000..1_010_000).contains(&buckets[1].0));
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<u64>(), 4);
    }
}
