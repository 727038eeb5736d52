//! Random histories of a service whose traffic shifts and goes back in steps: deployments, stops, ended bakes, tasks that come, fail and
//! exit, alarms, time and restarts in any order. Every step is held against the checkers; afterwards a good version must be deployed, and
//! the journal must give the same state again.
//!
//! `SEATRIAL_TEST_CASES=2000` runs more of them, `SEATRIAL_TEST_SEED=7` others.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};
use seatrial_controller::{Command, Input, Observation, ServiceDeploymentStatus, Settings, StopType};
use seatrial_model::{ReturnSteps, RevisionId, Strategy as DeploymentStrategy};

use super::service::{STRATEGIES, status, with};
use crate::common::happenings::happenings;
use crate::common::life::{Life, is_good};
use crate::common::routed::{Routing, attached, deploy_attached};
use crate::common::{Checks, deployment_id, from_environment, ms, secs};

#[derive(Clone, Debug)]
enum Act {
    /// A task of any version fails in one of the ways it can.
    Fails(prop::sample::Index),
    Prospers,
    Passes(Duration),
    Deploys,
    /// The service changes over to another strategy, which the next deployment follows.
    Chooses(DeploymentStrategy),
    Stops(StopType),
    Skips,
    Fires,
    Tags(Option<ReturnSteps>),
    Restarts,
}

fn any_act() -> impl Strategy<Value = Act> {
    let duration = prop_oneof![(1u64..2_000).prop_map(ms), (2u64..700).prop_map(secs)];
    let steps =
        prop::sample::select(vec![None, "10%/5s".parse().ok(), "33.3%/60s".parse().ok(), "50%/1h".parse().ok()]);
    let strategies: Vec<_> = STRATEGIES.into_iter().chain([DeploymentStrategy::Rolling]).collect();
    prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(Act::Fails),
        8 => Just(Act::Prospers),
        8 => duration.prop_map(Act::Passes),
        3 => Just(Act::Deploys),
        1 => prop::sample::select(strategies).prop_map(Act::Chooses),
        5 => prop::sample::select(vec![StopType::Rollback, StopType::Rollback, StopType::Abort]).prop_map(Act::Stops),
        2 => Just(Act::Skips),
        1 => Just(Act::Fires),
        1 => steps.prop_map(Act::Tags),
        1 => Just(Act::Restarts),
    ]
}

struct History {
    life: Life,
    settings: Settings,
    version: u64,
}

impl History {
    fn act(&mut self, act: &Act) -> Result<(), TestCaseError> {
        let id = deployment_id(self.version);
        match act {
            Act::Fails(index) => self.fail(*index),
            Act::Prospers => self.life.all_prosper(),
            Act::Passes(duration) => self.life.pass(*duration),
            Act::Deploys => self.deploy(),
            Act::Chooses(strategy) => {
                self.settings.deployment.strategy = *strategy;
                Ok(())
            }
            Act::Stops(stop_type) => {
                self.life.feed(Input::Command(Command::StopServiceDeployment { id, stop_type: *stop_type }))
            }
            Act::Skips => self.life.feed(Input::Command(Command::SkipBake { id })),
            Act::Fires => self.life.feed(Input::Observation(Observation::AlarmFired { name: "errors".to_owned() })),
            Act::Tags(steps) => {
                self.settings.shift_back = *steps;
                self.life.feed(crate::common::change(self.settings.clone()))
            }
            Act::Restarts => self.life.restart(),
        }
    }

    fn fail(&mut self, index: prop::sample::Index) -> Result<(), TestCaseError> {
        let tasks = self.life.controller.tasks();
        let possible: Vec<_> =
            tasks.flat_map(|task| happenings(task, Checks::Nothing)).filter(|seen| !is_good(seen)).collect();
        if possible.is_empty() {
            return Ok(());
        }
        self.life.feed(Input::Observation(index.get(&possible).clone()))
    }

    fn deploy(&mut self) -> Result<(), TestCaseError> {
        self.version += 1;
        let shape = (Checks::Nothing, Routing::ProductionAndTest);
        let life = &mut self.life;
        let revision = attached(&life.controller, &life.rules, &self.settings, self.version, shape);
        life.feed(deploy_attached(&life.rules.clone(), self.settings.clone(), self.version, revision, &[]))
    }
}

/// The cases together take a few seconds in a debug build.
const CASES: u32 = 200;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: from_environment("SEATRIAL_TEST_CASES").unwrap_or(CASES),
        rng_seed: RngSeed::Fixed(u64::from(from_environment("SEATRIAL_TEST_SEED").unwrap_or(1))),
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_goes_back_in_steps_keeps_every_promise_and_a_good_version_can_be_deployed_after_it(
        strategy in prop::sample::select(STRATEGIES.to_vec()),
        desired in 1u32..4,
        acts in prop::collection::vec(any_act(), 0..60),
    ) {
        let mut settings = Settings { shift_back: "25%/30s".parse().ok(), ..with(strategy, desired) };
        settings.deployment.alarms.names = vec!["errors".to_owned()];
        settings.deployment.alarms.enable = true;
        settings.deployment.alarms.rollback = true;
        let life = Life::new(Checks::Nothing, Routing::ProductionAndTest.rules());
        let mut history = History { life, settings, version: 0 };
        history.act(&Act::Deploys)?;
        for act in [Act::Prospers, Act::Prospers, Act::Passes(secs(2000)), Act::Prospers, Act::Passes(secs(2000))] {
            history.act(&act)?;
        }
        acts.iter().try_for_each(|act| history.act(act))?;
        history.act(&Act::Deploys)?;
        history.life.replays()?;
        let good = RevisionId::from_bits(history.version);
        let mut world = history.life.into_world();
        world.run_until(secs(3 * 3600), |world| status(world).is_terminal());
        prop_assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
        prop_assert!(world.controller.tasks().all(|task| task.revision == good));
    }
}
