//! Deployment strategies: how production traffic comes to a new service revision.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A share of traffic in steps of a tenth of a percent, from 0 to 100 %.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct TrafficPercent(u16);

/// A share that is not between 0 and 100 %.
#[derive(Debug, thiserror::Error)]
#[error("a share of traffic must be between 0 and 1000 tenths of a percent, got {0}")]
pub struct InvalidTrafficPercent(u16);

impl TrafficPercent {
    pub const NONE: TrafficPercent = TrafficPercent(0);
    pub const ALL: TrafficPercent = TrafficPercent(1000);

    /// Takes tenths of a percent; more than 1000 count as 1000.
    pub const fn from_tenths(tenths: u16) -> Self {
        if tenths > 1000 { TrafficPercent::ALL } else { TrafficPercent(tenths) }
    }

    /// Parses a percentage in steps of 0.1 between `lowest` tenths and 100 %.
    pub fn parse(percent: f64, lowest: u16) -> Option<Self> {
        let tenths = (percent * 10.0).round();
        let is_a_step = (percent * 10.0 - tenths).abs() < 1e-6;
        (is_a_step && tenths >= f64::from(lowest) && tenths <= 1000.0).then_some(TrafficPercent(tenths as u16))
    }

    pub const fn tenths(self) -> u16 {
        self.0
    }

    /// Returns the percentage as AWS's documents spell it.
    pub fn as_percent(self) -> f64 {
        f64::from(self.0) / 10.0
    }

    pub const fn rest(self) -> TrafficPercent {
        TrafficPercent(1000 - self.0)
    }

    /// Returns the weights of a rule that gives this share to the first target group and the rest to the second: hundredths where
    /// the percentage is whole, else thousandths, of which no weight reaches 1000.
    pub const fn weights(self) -> (u32, u32) {
        let (share, rest) = (self.0 as u32, 1000 - self.0 as u32);
        if share.is_multiple_of(10) { (share / 10, rest / 10) } else { (share, rest) }
    }
}

impl TryFrom<u16> for TrafficPercent {
    type Error = InvalidTrafficPercent;

    fn try_from(tenths: u16) -> Result<Self, Self::Error> {
        if tenths <= 1000 { Ok(TrafficPercent(tenths)) } else { Err(InvalidTrafficPercent(tenths)) }
    }
}

impl From<TrafficPercent> for u16 {
    fn from(percent: TrafficPercent) -> u16 {
        percent.0
    }
}

impl fmt::Display for TrafficPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, tenths) = (self.0 / 10, self.0 % 10);
        if tenths == 0 { write!(f, "{whole} %") } else { write!(f, "{whole}.{tenths} %") }
    }
}

impl fmt::Debug for TrafficPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `strategy` of a deployment configuration, with what belongs to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// New tasks take the places of old ones.
    #[default]
    Rolling,
    /// All production traffic at once, between two revisions at full size.
    BlueGreen,
    /// A small share first, the rest after `bake_time`.
    Canary { percent: TrafficPercent, bake_time: Duration },
    /// Equal steps, `bake_time` apart.
    Linear { step: TrafficPercent, bake_time: Duration },
}

/// The smallest shares ECS accepts, in tenths of a percent.
pub const CANARY_PERCENT_MIN: u16 = 1;
pub const LINEAR_STEP_MIN: u16 = 30;

impl Strategy {
    pub const fn as_str(self) -> &'static str {
        match self {
            Strategy::Rolling => "ROLLING",
            Strategy::BlueGreen => "BLUE_GREEN",
            Strategy::Canary { .. } => "CANARY",
            Strategy::Linear { .. } => "LINEAR",
        }
    }

    /// Tells whether two revisions stand side by side while traffic moves between them.
    pub const fn shifts_traffic(self) -> bool {
        !matches!(self, Strategy::Rolling)
    }

    /// Returns the new revision's share of production traffic after each shift; the last is 100 %.
    pub fn shares(self) -> Vec<TrafficPercent> {
        match self {
            Strategy::Rolling | Strategy::BlueGreen => vec![TrafficPercent::ALL],
            Strategy::Canary { percent, .. } if percent >= TrafficPercent::ALL => vec![TrafficPercent::ALL],
            Strategy::Canary { percent, .. } => vec![percent, TrafficPercent::ALL],
            Strategy::Linear { step, .. } => {
                let step = step.tenths().max(LINEAR_STEP_MIN);
                let count = TrafficPercent::ALL.tenths().div_ceil(step);
                (1..=count).map(|number| TrafficPercent::from_tenths(number.saturating_mul(step))).collect()
            }
        }
    }

    /// Returns how long each share but the last is kept.
    pub const fn step_bake_time(self) -> Duration {
        match self {
            Strategy::Rolling | Strategy::BlueGreen => Duration::ZERO,
            Strategy::Canary { bake_time, .. } | Strategy::Linear { bake_time, .. } => bake_time,
        }
    }

    /// Returns the strategy with its times changed.
    #[must_use]
    pub fn map_times(self, change: impl Fn(Duration) -> Duration) -> Strategy {
        match self {
            Strategy::Rolling | Strategy::BlueGreen => self,
            Strategy::Canary { percent, bake_time } => Strategy::Canary { percent, bake_time: change(bake_time) },
            Strategy::Linear { step, bake_time } => Strategy::Linear { step, bake_time: change(bake_time) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn tenths(tenths: u16) -> TrafficPercent {
        TrafficPercent::from_tenths(tenths)
    }

    #[test]
    fn a_linear_schedule_ends_with_a_short_step_where_the_steps_do_not_fit() {
        let linear = |step| Strategy::Linear { step: tenths(step), bake_time: Duration::ZERO }.shares();
        assert_eq!(linear(300), [tenths(300), tenths(600), tenths(900), tenths(1000)]);
        assert_eq!(linear(500), [tenths(500), tenths(1000)]);
        assert_eq!(linear(1000), [tenths(1000)]);
        assert_eq!(linear(30).len(), 34);
    }

    #[test]
    fn a_canary_has_two_shifts_unless_it_takes_everything() {
        let canary = |percent| Strategy::Canary { percent: tenths(percent), bake_time: Duration::ZERO }.shares();
        assert_eq!(canary(50), [tenths(50), tenths(1000)]);
        assert_eq!(canary(1000), [tenths(1000)]);
    }

    #[test]
    fn weights_add_up_and_stay_below_a_thousand() {
        for share in 0..=1000 {
            let (new, old) = tenths(share).weights();
            assert!(new <= 999 && old <= 999, "{share}: {new}/{old}");
            assert_eq!(u32::from(share) * (new + old), 1000 * new, "{share}: {new}/{old}");
        }
    }

    #[test]
    fn percentages_are_parsed_in_tenths() {
        assert_eq!(TrafficPercent::parse(0.1, CANARY_PERCENT_MIN), Some(tenths(1)));
        assert_eq!(TrafficPercent::parse(33.3, LINEAR_STEP_MIN), Some(tenths(333)));
        assert_eq!(TrafficPercent::parse(0.15, CANARY_PERCENT_MIN), None);
        assert_eq!(TrafficPercent::parse(2.9, LINEAR_STEP_MIN), None);
        assert_eq!(TrafficPercent::parse(100.1, CANARY_PERCENT_MIN), None);
        assert_eq!(TrafficPercent::parse(f64::NAN, CANARY_PERCENT_MIN), None);
    }
}
