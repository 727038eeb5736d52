//! The world around one controller: it executes effects the way each version behaves, and tells the controller what happens.
//!
//! Virtual time jumps from one happening to the next. Every step is held against [`Watch`]; every [`AUDIT_EVERY`]th state is audited.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use seatrial_controller::{
    Controller, Effect, Event, HookAnswer, Input, LiveRule, Observation, Policy, Seed, StopCause,
};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{HookId, RevisionId, ServiceName, TargetGroupArn, TaskId, Timestamp};

use crate::agenda::Agenda;
use crate::behaviour::{Behaviour, Boot, Verdict, unhealthy};
use crate::checkers::{Watch, audit};
use crate::draw::Draw;
use crate::routed::Rules;
use crate::run::{Bug, Telling};
use crate::scenario::Scenario;

/// When every world begins.
pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
/// An audit costs a copy of the controller; what one misses the next one finds, as what is left undone stays undone.
const AUDIT_EVERY: u64 = 16;
/// The longest that the control plane is away.
const AWAY_MAX_MILLIS: u64 = 20_000;
/// The longest that an observation is late.
const LATE_MAX_MILLIS: u64 = 3_000;

#[derive(Clone, Debug)]
enum Happening {
    Boots(TaskId),
    Verdict(TaskId),
    Ails(TaskId),
    Exits(TaskId),
    Drained(TaskId, TargetGroupArn, u64),
    Ends(TaskId),
    /// The containers' own check has its first verdict.
    ContainerVerdict(TaskId),
    HookAnswers(HookId, u32, HookAnswer),
    /// The control plane is back.
    Restarts,
}

#[derive(Debug)]
struct Actor {
    behaviour: Behaviour,
    stage: ActorStage,
    /// Counts registrations and deregistrations: a late report of an earlier one is not passed on.
    registration: u64,
    groups: BTreeMap<TargetGroupArn, Registered>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Registered {
    Yes,
    Draining,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActorStage {
    Booting,
    Running,
    Stopping,
}

/// A service and the world around it.
pub struct World<'a> {
    pub controller: Controller,
    pub now: Timestamp,
    pub rules: Rules,
    pub draw: Draw,
    pub scenario: Scenario,
    pub story: String,
    pub steps: u64,
    /// Service deployments that have ended.
    pub ended: u64,
    /// Every input with its instant, where it is asked for.
    pub journal: Option<Vec<(Timestamp, Input)>>,
    telling: Telling,
    has_faults: bool,
    watch: Watch,
    behaviours: BTreeMap<RevisionId, Behaviour>,
    agenda: Agenda<Happening>,
    actors: BTreeMap<TaskId, Actor>,
    bug: &'a mut dyn Bug,
    down: Option<Down>,
}

/// What waits for the control plane to be back.
#[derive(Debug, Default)]
struct Down {
    /// Orders that were stored and not given.
    orders: Vec<Effect>,
    /// What was seen meanwhile.
    seen: Vec<Input>,
}

impl<'a> World<'a> {
    /// Makes the world of a scenario; `bug` stands between it and the controller.
    pub fn new(scenario: Scenario, mut draw: Draw, telling: Telling, bug: &'a mut dyn Bug) -> Self {
        let service = ServiceName::parse("web").expect("a service name");
        let settings = scenario.settings.clone();
        let controller = Controller::new(service, Seed::from_bits(draw.number().into()), Policy::engine(), settings);
        let watch = Watch::new(scenario.settings.clone(), Policy::engine());
        World {
            controller,
            now: START,
            rules: scenario.routing.rules(),
            draw,
            scenario,
            story: String::new(),
            steps: 0,
            ended: 0,
            journal: None,
            telling,
            has_faults: true,
            watch,
            behaviours: BTreeMap::new(),
            agenda: Agenda::default(),
            actors: BTreeMap::new(),
            bug,
            down: None,
        }
    }

    /// Says how the tasks of a version behave.
    pub fn behave(&mut self, revision: RevisionId, behaviour: Behaviour) {
        self.behaviours.insert(revision, behaviour);
    }

    /// Ends every fault: from here on all goes well but for what versions do themselves.
    pub fn end_faults(&mut self) {
        (self.scenario.late_percent, self.scenario.twice_percent, self.scenario.crash_percent) = (0, 0, 0);
        self.has_faults = false;
    }

    /// Whether the control plane is away.
    pub fn is_down(&self) -> bool {
        self.down.is_some()
    }

    /// Lets happen what happens next, if that is before `until`; tells whether something has.
    pub fn advance(&mut self, until: Timestamp) -> Result<bool, String> {
        let wake = self.controller.wake_at(self.now).map(|(at, _)| at).filter(|_| self.down.is_none());
        let Some(at) = wake.into_iter().chain(self.agenda.next_at()).min().filter(|at| *at <= until) else {
            self.now = until;
            return Ok(false);
        };
        self.now = self.now.max(at);
        // A happening of the same instant may turn out to concern nobody any more, and the controller asks for no instant twice.
        let is_woken = wake == Some(at);
        match if is_woken { None } else { self.agenda.take_next() } {
            Some(happening) => self.happen(happening)?,
            None => self.feed(Input::Tick)?,
        }
        Ok(true)
    }

    /// Gives an input, checks the step and executes it.
    pub fn feed(&mut self, input: Input) -> Result<(), String> {
        if let Some(down) = &mut self.down {
            down.seen.push(input);
            return Ok(());
        }
        self.steps += 1;
        let told = if self.bug.hides(&input) { Input::Tick } else { input.clone() };
        let mut step = self.controller.handle(self.now, told.clone());
        self.bug.distort(&mut step);
        if self.telling == Telling::Told {
            let at = self.now.since(START).as_millis();
            let _ = write!(self.story, "{}.{:03} {input:?}\n{step}", at / 1000, at % 1000);
        }
        if let Some(journal) = &mut self.journal {
            journal.push((self.now, told));
        }
        self.watch.follow(self.now, &input, &step)?;
        if self.steps.is_multiple_of(AUDIT_EVERY) {
            audit(&self.controller, &self.watch, self.now)?;
        }
        let ends = |event: &&Event| matches!(event, Event::ServiceDeployment(told) if told.status.is_terminal());
        self.ended += step.events.iter().filter(ends).count() as u64;
        if self.draw.chance(self.scenario.crash_percent) {
            self.crash()?;
            if self.scenario.crashes_lose_orders {
                let away = self.draw.millis(0, AWAY_MAX_MILLIS);
                self.down = Some(Down { orders: step.effects, seen: Vec::new() });
                self.schedule(away, Happening::Restarts);
                return Ok(());
            }
            step.effects.iter().cloned().for_each(|effect| self.execute(effect));
        }
        step.effects.into_iter().for_each(|effect| self.execute(effect));
        Ok(())
    }

    /// The control plane is back: it gives the orders it had stored, then looks at what has happened meanwhile.
    fn restart(&mut self) -> Result<(), String> {
        let Some(Down { orders, seen }) = self.down.take() else { return Ok(()) };
        orders.into_iter().for_each(|effect| self.execute(effect));
        // Time has passed; what was due is due now.
        let seen = seen.into_iter().filter(|input| *input != Input::Tick).chain([Input::Tick]);
        for input in seen {
            self.feed(input)?;
        }
        Ok(())
    }

    /// The control plane is killed once it has stored a step, and starts again with what it stored.
    fn crash(&mut self) -> Result<(), String> {
        let stored = serde_json::to_string(&self.controller).map_err(|cause| format!("cannot be stored: {cause}"))?;
        let loaded = serde_json::from_str(&stored).map_err(|cause| format!("cannot be loaded: {cause}"))?;
        let before = std::mem::replace(&mut self.controller, loaded);
        if before != self.controller {
            return Err("I10: what is loaded is not what was stored".to_owned());
        }
        if self.telling == Telling::Told {
            self.story.push_str("the control plane is killed and starts again\n");
        }
        Ok(())
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::StartTask { task, revision, .. } => self.start(task, revision),
            Effect::RegisterTarget { task, target_group } => self.register(&task, target_group),
            Effect::DeregisterTarget { task, target_group } => self.deregister(&task, &target_group),
            Effect::SetRuleWeights { rule, weights } => {
                self.rules.insert(rule, LiveRule::Forwards(weights.into_iter().collect()));
            }
            Effect::StopTask { task } => {
                if let Some(actor) = self.actors.get_mut(&task).filter(|actor| actor.stage != ActorStage::Stopping) {
                    actor.stage = ActorStage::Stopping;
                    let time = actor.behaviour.stops_in;
                    self.schedule(time, Happening::Ends(task));
                }
            }
            Effect::InvokeHook(invocation) => self.invoke(invocation.hook, invocation.attempt),
            // Words in a table.
            Effect::DeactivateTask { .. } | Effect::ReactivateTask { .. } => {}
        }
    }

    fn start(&mut self, task: TaskId, revision: RevisionId) {
        if self.actors.contains_key(&task) {
            return;
        }
        let behaviour = self.behaviours.get(&revision).copied().unwrap_or(Behaviour::GOOD);
        let actor = Actor { behaviour, stage: ActorStage::Booting, registration: 0, groups: BTreeMap::new() };
        self.actors.insert(task.clone(), actor);
        if behaviour.boot != Boot::Hangs {
            self.schedule(behaviour.boot_time, Happening::Boots(task));
        }
    }

    /// Asks a function, which answers what it likes, or never; without faults it succeeds.
    fn invoke(&mut self, hook: HookId, attempt: u32) {
        let answer = match self.draw.below(if self.has_faults { 12 } else { 1 }) {
            0..=6 => HookAnswer::Succeeded,
            7 => HookAnswer::Failed,
            8 => HookAnswer::InProgress { call_back: Some(self.draw.millis(100, 10_000)), details: None },
            9 => HookAnswer::InProgress { call_back: None, details: None },
            10 => HookAnswer::NotInvoked("no such function".to_owned()),
            _ => return,
        };
        let time = self.draw.millis(1, 3_000);
        self.schedule(time, Happening::HookAnswers(hook, attempt, answer));
    }

    fn register(&mut self, task: &TaskId, group: TargetGroupArn) {
        let Some(actor) = self.actors.get_mut(task) else { return };
        if actor.groups.insert(group, Registered::Yes) != Some(Registered::Yes) {
            actor.registration += 1;
            let time = actor.behaviour.check_time;
            self.schedule(time, Happening::Verdict(task.clone()));
        }
    }

    fn deregister(&mut self, task: &TaskId, group: &TargetGroupArn) {
        let Some(actor) = self.actors.get_mut(task) else { return };
        if actor.groups.insert(group.clone(), Registered::Draining) == Some(Registered::Draining) {
            return;
        }
        actor.registration += 1;
        if let Some(time) = actor.behaviour.drains_in {
            let happening = Happening::Drained(task.clone(), group.clone(), actor.registration);
            self.schedule(time, happening);
        }
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.agenda.plan(self.now + after, happening);
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        let is_ours = matches!(happening, Happening::Restarts);
        if !is_ours && self.draw.chance(self.scenario.late_percent) {
            let late = self.draw.millis(1, LATE_MAX_MILLIS);
            self.schedule(late, happening);
            return Ok(());
        }
        match happening {
            Happening::Boots(task) => self.boot(task),
            Happening::Verdict(task) => self.report(&task),
            Happening::Ails(task) => {
                if let Some(actor) = self.actors.get_mut(&task) {
                    actor.behaviour.verdict = Verdict::Fails;
                }
                self.report(&task)
            }
            Happening::Exits(task) => {
                let runs = self.actors.get(&task).is_some_and(|actor| actor.stage == ActorStage::Running);
                if runs { self.end(task, StopCause::Exited, "Essential container in task exited") } else { Ok(()) }
            }
            Happening::Drained(task, target_group, registration) => {
                if self.actors.get(&task).is_some_and(|actor| actor.registration == registration) {
                    self.observe(&Observation::TargetDrained { task, target_group })?;
                }
                Ok(())
            }
            Happening::Ends(task) => self.end(task, StopCause::Ordered, ""),
            Happening::ContainerVerdict(task) => self.report_containers(task),
            Happening::HookAnswers(hook, attempt, answer) => {
                self.observe(&Observation::HookAnswered { hook, attempt, answer })
            }
            Happening::Restarts => self.restart(),
        }
    }

    fn boot(&mut self, task: TaskId) -> Result<(), String> {
        let Some(actor) = self.actors.get_mut(&task).filter(|actor| actor.stage == ActorStage::Booting) else {
            return Ok(());
        };
        let behaviour = actor.behaviour;
        match behaviour.boot {
            Boot::Hangs => Ok(()),
            Boot::Fails => self.end(task, StopCause::FailedToStart, "CannotStartContainerError: try again"),
            Boot::CannotStart => self.end(task, StopCause::CannotStart, "CannotStartContainerError: no such file"),
            Boot::Runs => {
                actor.stage = ActorStage::Running;
                if let Some(after) = behaviour.ails_after {
                    self.schedule(after, Happening::Ails(task.clone()));
                }
                if let Some(after) = behaviour.exits_after {
                    self.schedule(after, Happening::Exits(task.clone()));
                }
                if self.scenario.checks_containers {
                    self.schedule(behaviour.check_time, Happening::ContainerVerdict(task.clone()));
                }
                self.observe(&Observation::TaskRunning { task })
            }
        }
    }

    fn end(&mut self, task: TaskId, cause: StopCause, reason: &str) -> Result<(), String> {
        if self.actors.remove(&task).is_none() {
            return Ok(());
        }
        self.observe(&Observation::TaskStopped { task, cause, reason: reason.to_owned() })
    }

    /// Tells the controller what the check of a task's containers says.
    fn report_containers(&mut self, task: TaskId) -> Result<(), String> {
        let health = match self.actors.get(&task).map(|actor| actor.behaviour.verdict) {
            Some(Verdict::Passes) => HealthStatus::Healthy,
            Some(Verdict::Fails) => HealthStatus::Unhealthy,
            Some(Verdict::Never) | None => return Ok(()),
        };
        self.observe(&Observation::TaskHealth { task, health })
    }

    /// Tells the controller what the checks of a task's registered targets say.
    fn report(&mut self, task: &TaskId) -> Result<(), String> {
        let Some(actor) = self.actors.get(task) else { return Ok(()) };
        let health = match actor.behaviour.verdict {
            Verdict::Passes => TargetHealth::healthy(),
            Verdict::Fails => unhealthy(),
            Verdict::Never => return Ok(()),
        };
        let registered = actor.groups.iter().filter(|(_, registered)| **registered == Registered::Yes);
        let groups: Vec<_> = registered.map(|(group, _)| group.clone()).collect();
        groups.into_iter().try_for_each(|target_group| {
            let (task, health) = (task.clone(), health.clone());
            self.observe(&Observation::TargetHealth { task, target_group, port: 80, health })
        })
    }

    fn observe(&mut self, observation: &Observation) -> Result<(), String> {
        self.feed(Input::Observation(observation.clone()))?;
        // Only what is still so is said again: a target that has been taken back meanwhile is not drained.
        let is_lasting = !matches!(observation, Observation::TargetDrained { .. });
        if is_lasting && self.draw.chance(self.scenario.twice_percent) {
            self.feed(Input::Observation(observation.clone()))?;
        }
        Ok(())
    }
}
