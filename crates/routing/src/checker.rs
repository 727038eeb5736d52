//! Owns when a target is checked and which outcomes count.
//!
//! ELB waits an interval between checks from the start. Here a new target is looked at far more often until its first pass, so that it
//! takes traffic the moment it can: a connection is tried every few milliseconds, and once one succeeds the check proper follows on
//! it. The failures of that phase count only once per interval, so that a slow start is judged exactly as patiently as by ELB. From the
//! first pass, or once unhealthy, checks run one per interval.
//!
//! With a settle time the first pass is not enough: a new target has to keep passing that long, checked often meanwhile, and a failure
//! starts the wait anew. A version that crashes right after its first good answer then never sees traffic.
//!
//! A refused connection seen on live traffic ([`Checker::hint`]) brings the next check forward; its outcome counts like any other.

use std::time::Duration;

use seatrial_model::Timestamp;
use seatrial_model::load_balancing::{TargetHealth, TargetHealthCheck, TargetState};

use crate::health::{CheckOutcome, HealthMachine, Thresholds};

/// Between connection attempts to a new target: imperceptible in a deployment, and cheap on loopback.
pub const FIRST_CONNECT_RETRY: Duration = Duration::from_millis(10);
/// For how long connections are tried that often; most processes have opened their port by then.
pub const FIRST_CONNECT_PHASE: Duration = Duration::from_secs(5);
/// Between connection attempts after that.
pub const LATER_CONNECT_RETRY: Duration = Duration::from_millis(100);
/// After the first failed check of a new target whose port is open; doubled with each, so that warming up is not disturbed.
pub const FIRST_RECHECK: Duration = Duration::from_millis(50);
/// The longest pause between checks of a new target.
pub const LAST_RECHECK: Duration = Duration::from_secs(1);
/// Between the checks of a target that is settling: short against any sensible settle time.
pub const SETTLE_RECHECK: Duration = Duration::from_millis(50);
/// Between two checks asked for by live traffic: an outage shall not turn into a storm of checks.
pub const HINT_SPACING: Duration = Duration::from_millis(100);
/// The part of an interval that checks are spread by, so that those of many targets do not coincide.
const JITTER_DIVISOR: u32 = 50;

/// What a checker needs of a target group's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    pub interval: Duration,
    pub thresholds: Thresholds,
    /// How long a new target has to keep passing; zero is ELB's way, one pass.
    pub settle_time: Duration,
}

/// The checks of one registration of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checker {
    settings: CheckSettings,
    machine: HealthMachine,
    next_check_at: Timestamp,
    last_check_at: Option<Timestamp>,
    /// Present until the first pass or the first verdict.
    first: Option<FirstPhase>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FirstPhase {
    began_at: Timestamp,
    /// A failure at or after this instant counts.
    counts_at: Timestamp,
    recheck: Duration,
    /// Since when every check has passed.
    passing_since: Option<Timestamp>,
}

impl CheckSettings {
    pub fn new(check: &TargetHealthCheck, settle_time: Duration) -> Self {
        CheckSettings { interval: check.interval.max(Duration::from_millis(1)), thresholds: check.into(), settle_time }
    }
}

impl Checker {
    /// Begins to check a target, at once; `last` is what was known of this registration before.
    pub fn new(settings: CheckSettings, last: Option<&TargetHealth>, now: Timestamp) -> Self {
        let machine = HealthMachine::new(last);
        let is_new = machine.health().state == TargetState::Initial;
        let counts_at = now + settings.interval;
        let first = FirstPhase { began_at: now, counts_at, recheck: FIRST_RECHECK, passing_since: None };
        Checker { settings, machine, next_check_at: now, last_check_at: None, first: is_new.then_some(first) }
    }

    pub fn health(&self) -> &TargetHealth {
        self.machine.health()
    }

    /// When the next check is due.
    pub fn next_check_at(&self) -> Timestamp {
        self.next_check_at
    }

    /// Takes new settings; state and counts stay.
    pub fn configure(&mut self, settings: CheckSettings) {
        if self.settings != settings {
            self.settings = settings;
            let latest = self.last_check_at.map(|last| last + settings.interval);
            self.next_check_at = latest.map_or(self.next_check_at, |latest| latest.min(self.next_check_at));
        }
    }

    /// Brings the next check forward, because live traffic met a refused connection.
    pub fn hint(&mut self, now: Timestamp) {
        let soonest = self.last_check_at.map_or(now, |last| (last + HINT_SPACING).max(now));
        self.next_check_at = self.next_check_at.min(soonest);
    }

    /// Takes note that a check begins; returns the state if that changed it.
    pub fn started(&mut self, now: Timestamp) -> Option<TargetHealth> {
        self.last_check_at = Some(now);
        self.machine.begin()
    }

    /// Takes the outcome of the check begun last and plans the next; returns the state if it changed. `entropy` spreads the checks.
    pub fn finished(&mut self, outcome: CheckOutcome, now: Timestamp, entropy: u64) -> Option<TargetHealth> {
        match (&mut self.first, outcome) {
            (Some(first), CheckOutcome::WrongCode(_) | CheckOutcome::TimedOut | CheckOutcome::Failed) => {
                first.passing_since = None;
                let counts = now >= first.counts_at;
                self.next_check_at = now + first.pause(outcome, now, self.settings.interval);
                if !counts {
                    return None;
                }
                first.counts_at = first.counts_at + self.settings.interval;
            }
            (Some(first), CheckOutcome::Passed) => {
                let settled_at = *first.passing_since.get_or_insert(now) + self.settings.settle_time;
                if now < settled_at {
                    while first.counts_at <= now {
                        first.counts_at = first.counts_at + self.settings.interval;
                    }
                    self.machine.forget_failures();
                    self.next_check_at = (now + SETTLE_RECHECK).min(settled_at);
                    return None;
                }
                self.plan_next(now, entropy);
            }
            (None, _) => self.plan_next(now, entropy),
        }
        let changed = self.machine.observe(outcome, self.settings.thresholds);
        if self.machine.health().state != TargetState::Initial && self.first.take().is_some() {
            self.plan_next(now, entropy);
        }
        changed
    }

    fn plan_next(&mut self, now: Timestamp, entropy: u64) {
        let begun = self.last_check_at.unwrap_or(now);
        let spread = self.settings.interval / JITTER_DIVISOR;
        let jitter = spread.mul_f64((entropy >> 11) as f64 / (1u64 << 53) as f64);
        self.next_check_at = (begun + self.settings.interval - jitter).max(now);
    }
}

impl FirstPhase {
    fn pause(&mut self, outcome: CheckOutcome, now: Timestamp, interval: Duration) -> Duration {
        let early = now.since(self.began_at) < FIRST_CONNECT_PHASE;
        let pause = match outcome {
            CheckOutcome::Failed if early => FIRST_CONNECT_RETRY,
            CheckOutcome::Failed => LATER_CONNECT_RETRY,
            CheckOutcome::WrongCode(_) | CheckOutcome::TimedOut | CheckOutcome::Passed => {
                let pause = self.recheck;
                self.recheck = (pause * 2).min(LAST_RECHECK);
                pause
            }
        };
        // The check that counts comes on time, and no pause exceeds an interval however short.
        let until_count = self.counts_at.since(now);
        let pause = pause.min(interval);
        if until_count.is_zero() { pause } else { pause.min(until_count) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETTINGS: CheckSettings = CheckSettings {
        interval: Duration::from_secs(15),
        thresholds: Thresholds { healthy: 2, unhealthy: 2 },
        settle_time: Duration::ZERO,
    };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Runs checks that take no time until `end`; returns when each began and each change of state.
    fn run(
        checker: &mut Checker,
        end: i64,
        outcome: impl Fn(i64) -> CheckOutcome,
    ) -> (Vec<i64>, Vec<(i64, TargetState)>) {
        let (mut checks, mut changes) = (Vec::new(), Vec::new());
        while checker.next_check_at() <= at(end) {
            let now = checker.next_check_at();
            let millis = now.as_millis();
            checks.push(millis);
            let began = checker.started(now);
            let ended = checker.finished(outcome(millis), now, 0);
            changes.extend(ended.or(began).map(|health| (millis, health.state)));
        }
        (checks, changes)
    }

    #[test]
    fn a_new_target_is_healthy_within_ten_milliseconds_of_opening_its_port() {
        let mut checker = Checker::new(SETTINGS, None, at(0));
        let opens = |millis| if millis < 1234 { CheckOutcome::Failed } else { CheckOutcome::Passed };
        let (checks, changes) = run(&mut checker, 30_000, opens);
        assert_eq!(changes, [(0, TargetState::Initial), (1240, TargetState::Healthy)]);
        assert_eq!(checks[checks.len() - 2..], [1240, 16_240], "from the first pass on, one check an interval");
    }

    #[test]
    fn failures_before_the_first_pass_count_once_an_interval() {
        let mut checker = Checker::new(SETTINGS, None, at(0));
        let (checks, changes) = run(&mut checker, 60_000, |_| CheckOutcome::Failed);
        assert_eq!(changes, [(0, TargetState::Initial), (30_000, TargetState::Unhealthy)]);
        let first_five_seconds = checks.iter().filter(|at| **at < 5_000).count();
        assert_eq!(first_five_seconds, 500);
        assert!(checks.windows(2).all(|pair| pair[1] - pair[0] >= 10));
        assert_eq!(checks[checks.len() - 3..], [30_000, 45_000, 60_000]);
    }

    #[test]
    fn a_target_that_answers_badly_while_warming_up_is_asked_ever_less_often() {
        let mut checker = Checker::new(SETTINGS, None, at(0));
        let (checks, _) = run(&mut checker, 6_000, |_| CheckOutcome::WrongCode(503));
        assert_eq!(checks, [0, 50, 150, 350, 750, 1550, 2550, 3550, 4550, 5550]);
    }

    #[test]
    fn a_hint_brings_the_next_check_forward_but_not_into_a_storm() {
        let mut checker = Checker::new(SETTINGS, Some(&TargetHealth::healthy()), at(0));
        checker.started(at(0));
        checker.finished(CheckOutcome::Passed, at(1), 0);
        checker.hint(at(5_000));
        assert_eq!(checker.next_check_at(), at(5_000));
        checker.started(at(5_000));
        assert_eq!(checker.finished(CheckOutcome::Failed, at(5_000), 0), None);
        checker.hint(at(5_001));
        assert_eq!(checker.next_check_at(), at(5_100));
        checker.started(at(5_100));
        let health = checker.finished(CheckOutcome::Failed, at(5_100), 0).expect("the second failure in a row");
        assert_eq!(health.state, TargetState::Unhealthy);
    }

    #[test]
    fn a_target_that_has_to_settle_becomes_healthy_once_it_has_passed_that_long_without_a_failure() {
        let settings = CheckSettings { settle_time: Duration::from_secs(2), ..SETTINGS };
        let mut checker = Checker::new(settings, None, at(0));
        let outcome = |millis| match millis {
            0..100 | 1500..1700 => CheckOutcome::Failed,
            _ => CheckOutcome::Passed,
        };
        let (checks, changes) = run(&mut checker, 4_000, outcome);
        assert_eq!(changes, [(0, TargetState::Initial), (3_700, TargetState::Healthy)]);
        let passing: Vec<_> = checks.iter().filter(|at| (100..1_500).contains(*at)).collect();
        assert_eq!(passing.len(), 28, "every fifty milliseconds");
        let mut checker = Checker::new(settings, None, at(0));
        let (_, changes) =
            run(&mut checker, 20_000, |millis| if millis < 500 { CheckOutcome::Passed } else { CheckOutcome::Failed });
        assert_eq!(changes, [(0, TargetState::Initial)], "it crashed, and is judged as patiently as any other");
    }

    #[test]
    fn jitter_is_small_and_never_delays() {
        let mut checker = Checker::new(SETTINGS, Some(&TargetHealth::healthy()), at(0));
        checker.started(at(0));
        checker.finished(CheckOutcome::Passed, at(0), u64::MAX);
        assert!((at(14_700)..=at(15_000)).contains(&checker.next_check_at()));
    }

    #[test]
    fn a_shorter_interval_takes_effect_at_once() {
        let mut checker = Checker::new(SETTINGS, Some(&TargetHealth::healthy()), at(0));
        checker.started(at(0));
        checker.finished(CheckOutcome::Passed, at(0), 0);
        checker.configure(CheckSettings { interval: Duration::from_secs(5), ..SETTINGS });
        assert_eq!(checker.next_check_at(), at(5_000));
    }

    proptest! {
        #[test]
        fn a_never_passing_target_is_condemned_exactly_when_elb_would(interval in 50u64..40_000, threshold in 1u32..6, code: bool) {
            let thresholds = Thresholds { healthy: 2, unhealthy: threshold };
            let settings = CheckSettings { interval: Duration::from_millis(interval), thresholds, ..SETTINGS };
            let mut checker = Checker::new(settings, None, at(0));
            let outcome = if code { CheckOutcome::WrongCode(500) } else { CheckOutcome::Failed };
            let verdict = interval as i64 * i64::from(threshold);
            let (checks, changes) = run(&mut checker, verdict, |_| outcome);
            prop_assert_eq!(changes.last(), Some(&(verdict, TargetState::Unhealthy)));
            prop_assert!(checks.len() as i64 <= i64::from(threshold) * (2 + interval as i64 / 10));
        }
    }
}
