//! The `deployment` block of a service: strategy, steps, bake times, alarms and hooks, as ECS's `deploymentConfiguration`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use seatrial_model::LifecycleStage;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json, json};

use super::alarms::AlarmsEntry;
use super::error::Fault;
use super::numbers::{Bounded, Seconds};
use super::site::Site;
use super::words::OneOrMany;

/// A day: the longest bake time ECS takes.
const BAKE_MAX: i32 = 86_400;
/// Two weeks: the longest a pause may last.
const PAUSE_MAX: i32 = 1_209_600;

/// The smallest step of a linear shift that ECS takes, in percent.
const LINEAR_STEP_MIN: f64 = 3.0;

/// How a new version takes over.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentEntry {
    /// `rolling` (the default) replaces tasks; the others bring up a second set of tasks and move traffic to it.
    pub strategy: Option<StrategyWord>,
    /// The first share of production traffic (`canary`, 5 when left out) or each step (`linear`, 10 when left out), in percent.
    pub percent: Option<Share>,
    /// How long each share but the last is watched, in whole minutes.
    pub step_bake: Option<Seconds<0, BAKE_MAX>>,
    /// How long the new version is watched with all traffic before the old one leaves, in whole minutes.
    pub bake: Option<Seconds<0, BAKE_MAX>>,
    /// Where the new version can be tried before it is given production traffic.
    pub test: Option<TestTrafficEntry>,
    /// Alarms that roll the deployment back when they fire: names of CloudWatch alarms, or one-liners such as `{ errors: 5%, for: 2m }`.
    pub alarms: Option<AlarmsEntry>,
    /// What has to agree before the deployment goes on.
    pub hooks: Option<Vec<HookEntry>>,
}

/// A deployment strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrategyWord {
    /// New tasks take the places of old ones.
    Rolling,
    /// All production traffic moves at once.
    BlueGreen,
    /// A small share of production traffic moves first.
    Canary,
    /// Production traffic moves in equal steps.
    Linear,
}

impl StrategyWord {
    /// ECS's own word.
    pub const fn as_ecs(self) -> &'static str {
        match self {
            StrategyWord::Rolling => "ROLLING",
            StrategyWord::BlueGreen => "BLUE_GREEN",
            StrategyWord::Canary => "CANARY",
            StrategyWord::Linear => "LINEAR",
        }
    }

    /// Whether two sets of tasks stand side by side while traffic moves between them.
    pub const fn shifts_traffic(self) -> bool {
        !matches!(self, StrategyWord::Rolling)
    }
}

impl DeploymentEntry {
    /// Puts another strategy in the place of the written one, without what has no effect under it.
    pub fn switch_to(&mut self, strategy: StrategyWord) {
        self.strategy = Some(strategy);
        if !matches!(strategy, StrategyWord::Canary | StrategyWord::Linear) {
            (self.percent, self.step_bake) = (None, None);
        }
        if !strategy.shifts_traffic() {
            (self.test, self.hooks) = (None, None);
        }
    }
}

impl std::str::FromStr for StrategyWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "rolling" => Ok(StrategyWord::Rolling),
            "blue_green" | "blue-green" => Ok(StrategyWord::BlueGreen),
            "canary" => Ok(StrategyWord::Canary),
            "linear" => Ok(StrategyWord::Linear),
            _ => Err(format!("`{word}` is no strategy: write rolling, blue_green, canary or linear")),
        }
    }
}

/// Requests that go to the new version before production traffic does.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestTrafficEntry {
    /// A port of its own on the same load balancer.
    pub port: Option<Bounded<1, 65535>>,
    /// On the production port, requests with this header: `Name: value`.
    pub header: Option<String>,
}

/// A hook: a Lambda function that is asked, or, without one, a pause that waits for `seatrial promote`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HookEntry {
    /// The lifecycle stages it belongs to, such as `post_test_traffic_shift`.
    pub stage: OneOrMany,
    /// ARN of the Lambda function.
    pub function: Option<String>,
    /// ARN of the role with which ECS invokes the function.
    pub role: Option<String>,
    /// Given to the function as it is.
    #[schemars(with = "Option<std::collections::BTreeMap<String, String>>")]
    pub details: Option<std::collections::BTreeMap<String, String>>,
    /// How long it may take in all, in whole minutes; a day when left out.
    pub timeout: Option<Seconds<60, PAUSE_MAX>>,
    /// What happens when that is over; `rollback` when left out.
    pub on_timeout: Option<TimeoutWord>,
}

/// What happens when a hook's time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TimeoutWord {
    Rollback,
    Continue,
}

/// A share of traffic: 0.1 to 100 percent in steps of 0.1, written `5`, `2.5` or `5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    fn of<E: de::Error>(percent: f64, unexpected: Unexpected<'_>, expected: &dyn de::Expected) -> Result<Self, E> {
        let tenths = (percent * 10.0).round();
        let fits = (percent * 10.0 - tenths).abs() < 1e-6 && (1.0..=1000.0).contains(&tenths);
        if fits { Ok(Share(tenths / 10.0)) } else { Err(E::invalid_value(unexpected, expected)) }
    }

    /// The percentage.
    pub fn get(self) -> f64 {
        self.0
    }
}

struct ShareVisitor;

impl Visitor<'_> for ShareVisitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a percentage from 0.1 to 100 in steps of 0.1")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Share, E> {
        Share::of(number as f64, Unexpected::Unsigned(number), &self)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Share, E> {
        Share::of(number as f64, Unexpected::Signed(number), &self)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Share, E> {
        Share::of(number, Unexpected::Float(number), &self)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
        let number = text.trim().trim_end_matches('%').trim_end().parse().unwrap_or(f64::NAN);
        Share::of(number, Unexpected::Str(text), &self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShareVisitor)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Percentage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A percentage from 0.1 to 100 in steps of 0.1.",
            "oneOf": [{ "type": "number", "minimum": 0.1, "maximum": 100 }, { "type": "string", "pattern": "^[0-9.]+ *%?$" }]
        })
    }
}

/// The strategy of a service.
pub(crate) fn strategy(entry: Option<&DeploymentEntry>) -> StrategyWord {
    entry.and_then(|entry| entry.strategy).unwrap_or(StrategyWord::Rolling)
}

/// Writes the block's members of a `deploymentConfiguration`.
pub(crate) fn configure(
    entry: &DeploymentEntry,
    configuration: &mut Map<String, Json>,
    site: &Site<'_>,
) -> Result<(), Fault> {
    let site = site.below("deployment");
    let strategy = entry.strategy.unwrap_or(StrategyWord::Rolling);
    refuse_idle_keys(entry, strategy, &site)?;
    if let (StrategyWord::Linear, Some(percent)) = (strategy, entry.percent)
        && percent.get() < LINEAR_STEP_MIN
    {
        let what = format!("is {} %, but a linear step is at least {LINEAR_STEP_MIN} %", percent.get());
        return Err(site.below("percent").fault(what).instead("raise it, or use `strategy: canary`"));
    }
    configuration.insert("strategy".into(), json!(strategy.as_ecs()));
    let bake = minutes(entry.bake, &site.below("bake"))?.unwrap_or_else(|| least_bake(entry, strategy));
    configuration.insert("bakeTimeInMinutes".into(), json!(bake));
    let step_bake = minutes(entry.step_bake, &site.below("step_bake"))?;
    let steps = |percent: (&str, f64), bake: (&str, i32)| json!({ percent.0: entry.percent.map_or(percent.1, Share::get), bake.0: step_bake.unwrap_or(bake.1) });
    match strategy {
        StrategyWord::Rolling | StrategyWord::BlueGreen => {}
        StrategyWord::Canary => {
            let canary = steps(("canaryPercent", 5.0), ("canaryBakeTimeInMinutes", 10));
            configuration.insert("canaryConfiguration".into(), canary);
        }
        StrategyWord::Linear => {
            let linear = steps(("stepPercent", 10.0), ("stepBakeTimeInMinutes", 6));
            configuration.insert("linearConfiguration".into(), linear);
        }
    }
    let names = entry.alarms.as_ref().map(AlarmsEntry::named).unwrap_or_default();
    let has_alarms = entry.alarms.as_ref().is_some_and(|alarms| !alarms.is_empty());
    let alarms = json!({ "alarmNames": names, "enable": has_alarms, "rollback": has_alarms });
    configuration.insert("alarms".into(), alarms);
    let hooks = entry.hooks.iter().flatten().map(|entry| hook(entry, &site.below("hooks")));
    configuration.insert("lifecycleHooks".into(), Json::Array(hooks.collect::<Result<_, _>>()?));
    Ok(())
}

/// The bake time in minutes when none is written. Tasks that are replaced share a target group with the old ones until those have left, so
/// the alarms need some time after that to judge the new ones; ECS computes such a time, too.
fn least_bake(entry: &DeploymentEntry, strategy: StrategyWord) -> i32 {
    let needed = entry.alarms.as_ref().map_or(0, AlarmsEntry::time_to_fire);
    if strategy.shifts_traffic() { 0 } else { (needed + 59) / 60 }
}

/// Writes what a service without the block has, in the place of what a block may have said before.
pub(crate) fn configure_rolling(configuration: &mut Map<String, Json>) {
    configuration.insert("strategy".into(), json!(StrategyWord::Rolling.as_ecs()));
    configuration.insert("bakeTimeInMinutes".into(), json!(0));
    configuration.insert("lifecycleHooks".into(), json!([]));
}

/// A key that does nothing under the chosen strategy was meant to do something.
fn refuse_idle_keys(entry: &DeploymentEntry, strategy: StrategyWord, site: &Site<'_>) -> Result<(), Fault> {
    let has_steps = matches!(strategy, StrategyWord::Canary | StrategyWord::Linear);
    let idle = [
        ("percent", entry.percent.is_some() && !has_steps, "`strategy: canary` or `linear`"),
        ("step_bake", entry.step_bake.is_some() && !has_steps, "`strategy: canary` or `linear`"),
        ("test", entry.test.is_some() && !strategy.shifts_traffic(), "`strategy: blue_green`, `canary` or `linear`"),
        (
            "hooks",
            entry.hooks.as_ref().is_some_and(|hooks| !hooks.is_empty()) && !strategy.shifts_traffic(),
            "`strategy: blue_green`, `canary` or `linear`",
        ),
    ];
    match idle.into_iter().find(|(_, is_idle, _)| *is_idle) {
        None => Ok(()),
        Some((key, _, needed)) => {
            Err(site.below(key).fault("has no effect under this strategy").instead(format!("it needs {needed}")))
        }
    }
}

fn minutes<const MIN: i32, const MAX: i32>(
    seconds: Option<Seconds<MIN, MAX>>,
    site: &Site<'_>,
) -> Result<Option<i32>, Fault> {
    match seconds.map(Seconds::get) {
        None => Ok(None),
        Some(seconds) if seconds % 60 == 0 => Ok(Some(seconds / 60)),
        Some(seconds) => Err(site.fault(format_args!("is {seconds} s, but ECS takes whole minutes here")).instead(
            "write whole minutes, such as 5m; a rehearsal is quicker with `seatrial engine start --time-scale 60`",
        )),
    }
}

/// Whether a stage of this name takes a hook of this kind.
fn takes(stage: &str, entry: &HookEntry) -> bool {
    let stage = LifecycleStage::parse(stage);
    stage.is_some_and(|stage| if entry.function.is_some() { stage.takes_functions() } else { stage.takes_pauses() })
}

fn hook(entry: &HookEntry, site: &Site<'_>) -> Result<Json, Fault> {
    let stages: Vec<String> = entry.stage.values().iter().map(|stage| stage.to_ascii_uppercase()).collect();
    if let Some(unknown) = stages.iter().find(|stage| !takes(stage, entry)) {
        let known = LifecycleStage::ALL.into_iter().filter(|stage| takes(stage.as_str(), entry));
        let known: Vec<String> = known.map(|stage| stage.as_str().to_ascii_lowercase()).collect();
        let kind = if entry.function.is_some() { "functions" } else { "pauses" };
        let what = format!("names the stage `{}`, which takes no {kind}", unknown.to_ascii_lowercase());
        return Err(site.fault(what).instead(format!("the stages are {}", known.join(", "))));
    }
    let mut hook = Map::new();
    match &entry.function {
        Some(function) => {
            hook.insert("hookTargetArn".into(), json!(function));
            hook.insert("targetType".into(), json!("AWS_LAMBDA"));
        }
        None => {
            hook.insert("targetType".into(), json!("PAUSE"));
        }
    }
    hook.insert("lifecycleStages".into(), json!(stages));
    if let Some(role) = &entry.role {
        hook.insert("roleArn".into(), json!(role));
    }
    if let Some(details) = &entry.details {
        hook.insert("hookDetails".into(), json!(details));
    }
    let action = match entry.on_timeout.unwrap_or(TimeoutWord::Rollback) {
        TimeoutWord::Rollback => "ROLLBACK",
        TimeoutWord::Continue => "CONTINUE",
    };
    let timeout = minutes(entry.timeout, &site.below("timeout"))?.unwrap_or(1440);
    hook.insert("timeoutConfiguration".into(), json!({ "timeoutInMinutes": timeout, "action": action }));
    Ok(Json::Object(hook))
}
