//! A history: what may happen in it, and living through it with every step checked.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use seatrial_controller::{Command, Input, Settings, StopType};
use seatrial_model::TaskId;

use crate::common::life::Life;
use crate::common::routed::Rules;
use crate::common::world::World;
use crate::common::{Checks, change, deploy, deployment_id, secs, target_group};

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
    life: Life,
    pub version: u64,
}

impl History {
    fn new(settings: Settings, checks: Checks) -> Result<Self, TestCaseError> {
        let mut history = History { life: Life::new(checks, Rules::new()), version: 1 };
        history.life.feed(deploy(settings, 1, checks))?;
        // A version is serving before anything goes wrong; how a first one fails is among the deployments that follow.
        history.act(&Act::AllProsper)?;
        history.act(&Act::AllProsper)?;
        history.act(&Act::Passes(secs(60)))?;
        Ok(history)
    }

    pub fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        let life = &mut self.life;
        match act {
            Act::Happens(index) => life.happens(*index),
            Act::Prospers(index) => life.prospers(*index),
            Act::AllProsper => life.all_prosper(),
            Act::Again(index) => life.repeat(*index),
            Act::Passes(duration) => life.pass(*duration),
            Act::StepsBack(duration) => {
                life.now = life.now - *duration;
                life.feed(Input::Tick)
            }
            Act::Deploys => {
                self.version += 1;
                life.feed(deploy(life.controller.settings().clone(), self.version, life.checks))
            }
            Act::Scales(desired_count) => {
                let settings = Settings { desired_count: *desired_count, ..life.controller.settings().clone() };
                life.feed(change(settings))
            }
            Act::Configures(settings) => life.feed(change(settings.clone())),
            Act::Stops(stop_type) => {
                let id = deployment_id(self.version);
                life.feed(Input::Command(Command::StopServiceDeployment { id, stop_type: *stop_type }))
            }
            Act::StopsTask(index) => {
                let tasks: Vec<TaskId> = life.controller.tasks().map(|task| task.id.clone()).collect();
                if tasks.is_empty() {
                    return Ok(());
                }
                let (task, reason) = (index.get(&tasks).clone(), "Task stopped by user".to_owned());
                life.feed(Input::Command(Command::StopTask { task, reason }))
            }
            Act::ChangesDelay(delay) => {
                let (target_group, delay) = (target_group(0), *delay);
                life.feed(Input::Command(Command::SetDeregistrationDelay { target_group, delay }))
            }
            Act::Deletes => life.feed(Input::Command(Command::Delete)),
            Act::Restarts => life.restart(),
        }
    }

    pub fn into_world(self) -> World {
        self.life.into_world()
    }
}

pub fn lived(settings: Settings, checks: Checks, acts: &[Act]) -> Result<History, TestCaseError> {
    let mut history = History::new(settings, checks)?;
    acts.iter().try_for_each(|act| history.act(act))?;
    history.life.replays()?;
    Ok(history)
}
