//! Measures how a proxy splits requests between two target groups: the targets, the clients, and the judgement of what they saw.
//!
//! Used by the tests of the proxy and by the benchmark `weights`.

#![allow(dead_code, reason = "each user needs a part of it")]

pub mod clients;
pub mod field;
pub mod statistics;
pub mod targets;

/// The two target groups.
pub const FIRST: &str = "first";
pub const SECOND: &str = "second";

/// Which part of the requests the second target group gets, in tenths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split(pub u32);

/// From one in a thousand to all but one in a thousand.
pub const SPLITS: [Split; 11] = [
    Split(1),
    Split(10),
    Split(50),
    Split(100),
    Split(333),
    Split(500),
    Split(667),
    Split(900),
    Split(950),
    Split(990),
    Split(999),
];

impl Split {
    /// The weights of the first and the second group, encoded as ECS does: whole percents of 100, anything else of 1000.
    pub fn weights(self) -> [u32; 2] {
        if self.0.is_multiple_of(10) { [100 - self.0 / 10, self.0 / 10] } else { [1000 - self.0, self.0] }
    }

    /// The share of the second group.
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// In percent.
    pub fn name(self) -> String {
        if self.0.is_multiple_of(10) { (self.0 / 10).to_string() } else { format!("{}.{}", self.0 / 10, self.0 % 10) }
    }
}
