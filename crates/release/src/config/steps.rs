//! `steps` of a canary: unequal shares of traffic, each watched for a while or until somebody decides.
//!
//! ECS has no strategy of unequal steps. It is given the largest equal steps that meet every share, with a pause before each, and the
//! coordinator answers the pauses. If it dies, the pause that is open runs out, and ECS rolls back by itself.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::deployment::{LINEAR_STEP_MIN, PAUSE_MAX};
use super::error::Fault;
use super::numbers::Seconds;
use super::share::Share;
use super::site::Site;
use crate::steering::{ShiftStep, Tenths, Then};

/// The smallest equal step ECS takes, in tenths of a percent.
const TENTHS_MIN: u16 = (LINEAR_STEP_MIN * 10.0) as u16;

/// How long a pause waits for a decision when its step does not say: ECS's own default.
const DECISION_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// One share of traffic: `10`, or `{ percent: 10, bake: 10m }`, or `{ percent: 10, pause: true }`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StepEntry {
    percent: Tenths,
    bake: Option<Duration>,
    pause: bool,
    timeout: Option<Duration>,
}

/// The long form of a step.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepDetails {
    /// The new version's share of production traffic; 0 is before it gets any.
    percent: StepShare,
    /// How long this share is watched before the next; `step_bake` when left out.
    bake: Option<Seconds<0, PAUSE_MAX>>,
    /// Wait for `seatrial promote` instead.
    #[serde(default)]
    #[schemars(default)]
    pause: bool,
    /// How long to wait for it before the deployment is rolled back; a day when left out.
    timeout: Option<Seconds<60, PAUSE_MAX>>,
}

/// A share of traffic, or none.
#[derive(Clone, Copy, Debug, PartialEq)]
struct StepShare(Tenths);

impl<'de> Deserialize<'de> for StepShare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShareVisitor;
        impl Visitor<'_> for ShareVisitor {
            type Value = StepShare;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0, or a percentage from 0.1 to 100 in steps of 0.1")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<StepShare, E> {
                if number == 0 { Ok(StepShare(Tenths::NONE)) } else { share(Share::visit().visit_u64(number)) }
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<StepShare, E> {
                share(Share::visit().visit_i64(number))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<StepShare, E> {
                if number == 0.0 { Ok(StepShare(Tenths::NONE)) } else { share(Share::visit().visit_f64(number)) }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StepShare, E> {
                let is_zero = matches!(text.trim().trim_end_matches('%').trim_end(), "0");
                if is_zero { Ok(StepShare(Tenths::NONE)) } else { share(Share::visit().visit_str(text)) }
            }
        }
        fn share<E>(read: Result<Share, E>) -> Result<StepShare, E> {
            read.map(|share| StepShare(Tenths::of_percent(share.get())))
        }
        deserializer.deserialize_any(ShareVisitor)
    }
}

impl JsonSchema for StepShare {
    fn schema_name() -> Cow<'static, str> {
        "StepPercentage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A percentage from 0 to 100 in steps of 0.1.",
            "oneOf": [{ "type": "number", "minimum": 0, "maximum": 100 }, { "type": "string", "pattern": "^[0-9.]+ *%?$" }]
        })
    }
}

impl<'de> Deserialize<'de> for StepEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StepVisitor;
        impl<'de> Visitor<'de> for StepVisitor {
            type Value = StepEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a percentage, or `{ percent: …, bake: … }`, or `{ percent: …, pause: true }`")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<StepEntry, E> {
                short(number)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<StepEntry, E> {
                short(number)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<StepEntry, E> {
                short(text)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StepEntry, A::Error> {
                let details = StepDetails::deserialize(MapAccessDeserializer::new(map))?;
                let seconds = |seconds: i32| Duration::from_secs(u64::from(seconds.unsigned_abs()));
                Ok(StepEntry {
                    percent: details.percent.0,
                    bake: details.bake.map(|bake| seconds(bake.get())),
                    pause: details.pause,
                    timeout: details.timeout.map(|timeout| seconds(timeout.get())),
                })
            }
        }
        fn short<'de, E: de::Error, V: de::IntoDeserializer<'de, E>>(value: V) -> Result<StepEntry, E> {
            let StepShare(percent) = StepShare::deserialize(value.into_deserializer())?;
            Ok(StepEntry { percent, bake: None, pause: false, timeout: None })
        }
        deserializer.deserialize_any(StepVisitor)
    }
}

impl JsonSchema for StepEntry {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (share, details) = (generator.subschema_for::<StepShare>(), generator.subschema_for::<StepDetails>());
        json_schema!({ "oneOf": [share, details] })
    }
}

/// The steps of a canary, and the equal steps that ECS is given to meet them, in percent.
pub(crate) fn steps(
    entries: &[StepEntry],
    step_bake: Duration,
    site: &Site<'_>,
) -> Result<(Vec<ShiftStep>, f64), Fault> {
    let entries = match entries {
        [shares @ .., all] if all.percent == Tenths::ALL => {
            if all.pause || all.bake.is_some() {
                let fault = site.fault("watches or pauses at 100 %, which is what `bake` and hooks are for");
                return Err(fault.instead("write `100`, or leave it out, and set `bake`"));
            }
            shares
        }
        shares => shares,
    };
    if entries.is_empty() {
        return Err(site.fault("has no share below 100 %").instead("write shares: steps: [10, 50]"));
    }
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].percent >= pair[1].percent) {
        let what = format!("has {} % after {} %, but shares only grow", pair[1].percent, pair[0].percent);
        return Err(site.fault(what).instead("put them in order"));
    }
    if let Some(both) = entries.iter().find(|entry| entry.pause && entry.bake.is_some()) {
        let what = format!("has both `bake` and `pause` at {} %", both.percent);
        return Err(site
            .fault(what)
            .instead("keep `bake` to go on by itself, or `pause: true` to wait for `seatrial promote`"));
    }
    if let Some(idle) = entries.iter().find(|entry| !entry.pause && entry.timeout.is_some()) {
        let what = format!("has a `timeout` at {} %, but only a pause waits for a decision", idle.percent);
        return Err(site.fault(what).instead("add `pause: true`, or write `bake`"));
    }
    let stride = entries.iter().map(|entry| entry.percent).filter(|share| *share != Tenths::NONE);
    let stride = stride.reduce(Tenths::greatest_common_divisor).unwrap_or(Tenths::ALL);
    if stride < Tenths::of(TENTHS_MIN) {
        let what =
            format!("needs equal steps of {stride} % to meet every share, but ECS takes {LINEAR_STEP_MIN} % at least");
        return Err(site.fault(what).instead("choose shares that are multiples of 3 % or more, such as 5, 25, 50"));
    }
    let step = |entry: &StepEntry| ShiftStep {
        share: entry.percent,
        then: if entry.pause {
            Then::Ask { limit: entry.timeout.unwrap_or(DECISION_LIMIT) }
        } else if entry.percent == Tenths::NONE {
            Then::Bake(entry.bake.unwrap_or_default())
        } else {
            Then::Bake(entry.bake.unwrap_or(step_bake))
        },
    };
    Ok((entries.iter().map(step).collect(), stride.percent()))
}

#[cfg(test)]
mod tests {
    use super::super::node::Node;
    use super::*;

    fn read(yaml: &str) -> Result<(Vec<ShiftStep>, f64), String> {
        let node = Node::parse(yaml).expect("it is YAML");
        let entries: Vec<StepEntry> = super::super::decode::decode(&node, "steps").map_err(|fault| fault.what)?;
        let site = Site::new(&node, "services.web.deployment.steps");
        steps(&entries, Duration::from_secs(600), &site).map_err(|fault| fault.what)
    }

    #[test]
    fn shares_become_the_largest_equal_steps_that_meet_them() {
        let stride = |yaml| read(yaml).expect("valid").1;
        assert_eq!(stride("[10, 50, 100]"), 10.0);
        assert_eq!(stride("[5, 25, 50]"), 5.0);
        assert_eq!(stride("[33, 66]"), 33.0);
        assert_eq!(stride("[12.5, 50%]"), 12.5);
        assert_eq!(stride("[{ percent: 0, pause: true }]"), 100.0, "a pause before all of it");
        assert_eq!(stride("[{ percent: 0, pause: true }, 20]"), 20.0);
    }

    #[test]
    fn a_step_is_watched_or_waits_for_a_decision() {
        let (steps, _) = read(
            "[{ percent: 0, pause: true, timeout: 1h }, 10, { percent: 50, bake: 90s }, { percent: 80, pause: true }]",
        )
        .expect("valid");
        let step = |percent: u16, then| ShiftStep { share: Tenths::of(percent * 10), then };
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(
            steps,
            [
                step(0, Then::Ask { limit: minutes(60) }),
                step(10, Then::Bake(minutes(10))),
                step(50, Then::Bake(Duration::from_secs(90))),
                step(80, Then::Ask { limit: minutes(24 * 60) }),
            ]
        );
    }

    #[test]
    fn steps_that_cannot_be_taken_say_why() {
        for (yaml, told) in [
            ("[]", "has no share below 100 %"),
            ("[100]", "has no share below 100 %"),
            ("[50, 10]", "has 10 % after 50 %"),
            ("[10, 10]", "has 10 % after 10 %"),
            ("[1, 50]", "needs equal steps of 1 %"),
            ("[10, 51]", "needs equal steps of 1 %"),
            ("[{ percent: 10, pause: true, bake: 1m }]", "has both `bake` and `pause` at 10 %"),
            ("[{ percent: 10, timeout: 1m }]", "has a `timeout` at 10 %"),
            ("[10, { percent: 100, bake: 1m }]", "watches or pauses at 100 %"),
            ("[101]", "percentage"),
            ("[{ percent: 10, puase: true }]", "puase"),
        ] {
            let fault = read(yaml).expect_err(yaml);
            assert!(fault.contains(told), "{yaml}: {fault}");
        }
    }
}
