//! When nothing is released: dates, and hours of the week, in a time zone.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use time::OffsetDateTime;

const MINUTES_A_DAY: i64 = 24 * 60;
const MINUTES_A_WEEK: i64 = 7 * MINUTES_A_DAY;

/// A time in which nothing is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    pub window: Window,
    /// A name of the IANA time zone database that has been looked up.
    pub time_zone: String,
    pub reason: Option<String>,
}

/// Which times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    Weekly(Weekly),
    /// From the first instant until before the second.
    Once {
        from: DateTime,
        until: DateTime,
    },
}

/// Hours of the week, such as `fri 16:00 - mon 08:00`. The end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// Minutes since Monday, 00:00, by the clock on the wall.
    from: i64,
    until: i64,
}

/// A text that is no such time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no time of the week: write it like `fri 16:00 - mon 08:00`")]
pub struct WeeklyError(String);

impl FromStr for Weekly {
    type Err = WeeklyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || WeeklyError(text.to_owned());
        let (from, until) = text.split_once('-').ok_or_else(bad)?;
        let (from, until) = (minute_of_week(from).ok_or_else(bad)?, minute_of_week(until).ok_or_else(bad)?);
        if from == until { Err(bad()) } else { Ok(Weekly { from, until }) }
    }
}

fn minute_of_week(text: &str) -> Option<i64> {
    let (day, clock) = text.trim().split_once(char::is_whitespace)?;
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = days.iter().position(|known| *known == day.to_ascii_lowercase())?;
    let (hour, minute) = clock.trim().split_once(':')?;
    let number = |text: &str, limit: i64| {
        let fits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| fits && *number < limit)
    };
    Some(i64::try_from(day).ok()? * MINUTES_A_DAY + 60 * number(hour, 24)? + number(minute, 60)?)
}

impl fmt::Display for Weekly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let show = |minute: i64| {
            let day = days[usize::try_from(minute / MINUTES_A_DAY).unwrap_or_default() % days.len()];
            format!("{day} {:02}:{:02}", minute % MINUTES_A_DAY / 60, minute % 60)
        };
        write!(f, "{} - {}", show(self.from), show(self.until))
    }
}

/// Says which freeze holds at an instant and until when, in words; none when nothing is frozen.
pub fn holding(freezes: &[Freeze], now: OffsetDateTime) -> Option<String> {
    let now = Timestamp::from_second(now.unix_timestamp()).ok()?;
    freezes.iter().find_map(|freeze| {
        // The zone has been looked up when the configuration was read.
        let zone = TimeZone::get(&freeze.time_zone).ok()?;
        let until = freeze.holds_until(zone.to_datetime(now))?;
        let reason = freeze.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        Some(format!("until {} {}{reason}", until.strftime("%a %Y-%m-%d %H:%M"), freeze.time_zone))
    })
}

impl Freeze {
    /// Says until when it holds, by the clock on the wall there.
    fn holds_until(&self, here: DateTime) -> Option<DateTime> {
        match self.window {
            Window::Once { from, until } => (from <= here && here < until).then_some(until),
            Window::Weekly(Weekly { from, until }) => {
                let day = i64::from(here.weekday().since(Weekday::Monday));
                let minute = day * MINUTES_A_DAY + i64::from(here.hour()) * 60 + i64::from(here.minute());
                let is_within =
                    if from < until { from <= minute && minute < until } else { minute >= from || minute < until };
                let left = (until - minute).rem_euclid(MINUTES_A_WEEK);
                let whole = here.with().second(0).subsec_nanosecond(0).build().ok()?;
                is_within.then(|| whole.checked_add(left.minutes()).ok()).flatten()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(text: &str, zone: &str) -> Freeze {
        let window = Window::Weekly(text.parse().expect("a window"));
        Freeze { window, time_zone: zone.into(), reason: None }
    }

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).expect("an instant")
    }

    #[test]
    fn a_weekend_is_frozen_by_the_clock_on_the_wall() {
        let freezes = [weekly("fri 16:00 - mon 08:00", "Europe/Berlin")];
        for (instant, is_frozen) in [
            ("2026-11-27T14:59:59Z", false),
            ("2026-11-27T15:00:00Z", true),
            ("2026-11-29T12:00:00Z", true),
            ("2026-11-30T06:59:59Z", true),
            ("2026-11-30T07:00:00Z", false),
            // Summer time.
            ("2026-07-03T13:59:59Z", false),
            ("2026-07-03T14:00:00Z", true),
        ] {
            assert_eq!(holding(&freezes, at(instant)).is_some(), is_frozen, "{instant}");
        }
        let words = holding(&freezes, at("2026-11-28T12:34:56Z"));
        assert_eq!(words.as_deref(), Some("until Mon 2026-11-30 08:00 Europe/Berlin"));
    }

    #[test]
    fn hours_of_one_day_and_dates_have_ends_that_are_not_part_of_them() {
        let night = [weekly("wed 00:00 - wed 06:30", "UTC")];
        assert!(holding(&night, at("2026-11-25T06:29:00Z")).is_some());
        assert!(holding(&night, at("2026-11-25T06:30:00Z")).is_none());
        assert!(holding(&night, at("2026-11-26T03:00:00Z")).is_none());
        let window = Window::Once {
            from: jiff::civil::date(2026, 12, 18).at(18, 0, 0, 0),
            until: jiff::civil::date(2027, 1, 4).at(0, 0, 0, 0),
        };
        let once = [Freeze { window, time_zone: "UTC".into(), reason: Some("peak season".into()) }];
        assert!(holding(&once, at("2026-12-18T17:59:59Z")).is_none());
        let words = holding(&once, at("2026-12-24T12:00:00Z"));
        assert_eq!(words.as_deref(), Some("until Mon 2027-01-04 00:00 UTC (peak season)"));
    }

    #[test]
    fn only_times_of_the_week_are_read_as_such() {
        for text in ["fri 16:00 - mon 08:00", "Sat 00:00-Sun 23:59"] {
            let weekly: Weekly = text.parse().expect(text);
            assert_eq!(weekly.to_string().parse(), Ok(weekly));
        }
        for text in [
            "",
            "fri",
            "fri 16:00",
            "fri 24:00 - mon 08:00",
            "fri 16:00 - fri 16:00",
            "fre 16:00 - mon 8:00",
            "fri +1:00 - mon 08:00",
        ] {
            assert!(text.parse::<Weekly>().is_err(), "{text}");
        }
    }
}
