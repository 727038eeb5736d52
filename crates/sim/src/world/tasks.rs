//! What tasks do once they are ordered to start: they boot, pass or fail their checks, exit, drain and end.

use std::collections::BTreeMap;

use seatrial_controller::{Observation, StopCause};
use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{RevisionId, TargetGroupArn, TaskId};

use super::{Happening, World};
use crate::behaviour::{Behaviour, Boot, Verdict, unhealthy};

/// A task that lives.
#[derive(Debug)]
pub(super) struct Actor {
    pub behaviour: Behaviour,
    pub stage: ActorStage,
    /// How many requests it has been given.
    pub requests: u32,
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
pub(super) enum ActorStage {
    Booting,
    Running,
    Stopping,
}

impl World<'_> {
    pub(super) fn start(&mut self, task: TaskId, revision: RevisionId) {
        if self.actors.contains_key(&task) {
            return;
        }
        let behaviour = self.behaviours.get(&revision).copied().unwrap_or(Behaviour::GOOD);
        let stage = ActorStage::Booting;
        let actor = Actor { behaviour, stage, requests: 0, registration: 0, groups: BTreeMap::new() };
        self.actors.insert(task.clone(), actor);
        if behaviour.boot != Boot::Hangs {
            self.schedule(behaviour.boot_time, Happening::Boots(task));
        }
    }

    pub(super) fn register(&mut self, task: &TaskId, group: TargetGroupArn) {
        let Some(actor) = self.actors.get_mut(task) else { return };
        if let Some(traffic) = &mut self.traffic {
            traffic.balancer.register(task, &group);
        }
        if actor.groups.insert(group, Registered::Yes) != Some(Registered::Yes) {
            actor.registration += 1;
            let time = actor.behaviour.check_time;
            self.schedule(time, Happening::Verdict(task.clone()));
        }
    }

    pub(super) fn deregister(&mut self, task: &TaskId, group: &TargetGroupArn) {
        let Some(actor) = self.actors.get_mut(task) else { return };
        if actor.groups.insert(group.clone(), Registered::Draining) == Some(Registered::Draining) {
            return;
        }
        actor.registration += 1;
        let time = actor.behaviour.drains_in;
        let is_idle = self.traffic.as_mut().map(|traffic| traffic.balancer.deregister(task, group, self.now));
        match (is_idle, time) {
            // Without clients a version says how long its requests take.
            (None, Some(time)) => self.drains(task, group, time),
            (Some(true), _) => self.drains(task, group, super::requests::NOTICE),
            (Some(false), _) | (None, None) => {}
        }
    }

    /// Lets a task out of rotation have nothing left to answer after a time.
    pub(super) fn drains(&mut self, task: &TaskId, group: &TargetGroupArn, after: std::time::Duration) {
        if let Some(actor) = self.actors.get(task) {
            let happening = Happening::Drained(task.clone(), group.clone(), actor.registration);
            self.schedule(after, happening);
        }
    }

    /// Returns which registration or deregistration of a task was its last; they are counted from 1.
    pub(super) fn registration(&self, task: &TaskId) -> u64 {
        self.actors.get(task).map_or(0, |actor| actor.registration)
    }

    /// Tells a task to end.
    pub(super) fn signal(&mut self, task: TaskId) -> Result<(), String> {
        let Some(actor) = self.actors.get_mut(&task).filter(|actor| actor.stage != ActorStage::Stopping) else {
            return Ok(());
        };
        actor.stage = ActorStage::Stopping;
        let time = actor.behaviour.stops_in;
        self.nobody_is_cut_off(&task)?;
        self.schedule(time, Happening::Ends(task));
        Ok(())
    }

    pub(super) fn boot(&mut self, task: TaskId) -> Result<(), String> {
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

    pub(super) fn ail(&mut self, task: &TaskId) -> Result<(), String> {
        if let Some(actor) = self.actors.get_mut(task) {
            actor.behaviour.verdict = Verdict::Fails;
        }
        self.report(task)
    }

    pub(super) fn exit(&mut self, task: TaskId) -> Result<(), String> {
        let runs = self.actors.get(&task).is_some_and(|actor| actor.stage == ActorStage::Running);
        if runs { self.end(task, StopCause::Exited, "Essential container in task exited") } else { Ok(()) }
    }

    pub(super) fn end_ordered(&mut self, task: TaskId) -> Result<(), String> {
        self.end(task, StopCause::Ordered, "")
    }

    pub(super) fn end(&mut self, task: TaskId, cause: StopCause, reason: &str) -> Result<(), String> {
        if self.actors.remove(&task).is_none() {
            return Ok(());
        }
        self.requests_end_with(&task);
        self.observe(&Observation::TaskStopped { task, cause, reason: reason.to_owned() })
    }

    /// Tells the controller what the check of a task's containers says.
    pub(super) fn report_containers(&mut self, task: TaskId) -> Result<(), String> {
        let health = match self.actors.get(&task).map(|actor| actor.behaviour.verdict) {
            Some(Verdict::Passes) => HealthStatus::Healthy,
            Some(Verdict::Fails) => HealthStatus::Unhealthy,
            Some(Verdict::Never) | None => return Ok(()),
        };
        self.observe(&Observation::TaskHealth { task, health })
    }

    /// Tells the controller what the checks of a task's registered targets say.
    pub(super) fn report(&mut self, task: &TaskId) -> Result<(), String> {
        let Some(actor) = self.actors.get(task) else { return Ok(()) };
        let (health, verdict) = match actor.behaviour.verdict {
            Verdict::Passes => (TargetHealth::healthy(), TargetState::Healthy),
            Verdict::Fails => (unhealthy(), TargetState::Unhealthy),
            Verdict::Never => return Ok(()),
        };
        if let Some(traffic) = &mut self.traffic {
            traffic.balancer.judge(task, verdict);
        }
        let registered = actor.groups.iter().filter(|(_, registered)| **registered == Registered::Yes);
        let groups: Vec<_> = registered.map(|(group, _)| group.clone()).collect();
        groups.into_iter().try_for_each(|target_group| {
            let (task, health) = (task.clone(), health.clone());
            self.observe(&Observation::TargetHealth { task, target_group, port: 80, health })
        })
    }
}
