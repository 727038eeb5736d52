//! Settings worth changing: each is tried in the forecast, on top of those before it, and advised only if it is worth it and nothing that
//! protects the service gets worse.

use std::time::Duration;

use serde::Serialize;

use super::{Circumstances, Ending, Failure, Forecast, Timeline, timeline};
use crate::config::Setting;
use crate::plan::{ServicePlan, TargetGroupPlan};

/// The shortest interval Elastic Load Balancing takes, and a longer one for those who find it too short.
const INTERVALS: [i32; 2] = [10, 5];
/// The shortest deregistration delay advised: what AWS advises for quick requests.
const DELAY_MIN: Duration = Duration::from_secs(5);
/// A request may take this many times as long as the slowest one known.
const DELAY_MARGIN: u32 = 2;
/// A grace period lasts this much longer than the application takes to boot.
const GRACE_MARGIN: Duration = Duration::from_secs(15);
/// What a forecast does not tell apart, of several seconds and of a long time.
const NOISE: Duration = Duration::from_secs(2);
const NOISE_SHARE: f64 = 0.03;
/// By how much of all cases a failure may be noticed less often without its being told.
const RARER: f64 = 0.03;
/// The capacity that a rolling deployment needs to start all new tasks at once.
const ALL_AT_ONCE: i32 = 200;
/// The capacity that keeps the wanted number of tasks healthy.
const NEVER_FEWER: i32 = 100;

/// A setting that is worth changing.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The settings to write, as keys of the service.
    pub settings: Vec<Setting>,
    /// What it is, such as "health check every 5 s in the place of 30 s".
    pub what: String,
    /// By how much a deployment becomes shorter.
    #[serde(rename = "saves_ms", serialize_with = "crate::report::as_milliseconds")]
    pub saves: Duration,
    /// What gets better otherwise.
    pub gains: Vec<String>,
    /// What is given up.
    pub gives_up: Vec<String>,
}

/// All advice about one service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advised {
    pub advice: Vec<Advice>,
    /// The deployment with all of it.
    pub tuned: Timeline,
}

impl Advised {
    /// All settings to write.
    pub fn settings(&self) -> Vec<Setting> {
        self.advice.iter().flat_map(|advice| &advice.settings).cloned().collect()
    }

    /// The part of the deployment's time that all of it saves, from 0 to 1.
    pub fn share_saved(&self, before: &Timeline) -> f64 {
        let median = |timeline: &Timeline| timeline.success.total.map(|range| range.median.as_secs_f64());
        match (median(before), median(&self.tuned)) {
            (Some(before), Some(after)) if before > 0.0 => 1.0 - after / before,
            (_, _) => 0.0,
        }
    }
}

/// A change to try.
struct Candidate {
    settings: Vec<Setting>,
    what: String,
    gains: Vec<String>,
    gives_up: Vec<String>,
}

/// Finds the settings of a service that are worth changing. `planned` makes its plan with other settings, where that
/// is possible.
pub fn advise(
    plan: &ServicePlan,
    circumstances: &Circumstances,
    planned: impl Fn(&[Setting]) -> Option<ServicePlan>,
) -> Advised {
    let (mut plan, mut before) = (plan.clone(), timeline(plan, circumstances));
    let (mut taken, mut advice): (Vec<Setting>, Vec<Advice>) = (Vec::new(), Vec::new());
    for kind in KINDS {
        let mut best: Option<(ServicePlan, Timeline, Candidate, Duration)> = None;
        for candidate in kind(&plan, circumstances) {
            let settings: Vec<Setting> = taken.iter().chain(&candidate.settings).cloned().collect();
            // What cannot be configured here is no advice.
            let Some(changed) = planned(&settings) else { continue };
            let after = timeline(&changed, circumstances);
            let Some(saves) = worth(&before, &after) else { continue };
            if best.as_ref().is_none_or(|(_, _, _, most)| saves > *most) {
                best = Some((changed, after, candidate, saves));
            }
        }
        let Some((changed, after, candidate, saves)) = best else { continue };
        let mut gains = sooner(&before.failures, &after.failures);
        if after.success.fewest_healthy > before.success.fewest_healthy {
            gains.push(format!(
                "at least {} healthy tasks in the place of {}",
                after.success.fewest_healthy, before.success.fewest_healthy
            ));
        }
        if saves <= NOISE && gains.is_empty() {
            continue;
        }
        gains.splice(0..0, candidate.gains.iter().cloned());
        taken.extend(candidate.settings.iter().cloned());
        let Candidate { settings, what, gives_up, .. } = candidate;
        advice.push(Advice { settings, what, saves, gains, gives_up });
        (plan, before) = (changed, after);
    }
    Advised { advice, tuned: before }
}

type Kind = fn(&ServicePlan, &Circumstances) -> Vec<Candidate>;

const KINDS: [Kind; 7] = [breaker, floor, intervals, deregistration, capacity, grace, early];

/// How much a change saves; none when something that protects the service gets worse.
fn worth(before: &Timeline, after: &Timeline) -> Option<Duration> {
    let total = |timeline: &Timeline| timeline.success.total.map(|range| range.median);
    let (old, new) = (total(before)?, total(after)?);
    let is_worse = |old: Duration, new: Duration| new > old + NOISE.max(old.mul_f64(NOISE_SHARE));
    let noticed = |failure: &Failure| failure.forecast.given_up.map(|range| range.median);
    let is_rarer = |old: &Failure, new: &Failure| new.forecast.noticed + RARER < old.forecast.noticed;
    let failures_hold = before.failures.iter().all(|failure| {
        let same = after.failures.iter().find(|other| other.mishap == failure.mishap);
        match (noticed(failure), same.and_then(noticed)) {
            _ if same.is_none_or(|new| is_rarer(failure, new)) => false,
            (Some(old), Some(new)) => !is_worse(old, new),
            (Some(_), None) => false,
            (None, _) => true,
        }
    });
    let holds = after.success.ending == Ending::Successful
        && after.success.fewest_healthy >= before.success.fewest_healthy
        && failures_hold
        && !is_worse(old, new);
    holds.then(|| old.saturating_sub(new))
}

/// The failures that are given up sooner.
fn sooner(before: &[Failure], after: &[Failure]) -> Vec<String> {
    let noticed = |forecast: &Forecast| forecast.given_up.map(|range| range.median);
    let gain = |old: &Failure| {
        let new = after.iter().find(|other| other.mishap == old.mishap)?;
        let (was, is) = (noticed(&old.forecast)?, noticed(&new.forecast)?);
        let much = was > is + NOISE + was.mul_f64(NOISE_SHARE);
        much.then(|| format!("a version that {} is given up {} s sooner", old.mishap.in_words(), (was - is).as_secs()))
    };
    before.iter().filter_map(gain).collect()
}

fn setting(key: &str, value: impl ToString) -> Setting {
    Setting { key: key.to_owned(), value: value.to_string() }
}

/// Seconds, rounded up.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

fn group(plan: &ServicePlan) -> Option<&TargetGroupPlan> {
    plan.balancing.as_ref().map(|balancing| &balancing.target_group)
}

/// A version whose tasks become healthy before they crash is given up only if that does not clear the count.
fn breaker(plan: &ServicePlan, _: &Circumstances) -> Vec<Candidate> {
    let breaker = &plan.service["deploymentConfiguration"]["deploymentCircuitBreaker"];
    if breaker["enable"] != true || breaker["resetOnHealthyTask"] == false {
        return Vec::new();
    }
    vec![Candidate {
        settings: vec![setting("circuit_breaker.reset_on_healthy_task", false)],
        what: "a healthy task does not clear the circuit breaker's count".to_owned(),
        gains: Vec::new(),
        gives_up: vec!["tasks that fail now and then for other reasons add up while one deployment goes on".to_owned()],
    }]
}

fn intervals(plan: &ServicePlan, circumstances: &Circumstances) -> Vec<Candidate> {
    let Some(group) = group(plan) else { return Vec::new() };
    let before = group.health_check_interval.unwrap_or(30);
    let timeout = group.health_check_timeout.unwrap_or(5);
    let failures = group.unhealthy_threshold.unwrap_or(2);
    // A slow start is forgiven for the grace period or until the checks have failed, whichever is longer.
    let grace = plan.service["healthCheckGracePeriodSeconds"].as_i64().unwrap_or(0);
    if !circumstances.known.boot && grace < i64::from(failures) * i64::from(before) {
        return Vec::new();
    }
    let candidate = |interval: i32| {
        let mut settings = vec![setting("health_check.interval", format!("{interval}s"))];
        let mut gives_up = vec![
            format!("{:.0} times the check requests", f64::from(before) / f64::from(interval)),
            format!("a task that answers no check for {} s is taken for dead", failures * interval),
        ];
        let shorter = timeout.min(interval - 1);
        if shorter < timeout {
            settings.push(setting("health_check.timeout", format!("{shorter}s")));
            gives_up.push(format!("an answer to a check may take {shorter} s in the place of {timeout} s"));
        }
        Candidate {
            settings,
            what: format!("health check every {interval} s in the place of {before} s"),
            gains: vec![format!(
                "a dead task is found in {} s in the place of {} s",
                failures * interval,
                failures * before
            )],
            gives_up,
        }
    };
    INTERVALS.into_iter().filter(|interval| *interval < before).map(candidate).collect()
}

fn deregistration(plan: &ServicePlan, circumstances: &Circumstances) -> Vec<Candidate> {
    let Some(group) = group(plan) else { return Vec::new() };
    let before = group.deregistration_delay.unwrap_or(300);
    let needed = (circumstances.application.slowest_request * DELAY_MARGIN).max(DELAY_MIN);
    let after = i32::try_from(whole_seconds(needed)).unwrap_or(i32::MAX);
    if after >= before || !circumstances.known.slowest_request {
        return Vec::new();
    }
    let slowest = circumstances.application.slowest_request.as_secs_f64();
    vec![Candidate {
        settings: vec![setting("deregistration_delay", format!("{after}s"))],
        what: format!("deregistration delay of {after} s in the place of {before} s"),
        gains: Vec::new(),
        gives_up: vec![format!(
            "a request that takes longer than {after} s may be cut off when its task leaves (the slowest is taken to be {slowest} s)"
        )],
    }]
}

/// All new tasks at once.
fn capacity(plan: &ServicePlan, _: &Circumstances) -> Vec<Candidate> {
    let configuration = &plan.service["deploymentConfiguration"];
    let before = configuration["maximumPercent"].as_i64().unwrap_or(i64::from(ALL_AT_ONCE));
    if plan.pair().is_some() || before >= i64::from(ALL_AT_ONCE) {
        return Vec::new();
    }
    vec![Candidate {
        settings: vec![setting("maximum_percent", ALL_AT_ONCE)],
        what: format!("maximum_percent {ALL_AT_ONCE} in the place of {before}: all new tasks start at once"),
        gains: Vec::new(),
        gives_up: vec!["up to twice the tasks while a deployment goes on".to_owned()],
    }]
}

/// Never fewer healthy tasks than wanted.
fn floor(plan: &ServicePlan, _: &Circumstances) -> Vec<Candidate> {
    let configuration = &plan.service["deploymentConfiguration"];
    let percent = |member: &str, default: i32| configuration[member].as_i64().unwrap_or(i64::from(default));
    let before = percent("minimumHealthyPercent", NEVER_FEWER);
    let may = percent("maximumPercent", ALL_AT_ONCE) > i64::from(NEVER_FEWER);
    if plan.pair().is_some() || before >= i64::from(NEVER_FEWER) || !may {
        return Vec::new();
    }
    vec![Candidate {
        settings: vec![setting("minimum_healthy_percent", NEVER_FEWER)],
        what: format!("minimum_healthy_percent {NEVER_FEWER} in the place of {before}: no capacity is lost meanwhile"),
        gains: Vec::new(),
        gives_up: Vec::new(),
    }]
}

/// What only waits for old tasks to leave.
fn early(plan: &ServicePlan, _: &Circumstances) -> Vec<Candidate> {
    if plan.pair().is_some() || plan.service["deploymentConfiguration"]["earlySuccessCriteria"]["enable"] == true {
        return Vec::new();
    }
    vec![Candidate {
        settings: vec![
            setting("deployment.early_success.healthy_percent", 100),
            setting("deployment.early_success.cleanup", "deferred"),
        ],
        what: "success once all new tasks are healthy; old tasks leave afterwards, drained as before".to_owned(),
        gains: Vec::new(),
        gives_up: vec![
            "the command no longer waits until the old tasks have left; ECS sees to it in the background".to_owned(),
        ],
    }]
}

fn grace(plan: &ServicePlan, circumstances: &Circumstances) -> Vec<Candidate> {
    let Some(before) = plan.service["healthCheckGracePeriodSeconds"].as_u64() else { return Vec::new() };
    let after = whole_seconds(circumstances.application.boot + GRACE_MARGIN);
    if after >= before || !circumstances.known.boot {
        return Vec::new();
    }
    vec![Candidate {
        settings: vec![setting("health_check.grace_period", format!("{after}s"))],
        what: format!("grace period of {after} s in the place of {before} s"),
        gains: Vec::new(),
        gives_up: vec![format!("a new task that is not ready after {after} s may be replaced before it is")],
    }]
}
