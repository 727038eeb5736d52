//! One deployment from the request to its end, with delays drawn from a platform's profile.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::{
    Command, Controller, Input, LiveRule, NewDeployment, Observation, Revision, Seed, ServiceDeploymentStatus,
    TaskStatus, Update,
};
use seatrial_model::{RevisionId, ServiceDeploymentId, ServiceName, TargetGroupArn, TaskId, Timestamp};
use serde::Serialize;

use super::Ending;
use super::causes::{Cause, Causes, Phase, Wait};
use super::profile::Profile;
use super::spread::fraction;
use super::subject::{Alarm, Balancing, Fate, Prior, Subject};
use super::tasks::Actor;
use crate::agenda::Agenda;
use crate::draw::Draw;
use crate::routed::{self, Routing, Rules, share_of};
use crate::world::START;

/// When a deployment that has not ended is taken for one that never does.
const ENDLESS: Duration = Duration::from_secs(7 * 24 * 3600);
/// The most inputs of one life: a version that crashes for ever fills it.
const INPUTS_MAX: usize = 20_000;
/// A life of a version that fails is followed this long at most, since nobody waits longer.
const FAILURE_LIMIT: Duration = Duration::from_secs(4 * 3600);
/// How long the service has been at rest when the deployment is asked for.
const REST: Duration = Duration::from_secs(60);

/// The service before.
const BEFORE: u64 = 1;
/// The version that is deployed.
pub(super) const DEPLOYED: u64 = 2;

/// A deployment that was lived through.
#[derive(Debug)]
pub struct Life {
    pub ending: Ending,
    /// None when it never ends.
    pub took: Option<Duration>,
    pub phases: Vec<Phase>,
    pub points: Vec<Point>,
    pub given_up: Option<Duration>,
    pub traffic_back: Option<Duration>,
}

/// The service at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Since the request.
    #[serde(rename = "at_ms", serialize_with = "super::as_milliseconds")]
    pub at: Duration,
    /// Tasks that serve or could.
    pub healthy: u32,
    /// All tasks there are.
    pub tasks: u32,
    /// The share of production traffic of the version that is deployed, from 0 to 1.
    pub share: f64,
}

#[derive(Debug)]
pub(super) enum Happening {
    /// The controller is told.
    Told(Input, Cause),
    Runs(TaskId, Cause),
    Probe(TaskId, TargetGroupArn, usize),
    Exits(TaskId, usize),
    Ends(TaskId, Observation, Cause),
}

pub(super) struct World<'a> {
    pub(super) subject: &'a Subject,
    pub(super) profile: &'a Profile,
    pub(super) fate: Fate,
    pub(super) controller: Controller,
    pub(super) now: Timestamp,
    pub(super) draw: Draw,
    pub(super) rules: Rules,
    pub(super) agenda: Agenda<Happening>,
    pub(super) actors: BTreeMap<TaskId, Actor>,
    pub(super) causes: Causes,
    pub(super) registrations: usize,
    /// The wake the controller asks for, and the input that made it.
    wake: Option<(Timestamp, usize)>,
    alarm_is_due: bool,
    begun: Timestamp,
    points: Vec<Point>,
    given_up: Option<Timestamp>,
    ended: Option<(Timestamp, usize)>,
}

impl Life {
    /// Lives through the deployment of a version with this fate.
    pub fn lived(subject: &Subject, profile: &Profile, fate: Fate, mut draw: Draw) -> Self {
        let service = ServiceName::parse("web").expect("a service name");
        let seed = Seed::from_bits(draw.number().into());
        let controller = Controller::new(service, seed, profile.policy, subject.settings.clone());
        let mut world = World {
            subject,
            profile,
            fate: Fate::Good,
            controller,
            // The scheduler's ticks are at whole multiples, so this is their phase.
            now: START + profile.tick.unwrap_or_default().mul_f64(fraction(&mut draw)),
            draw,
            rules: routing(subject.balancing).rules(),
            agenda: Agenda::default(),
            actors: BTreeMap::new(),
            causes: Causes::default(),
            registrations: 0,
            wake: None,
            alarm_is_due: false,
            begun: START,
            points: Vec::new(),
            given_up: None,
            ended: None,
        };
        if subject.prior == Prior::Steady {
            world.deploy(BEFORE);
            world.live(ENDLESS);
            let rest = world.profile.tick.unwrap_or_default().mul_f64(fraction(&mut world.draw));
            world.pass(REST + rest);
        }
        world.fate = fate;
        world.begin();
        world.deploy(DEPLOYED);
        world.live(if fate == Fate::Good { ENDLESS } else { FAILURE_LIMIT });
        world.told()
    }

    /// The seconds of all tasks together, and those above the wanted number of tasks.
    pub fn task_seconds(&self, desired: u32) -> (f64, f64) {
        let ends = self.points.iter().skip(1).map(|point| point.at).chain(self.took);
        let (mut all, mut extra) = (0.0, 0.0);
        for (point, end) in self.points.iter().zip(ends) {
            let seconds = end.saturating_sub(point.at).as_secs_f64();
            all += seconds * f64::from(point.tasks);
            extra += seconds * f64::from(point.tasks.saturating_sub(desired));
        }
        (all, extra)
    }
}

fn routing(balancing: Option<Balancing>) -> Routing {
    match balancing {
        None => Routing::Headless,
        Some(Balancing { has_pair: true, .. }) => Routing::Production,
        Some(Balancing { has_pair: false, .. }) => Routing::OneGroup,
    }
}

impl World<'_> {
    /// From here on it counts.
    fn begin(&mut self) {
        self.begun = self.now;
        (self.points, self.given_up, self.ended) = (Vec::new(), None, None);
        self.note_point();
    }

    fn deploy(&mut self, number: u64) {
        self.ended = None;
        let delay = self.subject.balancing.map_or(Duration::ZERO, |balancing| {
            balancing.deregistration_delay + self.profile.deregistration.draw(&mut self.draw)
        });
        let settings = self.subject.settings.clone();
        let attached = routing(self.subject.balancing).attach(&self.controller, &self.rules, &settings, delay);
        let has_health_check = self.subject.container_check.is_some();
        let revision = Revision { has_health_check, ..routed::revision(number, attached) };
        let new = NewDeployment {
            id: ServiceDeploymentId::from_bits(number.into()),
            revision,
            rules: self.rules.clone().into_iter().collect(),
            firing_alarms: Vec::new(),
        };
        let update = Input::Command(Command::Update(Update { settings, deploy: Some(Box::new(new)) }));
        self.tell(update, Cause::default());
    }

    /// Goes on until the deployment is over.
    fn live(&mut self, limit: Duration) {
        let until = self.now + limit;
        let inputs_max = self.causes.count() + INPUTS_MAX;
        while self.ended.is_none() && self.causes.count() < inputs_max && self.advance(until) {}
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.advance(until) {}
    }

    fn advance(&mut self, until: Timestamp) -> bool {
        let wake = self.wake.map(|(at, _)| at);
        let Some(at) = wake.into_iter().chain(self.agenda.next_at()).min().filter(|at| *at <= until) else {
            self.now = self.now.max(until);
            return false;
        };
        self.now = self.now.max(at);
        match self.wake.filter(|(wake, _)| *wake == at) {
            Some((_, maker)) => self.wake_up(maker),
            None => {
                if let Some(happening) = self.agenda.take_next() {
                    self.happen(happening);
                }
            }
        }
        true
    }

    fn wake_up(&mut self, maker: usize) {
        // What is waited for is what the controller says of that very instant, not of when it is woken.
        let asked_at = self.causes.at(maker);
        let asked = self.controller.wake_at(asked_at).filter(|(at, _)| *at <= self.now);
        let cause = match asked {
            None => Cause::of(maker).then(Wait::Scheduler, self.now),
            Some((at, reason)) => {
                let waits = self.controller.waiting(asked_at);
                let since = waits.iter().filter(|wait| wait.until == Some(at)).map(|wait| wait.since).min();
                let wait = Wait::from(reason);
                // A throttle counts from its first failure, and the last one matters.
                let since = since.filter(|_| wait != Wait::StartThrottle);
                let parent = since.and_then(|since| self.causes.last_until(since)).unwrap_or(maker).min(maker);
                Cause::of(parent).then(wait, at).then(Wait::Scheduler, self.now)
            }
        };
        self.feed(Input::Tick, cause);
    }

    /// The next look of the scheduler from an instant on.
    fn tick_from(&self, at: Timestamp) -> Timestamp {
        let Some(tick) = self.profile.tick.map(|tick| tick.as_millis() as i64).filter(|tick| *tick > 0) else {
            return at;
        };
        let past = at.as_millis().rem_euclid(tick);
        Timestamp::from_millis(at.as_millis() + if past == 0 { 0 } else { tick - past })
    }

    /// Has the scheduler learn something, at its next look.
    pub(super) fn tell(&mut self, input: Input, cause: Cause) {
        if self.tick_from(self.now) > self.now {
            self.tell_at(self.now, input, cause);
        } else {
            self.feed(input, cause);
        }
    }

    /// The same of something that will have happened at an instant.
    pub(super) fn tell_at(&mut self, at: Timestamp, input: Input, cause: Cause) {
        let told_at = self.tick_from(at);
        self.agenda.plan(told_at, Happening::Told(input, cause.then(Wait::Scheduler, told_at)));
    }

    pub(super) fn feed(&mut self, input: Input, cause: Cause) {
        let number = self.causes.note(self.now, cause);
        let step = self.controller.handle(self.now, input);
        for effect in step.effects {
            self.execute(effect, number);
        }
        self.watch(number);
        let wake = self.controller.wake_at(self.now).map(|(at, _)| self.tick_from(at));
        // A wake that stays the same is still the doing of whatever asked for it first.
        if self.wake.map(|(at, _)| at) != wake {
            self.wake = wake.map(|at| (at, number));
        }
    }

    fn watch(&mut self, number: usize) {
        self.note_point();
        let share = self.points.last().map_or(0.0, |point| point.share);
        if let (Fate::Errs, Some(alarm), true, false) = (self.fate, self.subject.alarm, share > 0.0, self.alarm_is_due)
        {
            self.alarm_is_due = true;
            let at = self.now + self.time_to_fire(alarm);
            let fired = Input::Observation(Observation::AlarmFired { name: Alarm::NAME.to_owned() });
            self.tell_at(at, fired, Cause::of(number).then(Wait::Alarm, at));
        }
        let Some(deployment) = self.controller.service_deployment() else { return };
        let goes_well = matches!(
            deployment.status,
            ServiceDeploymentStatus::Pending
                | ServiceDeploymentStatus::InProgress
                | ServiceDeploymentStatus::Successful
        );
        if !goes_well {
            self.given_up.get_or_insert(self.now);
        }
        if deployment.status.is_terminal() && self.ended.is_none() {
            self.ended = Some((self.now, number));
        }
    }

    fn time_to_fire(&mut self, alarm: Alarm) -> Duration {
        // The errors begin somewhere in a period; the alarm needs the rest of it and of as many more, and is seen a while later.
        let rest = alarm.period.mul_f64(fraction(&mut self.draw));
        rest + alarm.period * alarm.periods.saturating_sub(1) + self.profile.alarm.draw(&mut self.draw)
    }

    fn note_point(&mut self) {
        let is_good = |task: &&seatrial_controller::Task| {
            task.status == TaskStatus::Running && self.controller.is_healthy(task, self.now)
        };
        let (mut healthy, mut new) = (0, 0);
        for task in self.controller.tasks().filter(is_good) {
            healthy += 1;
            new += u32::from(task.revision == RevisionId::from_bits(DEPLOYED));
        }
        let share = match self.shared() {
            Some(share) => share,
            None if healthy == 0 => 0.0,
            None => f64::from(new) / f64::from(healthy),
        };
        let tasks = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
        let point = Point { at: self.now.since(self.begun), healthy, tasks, share };
        match self.points.last_mut() {
            Some(last) if last.at == point.at => *last = point,
            Some(last) if Point { at: point.at, ..*last } == point => {}
            _ => self.points.push(point),
        }
    }

    /// The new version's share where a rule shares traffic between target groups.
    fn shared(&self) -> Option<f64> {
        if !self.subject.balancing.is_some_and(|balancing| balancing.has_pair) {
            return None;
        }
        let Some(revision) = self.controller.revision(RevisionId::from_bits(DEPLOYED)) else { return Some(0.0) };
        let group = &revision.target_groups.first()?.arn;
        // Where tasks are replaced both versions are in one target group, and their numbers decide.
        let shifts = self.subject.settings.deployment.strategy.shifts_traffic();
        let live = self.rules.get(&routed::production()).unwrap_or(&LiveRule::Missing);
        shifts.then(|| f64::from(share_of(live, group)) / 1000.0)
    }

    fn told(self) -> Life {
        let status = self.ended.and_then(|_| Some(self.controller.service_deployment()?.status));
        let phases = self.ended.map(|(_, number)| self.causes.path(number, self.begun)).unwrap_or_default();
        let since = |at: Timestamp| at.since(self.begun);
        let given_up = self.given_up.map(since);
        let traffic_back = given_up.and_then(|_| {
            let last = self.points.iter().rposition(|point| point.share > 0.0);
            match last {
                None => Some(Duration::ZERO),
                Some(last) => self.points.get(last + 1).map(|point| point.at),
            }
        });
        Life {
            ending: status.into(),
            took: self.ended.map(|(at, _)| since(at)),
            phases,
            points: self.points,
            given_up,
            traffic_back,
        }
    }
}
