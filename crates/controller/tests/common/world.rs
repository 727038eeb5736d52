//! A tiny deterministic world: it executes effects the way each revision is said to behave, and tells the controller what happens.
//!
//! Virtual time jumps from one happening to the next. Every step is checked: the invariants ([`Watch`]), and that it leaves nothing
//! undone ([`audit`]).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use seatrial_controller::{
    Command, Controller, Effect, HookAnswer, HookInvocation, Input, LiveRule, Observation, StopCause, StopType,
    TaskStatus,
};
use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{HookId, RevisionId, TargetGroupArn, TaskId, Timestamp};
pub use seatrial_sim::behaviour::{Behaviour, Boot, Verdict};
use seatrial_sim::checkers::{Watch, audit};

use super::names::Names;
use super::routed::Rules;
use super::{START, deployment_id, ms, target_group, unhealthy};

#[derive(Clone, Debug)]
enum Happening {
    Boots(TaskId),
    Verdict(TaskId),
    Ails(TaskId),
    Exits(TaskId),
    Drained(TaskId, TargetGroupArn, u64),
    Answers(HookId, u32, HookAnswer),
    Ends(TaskId),
}

#[derive(Clone, Debug)]
struct Actor {
    behaviour: Behaviour,
    stage: ActorStage,
    /// Counts registrations and deregistrations: a late report of an earlier one is not passed on.
    registration: u64,
    groups: Vec<(TargetGroupArn, bool)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActorStage {
    Booting,
    Running,
    Stopping,
}

/// A service and the world around it.
#[derive(Clone, Debug)]
pub struct World {
    pub controller: Controller,
    pub now: Timestamp,
    pub watch: Watch,
    pub log: String,
    /// Every input with its instant.
    pub journal: Vec<(Timestamp, Input)>,
    names: Names,
    agenda: BTreeMap<(Timestamp, u64), Happening>,
    drawn: u64,
    behaviours: BTreeMap<RevisionId, Vec<Behaviour>>,
    started: BTreeMap<RevisionId, usize>,
    actors: BTreeMap<TaskId, Actor>,
    /// The listener rules as they are.
    pub rules: Rules,
    /// What a function answers to its invocations, in their order; the last word holds for all further ones.
    pub answers: BTreeMap<String, Vec<HookAnswer>>,
    /// Every invocation so far.
    pub invocations: Vec<HookInvocation>,
}

/// How long a function takes to answer.
pub const HOOK_TIME: Duration = ms(300);
/// The most happenings of one run: more of them means that something goes on for ever.
const HAPPENINGS_MAX: usize = 20_000;

impl World {
    pub fn new(controller: Controller) -> Self {
        let watch = Watch::new(controller.settings().clone(), super::Policy::engine());
        World {
            controller,
            now: START,
            watch,
            log: String::new(),
            journal: Vec::new(),
            names: Names::default(),
            agenda: BTreeMap::new(),
            drawn: 0,
            behaviours: BTreeMap::new(),
            started: BTreeMap::new(),
            actors: BTreeMap::new(),
            rules: Rules::new(),
            answers: BTreeMap::new(),
            invocations: Vec::new(),
        }
    }

    /// Takes over a service in the middle of its life, with every task it has behaving well and every function that is being asked saying
    /// yes.
    pub fn adopt(controller: Controller, watch: Watch, now: Timestamp, rules: Rules) -> Self {
        let mut world = World { watch, now, rules, ..World::new(controller) };
        let tasks: Vec<_> = world.controller.tasks().cloned().collect();
        for task in tasks {
            let (stage, happening) = match &task.status {
                TaskStatus::Pending => (ActorStage::Booting, Happening::Boots(task.id.clone())),
                TaskStatus::Running | TaskStatus::Deactivating(_) => {
                    (ActorStage::Running, Happening::Verdict(task.id.clone()))
                }
                TaskStatus::Stopping(_) => (ActorStage::Stopping, Happening::Ends(task.id.clone())),
            };
            let groups = task.targets.keys().map(|group| (group.clone(), task.is_live())).collect();
            let actor = Actor { behaviour: Behaviour::GOOD, stage, registration: 0, groups };
            world.actors.insert(task.id.clone(), actor);
            world.schedule(ms(100), happening);
        }
        for effect in world.controller.open_invocations() {
            if let Effect::InvokeHook(invocation) = effect {
                let happening = Happening::Answers(invocation.hook, invocation.attempt, HookAnswer::Succeeded);
                world.schedule(HOOK_TIME, happening);
            }
        }
        world
    }

    /// Says how the tasks of a revision behave, in the order of their starts; the last word holds for all further ones.
    pub fn behave(&mut self, number: u64, behaviours: &[Behaviour]) {
        let revision = RevisionId::from_bits(number);
        self.behaviours.insert(revision, behaviours.to_vec());
        self.started.insert(revision, 0);
    }

    /// Gives an input, told in the log under `title`.
    pub fn command(&mut self, title: &str, input: Input) {
        self.feed(Some(title.to_owned()), input);
    }

    pub fn stop_deployment(&mut self, number: u64, stop_type: StopType) {
        let input = Input::Command(Command::StopServiceDeployment { id: deployment_id(number), stop_type });
        self.command(&format!("StopServiceDeployment {stop_type:?}"), input);
    }

    /// Lets happen what happens within `duration`.
    pub fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        for _ in 0..HAPPENINGS_MAX {
            match self.next_at() {
                Some(at) if at <= until => self.advance(at),
                Some(_) | None => {
                    self.now = until;
                    return;
                }
            }
        }
        panic!("the world does not come to rest:\n{}", self.log);
    }

    /// Runs until nothing is left to happen.
    pub fn run(&mut self) {
        for _ in 0..HAPPENINGS_MAX {
            let Some(at) = self.next_at() else { return };
            self.advance(at);
        }
        panic!("the world does not come to rest:\n{}", self.log);
    }

    /// Runs until `done` holds; panics when that takes longer than `limit`.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&World) -> bool) {
        let until = self.now + limit;
        while !done(self) {
            match self.next_at() {
                Some(at) if at <= until => self.advance(at),
                next => panic!("not reached within {limit:?} (next: {next:?}):\n{}", self.story()),
            }
        }
    }

    fn next_at(&self) -> Option<Timestamp> {
        let wake = self.controller.wake_at(self.now).map(|(at, _)| at);
        let happening = self.agenda.keys().next().map(|(at, _)| *at);
        wake.into_iter().chain(happening).min()
    }

    fn advance(&mut self, at: Timestamp) {
        assert!(at >= self.now, "time goes forward");
        // A happening of the same instant may turn out to concern nobody any more, and the controller asks for no instant twice.
        let wake = self.controller.wake_at(self.now).filter(|(wake, _)| *wake == at);
        self.now = at;
        match wake {
            Some((_, reason)) => self.feed(Some(format!("tick: {reason:?}")), Input::Tick),
            None => {
                if let Some(entry) = self.agenda.first_entry() {
                    let happening = entry.remove();
                    self.happen(happening);
                }
            }
        }
    }

    pub fn feed(&mut self, title: Option<String>, input: Input) {
        let step = self.controller.handle(self.now, input.clone());
        self.journal.push((self.now, input.clone()));
        let title = title.unwrap_or_default();
        if !step.effects.is_empty() || !step.events.is_empty() {
            let at = self.now.since(START).as_millis();
            let text = format!("{}.{:03} {title}\n{step}", at / 1000, at % 1000);
            let text = self.names.shorten(&text);
            self.log.push_str(&text);
        }
        let outcome = self.watch.follow(self.now, &input, &step);
        if let Err(what) = outcome.and_then(|()| audit(&self.controller, &self.watch, self.now)) {
            panic!("{}\n{}", self.log, self.names.shorten(&format!("{what}\nafter the step\n{step}")));
        }
        for effect in step.effects {
            self.execute(effect);
        }
    }

    fn execute(&mut self, effect: Effect) {
        match effect {
            Effect::StartTask { task, revision, .. } => {
                let count = self.started.entry(revision).or_default();
                let said = self.behaviours.get(&revision);
                let behaviour = said.and_then(|all| all.get(*count).or(all.last())).copied().unwrap_or(Behaviour::GOOD);
                *count += 1;
                let actor = Actor { behaviour, stage: ActorStage::Booting, registration: 0, groups: Vec::new() };
                self.actors.insert(task.clone(), actor);
                if behaviour.boot != Boot::Hangs {
                    self.schedule(behaviour.boot_time, Happening::Boots(task));
                }
            }
            Effect::DeactivateTask { .. } | Effect::ReactivateTask { .. } => {}
            Effect::RegisterTarget { task, target_group } => self.register(&task, target_group),
            Effect::DeregisterTarget { task, target_group } => self.deregister(&task, target_group),
            Effect::SetRuleWeights { rule, weights } => {
                self.rules.insert(rule, LiveRule::Forwards(weights.into_iter().collect()));
            }
            Effect::InvokeHook(invocation) => {
                let script = self.answers.get(&invocation.function);
                let answer = script.and_then(|all| all.get(invocation.attempt as usize - 1).or(all.last()));
                if let Some(answer) = answer.cloned() {
                    let happening = Happening::Answers(invocation.hook.clone(), invocation.attempt, answer);
                    self.schedule(HOOK_TIME, happening);
                }
                self.invocations.push(*invocation);
            }
            Effect::StopTask { task } => {
                if let Some(actor) = self.actors.get_mut(&task) {
                    actor.stage = ActorStage::Stopping;
                    let time = actor.behaviour.stops_in;
                    self.schedule(time, Happening::Ends(task));
                }
            }
        }
    }

    fn register(&mut self, task: &TaskId, group: TargetGroupArn) {
        let Some(actor) = self.actors.get_mut(task) else { return };
        actor.registration += 1;
        actor.groups.retain(|(known, _)| *known != group);
        actor.groups.push((group, true));
        if actor.registration > 1 {
            // The balancer says again how a target is that it takes back.
            self.schedule(Duration::ZERO, Happening::Verdict(task.clone()));
        }
    }

    fn deregister(&mut self, task: &TaskId, group: TargetGroupArn) {
        let Some(actor) = self.actors.get_mut(task) else { return };
        actor.registration += 1;
        actor.groups.iter_mut().filter(|(known, _)| *known == group).for_each(|(_, registered)| *registered = false);
        if let Some(time) = actor.behaviour.drains_in {
            let happening = Happening::Drained(task.clone(), group, actor.registration);
            self.schedule(time, happening);
        }
    }

    fn schedule(&mut self, after: Duration, happening: Happening) {
        self.drawn += 1;
        self.agenda.insert((self.now + after, self.drawn), happening);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Boots(task) => self.boot(task),
            Happening::Answers(hook, attempt, answer) => {
                let title = format!("{hook} answers {answer:?}");
                self.feed(Some(title), Input::Observation(Observation::HookAnswered { hook, attempt, answer }));
            }
            Happening::Verdict(task) => {
                if let Some(verdict) = self.running(&task).map(|behaviour| behaviour.verdict) {
                    self.report(&task, verdict);
                }
            }
            Happening::Ails(task) => {
                if let Some(actor) = self.actors.get_mut(&task) {
                    actor.behaviour.verdict = Verdict::Fails;
                    self.report(&task, Verdict::Fails);
                }
            }
            Happening::Exits(task) => {
                if self.running(&task).is_some() {
                    self.end(task, StopCause::Exited, "Essential container in task exited", "exits");
                }
            }
            Happening::Drained(task, target_group, registration) => {
                if self.actors.get(&task).is_some_and(|actor| actor.registration == registration) {
                    let title = format!("{task} is drained");
                    let observation = Observation::TargetDrained { task, target_group };
                    self.feed(Some(title), Input::Observation(observation));
                }
            }
            Happening::Ends(task) => self.end(task, StopCause::Ordered, "", "has stopped"),
        }
    }

    fn boot(&mut self, task: TaskId) {
        let Some(actor) = self.actors.get_mut(&task).filter(|actor| actor.stage == ActorStage::Booting) else { return };
        let behaviour = actor.behaviour;
        match behaviour.boot {
            Boot::Hangs => {}
            Boot::Fails => {
                self.end(task, StopCause::FailedToStart, "CannotStartContainerError: try again", "fails to start");
            }
            Boot::CannotStart => {
                self.end(task, StopCause::CannotStart, "CannotStartContainerError: no such file", "cannot start");
            }
            Boot::Runs => {
                actor.stage = ActorStage::Running;
                self.schedule(behaviour.check_time, Happening::Verdict(task.clone()));
                if let Some(after) = behaviour.ails_after {
                    self.schedule(after, Happening::Ails(task.clone()));
                }
                if let Some(after) = behaviour.exits_after {
                    self.schedule(after, Happening::Exits(task.clone()));
                }
                let title = format!("{task} runs");
                self.feed(Some(title), Input::Observation(Observation::TaskRunning { task }));
            }
        }
    }

    fn end(&mut self, task: TaskId, cause: StopCause, reason: &str, title: &str) {
        if self.actors.remove(&task).is_none() {
            return;
        }
        let title = format!("{task} {title}");
        let observation = Observation::TaskStopped { task, cause, reason: reason.to_owned() };
        self.feed(Some(title), Input::Observation(observation));
    }

    /// Tells the controller what the checks of a task say.
    fn report(&mut self, task: &TaskId, verdict: Verdict) {
        let Some(actor) = self.actors.get(task).filter(|actor| actor.stage != ActorStage::Booting) else { return };
        let groups = actor.groups.clone();
        let (target, container, title) = match verdict {
            Verdict::Passes => (TargetHealth::healthy(), HealthStatus::Healthy, "healthy"),
            Verdict::Fails => (unhealthy(), HealthStatus::Unhealthy, "unhealthy"),
            Verdict::Never => return,
        };
        let checks_containers = self.controller.task(task).is_some_and(|task| {
            self.controller.revision(task.revision).is_some_and(|revision| revision.has_health_check)
        });
        if checks_containers {
            let observation = Observation::TaskHealth { task: task.clone(), health: container };
            self.feed(Some(format!("the containers of {task} are {title}")), Input::Observation(observation));
        }
        for (target_group, registered) in groups {
            if registered {
                self.target_health(task, target_group, target.clone(), title);
            }
        }
    }

    fn target_health(&mut self, task: &TaskId, target_group: TargetGroupArn, health: TargetHealth, title: &str) {
        let title = format!("the target of {task} is {title} in {target_group}");
        let observation = Observation::TargetHealth { task: task.clone(), target_group, port: 80, health };
        self.feed(Some(title), Input::Observation(observation));
    }

    fn running(&self, task: &TaskId) -> Option<Behaviour> {
        self.actors.get(task).filter(|actor| actor.stage == ActorStage::Running).map(|actor| actor.behaviour)
    }

    /// Makes the target of the `index`th live task fail or pass its check, whatever its behaviour says.
    pub fn check_now(&mut self, index: usize, state: TargetState) {
        let task = self.controller.tasks().nth(index).map(|task| task.id.clone());
        let Some(task) = task else { return };
        let health = if state == TargetState::Healthy { TargetHealth::healthy() } else { unhealthy() };
        self.target_health(&task, target_group(0), health, state.as_str());
    }

    /// A task is gone from one moment to the next.
    pub fn lose(&mut self, task: TaskId) {
        self.end(task, StopCause::Exited, "Essential container in task exited", "exits");
    }

    /// Changes how long a task's requests last once it is deregistered.
    pub fn set_drain(&mut self, task: &TaskId, drains_in: Option<Duration>) {
        if let Some(actor) = self.actors.get_mut(task) {
            actor.behaviour.drains_in = drains_in;
        }
    }

    /// Returns the tasks in the order of their starts.
    pub fn tasks(&self) -> Vec<TaskId> {
        let mut tasks: Vec<_> = self.controller.tasks().map(|task| (task.ordinal, task.id.clone())).collect();
        tasks.sort();
        tasks.into_iter().map(|(_, id)| id).collect()
    }

    /// Describes how things stand, in a few lines.
    pub fn summary(&mut self) -> String {
        let mut text = String::new();
        let controller = &self.controller;
        for (index, entry) in controller.deployments().iter().enumerate() {
            let role = if index == 0 { "PRIMARY" } else { "ACTIVE" };
            let counts = controller.counts(entry.revision);
            let _ = writeln!(
                text,
                "{role} {} of {}: desired {}, running {}, pending {}, failed {}: {}: {}",
                entry.id,
                entry.revision,
                entry.desired_count,
                counts.running,
                counts.pending,
                entry.failed_tasks,
                entry.rollout_state.as_str(),
                entry.rollout_state_reason
            );
        }
        if let Some(deployment) = controller.service_deployment() {
            let threshold = deployment.threshold.map_or_else(|| "none".to_owned(), |count| count.to_string());
            let _ = writeln!(
                text,
                "service deployment to {}: {}, breaker {} with {} of {threshold} failures: {}",
                deployment.target,
                deployment.status.as_str(),
                deployment.circuit_breaker.as_str(),
                deployment.failure_count,
                deployment.status_reason.as_deref().unwrap_or("-")
            );
        }
        let steady = if controller.is_steady() { "steady" } else { "not steady" };
        let _ = writeln!(text, "service {}, {steady}", controller.lifecycle().as_str());
        for wait in controller.waiting(self.now) {
            let until = wait
                .until
                .map_or_else(String::new, |until| format!(" until {:.1} s", until.since(START).as_secs_f64()));
            let _ = writeln!(text, "waiting for {} because {}{until}", wait.what, wait.why);
        }
        self.names.shorten(&text)
    }

    /// The log and how things stand at its end.
    pub fn story(&mut self) -> String {
        let summary = self.summary();
        format!("{}\n{summary}", self.log)
    }
}
