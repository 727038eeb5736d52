//! A history: what may happen in it, and living through it with every step checked.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use seatrial_controller::{Command, Controller, Input, Observation, Policy, Settings, StopType};
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{TaskId, Timestamp};

use crate::common::audit::audit;
use crate::common::happenings::happenings;
use crate::common::watch::Watch;
use crate::common::world::World;
use crate::common::{Checks, START, change, controller, deploy, deployment_id, secs, target_group};

/// What happens in a history.
#[derive(Clone, Debug)]
pub enum Act {
    /// One of the things that could happen to a task.
    Happens(prop::sample::Index),
    /// One of the good things that could happen to a task.
    Prospers(prop::sample::Index),
    /// Every task gets one step further towards serving.
    AllProsper,
    /// What was seen before is reported once more.
    Again(prop::sample::Index),
    Passes(Duration),
    /// The clock is set back.
    StepsBack(Duration),
    Deploys,
    Scales(u32),
    Configures(Settings),
    Stops(StopType),
    StopsTask(prop::sample::Index),
    ChangesDelay(Duration),
    Deletes,
    /// The engine is killed and starts again from what it had stored.
    Restarts,
}

/// A history in the making.
pub struct History {
    controller: Controller,
    watch: Watch,
    now: Timestamp,
    checks: Checks,
    pub version: u64,
    journal: Vec<(Timestamp, Input)>,
}

impl History {
    fn new(settings: Settings, checks: Checks) -> Result<Self, TestCaseError> {
        let controller = controller();
        let watch = Watch::new(controller.settings().clone(), Policy::engine());
        let mut history = History { controller, watch, now: START, checks, version: 1, journal: Vec::new() };
        history.feed(deploy(settings, 1, checks))?;
        // A version is serving before anything goes wrong; how a first one fails is among the deployments that follow.
        history.act(&Act::AllProsper)?;
        history.act(&Act::AllProsper)?;
        history.act(&Act::Passes(secs(60)))?;
        Ok(history)
    }

    fn feed(&mut self, input: Input) -> Result<(), TestCaseError> {
        let before = self.controller.clone();
        let step = self.controller.handle(self.now, input.clone());
        self.journal.push((self.now, input.clone()));
        self.watch
            .follow(self.now, &input, &step)
            .and_then(|()| audit(&self.controller, &self.watch, self.now))
            .map_err(|what| {
                let reason = format!("{what}\nafter {input:?}, which answered\n{step}\nand found {before:#?}");
                TestCaseError::fail(reason)
            })?;
        if let Input::Observation(observation) = input {
            self.unmoved_by(&observation)?;
        }
        Ok(())
    }

    /// Feeds what was just seen once more, or what is seen of a task that is gone.
    fn unmoved_by(&self, observation: &Observation) -> Result<(), TestCaseError> {
        let mut again = self.controller.clone();
        let step = again.handle(self.now, Input::Observation(observation.clone()));
        prop_assert_eq!(step.to_string(), "", "{:?} was acted upon twice", observation);
        prop_assert!(again == self.controller, "{:?} changed the state twice", observation);
        Ok(())
    }

    pub fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        match act {
            Act::Happens(index) => {
                let possible: Vec<_> = self.controller.tasks().flat_map(|task| happenings(task, self.checks)).collect();
                if !possible.is_empty() {
                    self.feed(Input::Observation(index.get(&possible).clone()))?;
                }
            }
            Act::Prospers(index) => {
                let good = self.good_happenings();
                if !good.is_empty() {
                    self.feed(Input::Observation(index.get(&good).clone()))?;
                }
            }
            Act::AllProsper => {
                for observation in self.good_happenings() {
                    self.feed(Input::Observation(observation))?;
                }
            }
            Act::Again(index) => self.repeat(*index)?,
            Act::Passes(duration) => self.pass(*duration)?,
            Act::StepsBack(duration) => {
                self.now = self.now - *duration;
                self.feed(Input::Tick)?;
            }
            Act::Deploys => {
                self.version += 1;
                self.feed(deploy(self.controller.settings().clone(), self.version, self.checks))?;
            }
            Act::Scales(desired_count) => {
                let settings = Settings { desired_count: *desired_count, ..self.controller.settings().clone() };
                self.feed(change(settings))?;
            }
            Act::Configures(settings) => self.feed(change(settings.clone()))?,
            Act::Stops(stop_type) => {
                let id = deployment_id(self.version);
                self.feed(Input::Command(Command::StopServiceDeployment { id, stop_type: *stop_type }))?;
            }
            Act::StopsTask(index) => {
                let tasks: Vec<TaskId> = self.controller.tasks().map(|task| task.id.clone()).collect();
                if !tasks.is_empty() {
                    let (task, reason) = (index.get(&tasks).clone(), "Task stopped by user".to_owned());
                    self.feed(Input::Command(Command::StopTask { task, reason }))?;
                }
            }
            Act::ChangesDelay(delay) => {
                let (target_group, delay) = (target_group(0), *delay);
                self.feed(Input::Command(Command::SetDeregistrationDelay { target_group, delay }))?;
            }
            Act::Deletes => self.feed(Input::Command(Command::Delete))?,
            Act::Restarts => self.controller = restored(&self.controller)?,
        }
        Ok(())
    }

    fn good_happenings(&self) -> Vec<Observation> {
        let good = |observation: &Observation| match observation {
            Observation::TaskRunning { .. } => true,
            Observation::TargetHealth { health, .. } => health.is_healthy(),
            Observation::TaskHealth { health, .. } => *health == HealthStatus::Healthy,
            Observation::TaskStopped { .. }
            | Observation::TargetDrained { .. }
            | Observation::ListenerRule { .. }
            | Observation::HookAnswered { .. }
            | Observation::AlarmFired { .. } => false,
        };
        self.controller.tasks().flat_map(|task| happenings(task, self.checks)).filter(good).collect()
    }

    fn repeat(&mut self, index: prop::sample::Index) -> Result<(), TestCaseError> {
        let seen: Vec<&Observation> = self
            .journal
            .iter()
            .filter_map(|(_, input)| match input {
                Input::Observation(observation) => Some(observation),
                Input::Command(_) | Input::Tick => None,
            })
            .collect();
        if seen.is_empty() {
            return Ok(());
        }
        let observation = (*index.get(&seen)).clone();
        if task_of(&observation).and_then(|task| self.controller.task(task)).is_none() {
            return self.unmoved_by(&observation);
        }
        self.feed(Input::Observation(observation))
    }

    /// Lets time pass, waking the controller whenever it asked to be.
    fn pass(&mut self, duration: Duration) -> Result<(), TestCaseError> {
        let until = self.now + duration;
        while let Some((at, _)) = self.controller.wake_at(self.now).filter(|(at, _)| *at <= until) {
            self.now = at;
            self.feed(Input::Tick)?;
        }
        self.now = until;
        Ok(())
    }

    /// I10.
    fn replays(&self) -> Result<(), TestCaseError> {
        let mut replayed = controller();
        for (now, input) in &self.journal {
            replayed.handle(*now, input.clone());
        }
        prop_assert!(replayed == self.controller, "replaying the journal gives another state");
        Ok(())
    }

    pub fn into_world(self) -> World {
        World::adopt(self.controller, self.watch, self.now)
    }
}

fn task_of(observation: &Observation) -> Option<&TaskId> {
    match observation {
        Observation::TaskRunning { task }
        | Observation::TaskHealth { task, .. }
        | Observation::TaskStopped { task, .. }
        | Observation::TargetHealth { task, .. }
        | Observation::TargetDrained { task, .. } => Some(task),
        Observation::ListenerRule { .. } | Observation::HookAnswered { .. } | Observation::AlarmFired { .. } => None,
    }
}

/// Stores a controller and reads it back.
fn restored(controller: &Controller) -> Result<Controller, TestCaseError> {
    let text = serde_json::to_string(controller).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let restored: Controller =
        serde_json::from_str(&text).map_err(|error| TestCaseError::fail(format!("{error} in {text}")))?;
    prop_assert!(restored == *controller, "what was stored is read back otherwise");
    Ok(restored)
}

pub fn lived(settings: Settings, checks: Checks, acts: &[Act]) -> Result<History, TestCaseError> {
    let mut history = History::new(settings, checks)?;
    acts.iter().try_for_each(|act| history.act(act))?;
    history.replays()?;
    Ok(history)
}
