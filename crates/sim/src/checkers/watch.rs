//! Checkers of the invariants, written apart from the controller: they know its inputs and its steps, never its state.
//!
//! [`Watch`] follows every task by what was observed of it and ordered for it, and objects to an effect that breaks I1 (floor), I2 (cap),
//! I3 (weights), I4 (order of leaving), I7 (rollback at full size) or I8 (one active deployment), or that makes no sense at all.
//! What is seen is kept here; `tasks`, `traffic` and `deployments` object.

mod deployments;
mod tasks;
mod traffic;

use std::collections::{BTreeMap, BTreeSet};

use seatrial_controller::{
    Command, Effect, Event, Input, LiveRule, NewDeployment, Observation, Policy, Revision, ServiceDeployment, Settings,
    Step,
};
use seatrial_model::load_balancing::TargetState;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{HookId, ListenerRuleArn, RevisionId, TargetGroupArn, TaskId, Timestamp};

/// A task as its life shows.
#[derive(Clone, Debug)]
pub struct Seen {
    pub revision: RevisionId,
    pub stage: Stage,
    pub running_since: Option<Timestamp>,
    pub container: HealthStatus,
    pub targets: BTreeMap<TargetGroupArn, SeenTarget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Pending,
    Running,
    /// Its desired status is STOPPED; `by` is when its requests have had their time.
    Leaving {
        by: Timestamp,
    },
    Signalled,
}

#[derive(Clone, Copy, Debug)]
pub struct SeenTarget {
    pub registered: bool,
    pub drained: bool,
    pub state: TargetState,
}

/// Everything the checkers remember of one service.
#[derive(Clone, Debug)]
pub struct Watch {
    pub tasks: BTreeMap<TaskId, Seen>,
    settings: Settings,
    policy: Policy,
    revisions: BTreeMap<RevisionId, Revision>,
    deployments: Vec<ServiceDeployment>,
    deleted: bool,
    inactive: bool,
    rules: BTreeMap<ListenerRuleArn, LiveRule>,
    /// Rules that are as somebody else has made them.
    tampered: BTreeSet<ListenerRuleArn>,
    invoked: BTreeSet<(HookId, u32)>,
}

impl Watch {
    pub fn new(settings: Settings, policy: Policy) -> Self {
        Watch {
            tasks: BTreeMap::new(),
            settings,
            policy,
            revisions: BTreeMap::new(),
            deployments: Vec::new(),
            deleted: false,
            inactive: false,
            rules: BTreeMap::new(),
            tampered: BTreeSet::new(),
            invoked: BTreeSet::new(),
        }
    }

    /// Follows one input and its step; the error says what is wrong with it.
    pub fn follow(&mut self, now: Timestamp, input: &Input, step: &Step) -> Result<(), String> {
        self.note(now, input);
        let ended_before = self.latest_end();
        let must_fail = self.is_watched_alarm(input);
        // What ends a service comes after its last effect; everything else that is told is the cause of the effects.
        let ends = |event: &&Event| matches!(event, Event::ServiceInactive { .. });
        step.events.iter().filter(|event| !ends(event)).try_for_each(|event| self.event(event))?;
        for effect in &step.effects {
            self.effect(now, effect).map_err(|what| format!("{what}: {effect}"))?;
        }
        step.events.iter().filter(ends).try_for_each(|event| self.event(event))?;
        let invoked = |effect: &Effect| matches!(effect, Effect::InvokeHook(_));
        let is_dead = ended_before.is_some() && ended_before == self.latest_end();
        ensure(!is_dead || !step.effects.iter().any(invoked), "I8: a deployment that has ended invokes no hook")?;
        ensure(!must_fail || !self.goes_on(), "a watched alarm fires, and the deployment goes on")?;
        if ended_before != self.latest_end() {
            self.ended_well(now)?;
        }
        self.no_healthy_task_left_before_an_unhealthy_one(now, step)
    }

    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts running and healthy tasks.
    pub fn healthy(&self, now: Timestamp) -> u32 {
        self.tasks.values().filter(|task| self.is_healthy(task, now)).count() as u32
    }

    pub fn live(&self) -> u32 {
        self.tasks.values().filter(|task| matches!(task.stage, Stage::Pending | Stage::Running)).count() as u32
    }

    /// The table of §1.2 of the semantics.
    pub fn is_healthy(&self, task: &Seen, now: Timestamp) -> bool {
        let (Stage::Running, Some(since)) = (task.stage, task.running_since) else { return false };
        let revision = &self.revisions[&task.revision];
        let in_rotation = revision.target_groups.iter().all(|group| {
            task.targets.get(&group.arn).is_some_and(|target| target.registered && target.state == TargetState::Healthy)
        });
        match (revision.target_groups.is_empty(), revision.has_health_check) {
            (true, false) => now >= since + self.policy.healthy_after_running,
            (true, true) => task.container == HealthStatus::Healthy,
            (false, false) => in_rotation,
            (false, true) => in_rotation && task.container == HealthStatus::Healthy,
        }
    }

    fn note(&mut self, now: Timestamp, input: &Input) {
        match input {
            Input::Command(Command::Update(update)) => {
                if self.deleted {
                    return;
                }
                self.settings = update.settings.clone();
                if let Some(new) = &update.deploy {
                    self.deployed(new);
                }
            }
            Input::Command(Command::SetDeregistrationDelay { target_group, delay }) => {
                let groups = self.revisions.values_mut().flat_map(|revision| &mut revision.target_groups);
                groups.filter(|group| group.arn == *target_group).for_each(|group| group.deregistration_delay = *delay);
            }
            Input::Command(Command::Delete) => self.deleted = true,
            Input::Command(
                Command::StopServiceDeployment { .. }
                | Command::ContinueServiceDeployment { .. }
                | Command::SkipBake { .. }
                | Command::StopTask { .. },
            )
            | Input::Tick => {}
            Input::Restarted => self.delays_count_anew(now),
            Input::Observation(observation) => self.observe(now, observation),
        }
    }

    fn deployed(&mut self, new: &NewDeployment) {
        self.revisions.insert(new.revision.id, new.revision.clone());
        for (rule, live) in &new.rules {
            if self.rules.get(rule).is_some_and(|known| known != live) {
                self.tampered.insert(rule.clone());
            }
        }
        self.rules = new.rules.iter().cloned().collect();
    }

    fn observe(&mut self, now: Timestamp, observation: &Observation) {
        match observation {
            Observation::TaskRunning { task } => {
                if let Some(task) = self.tasks.get_mut(task).filter(|task| task.stage == Stage::Pending) {
                    task.stage = Stage::Running;
                    task.running_since = Some(now);
                }
            }
            Observation::TaskHealth { task, health } => {
                if let Some(task) = self.tasks.get_mut(task) {
                    task.container = *health;
                }
            }
            Observation::TaskStopped { task, .. } => {
                self.tasks.remove(task);
            }
            Observation::TargetHealth { task, target_group, health, .. } => {
                let target = self.tasks.get_mut(task).and_then(|task| task.targets.get_mut(target_group));
                // Of a draining target only the verdict of its checks counts: it is what it would be if it were taken back.
                let is_verdict = matches!(health.state, TargetState::Healthy | TargetState::Unhealthy);
                if let Some(target) = target.filter(|target| target.registered || is_verdict) {
                    target.state = health.state;
                }
            }
            Observation::TargetDrained { task, target_group } => {
                let target = self.tasks.get_mut(task).and_then(|task| task.targets.get_mut(target_group));
                if let Some(target) = target.filter(|target| !target.registered) {
                    target.drained = true;
                }
            }
            Observation::ListenerRule { rule, live } => {
                self.rules.insert(rule.clone(), live.clone());
                self.tampered.insert(rule.clone());
            }
            Observation::HookAnswered { .. } | Observation::AlarmFired { .. } => {}
        }
    }

    fn effect(&mut self, now: Timestamp, effect: &Effect) -> Result<(), String> {
        if self.inactive {
            return Err("nothing is done for an INACTIVE service".to_owned());
        }
        match effect {
            Effect::StartTask { task, revision, .. } => self.start(task, *revision),
            Effect::DeactivateTask { task, code, .. } => self.deactivate(now, task, *code),
            Effect::ReactivateTask { task } => self.reactivate(task),
            Effect::RegisterTarget { task, target_group } => self.register(task, target_group),
            Effect::DeregisterTarget { task, target_group } => self.deregister(task, target_group),
            Effect::StopTask { task } => self.stop(now, task),
            Effect::SetRuleWeights { rule, weights } => self.set_weights(now, rule, weights),
            Effect::InvokeHook(invocation) => self.invoke(invocation),
        }
    }
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
