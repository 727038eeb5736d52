//! The `deployment` block of a service: strategy, steps, bake times, alarms and hooks, as ECS's `deploymentConfiguration`, and what is left
//! to the coordinator.

use std::time::Duration;

use schemars::JsonSchema;
use seatrial_model::{ReturnSteps, TrafficPercent};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::alarms::AlarmsEntry;
use super::checks::{self, CheckEntry};
use super::error::Fault;
use super::hooks::{self, HookEntry};
use super::numbers::{Bounded, Seconds};
use super::share::Share;
use super::site::Site;
use super::steps::{self, StepEntry};
use crate::steering::{Handover, Steering};

/// A day: the longest bake time ECS takes.
const BAKE_MAX: i32 = 86_400;
/// Two weeks: the longest a pause may last.
pub(super) const PAUSE_MAX: i32 = 1_209_600;

/// How long the first share of a canary is watched when it is not said: ECS's default, in minutes.
const CANARY_STEP_BAKE: i32 = 10;

/// The smallest step of a linear shift that ECS takes, in percent.
pub(super) const LINEAR_STEP_MIN: f64 = 3.0;

/// How a new version takes over.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeploymentEntry {
    /// `rolling` (the default) replaces tasks; the others bring up a second set of tasks and move traffic to it.
    pub strategy: Option<StrategyWord>,
    /// The first share of production traffic (`canary`, 5 when left out) or each step (`linear`, 10 when left out), in percent.
    pub percent: Option<Share>,
    /// The shares of a `canary` of several steps, below 100 %; the coordinator goes from one to the next.
    pub steps: Option<Vec<StepEntry>>,
    /// How long each share but the last is watched, in whole minutes.
    pub step_bake: Option<Seconds<0, BAKE_MAX>>,
    /// How long the new version is watched with all traffic before the old one leaves, in whole minutes.
    pub bake: Option<Seconds<0, BAKE_MAX>>,
    /// How long the old version stays after that only for the way back; the command does not wait for it. Instead of `bake`.
    pub rollback_window: Option<Seconds<60, BAKE_MAX>>,
    /// Where the new version can be tried before it is given production traffic.
    pub test: Option<TestTrafficEntry>,
    /// What the new version has to pass there before it is given production traffic.
    pub verify: Option<Vec<CheckEntry>>,
    /// Alarms that roll the deployment back when they fire: names of CloudWatch alarms, or one-liners such as `{ errors: 5%, for: 2m }`.
    pub alarms: Option<AlarmsEntry>,
    /// What has to agree before the deployment goes on.
    pub hooks: Option<Vec<HookEntry>>,
    /// How traffic goes back when somebody ends a deployment: in steps instead of at once (embedded engine only; left out on AWS).
    pub shift_back: Option<ShiftBackEntry>,
    /// The share of safe requests of which the new version gets copies while it is tried (embedded engine only; left out on AWS).
    pub mirror: Option<Share>,
    /// With `strategy: rolling`, counts a deployment as successful once enough new tasks are healthy, without waiting for the old ones to leave.
    pub early_success: Option<EarlySuccessEntry>,
}

/// When a deployment that replaces tasks counts as successful before the last old one has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EarlySuccessEntry {
    /// The percentage of the desired count that has to be healthy on the new version. All of them when left out.
    pub healthy_percent: Option<Bounded<1, 100>>,
    /// Whether the old tasks are waited for. Not when left out.
    pub cleanup: Option<CleanupWord>,
}

/// What becomes of the old tasks of a deployment that counts as successful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CleanupWord {
    /// They are waited for.
    Blocking,
    /// ECS takes them away in the background.
    Deferred,
}

impl EarlySuccessEntry {
    fn as_ecs(self) -> Json {
        let cleanup = match self.cleanup {
            Some(CleanupWord::Blocking) => "BLOCKING",
            Some(CleanupWord::Deferred) | None => "DEFERRED",
        };
        let healthy = self.healthy_percent.map_or(100, |percent| percent.get());
        json!({ "enable": true, "healthyPercent": healthy, "sourceServiceRevisionCleanup": cleanup })
    }
}

/// The way back in steps. A deployment that fails by itself gives its traffic back at once in any case.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShiftBackEntry {
    /// How much production traffic goes back with each step, 1 to 50 percent.
    pub step: Share,
    /// How long it is until the next step, 1s to 1h. The first one is made at once.
    pub every: Seconds<1, 3600>,
}

/// A deployment strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
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
        if strategy != StrategyWord::Canary {
            self.steps = None;
        }
        if !strategy.shifts_traffic() {
            (self.test, self.hooks, self.verify) = (None, None, None);
            (self.rollback_window, self.shift_back, self.mirror) = (None, None, None);
        } else {
            self.early_success = None;
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

/// The strategy of a service.
pub(crate) fn strategy(entry: Option<&DeploymentEntry>) -> StrategyWord {
    entry.and_then(|entry| entry.strategy).unwrap_or(StrategyWord::Rolling)
}

/// Writes the block's members of a `deploymentConfiguration`; returns what is left to the coordinator.
pub(crate) fn configure(
    entry: &DeploymentEntry,
    configuration: &mut Map<String, Json>,
    site: &Site<'_>,
) -> Result<Steering, Fault> {
    let site = site.below("deployment");
    let strategy = entry.strategy.unwrap_or(StrategyWord::Rolling);
    refuse_idle_keys(entry, strategy, &site)?;
    if let (StrategyWord::Linear, Some(percent)) = (strategy, entry.percent)
        && percent.get() < LINEAR_STEP_MIN
    {
        let what = format!("is {} %, but a linear step is at least {LINEAR_STEP_MIN} %", percent.get());
        return Err(site.below("percent").fault(what).instead("raise it, or use `strategy: canary`"));
    }
    let (bake, handover) = bake_time(entry, strategy, &site)?;
    configuration.insert("bakeTimeInMinutes".into(), json!(bake));
    let step_bake = minutes(entry.step_bake, &site.below("step_bake"))?;
    let steps = |percent: (&str, f64), bake: (&str, i32)| json!({ percent.0: entry.percent.map_or(percent.1, Share::get), bake.0: step_bake.unwrap_or(bake.1) });
    let mut steering = Steering { handover, ..Steering::default() };
    let mut as_ecs = strategy;
    match strategy {
        StrategyWord::Rolling | StrategyWord::BlueGreen => {}
        StrategyWord::Canary => match &entry.steps {
            Some(entries) => {
                let bake = Duration::from_secs(60 * u64::from(step_bake.unwrap_or(CANARY_STEP_BAKE).unsigned_abs()));
                let (steps, stride) = steps::steps(entries, bake, &site.below("steps"))?;
                steering.steps = steps;
                as_ecs = StrategyWord::Linear;
                let linear = json!({ "stepPercent": stride, "stepBakeTimeInMinutes": 0 });
                configuration.insert("linearConfiguration".into(), linear);
            }
            None => {
                let canary = steps(("canaryPercent", 5.0), ("canaryBakeTimeInMinutes", CANARY_STEP_BAKE));
                configuration.insert("canaryConfiguration".into(), canary);
            }
        },
        StrategyWord::Linear => {
            let linear = steps(("stepPercent", 10.0), ("stepBakeTimeInMinutes", 6));
            configuration.insert("linearConfiguration".into(), linear);
        }
    }
    configuration.insert("strategy".into(), json!(as_ecs.as_ecs()));
    if let Some(early) = entry.early_success {
        configuration.insert("earlySuccessCriteria".into(), early.as_ecs());
    }
    let names = entry.alarms.as_ref().map(AlarmsEntry::named).unwrap_or_default();
    let has_alarms = entry.alarms.as_ref().is_some_and(|alarms| !alarms.is_empty());
    let alarms = json!({ "alarmNames": names, "enable": has_alarms, "rollback": has_alarms });
    configuration.insert("alarms".into(), alarms);
    steering.checks = checks::checks(entry, &site.below("verify"))?;
    let hooks = hooks::hooks(entry, &steering, &site.below("hooks"))?;
    configuration.insert("lifecycleHooks".into(), Json::Array(hooks));
    Ok(steering)
}

/// The bake time in minutes, and whether it is waited for.
fn bake_time(entry: &DeploymentEntry, strategy: StrategyWord, site: &Site<'_>) -> Result<(i32, Handover), Fault> {
    match (entry.bake, entry.rollback_window) {
        (Some(_), Some(_)) => Err(site
            .below("rollback_window")
            .fault("stands beside `bake`, and ECS has one bake time")
            .instead("keep `bake` to wait for it, or `rollback_window` to leave it to itself")),
        (bake, None) => {
            let bake = minutes(bake, &site.below("bake"))?.unwrap_or_else(|| least_bake(entry, strategy));
            Ok((bake, Handover::AtTheEnd))
        }
        (None, window) => Ok((minutes(window, &site.below("rollback_window"))?.unwrap_or(0), Handover::AtBakeTime)),
    }
}

/// Reads the way back in steps.
pub(crate) fn shift_back(entry: Option<&DeploymentEntry>, site: &Site<'_>) -> Result<Option<ReturnSteps>, Fault> {
    let Some(written) = entry.and_then(|entry| entry.shift_back) else { return Ok(None) };
    let every = Duration::from_secs(u64::from(written.every.get().unsigned_abs()));
    let step = TrafficPercent::parse(written.step.get(), 0).unwrap_or_default();
    ReturnSteps::new(step, every).map(Some).map_err(|_| {
        let site = site.below("deployment").below("shift_back").below("step");
        site.fault(format_args!("is {} %, but a step back is 1 to 50 %", written.step.get()))
            .instead("write a share in between, such as `step: 25%`, or leave `shift_back` out to go back at once")
    })
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
        ("early_success", entry.early_success.is_some() && strategy.shifts_traffic(), "`strategy: rolling`"),
        ("percent", entry.percent.is_some() && !has_steps, "`strategy: canary` or `linear`"),
        ("steps", entry.steps.is_some() && strategy != StrategyWord::Canary, "`strategy: canary`"),
        (
            "verify",
            entry.verify.is_some() && !strategy.shifts_traffic(),
            "`strategy: blue_green`, `canary` or `linear`",
        ),
        (
            "rollback_window",
            entry.rollback_window.is_some() && !strategy.shifts_traffic(),
            "`strategy: blue_green`, `canary` or `linear`",
        ),
        ("step_bake", entry.step_bake.is_some() && !has_steps, "`strategy: canary` or `linear`"),
        ("test", entry.test.is_some() && !strategy.shifts_traffic(), "`strategy: blue_green`, `canary` or `linear`"),
        (
            "mirror",
            entry.mirror.is_some() && !strategy.shifts_traffic(),
            "`strategy: blue_green`, `canary` or `linear`",
        ),
        (
            "hooks",
            entry.hooks.as_ref().is_some_and(|hooks| !hooks.is_empty()) && !strategy.shifts_traffic(),
            "`strategy: blue_green`, `canary` or `linear`",
        ),
        (
            "shift_back",
            entry.shift_back.is_some() && !strategy.shifts_traffic(),
            "`strategy: blue_green`, `canary` or `linear`",
        ),
    ];
    if entry.steps.is_some() && entry.percent.is_some() {
        let fault = site.below("percent").fault("stands beside `steps`, which says it");
        return Err(fault.instead("write the first share as the first of `steps`"));
    }
    match idle.into_iter().find(|(_, is_idle, _)| *is_idle) {
        None => Ok(()),
        Some((key, _, needed)) => {
            Err(site.below(key).fault("has no effect under this strategy").instead(format!("it needs {needed}")))
        }
    }
}

pub(super) fn minutes<const MIN: i32, const MAX: i32>(
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
