//! `freeze` of an environment: when nothing is released.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;

use super::error::Fault;
use crate::freeze::{Freeze, Weekly, Window};

/// The zone of times that name none.
const UTC: &str = "UTC";

/// A time in which nothing is released: either `weekly`, or `from` and `until`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FreezeEntry {
    /// Hours of every week, such as `fri 16:00 - mon 08:00`.
    pub weekly: Option<String>,
    /// The beginning of a single freeze: `2026-12-18` or `2026-12-18 18:00`.
    pub from: Option<String>,
    /// Its end, which is not part of it.
    pub until: Option<String>,
    /// The time zone of these times, such as `Europe/Berlin`; `UTC` when left out.
    pub time_zone: Option<String>,
    /// Why; told to whoever is refused.
    pub reason: Option<String>,
}

impl FreezeEntry {
    /// Reads the entry at this place of a list.
    pub fn freeze(&self, place: &str) -> Result<Freeze, Fault> {
        let window = match (&self.weekly, &self.from, &self.until) {
            (Some(weekly), None, None) => {
                let weekly: Weekly =
                    weekly.parse().map_err(|error| Fault::new(format!("`{place}.weekly`: {error}")))?;
                Window::Weekly(weekly)
            }
            (None, Some(from), Some(until)) => {
                let (from, until) =
                    (instant(from, &format!("{place}.from"))?, instant(until, &format!("{place}.until"))?);
                if until <= from {
                    return Err(
                        Fault::new(format!("`{place}` ends before it begins")).instead("swap `from` and `until`")
                    );
                }
                Window::Once { from, until }
            }
            _ => {
                return Err(Fault::new(format!("`{place}` says neither `weekly` nor `from` and `until`"))
                    .instead("write `weekly: fri 16:00 - mon 08:00`, or both `from` and `until`"));
            }
        };
        let time_zone = self.time_zone.clone().unwrap_or_else(|| UTC.to_owned());
        if TimeZone::get(&time_zone).is_err() {
            return Err(Fault::new(format!("`{place}.time_zone`: there is no time zone `{time_zone}`"))
                .instead("write a name of the IANA database, such as `Europe/Berlin` or `UTC`"));
        }
        Ok(Freeze { window, time_zone, reason: self.reason.clone() })
    }
}

/// Reads a date, or a date and a time.
fn instant(text: &str, place: &str) -> Result<DateTime, Fault> {
    // With a zone of its own it would be read as if it had none.
    let has_zone = text.contains('[') || text.trim().parse::<Timestamp>().is_ok();
    let date = if has_zone { None } else { text.trim().parse().ok() };
    date.ok_or_else(|| {
        Fault::new(format!("`{place}`: `{text}` is no date"))
            .instead("write it like `2026-12-18` or `2026-12-18 18:00`, without a zone")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(weekly: Option<&str>, from: Option<&str>, until: Option<&str>, zone: Option<&str>) -> FreezeEntry {
        let owned = |text: Option<&str>| text.map(ToOwned::to_owned);
        FreezeEntry {
            weekly: owned(weekly),
            from: owned(from),
            until: owned(until),
            time_zone: owned(zone),
            reason: None,
        }
    }

    #[test]
    fn a_freeze_is_weekly_or_has_two_ends() {
        let holds = |entry: FreezeEntry| entry.freeze("freeze[0]").map_err(|fault| format!("{fault:?}"));
        assert!(holds(entry(Some("fri 16:00 - mon 08:00"), None, None, Some("Europe/Berlin"))).is_ok());
        assert!(holds(entry(None, Some("2026-12-18 18:00"), Some("2027-01-04"), None)).is_ok());
        for (bad, said) in [
            (entry(None, None, None, None), "neither `weekly` nor"),
            (entry(Some("fri 16:00 - mon 08:00"), Some("2026-12-18"), None, None), "neither `weekly` nor"),
            (entry(Some("whenever"), None, None, None), "`freeze[0].weekly`: `whenever`"),
            (entry(None, Some("2027-01-04"), Some("2026-12-18"), None), "ends before it begins"),
            (entry(None, Some("tomorrow"), Some("2026-12-18"), None), "`freeze[0].from`: `tomorrow` is no date"),
            (entry(Some("fri 16:00 - mon 08:00"), None, None, Some("Berlin")), "no time zone `Berlin`"),
        ] {
            let told = holds(bad).expect_err(said);
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn an_instant_with_a_zone_of_its_own_is_refused() {
        for text in ["2026-11-28T06:00-08:00", "2026-11-28T06:00:00Z", "2026-11-28T06:00[Europe/Berlin]"] {
            let refused = format!("{:?}", instant(text, "freeze").expect_err(text));
            assert!(refused.contains("is no date") && refused.contains("without a zone"), "{refused}");
        }
        assert!(instant("2026-11-28 06:00", "freeze").is_ok() && instant("2026-11-28", "freeze").is_ok());
    }
}
