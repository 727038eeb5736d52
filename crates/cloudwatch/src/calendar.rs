//! Instants as the calendar has them, in UTC, in the forms CloudWatch writes.

use seatrial_model::Timestamp;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// An instant in UTC, split into the calendar's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub year: i64,
    /// 1 to 12.
    pub month: u32,
    /// 1 to 31.
    pub date: u32,
    /// 1 (Monday) to 7 (Sunday).
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub milli: u32,
}

impl Civil {
    /// Splits an instant; the Gregorian calendar is continued in both directions.
    pub fn of(timestamp: Timestamp) -> Civil {
        let days = timestamp.as_millis().div_euclid(DAY_MILLIS);
        let rest = timestamp.as_millis().rem_euclid(DAY_MILLIS) as u32;
        let (year, month, date) = date_of(days);
        Civil {
            year,
            month,
            date,
            // The epoch was a Thursday.
            day: (days + 3).rem_euclid(7) as u32 + 1,
            hour: rest / 3_600_000,
            minute: rest / 60_000 % 60,
            second: rest / 1000 % 60,
            milli: rest % 1000,
        }
    }
}

/// Counts years from March, so that the leap day is a year's last, in eras of 400 years, which are all of one length.
fn date_of(days_since_epoch: i64) -> (i64, u32, u32) {
    const ERA_DAYS: i64 = 146_097;
    const EPOCH_FROM_ERA: i64 = 719_468;
    let days = days_since_epoch + EPOCH_FROM_ERA;
    let (era, day_of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let date = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

/// Writes `2025-05-15T15:31:44.984+0000`, the form of reason data and alarm history.
pub(crate) fn iso(timestamp: Timestamp) -> String {
    let Civil { year, month, date, hour, minute, second, milli, .. } = Civil::of(timestamp);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}+0000")
}

/// Writes `15/05/25 15:29:00`, the form of data points in a reason.
pub(crate) fn short(timestamp: Timestamp) -> String {
    let Civil { year, month, date, hour, minute, second, .. } = Civil::of(timestamp);
    format!("{date:02}/{month:02}/{:02} {hour:02}:{minute:02}:{second:02}", year.rem_euclid(100))
}

/// Writes `Friday 22 July, 2022 15:57:45 UTC`, the form of a composite alarm's reason.
pub(crate) fn long(timestamp: Timestamp) -> String {
    let civil = Civil::of(timestamp);
    let weekday = WEEKDAYS[civil.day as usize - 1];
    let month = MONTHS[civil.month as usize - 1];
    let Civil { year, date, hour, minute, second, .. } = civil;
    format!("{weekday} {date:02} {month}, {year} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_have_their_known_names() {
        let july = Timestamp::from_millis(1_658_505_465_394);
        assert_eq!(iso(july), "2022-07-22T15:57:45.394+0000");
        assert_eq!(short(july), "22/07/22 15:57:45");
        assert_eq!(long(july), "Friday 22 July, 2022 15:57:45 UTC");
        assert_eq!(iso(Timestamp::EPOCH), "1970-01-01T00:00:00.000+0000");
        assert_eq!(iso(Timestamp::from_millis(951_782_400_000)), "2000-02-29T00:00:00.000+0000");
        assert_eq!(iso(Timestamp::from_millis(-1)), "1969-12-31T23:59:59.999+0000");
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut date) = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(date_of(days), (year, month, date));
            let length = match month {
                2 => 28 + u32::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            date += 1;
            if date > length {
                (date, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }
}
