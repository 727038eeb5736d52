//! What tasks and their targets do: they are started, probed and drained, they crash and end, each after a delay of the platform.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::{Effect, Input, LiveRule, Observation, StopCause};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{RevisionId, TargetGroupArn, TaskId, Timestamp};
use seatrial_routing::health::Thresholds;
use seatrial_routing::{CheckOutcome, Checker, HealthMachine};

use super::causes::{Cause, Wait};
use super::life::{DEPLOYED, Happening, World};
use super::profile::{Draining, Probing};
use super::spread::fraction;
use super::subject::Fate;
use crate::behaviour::unhealthy;

/// A task of the world.
#[derive(Debug)]
pub(super) struct Actor {
    revision: RevisionId,
    /// When its process began.
    running_since: Option<Timestamp>,
    is_stopping: bool,
    targets: BTreeMap<TargetGroupArn, Target>,
}

/// A registration.
#[derive(Debug)]
struct Target {
    /// Tells registrations of one target apart.
    registration: usize,
    /// The input that registered it.
    by: usize,
    prober: Prober,
}

#[derive(Debug)]
enum Prober {
    Interval { machine: HealthMachine, next: Timestamp, interval: Duration, thresholds: Thresholds },
    Eager(Checker),
    Draining,
}

impl Prober {
    fn next_at(&self) -> Option<Timestamp> {
        match self {
            Prober::Interval { next, .. } => Some(*next),
            Prober::Eager(checker) => Some(checker.next_check_at()),
            Prober::Draining => None,
        }
    }

    fn probe(&mut self, outcome: CheckOutcome, now: Timestamp) -> Option<TargetHealth> {
        match self {
            Prober::Interval { machine, next, interval, thresholds } => {
                *next = now + *interval;
                machine.observe(outcome, *thresholds)
            }
            Prober::Eager(checker) => {
                checker.started(now);
                checker.finished(outcome, now, 0)
            }
            Prober::Draining => None,
        }
    }
}

impl World<'_> {
    pub(super) fn execute(&mut self, effect: Effect, number: usize) {
        match effect {
            Effect::StartTask { task, revision, .. } => self.start(task, revision, number),
            Effect::RegisterTarget { task, target_group } => self.register(&task, target_group, number),
            Effect::DeregisterTarget { task, target_group } => self.deregister(&task, target_group, number),
            Effect::SetRuleWeights { rule, weights } => {
                self.rules.insert(rule, LiveRule::Forwards(weights.into_iter().collect()));
            }
            Effect::StopTask { task } => self.stop(task, number),
            // Words in a table; hooks are left out of what is foreseen.
            Effect::DeactivateTask { .. } | Effect::ReactivateTask { .. } | Effect::InvokeHook(_) => {}
        }
    }

    fn start(&mut self, task: TaskId, revision: RevisionId, number: usize) {
        if self.actors.contains_key(&task) {
            return;
        }
        let actor = Actor { revision, running_since: None, is_stopping: false, targets: BTreeMap::new() };
        self.actors.insert(task.clone(), actor);
        let profile = self.profile;
        if self.fate_of(revision) == Fate::CannotBePulled {
            let at = self.now + profile.failed_pull.draw(&mut self.draw);
            let reason = "CannotPullContainerError".to_owned();
            let ended = Observation::TaskStopped { task: task.clone(), cause: StopCause::CannotStart, reason };
            self.agenda.plan(at, Happening::Ends(task, ended, Cause::of(number).then(Wait::Pull, at)));
            return;
        }
        let provisioned = self.now + profile.provisioning.draw(&mut self.draw);
        let bytes = profile.pull_per_megabyte.mul_f64(self.subject.application.image_megabytes.max(0.0));
        let pulled = provisioned + profile.pull.draw(&mut self.draw) + bytes;
        let starting = self.actors.values().filter(|actor| actor.running_since.is_none()).count() as u32;
        let started = pulled + profile.start.draw(&mut self.draw) + profile.start_each * starting.saturating_sub(1);
        let cause =
            Cause::of(number).then(Wait::Provisioning, provisioned).then(Wait::Pull, pulled).then(Wait::Start, started);
        self.agenda.plan(started, Happening::Runs(task, cause));
    }

    fn fate_of(&self, revision: RevisionId) -> Fate {
        if revision == RevisionId::from_bits(DEPLOYED) { self.fate } else { Fate::Good }
    }

    fn register(&mut self, task: &TaskId, group: TargetGroupArn, by: usize) {
        let Some(balancing) = self.subject.balancing else { return };
        let check = balancing.check;
        self.registrations += 1;
        let registration = self.registrations;
        let prober = match self.profile.probing {
            Probing::Eagerly => Prober::Eager(Checker::new(check, None, self.now)),
            Probing::EveryInterval => Prober::Interval {
                machine: HealthMachine::new(None),
                next: self.now + check.interval.mul_f64(fraction(&mut self.draw)),
                interval: check.interval,
                thresholds: check.thresholds,
            },
        };
        let Some(actor) = self.actors.get_mut(task) else { return };
        if let Some(at) = prober.next_at() {
            self.agenda.plan(at, Happening::Probe(task.clone(), group.clone(), registration));
        }
        actor.targets.insert(group, Target { registration, by, prober });
    }

    fn deregister(&mut self, task: &TaskId, group: TargetGroupArn, number: usize) {
        let slowest = self.subject.application.slowest_request;
        let Some(balancing) = self.subject.balancing else { return };
        let Some(target) = self.actors.get_mut(task).and_then(|actor| actor.targets.get_mut(&group)) else { return };
        if matches!(target.prober, Prober::Draining) {
            return;
        }
        target.prober = Prober::Draining;
        match self.profile.draining {
            Draining::WholeDelay => {}
            Draining::UntilIdle => {
                let at = self.now + slowest.min(balancing.deregistration_delay);
                let drained = Observation::TargetDrained { task: task.clone(), target_group: group };
                self.tell_at(at, Input::Observation(drained), Cause::of(number).then(Wait::Draining, at));
            }
        }
    }

    fn stop(&mut self, task: TaskId, number: usize) {
        let stops_in = self.subject.application.stops_in;
        let Some(actor) = self.actors.get_mut(&task).filter(|actor| !actor.is_stopping) else { return };
        actor.is_stopping = true;
        let runs = actor.running_since.is_some();
        let stopped = self.now + if runs { stops_in } else { Duration::ZERO };
        self.end(task, StopCause::Ordered, "", Cause::of(number).then(Wait::Stop, stopped), stopped);
    }

    /// Ends a task whose processes have ended.
    fn end(&mut self, task: TaskId, cause: StopCause, reason: &str, led: Cause, stopped: Timestamp) {
        let at = stopped + self.profile.deprovisioning.draw(&mut self.draw);
        let ended = Observation::TaskStopped { task: task.clone(), cause, reason: reason.to_owned() };
        self.agenda.plan(at, Happening::Ends(task, ended, led.then(Wait::Deprovisioning, at)));
    }

    pub(super) fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Told(input, cause) => {
                if !self.is_outdated(&input) {
                    self.feed(input, cause);
                }
            }
            Happening::Runs(task, cause) => self.run(task, cause),
            Happening::Probe(task, group, registration) => self.probe(&task, group, registration),
            Happening::Exits(task, number) => self.exit(task, number),
            Happening::Ends(task, ended, cause) => {
                self.actors.remove(&task);
                self.tell(Input::Observation(ended), cause);
            }
        }
    }

    /// Whether a target is said to be healthy whose process has ended since: the scheduler looks at what is so now.
    fn is_outdated(&self, input: &Input) -> bool {
        let Input::Observation(Observation::TargetHealth { task, health, .. }) = input else { return false };
        health.is_healthy() && self.actors.get(task).is_none_or(|actor| actor.is_stopping)
    }

    /// A process ends by itself. Its task no longer runs, which the scheduler sees before the task has been cleared away.
    fn exit(&mut self, task: TaskId, number: usize) {
        let Some(actor) = self.actors.get_mut(&task).filter(|actor| !actor.is_stopping) else { return };
        actor.is_stopping = true;
        let groups: Vec<TargetGroupArn> = actor.targets.keys().cloned().collect();
        let led = Cause::of(number).then(Wait::Crash, self.now);
        for target_group in groups {
            let told = Observation::TargetHealth { task: task.clone(), target_group, port: 80, health: unhealthy() };
            self.tell(Input::Observation(told), led.clone());
        }
        self.end(task, StopCause::Exited, "Essential container in task exited", led, self.now);
    }

    fn run(&mut self, task: TaskId, cause: Cause) {
        let now = self.now;
        let Some(actor) = self.actors.get_mut(&task).filter(|actor| !actor.is_stopping) else { return };
        actor.running_since = Some(now);
        let revision = actor.revision;
        let exits_after = match self.fate_of(revision) {
            Fate::EndsAtStart => Some(Duration::ZERO),
            Fate::Crashes(after) => Some(after),
            Fate::Good | Fate::CannotBePulled | Fate::FailsChecks | Fate::Errs => None,
        };
        let number = self.causes.note(now, cause);
        if let Some(after) = exits_after {
            self.agenda.plan(now + after, Happening::Exits(task.clone(), number));
        }
        self.check_containers(&task, revision, number);
        self.tell(Input::Observation(Observation::TaskRunning { task }), Cause::of(number));
    }

    /// The first verdict of the containers' own check.
    fn check_containers(&mut self, task: &TaskId, revision: RevisionId, number: usize) {
        let now = self.now;
        if let Some(check) = self.subject.container_check {
            let ready = now + self.subject.application.boot;
            let fails = self.fate_of(revision) == Fate::FailsChecks;
            // The first check comes an interval after the start.
            let mut at = now + check.interval;
            while !fails && at < ready {
                at = at + check.interval;
            }
            let failed_at = now + check.start_period + check.interval * check.retries.max(1);
            let (at, health) = if fails { (failed_at, HealthStatus::Unhealthy) } else { (at, HealthStatus::Healthy) };
            let told = Observation::TaskHealth { task: task.clone(), health };
            let cause = Cause::of(number).then(Wait::Boot, ready.min(at)).then(Wait::HealthCheck, at);
            self.tell_at(at, Input::Observation(told), cause);
        }
    }

    fn probe(&mut self, task: &TaskId, group: TargetGroupArn, registration: usize) {
        let now = self.now;
        let Some((revision, since)) =
            self.actors.get(task).and_then(|actor| Some((actor.revision, actor.running_since?)))
        else {
            return;
        };
        let ready = since + self.subject.application.boot;
        let fails = self.fate_of(revision) == Fate::FailsChecks;
        let Some(actor) = self.actors.get_mut(task) else { return };
        let outcome = if now < ready || actor.is_stopping {
            CheckOutcome::Failed
        } else if fails {
            CheckOutcome::WrongCode(503)
        } else {
            CheckOutcome::Passed
        };
        let Some(target) = actor.targets.get_mut(&group).filter(|target| target.registration == registration) else {
            return;
        };
        let changed = target.prober.probe(outcome, now);
        let by = target.by;
        // What it has come to stays: nothing more is learned from a target that passes, or that will never do.
        let is_settled = changed.as_ref().is_some_and(|health| health.is_healthy() || fails);
        if let Some(at) = target.prober.next_at().filter(|_| !is_settled) {
            self.agenda.plan(at, Happening::Probe(task.clone(), group.clone(), registration));
        }
        let Some(health) = changed else { return };
        let noticed = now + self.profile.notice.draw(&mut self.draw);
        let cause =
            Cause::of(by).then(Wait::Boot, ready.min(now)).then(Wait::HealthCheck, now).then(Wait::Notice, noticed);
        let told = Observation::TargetHealth { task: task.clone(), target_group: group, port: 80, health };
        self.tell_at(noticed, Input::Observation(told), cause);
    }
}
