//! The way back in steps: how much production traffic each step gives back, and how long it is until the next.
//!
//! An engine extension, written `25%/30s` wherever it is written: in a service's tag, on the command line and in the log.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{TimeScale, TrafficPercent};

/// The tag that a service has its steps back in. AWS keeps the tag and ignores it.
pub const SHIFT_BACK_TAG: &str = "seatrial:shift-back";

/// Production traffic that is given back a step at a time. The first step is made at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnSteps {
    step: TrafficPercent,
    every: Duration,
}

/// Steps that are not as steps back have to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no way back in steps: write the share of each step and the time between two, such as 25%/30s (1% to 50%, 1s to 1h)"
)]
pub struct InvalidReturnSteps(String);

impl ReturnSteps {
    /// Smaller steps would take more than a hundred.
    const STEP_MIN: TrafficPercent = TrafficPercent::from_tenths(10);
    /// A larger step leaves nothing for a second one.
    const STEP_MAX: TrafficPercent = TrafficPercent::from_tenths(500);
    const EVERY_MIN: Duration = Duration::from_secs(1);
    /// A service that needs longer to warm up is not helped by steps.
    const EVERY_MAX: Duration = Duration::from_secs(3600);
    /// Characters of a wrong text that are quoted.
    const QUOTED: usize = 40;

    /// Takes steps of 1 to 50 % and one second to an hour between two.
    pub fn new(step: TrafficPercent, every: Duration) -> Result<Self, InvalidReturnSteps> {
        let fits = (Self::STEP_MIN..=Self::STEP_MAX).contains(&step)
            && (Self::EVERY_MIN..=Self::EVERY_MAX).contains(&every)
            && every.subsec_nanos() == 0;
        let steps = ReturnSteps { step, every };
        if fits { Ok(steps) } else { Err(InvalidReturnSteps(steps.to_string())) }
    }

    pub const fn step(self) -> TrafficPercent {
        self.step
    }

    pub const fn every(self) -> Duration {
        self.every
    }

    pub fn scaled(self, scale: TimeScale) -> Self {
        ReturnSteps { every: scale.apply(self.every), ..self }
    }

    /// Returns what is left of a share after one step.
    pub const fn after(self, share: TrafficPercent) -> TrafficPercent {
        TrafficPercent::from_tenths(share.tenths().saturating_sub(self.step.tenths()))
    }
}

impl FromStr for ReturnSteps {
    type Err = InvalidReturnSteps;

    fn from_str(text: &str) -> Result<Self, InvalidReturnSteps> {
        let wrong = || InvalidReturnSteps(text.chars().take(Self::QUOTED).collect());
        let (step, every) = text.split_once('/').ok_or_else(wrong)?;
        let step = step.trim().trim_end_matches('%').trim_end().parse().ok();
        let step =
            step.and_then(|percent| TrafficPercent::parse(percent, Self::STEP_MIN.tenths())).ok_or_else(wrong)?;
        let every = seconds(every.trim()).ok_or_else(wrong)?;
        ReturnSteps::new(step, every).map_err(|_| wrong())
    }
}

/// Reads a whole number of seconds, minutes or hours.
fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    number.trim_end().parse::<u32>().ok().map(|count| Duration::from_secs(u64::from(count) * factor))
}

impl fmt::Display for ReturnSteps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%/{}s", self.step.as_percent(), self.every.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_as_they_are_written() {
        for (text, told) in [
            ("25%/30s", "25%/30s"),
            ("25/30s", "25%/30s"),
            (" 12.5 % / 2m ", "12.5%/120s"),
            ("1%/1h", "1%/3600s"),
            ("50%/1s", "50%/1s"),
        ] {
            let steps: ReturnSteps = text.parse().expect(text);
            assert_eq!(steps.to_string(), told);
            assert_eq!(told.parse(), Ok(steps), "what is told can be read");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_to_write() {
        for text in [
            "", "25%", "25%/", "/30s", "0%/30s", "0.9%/30s", "51%/30s", "25%/0s", "25%/2h", "25%/30", "x/30s",
            "25%/ms", "25%/é", "NaN/1s",
        ] {
            let error = text.parse::<ReturnSteps>().expect_err(text).to_string();
            assert!(error.starts_with(&format!("`{text}` ")) && error.contains("such as 25%/30s"), "{error}");
        }
    }

    #[test]
    fn what_is_left_never_falls_below_nothing() {
        let steps: ReturnSteps = "30%/1s".parse().expect("steps");
        let mut share = TrafficPercent::ALL;
        let mut told = Vec::new();
        while share > TrafficPercent::NONE {
            share = steps.after(share);
            told.push(share.as_percent());
        }
        assert_eq!(told, [70.0, 40.0, 10.0, 0.0]);
    }
}
