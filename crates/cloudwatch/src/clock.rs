//! Periods and the grids of instants they divide time into, at a time scale.
//!
//! **Nominal and real.** A period is *nominal*: the 60 of a definition stays 60 in every answer. A [`Timestamp`] is *real*: milliseconds
//! of the wall clock. At a [`TimeScale`] of 60 a nominal minute lasts one real second, so sixty one-minute points lie in a real minute.
//! All arithmetic is done on *nominal milliseconds* (real milliseconds times the scale), where every period is a whole number; only the
//! first instant of a period is turned back into a timestamp, rounded up to the millisecond, which is always inside that period.

use std::time::Duration;

use seatrial_model::{TimeScale, Timestamp};
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// The longest period of a query: a year, beyond which nothing is kept.
pub const PERIOD_SECONDS_MAX: u32 = 365 * 24 * 3600;

/// The most points one grid may have: what one GetMetricData may return in all.
pub const GRID_POINTS_MAX: usize = 100_800;

/// The length of one data point in nominal seconds: 1, 5, 10, 20, 30 or a multiple of 60.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct Period(u32);

impl Period {
    pub const SECOND: Period = Period(1);
    pub const MINUTE: Period = Period(60);

    /// Parses the `Period` of a query: 1, 5, 10, 20, 30 or a multiple of 60 seconds.
    pub fn parse(seconds: i64) -> Result<Self, Invalid> {
        match u32::try_from(seconds) {
            Ok(seconds @ (1 | 5 | 10 | 20 | 30)) => Ok(Period(seconds)),
            Ok(seconds) if seconds > 0 && seconds % 60 == 0 && seconds <= PERIOD_SECONDS_MAX => Ok(Period(seconds)),
            Ok(_) | Err(_) => Err(Invalid::value(format!(
                "Invalid value for Period: {seconds}. Valid values are 1, 5, 10, 20, 30 and multiples of 60."
            ))),
        }
    }

    /// Parses the `Period` of an alarm: 10, 20, 30 or a multiple of 60 seconds.
    pub fn parse_for_alarm(seconds: i64) -> Result<Self, Invalid> {
        match Period::parse(seconds) {
            Ok(period) if period.0 >= 10 => Ok(period),
            Ok(_) | Err(_) => Err(Invalid::value(format!(
                "Invalid value for Period: {seconds}. Valid values are 10, 20, 30 and multiples of 60."
            ))),
        }
    }

    /// Returns the nominal length in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// Reports whether the period is shorter than a minute.
    pub const fn is_high_resolution(self) -> bool {
        self.0 < 60
    }

    /// Returns how long the period really lasts at `scale`.
    pub fn real(self, scale: TimeScale) -> Duration {
        scale.apply(Duration::from_secs(u64::from(self.0)))
    }

    pub(crate) const fn millis(self) -> i64 {
        self.0 as i64 * SECOND
    }
}

impl TryFrom<i64> for Period {
    type Error = Invalid;

    fn try_from(seconds: i64) -> Result<Self, Invalid> {
        Period::parse(seconds)
    }
}

impl From<Period> for u32 {
    fn from(period: Period) -> u32 {
        period.0
    }
}

/// Turns a timestamp into nominal milliseconds.
pub(crate) fn nominal(scale: TimeScale, timestamp: Timestamp) -> i64 {
    timestamp.as_millis().saturating_mul(i64::from(scale.factor()))
}

/// Turns nominal milliseconds into the first timestamp not before them.
pub(crate) fn real(scale: TimeScale, nominal: i64) -> Timestamp {
    let factor = i64::from(scale.factor());
    Timestamp::from_millis(nominal.div_euclid(factor) + i64::from(nominal.rem_euclid(factor) > 0))
}

/// Rounds nominal milliseconds down to a multiple of `step`.
pub(crate) fn round_down(nominal: i64, step: i64) -> i64 {
    nominal.saturating_sub(nominal.rem_euclid(step))
}

/// Consecutive periods: the instants for which points are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    first: i64,
    /// Data at or after this instant is not counted, even inside the last period.
    end: i64,
    period: Period,
    count: usize,
    scale: TimeScale,
}

/// A range that holds more periods than may be answered at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the requested range holds {periods} periods, more than the {GRID_POINTS_MAX} that can be returned at once")]
pub struct TooManyPoints {
    pub periods: u64,
}

impl Grid {
    /// Divides `[start, end)` into periods as GetMetricData and GetMetricStatistics do: `start` is rounded down to the minute (for
    /// shorter periods, to the period), to five minutes when it is more than 15 days ago, to the hour when more than 63 days ago.
    pub fn of_request(
        start: Timestamp,
        end: Timestamp,
        period: Period,
        now: Timestamp,
        scale: TimeScale,
    ) -> Result<Grid, TooManyPoints> {
        let (start, end) = (nominal(scale, start), nominal(scale, end));
        let age = nominal(scale, now).saturating_sub(start);
        let step = match age {
            age if age > 63 * DAY => HOUR,
            age if age > 15 * DAY => 5 * MINUTE,
            _ => period.millis().min(MINUTE),
        };
        let first = round_down(start, step);
        let length = i128::from(end) - i128::from(first);
        let periods = u64::try_from((length.max(0) + i128::from(period.millis()) - 1) / i128::from(period.millis()))
            .unwrap_or(u64::MAX);
        match usize::try_from(periods) {
            Ok(count) if count <= GRID_POINTS_MAX => Ok(Grid { first, end, period, count, scale }),
            Ok(_) | Err(_) => Err(TooManyPoints { periods }),
        }
    }

    /// Returns the `count` whole periods (at most [`GRID_POINTS_MAX`]) before `until`, which is rounded down to a multiple of `step`.
    pub(crate) fn before(until: Timestamp, step: Period, period: Period, count: usize, scale: TimeScale) -> Grid {
        let count = count.min(GRID_POINTS_MAX);
        let end = round_down(nominal(scale, until), step.millis());
        let first = end.saturating_sub(period.millis().saturating_mul(count as i64));
        Grid { first, end, period, count, scale }
    }

    pub fn period(&self) -> Period {
        self.period
    }

    /// Returns how many periods there are.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn scale(&self) -> TimeScale {
        self.scale
    }

    /// Returns the first instant of the period numbered `index` from 0.
    pub fn timestamp(&self, index: usize) -> Timestamp {
        real(self.scale, self.first.saturating_add(self.period.millis().saturating_mul(index as i64)))
    }

    /// Returns the first instants of all periods, oldest first.
    pub fn timestamps(&self) -> impl Iterator<Item = Timestamp> + '_ {
        (0..self.count).map(|index| self.timestamp(index))
    }

    /// Returns the first instant, nominal.
    pub(crate) fn first(&self) -> i64 {
        self.first
    }

    /// Returns the instant at which the range ends, nominal.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Returns the period in which a nominal instant lies.
    pub(crate) fn slot(&self, nominal: i64) -> Option<usize> {
        if nominal < self.first || nominal >= self.end {
            return None;
        }
        let slot = usize::try_from((nominal - self.first) / self.period.millis()).ok()?;
        (slot < self.count).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(factor: u32) -> TimeScale {
        TimeScale::try_from(factor).expect("a scale")
    }

    #[test]
    fn periods_are_those_of_cloudwatch() {
        for seconds in [1, 5, 10, 20, 30, 60, 120, 300, 3600, 86400] {
            assert_eq!(Period::parse(seconds).map(Period::seconds), Ok(seconds as u32));
        }
        for seconds in [i64::MIN, -60, 0, 2, 15, 61, 90, i64::MAX] {
            assert!(Period::parse(seconds).is_err(), "{seconds}");
        }
        assert!(Period::parse_for_alarm(1).is_err());
        assert!(Period::parse_for_alarm(5).is_err());
        assert!(Period::parse_for_alarm(10).is_ok());
    }

    #[test]
    fn the_first_instant_of_a_period_is_inside_it_at_every_scale() {
        for factor in [1, 2, 3, 7, 60, 61, 999, 1000] {
            for index in 0..200_i64 {
                let start = 1_700_000_000_000 * i64::from(factor) + index * SECOND;
                let start = round_down(start, SECOND);
                let back = nominal(scale(factor), real(scale(factor), start));
                assert!((start..start + SECOND).contains(&back), "scale {factor}, {start} became {back}");
            }
        }
    }

    #[test]
    fn a_request_starts_at_a_whole_minute_and_goes_on_in_periods() {
        let now = Timestamp::from_millis(100 * DAY);
        let start = Timestamp::from_millis(100 * DAY - HOUR + 34_567);
        let grid = Grid::of_request(start, now, Period(300), now, TimeScale::REAL).expect("few points");
        assert_eq!(grid.timestamp(0), Timestamp::from_millis(100 * DAY - HOUR));
        assert_eq!(grid.count(), 12);
        let grid = Grid::of_request(start, now, Period(10), now, TimeScale::REAL).expect("few points");
        assert_eq!(grid.timestamp(0), Timestamp::from_millis(100 * DAY - HOUR + 30_000));
    }

    #[test]
    fn old_requests_start_at_five_minutes_and_at_the_hour() {
        let now = Timestamp::from_millis(100 * DAY);
        let start = |days: i64| Timestamp::from_millis((100 - days) * DAY - 20 * MINUTE - 1);
        let first = |days| {
            let grid = Grid::of_request(start(days), now, Period(3600), now, TimeScale::REAL).expect("few points");
            grid.timestamp(0)
        };
        assert_eq!(first(20), Timestamp::from_millis(80 * DAY - 25 * MINUTE));
        assert_eq!(first(70), Timestamp::from_millis(30 * DAY - HOUR));
    }

    #[test]
    fn absurd_ranges_are_refused_not_computed() {
        let (low, high) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
        assert!(Grid::of_request(low, high, Period::SECOND, high, scale(1000)).is_err());
        let empty = Grid::of_request(high, low, Period::SECOND, high, TimeScale::REAL).expect("no points");
        assert_eq!(empty.count(), 0);
    }
}
