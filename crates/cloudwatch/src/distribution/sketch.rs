//! A sparse logarithmic histogram of values of 0 and more.
//!
//! Bin `k` holds the values of (γ^(k-1), γ^k] with γ = (1 + e) / (1 - e). Whatever value a bin held, the number that stands for it is off
//! by at most e of it. Merging adds counts, so the bound survives rolling up and aggregation.

/// The largest relative error e of a value that comes out of a histogram.
pub const RELATIVE_ERROR: f64 = 0.01;

/// The most bins of one histogram: enough for values that differ by a factor of 10^17. Beyond, the lowest bins are put together, so
/// that high percentiles keep their accuracy.
pub const BINS_MAX: usize = 2000;

/// What is smaller counts as zero: no unit of measure makes 2^-360 of anything matter.
const SMALLEST: f64 = f64::from_bits((1023 - 360) << 52);

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    zeros: f64,
    /// Bin numbers, ascending; the counts are beside them, so that a bin takes 10 bytes.
    keys: Vec<i16>,
    counts: Vec<f64>,
}

impl Sketch {
    pub fn of(samples: &[(f64, f64)]) -> Self {
        let mut sketch = Sketch::default();
        for &(value, count) in samples {
            sketch.record(value, count);
        }
        sketch
    }

    pub fn record(&mut self, value: f64, count: f64) {
        if value < SMALLEST {
            self.zeros += count;
            return;
        }
        self.add(key(value), count);
        self.collapse();
    }

    pub fn merge(&mut self, other: &Sketch) {
        self.zeros += other.zeros;
        if !self.add_to_known(other) {
            self.interleave(other);
        }
    }

    /// Adds the counts if this has all bins of the other, which is soon so when many alike are merged; does nothing otherwise.
    fn add_to_known(&mut self, other: &Sketch) -> bool {
        let mut own = self.keys.iter();
        if !other.keys.iter().all(|key| own.any(|own| own == key)) {
            return false;
        }
        let mut bins = self.keys.iter().zip(&mut self.counts);
        for (key, count) in other.keys.iter().zip(&other.counts) {
            let (_, own) = bins.find(|(own, _)| *own == key).expect("all bins are known");
            *own += count;
        }
        true
    }

    fn interleave(&mut self, other: &Sketch) {
        let mut keys = Vec::with_capacity(self.keys.len() + other.keys.len());
        let mut counts = Vec::with_capacity(keys.capacity());
        let (mut a, mut b) = (0, 0);
        loop {
            let (key, count) = match (self.keys.get(a), other.keys.get(b)) {
                (Some(&left), Some(&right)) if left == right => (left, self.counts[a] + other.counts[b]),
                (Some(&left), Some(&right)) if left < right => (left, self.counts[a]),
                (Some(&left), None) => (left, self.counts[a]),
                (_, Some(&right)) => (right, other.counts[b]),
                (None, None) => break,
            };
            a += usize::from(self.keys.get(a) == Some(&key));
            b += usize::from(other.keys.get(b) == Some(&key));
            keys.push(key);
            counts.push(count);
        }
        (self.keys, self.counts) = (keys, counts);
        self.collapse();
    }

    /// Returns values and counts, ascending.
    pub fn samples(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let zeros = (self.zeros > 0.0).then_some((0.0, self.zeros));
        zeros.into_iter().chain(self.keys.iter().zip(&self.counts).map(|(&key, &count)| (representative(key), count)))
    }

    pub fn bytes(&self) -> usize {
        size_of::<Sketch>() + self.keys.capacity() * size_of::<i16>() + self.counts.capacity() * size_of::<f64>()
    }

    pub fn shrink(&mut self) {
        self.keys.shrink_to_fit();
        self.counts.shrink_to_fit();
    }

    fn add(&mut self, key: i16, count: f64) {
        match self.keys.binary_search(&key) {
            Ok(index) => self.counts[index] += count,
            Err(index) => {
                self.keys.insert(index, key);
                self.counts.insert(index, count);
            }
        }
    }

    fn collapse(&mut self) {
        let Some(excess) = self.keys.len().checked_sub(BINS_MAX).filter(|excess| *excess > 0) else { return };
        self.counts[excess] += self.counts[..excess].iter().sum::<f64>();
        self.keys.drain(..excess);
        self.counts.drain(..excess);
    }
}

fn gamma() -> f64 {
    (1.0 + RELATIVE_ERROR) / (1.0 - RELATIVE_ERROR)
}

fn key(value: f64) -> i16 {
    // Between 2^-360 and 2^360 the number is below 12,500.
    (value.ln() / gamma().ln()).ceil() as i16
}

fn representative(key: i16) -> f64 {
    let gamma = gamma();
    2.0 * gamma.powi(i32::from(key)) / (gamma + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_within_the_error() {
        let mut value = SMALLEST;
        while value <= 2_f64.powi(360) {
            let back = representative(key(value));
            assert!((back - value).abs() <= value * RELATIVE_ERROR * (1.0 + 1e-9), "{value} became {back}");
            value *= 1.0173;
        }
    }

    #[test]
    fn merging_is_recording_all() {
        let (a, b): (Vec<_>, Vec<_>) = (1..500).map(|i| (f64::from(i * i), 1.0)).partition(|(v, _)| *v as i64 % 3 == 0);
        let mut merged = Sketch::of(&a);
        merged.merge(&Sketch::of(&b));
        let all: Vec<_> = a.into_iter().chain(b).collect();
        assert_eq!(merged, Sketch::of(&all));
    }

    #[test]
    fn bins_are_bounded_and_the_highest_stay_accurate() {
        let mut sketch = Sketch::default();
        for exponent in -359..360 {
            for part in 0..40 {
                sketch.record(2_f64.powf(f64::from(exponent) + f64::from(part) / 40.0), 1.0);
            }
        }
        assert_eq!(sketch.keys.len(), BINS_MAX);
        assert_eq!(sketch.samples().map(|(_, count)| count).sum::<f64>(), 719.0 * 40.0);
        let highest = sketch.samples().last().expect("bins").0;
        let expected = 2_f64.powf(359.975);
        assert!((highest - expected).abs() <= expected * RELATIVE_ERROR);
    }
}
