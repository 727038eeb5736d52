//! `deployment.alarms`: names of CloudWatch alarms, and alarms in short-hand that are made of the service's own requests.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::decode_error::complaint;
use super::numbers::{Seconds, Span};
use super::rate::Rate;

/// The longest an alarm may look back: a day, as CloudWatch has it.
const WINDOW_MAX: i32 = 86_400;

/// The shortest period of an alarm in seconds, and the one of an alarm that names none.
const PERIOD_MIN: i32 = 10;
const PERIOD: i32 = 60;

/// How much longer than it looks back an alarm may need to fire, in seconds: it begins in the middle of a period, load balancers publish up
/// to a minute late, and CloudWatch evaluates once a minute.
const DELAY_MAX: i32 = 180;

/// The keys of an alarm in short-hand; of the percentiles, those most asked for.
const KEYS: [&str; 9] = ["errors", "average", "p50", "p90", "p95", "p99", "for", "period", "missing"];

/// The alarms of a deployment, in the order written.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AlarmsEntry(Vec<AlarmEntry>);

/// One alarm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AlarmEntry {
    Named(String),
    ShortHand(ShortHand),
}

/// An alarm in short-hand.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ShortHand {
    pub limit: Limit,
    /// In seconds: 10, 20, 30 or whole minutes.
    pub period: i32,
    /// How many periods in a row must be beyond the limit.
    pub periods: i32,
    pub missing: MissingWord,
}

/// What must not be exceeded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Limit {
    /// The share of requests that failed, in percent.
    Errors(f64),
    /// A statistic of the response time, in seconds.
    ResponseTime { statistic: String, seconds: f64 },
}

/// What a period without requests counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingWord {
    #[default]
    NotBreaching,
    Breaching,
    Ignore,
    Missing,
}

impl AlarmsEntry {
    /// The alarms that somebody else makes.
    pub fn named(&self) -> Vec<String> {
        let name = |entry: &AlarmEntry| match entry {
            AlarmEntry::Named(name) => Some(name.clone()),
            AlarmEntry::ShortHand(_) => None,
        };
        self.0.iter().filter_map(name).collect()
    }

    /// The alarms in short-hand.
    pub fn short_hand(&self) -> impl Iterator<Item = &ShortHand> {
        self.0.iter().filter_map(|entry| match entry {
            AlarmEntry::Named(_) => None,
            AlarmEntry::ShortHand(alarm) => Some(alarm),
        })
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How long the slowest alarm in short-hand may need to fire, in seconds; 0 without any.
    pub fn time_to_fire(&self) -> i32 {
        self.short_hand().map(|alarm| alarm.period * alarm.periods + DELAY_MAX).max().unwrap_or(0)
    }
}

impl<'de> Deserialize<'de> for AlarmsEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AlarmsVisitor;
        impl<'de> Visitor<'de> for AlarmsVisitor {
            type Value = AlarmsEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an alarm or a list of alarms, each a name or a map such as `{ errors: 5%, for: 2m }`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<AlarmsEntry, E> {
                AlarmVisitor.visit_str(name).map(|entry| AlarmsEntry(vec![entry]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AlarmsEntry, A::Error> {
                AlarmVisitor.visit_map(map).map(|entry| AlarmsEntry(vec![entry]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<AlarmsEntry, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = items.next_element()? {
                    entries.push(entry);
                }
                if entries.is_empty() { Err(de::Error::custom("is an empty list")) } else { Ok(AlarmsEntry(entries)) }
            }
        }
        deserializer.deserialize_any(AlarmsVisitor)
    }
}

impl<'de> Deserialize<'de> for AlarmEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AlarmVisitor)
    }
}

struct AlarmVisitor;

impl<'de> Visitor<'de> for AlarmVisitor {
    type Value = AlarmEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an alarm, or a map such as `{ errors: 5%, for: 2m }`")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<AlarmEntry, E> {
        if name.is_empty() {
            return Err(E::custom(complaint("is empty", "write the name of an alarm")));
        }
        Ok(AlarmEntry::Named(name.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AlarmEntry, A::Error> {
        let mut limits = Vec::new();
        let (mut window, mut period, mut missing) = (None, None, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "errors" => limits.push(Limit::Errors(map.next_value::<Rate>()?.get())),
                "for" => window = Some(map.next_value::<Seconds<PERIOD_MIN, WINDOW_MAX>>()?.get()),
                "period" => period = Some(map.next_value::<Seconds<PERIOD_MIN, WINDOW_MAX>>()?.get()),
                "missing" => missing = Some(map.next_value()?),
                other => match statistic(other) {
                    Some(statistic) => {
                        let seconds = map.next_value::<Span>()?.get().as_secs_f64();
                        limits.push(Limit::ResponseTime { statistic, seconds });
                    }
                    None => {
                        map.next_value::<IgnoredAny>()?;
                        return Err(de::Error::unknown_field(other, &KEYS));
                    }
                },
            }
        }
        let period = period.unwrap_or(PERIOD);
        let window = window.ok_or_else(|| de::Error::missing_field("for"))?;
        let periods = checked_periods(period, window).map_err(de::Error::custom)?;
        let limit = only(limits).map_err(de::Error::custom)?;
        Ok(AlarmEntry::ShortHand(ShortHand { limit, period, periods, missing: missing.unwrap_or_default() }))
    }
}

/// CloudWatch's statistic of this key: `Average`, or a percentile above 0 and below 100.
fn statistic(key: &str) -> Option<String> {
    if key == "average" {
        return Some("Average".to_owned());
    }
    let percentile = key.strip_prefix('p')?;
    let is_plain = percentile.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let value: f64 = percentile.parse().ok()?;
    (is_plain && value > 0.0 && value < 100.0).then(|| key.to_owned())
}

fn checked_periods(period: i32, window: i32) -> Result<i32, String> {
    if !matches!(period, 10 | 20 | 30) && period % 60 != 0 {
        let what = format!("has a period of {period} s, which CloudWatch does not evaluate");
        return Err(complaint(what, "write `period: 10s`, 20s, 30s or whole minutes"));
    }
    if window % period != 0 {
        let what = format!("lasts {window} s, which is not a multiple of its period of {period} s");
        let below = (window / period).max(1) * period;
        return Err(complaint(what, format!("write `for: {below}s` or another multiple")));
    }
    Ok(window / period)
}

fn only(limits: Vec<Limit>) -> Result<Limit, String> {
    match <[Limit; 1]>::try_from(limits) {
        Ok([Limit::ResponseTime { seconds, .. }]) if seconds <= 0.0 => {
            Err(complaint("has a response time of 0, which every request takes longer than", "write 500ms or 2s"))
        }
        Ok([limit]) => Ok(limit),
        Err(none) if none.is_empty() => {
            Err(complaint("does not say what it watches", "add `errors: 5%`, `p95: 2s` or `average: 1s`"))
        }
        Err(_) => Err(complaint("watches several things", "write an entry of the list for each")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode;
    use super::super::node::Node;
    use super::*;

    fn read(text: &str) -> Result<AlarmsEntry, String> {
        let node = Node::parse(text).expect("YAML");
        decode(&node, "alarms").map_err(|fault| match fault.instead {
            Some(instead) => format!("{} → {instead}", fault.what),
            None => fault.what,
        })
    }

    fn one(text: &str) -> ShortHand {
        read(text).expect(text).short_hand().next().expect("an alarm in short-hand").clone()
    }

    #[test]
    fn an_alarm_is_a_name_or_one_line() {
        assert_eq!(read("web-errors").expect("a name").named(), ["web-errors"]);
        let both = read("[{errors: 5%, for: 2m}, web-errors]").expect("two");
        assert_eq!((both.named(), both.short_hand().count()), (vec!["web-errors".to_owned()], 1));
        let errors =
            ShortHand { limit: Limit::Errors(5.0), period: 60, periods: 2, missing: MissingWord::NotBreaching };
        assert_eq!(one("{errors: 5%, for: 2m}"), errors);
        assert_eq!(one("{errors: 5, for: 120}"), errors);
        assert_eq!(one("{errors: 0.5 %, for: 2m}").limit, Limit::Errors(0.5));
        let slow = |statistic: &str, seconds| Limit::ResponseTime { statistic: statistic.into(), seconds };
        assert_eq!(one("{p95: 2s, for: 3m}").limit, slow("p95", 2.0));
        assert_eq!(one("{p99.9: 1500ms, for: 3m}").limit, slow("p99.9", 1.5));
        assert_eq!(one("{average: 1s, for: 3m}").limit, slow("Average", 1.0));
        let quick = one("{errors: 0, for: 30s, period: 10s, missing: breaching}");
        assert_eq!((quick.period, quick.periods, quick.missing), (10, 3, MissingWord::Breaching));
    }

    #[test]
    fn what_cannot_be_an_alarm_is_told_with_what_to_write() {
        let told = [
            "{errors: 5%}",
            "{for: 2m}",
            "{errors: 5%, p95: 2s, for: 2m}",
            "{errors: 100%, for: 2m}",
            "{errors: many, for: 2m}",
            "{p95: 0s, for: 2m}",
            "{p95: fast, for: 2m}",
            "{p100: 2s, for: 2m}",
            "{erors: 5%, for: 2m}",
            "{errors: 5%, for: 90s}",
            "{errors: 5%, for: 90s, period: 45s}",
            "{errors: 5%, for: 2m, missing: good}",
            "{errors: 5%, for: 25h}",
            "[]",
            "['']",
            "7",
        ]
        .map(|text| format!("{text}\n    {}", read(text).expect_err(text)));
        insta::assert_snapshot!(told.join("\n"));
    }
}
