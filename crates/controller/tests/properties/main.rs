//! Properties of random histories: a service of any shape lives through any order of happenings, users' commands, late and repeated
//! reports and restarts; then the faults stop.
//!
//! While they last, every step is held against the checkers (I1, I2, I4, I8), leaves nothing undone, and changes nothing when it is
//! repeated. Afterwards a good version must come to steady state (I6), a bad one must be given up or rolled back to full size (I6, I7),
//! and replaying the journal must give the same state (I10). Cases are drawn from a fixed seed.
//!
//! `SEATRIAL_TEST_CASES=2000` runs more of them, `SEATRIAL_TEST_SEED=7` others.

#[path = "../common/mod.rs"]
mod common;
mod generators;
mod history;

use std::time::Duration;

use common::world::{Behaviour, Boot, Verdict, World};
use common::{Checks, deploy, from_environment, secs};
use generators::{any_act, any_checks, any_fault, any_settings};
use history::{Act, lived};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseError};
use seatrial_controller::{Lifecycle, RolloutState, ServiceDeploymentStatus, Settings};
use seatrial_model::Percent;

/// How long a service may take to come to rest once the faults have stopped: the longest start throttle, and some.
const REST_WITHIN: Duration = secs(40 * 60);

fn status(world: &World) -> ServiceDeploymentStatus {
    world.controller.service_deployment().expect("the service has been deployed").status
}

/// Tells whether the deployment configuration leaves no way to replace a task, so that a rollout may stall.
fn is_rigid(settings: &Settings) -> bool {
    let desired = settings.desired_count;
    settings.deployment.floor(desired) == settings.deployment.cap(desired)
}

fn ends_well(world: &mut World) -> Result<(), TestCaseError> {
    let stalls = |world: &World| {
        is_rigid(world.controller.settings())
            && world.controller.waiting(world.now).iter().any(|wait| wait.what.contains("deployment configuration"))
    };
    world.run_until(REST_WITHIN, |world| world.controller.is_steady() || stalls(world));
    if !world.controller.is_steady() {
        return Ok(());
    }
    let (controller, now) = (&world.controller, world.now);
    let primary = controller.primary().expect("a deployment");
    prop_assert_eq!(primary.rollout_state, RolloutState::Completed);
    prop_assert_eq!(world.watch.healthy(now), controller.settings().desired_count);
    prop_assert!(controller.tasks().all(|task| task.revision == primary.revision));
    prop_assert_eq!(controller.deployments().len(), 1);
    prop_assert!(status(world).is_terminal());
    Ok(())
}

/// The cases of each property: together they take a few seconds in a debug build.
const CASES: u32 = 150;

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
    fn a_good_version_comes_to_steady_state_whatever_went_before(
        settings in any_settings(),
        checks in any_checks(),
        acts in prop::collection::vec(any_act(), 0..50),
    ) {
        let mut history = lived(settings, checks, &acts)?;
        history.act(&Act::Deploys)?;
        ends_well(&mut history.into_world())?;
    }

    #[test]
    fn a_deployment_left_alone_after_any_history_ends(
        settings in any_settings(),
        checks in any_checks(),
        acts in prop::collection::vec(any_act(), 0..50),
    ) {
        let history = lived(settings, checks, &acts)?;
        let mut world = history.into_world();
        let has_failed = |world: &World| world.controller.deployments()[0].rollout_state == RolloutState::Failed;
        if has_failed(&world) {
            // Nothing is started for it any more, and nothing else is to come.
            world.run_for(REST_WITHIN);
            prop_assert!(status(&world).is_terminal());
        } else {
            ends_well(&mut world)?;
        }
    }

    #[test]
    fn a_bad_version_is_given_up_and_the_last_good_one_is_back_at_full_size(
        settings in any_settings(),
        checks in any_checks(),
        acts in prop::collection::vec(any_act(), 0..30),
        fault in any_fault(),
    ) {
        let mut settings = settings;
        settings.desired_count = settings.desired_count.max(1);
        settings.deployment.circuit_breaker.enable = true;
        settings.deployment.early_success = None;
        if is_rigid(&settings) {
            settings.deployment.maximum_percent = Percent::new(200);
        }
        // What nothing checks cannot be unhealthy.
        let unnoticed = checks == Checks::Nothing && fault.verdict == Verdict::Fails;
        let fault = if unnoticed { Behaviour::EXITS_AT_ONCE } else { fault };
        let mut history = lived(settings.clone(), checks, &acts)?;
        history.act(&Act::Configures(settings))?;
        history.act(&Act::Deploys)?;
        let good = history.version;
        let mut world = history.into_world();
        ends_well(&mut world)?;
        world.behave(good + 1, &[fault]);
        let update = deploy(world.controller.settings().clone(), good + 1, checks);
        world.command("UpdateService", update);
        // A version that lives a second may be complete before it crashes; then there is nothing to roll back.
        world.run_until(REST_WITHIN, |world| status(world).is_terminal());
        let rolls_back = world.controller.settings().deployment.circuit_breaker.rollback;
        if status(&world) == ServiceDeploymentStatus::RollbackSuccessful {
            prop_assert!(rolls_back || fault.boot == Boot::CannotStart);
            prop_assert!(world.controller.is_steady(), "{}", world.story());
            let last_good = common::revision(good, checks).id;
            prop_assert!(world.controller.tasks().all(|task| task.revision == last_good));
        } else if fault.exits_after != Some(secs(1)) {
            prop_assert_eq!(status(&world), ServiceDeploymentStatus::Stopped);
            prop_assert!(!rolls_back, "{}", world.story());
        }
    }

    #[test]
    fn a_deleted_service_becomes_inactive_whatever_went_before(
        settings in any_settings(),
        checks in any_checks(),
        acts in prop::collection::vec(any_act(), 0..40),
        later in prop::collection::vec(any_act(), 0..10),
    ) {
        let mut history = lived(settings, checks, &acts)?;
        history.act(&Act::Deletes)?;
        later.iter().try_for_each(|act| history.act(act))?;
        let mut world = history.into_world();
        world.run_until(REST_WITHIN, |world| world.controller.lifecycle() == Lifecycle::Inactive);
        prop_assert_eq!(world.controller.tasks().count(), 0);
    }
}
