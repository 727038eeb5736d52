//! Points and lengths of time as text.

use std::time::Duration;

use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-21 03:45:12Z`.
pub fn moment(at: Option<OffsetDateTime>) -> String {
    let form = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    at.and_then(|at| at.to_offset(time::UtcOffset::UTC).format(&form).ok()).unwrap_or_else(|| "-".to_owned())
}

/// `03:45:12.345`, for log lines.
pub fn time_of_day(at: Option<OffsetDateTime>) -> String {
    let form = format_description!("[hour]:[minute]:[second].[subsecond digits:3]");
    at.and_then(|at| at.to_offset(time::UtcOffset::UTC).format(&form).ok()).unwrap_or_else(|| "-".to_owned())
}

/// `0.8 s`, `45.0 s`, `2 min 05 s`, `1 h 03 min`.
pub fn length(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..=59 => format!("{:.1} s", duration.as_secs_f64().min(59.9)),
        60..=3599 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_exact_as_they_are_interesting() {
        for (milliseconds, text) in
            [(0, "0.0 s"), (840, "0.8 s"), (59_990, "59.9 s"), (125_400, "2 min 05 s"), (3_785_000, "1 h 03 min")]
        {
            assert_eq!(length(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn moments_are_utc() {
        let at = OffsetDateTime::from_unix_timestamp(1_763_700_312).expect("a time");
        assert_eq!(moment(Some(at)), "2025-11-21 04:45:12Z");
        assert_eq!(moment(None), "-");
    }
}
