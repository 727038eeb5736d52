//! Instants and the scale at which the engine's own waits pass.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant: milliseconds since the Unix epoch, the resolution of the AWS JSON protocols.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant the system can speak of.
    pub const EPOCH: Timestamp = Timestamp(0);

    pub const fn from_millis(millis: i64) -> Self {
        Timestamp(millis)
    }

    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the AWS JSON form: seconds with a fraction to the millisecond.
    pub fn as_epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// Returns the time from `earlier` to `self`, zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Timestamp;

    fn add(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Timestamp;

    fn sub(self, duration: Duration) -> Timestamp {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.0.saturating_sub(millis))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0.div_euclid(1000), self.0.rem_euclid(1000))
    }
}

/// How many times shorter the engine makes the durations it waits itself (bake times, health-check intervals, timeouts).
///
/// Durations are scaled once, where a configuration enters the engine; everything behind that edge sees scaled durations only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct TimeScale(u32);

/// The largest accepted scale: beyond it a five-second health-check interval is below the resolution of the clock.
pub const TIME_SCALE_MAX: u32 = 1000;

/// A time scale outside 1 to [`TIME_SCALE_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("the time scale must be between 1 and {TIME_SCALE_MAX}, got {0}")]
pub struct InvalidTimeScale(u32);

impl TimeScale {
    /// Durations pass as configured.
    pub const REAL: TimeScale = TimeScale(1);

    pub fn apply(self, duration: Duration) -> Duration {
        duration / self.0
    }

    pub const fn factor(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for TimeScale {
    type Error = InvalidTimeScale;

    fn try_from(factor: u32) -> Result<Self, Self::Error> {
        if (1..=TIME_SCALE_MAX).contains(&factor) { Ok(TimeScale(factor)) } else { Err(InvalidTimeScale(factor)) }
    }
}

impl From<TimeScale> for u32 {
    fn from(scale: TimeScale) -> u32 {
        scale.0
    }
}
