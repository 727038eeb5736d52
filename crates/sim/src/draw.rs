//! The only source of chance: SplitMix64, so that a seed gives the same world on every machine.

use std::time::Duration;

/// Draws numbers from a seed.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// Begins a sequence that the seed alone decides.
    pub const fn new(seed: u64) -> Self {
        Draw(seed)
    }

    /// Draws any number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Draws a number below `limit`, which is at least 1.
    pub const fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// Is true in `percent` of a hundred draws.
    pub const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Draws one of several, of which there is at least one.
    pub const fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }

    /// Draws a time from `shortest` to `longest` milliseconds.
    pub const fn millis(&mut self, shortest: u64, longest: u64) -> Duration {
        Duration::from_millis(shortest + self.below(longest - shortest + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        let mut draw = Draw::new(1_234_567);
        assert_eq!([draw.number(), draw.number()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
