//! Percentages of a task count, in integers.

use serde::{Deserialize, Serialize};

/// A whole percentage of the desired count. ECS allows more than 100 (`maximumPercent` 200).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Percent(u32);

impl Percent {
    pub const fn new(value: u32) -> Self {
        Percent(value)
    }

    pub const fn value(self) -> u32 {
        self.0
    }

    /// Returns `ceil(count × percent / 100)`.
    pub const fn of_rounded_up(self, count: u32) -> u32 {
        let product = count as u64 * self.0 as u64;
        let rounded = product.div_ceil(100);
        if rounded > u32::MAX as u64 { u32::MAX } else { rounded as u32 }
    }

    /// Returns `floor(count × percent / 100)`.
    pub const fn of_rounded_down(self, count: u32) -> u32 {
        let product = count as u64 * self.0 as u64 / 100;
        if product > u32::MAX as u64 { u32::MAX } else { product as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_examples_hold() {
        assert_eq!(Percent::new(50).of_rounded_up(4), 2);
        assert_eq!(Percent::new(75).of_rounded_up(2), 2);
        assert_eq!(Percent::new(200).of_rounded_down(4), 8);
        assert_eq!(Percent::new(125).of_rounded_down(3), 3);
    }
}
