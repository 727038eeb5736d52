//! Tiers: how large a value may be, and how many parameters there may be.

use serde::{Deserialize, Serialize};

use super::Parameter;
use crate::refused::{Refused, quoted};

/// `Tier` of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    Standard,
    Advanced,
}

impl Tier {
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Standard => "Standard",
            Tier::Advanced => "Advanced",
        }
    }

    /// Returns how many bytes a value may have.
    pub const fn value_bytes_max(self) -> usize {
        match self {
            Tier::Standard => 4096,
            Tier::Advanced => 8192,
        }
    }

    /// Returns how many parameters of the tier there may be.
    pub const fn parameters_max(self) -> usize {
        match self {
            Tier::Standard => 10_000,
            Tier::Advanced => 100_000,
        }
    }
}

/// The tier a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierChoice {
    Fixed(Tier),
    /// Standard unless the value, the policies or the number of parameters ask for Advanced.
    Intelligent,
}

impl TierChoice {
    pub fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "Standard" => Ok(TierChoice::Fixed(Tier::Standard)),
            "Advanced" => Ok(TierChoice::Fixed(Tier::Advanced)),
            "Intelligent-Tiering" => Ok(TierChoice::Intelligent),
            other => Err(Refused::validation(format!(
                "Value '{}' at 'tier' failed to satisfy constraint: one of Standard, Advanced, Intelligent-Tiering",
                quoted(other)
            ))),
        }
    }
}

/// How many parameters of each tier there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Population {
    pub standard: usize,
    pub advanced: usize,
}

impl Population {
    pub fn of<'a>(parameters: impl Iterator<Item = &'a Parameter>) -> Self {
        parameters.fold(Population::default(), |mut population, parameter| {
            match parameter.latest().tier {
                Tier::Standard => population.standard += 1,
                Tier::Advanced => population.advanced += 1,
            }
            population
        })
    }

    pub fn is_full(self, tier: Tier) -> bool {
        let there = match tier {
            Tier::Standard => self.standard,
            Tier::Advanced => self.advanced,
        };
        there >= tier.parameters_max()
    }
}
