//! How values are distributed: exactly while there are few different ones, in a logarithmic histogram beyond.

mod sketch;

use self::sketch::Sketch;
pub use self::sketch::{BINS_MAX, RELATIVE_ERROR};

/// The most different values kept exactly: below this the values need less memory than a histogram of them.
pub const EXACT_VALUES_MAX: usize = 32;

/// The distribution of samples of which sum, count, minimum and maximum are known besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Distribution {
    /// All samples have the value that is both minimum and maximum (or there are none).
    #[default]
    Constant,
    /// Values and counts, ascending by value.
    Exact(Vec<(f64, f64)>),
    Histogram(Box<Sketch>),
    /// Unknown: a statistic set of differing values, or a negative value, was among the samples.
    Unavailable,
}

/// The samples whose distribution is wanted, without it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The only value, when the distribution is constant.
    pub value: f64,
    pub count: f64,
}

impl Distribution {
    /// Adds `count` samples of `value`. `before` describes what was there.
    pub fn record(&mut self, before: Known, value: f64, count: f64) {
        if value < 0.0 {
            *self = Distribution::Unavailable;
        }
        match self {
            Distribution::Unavailable => {}
            Distribution::Constant if before.count == 0.0 || before.value == value => {}
            Distribution::Constant => {
                let mut values = vec![(before.value, before.count), (value, count)];
                values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
                *self = Distribution::Exact(values);
            }
            Distribution::Exact(values) => {
                match values.binary_search_by(|(known, _)| known.total_cmp(&value)) {
                    Ok(index) => values[index].1 += count,
                    Err(index) => values.insert(index, (value, count)),
                }
                if values.len() > EXACT_VALUES_MAX {
                    *self = Distribution::Histogram(Box::new(Sketch::of(values)));
                }
            }
            Distribution::Histogram(sketch) => sketch.record(value, count),
        }
    }

    /// Adds the samples of another distribution. `before` and `added` describe what was there and what comes.
    pub fn merge(&mut self, before: Known, other: &Distribution, added: Known) {
        match other {
            Distribution::Constant => self.record(before, added.value, added.count),
            Distribution::Exact(values) => {
                let mut known = before;
                for &(value, count) in values {
                    self.record(known, value, count);
                    // Only a distribution that was empty can still be constant, of the value just recorded.
                    known = Known {
                        value: if known.count == 0.0 { value } else { known.value },
                        count: known.count + count,
                    };
                }
            }
            Distribution::Histogram(sketch) => match self {
                Distribution::Unavailable => {}
                Distribution::Histogram(own) => own.merge(sketch),
                Distribution::Constant | Distribution::Exact(_) => {
                    let mut merged = sketch.clone();
                    for (value, count) in self.samples(before) {
                        merged.record(value, count);
                    }
                    *self = Distribution::Histogram(merged);
                }
            },
            Distribution::Unavailable => *self = Distribution::Unavailable,
        }
    }

    /// Returns values and counts, ascending; empty when unavailable. `known` describes the samples.
    pub fn samples(&self, known: Known) -> Vec<(f64, f64)> {
        match self {
            Distribution::Constant if known.count > 0.0 => vec![(known.value, known.count)],
            Distribution::Constant | Distribution::Unavailable => Vec::new(),
            Distribution::Exact(values) => values.clone(),
            Distribution::Histogram(sketch) => sketch.samples().collect(),
        }
    }

    /// Returns the bytes held beside the value itself.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Distribution::Constant | Distribution::Unavailable => 0,
            Distribution::Exact(values) => values.capacity() * size_of::<(f64, f64)>(),
            Distribution::Histogram(sketch) => sketch.bytes(),
        }
    }

    /// Gives back memory that growing reserved and a finished bucket does not need.
    pub fn shrink(&mut self) {
        match self {
            Distribution::Constant | Distribution::Unavailable => {}
            Distribution::Exact(values) => values.shrink_to_fit(),
            Distribution::Histogram(sketch) => sketch.shrink(),
        }
    }
}
