//! Ending a bake early: the clock alone is put forward.

use seatrial_controller::{Command, HookAnswer, Input, ServiceDeploymentStatus};
use seatrial_model::{HookTarget, LifecycleStage, RevisionId, Strategy, TimeoutAction};

use super::service::{
    BAKE, STRATEGIES, current, deploy, green, hook, pause, production, run_to, running, share, stage, status, with,
};
use crate::common::world::{Behaviour, World};
use crate::common::{deployment_id, secs};

fn skip(world: &mut World) {
    let command = Input::Command(Command::SkipBake { id: deployment_id(2) });
    world.command("ContinueServiceDeployment seatrial:skip-bake", command);
}

fn deployed(strategy: Strategy) -> World {
    let settings = with(strategy, 2);
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    world
}

/// Tells whether giving the command would change anything at all.
fn is_ignored(world: &World, number: u64) -> bool {
    let mut again = world.controller.clone();
    let step = again.handle(world.now, Input::Command(Command::SkipBake { id: deployment_id(number) }));
    step.to_string().is_empty() && again == world.controller
}

#[test]
fn the_bake_of_a_share_is_over_when_it_is_ended_and_that_of_the_next_share_is_not() {
    let mut world = deployed(STRATEGIES[2]);
    for expected in [700, 400, 100] {
        world.run_until(secs(60), |world| share(world, &production(), &green()) == expected);
        world.run_for(secs(10));
        assert_eq!(share(&world, &production(), &green()), expected, "each share has a bake of its own");
        skip(&mut world);
    }
    assert_eq!(share(&world, &production(), &green()), 0);
    assert_eq!(stage(&world), LifecycleStage::BakeTime);
    assert!(current(&world).bakes_until().is_some());
}

#[test]
fn the_bake_time_at_the_end_is_over_when_it_is_ended() {
    for strategy in STRATEGIES {
        let mut world = deployed(strategy);
        run_to(&mut world, LifecycleStage::BakeTime);
        world.run_for(secs(20));
        let before = world.now;
        skip(&mut world);
        assert_eq!(stage(&world), LifecycleStage::CleanUp, "{}", world.story());
        world.run_until(secs(5), |world| status(world) == ServiceDeploymentStatus::Successful);
        assert!(world.now.since(before) < BAKE - secs(20));
        assert!(world.log.contains("has been told to end its bake time now."));
    }
}

#[test]
fn a_rolling_deployment_is_complete_when_its_bake_is_ended() {
    let mut settings = with(Strategy::Rolling, 2);
    settings.deployment.alarms.names = vec!["errors".to_owned()];
    settings.deployment.alarms.enable = true;
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    assert!(is_ignored(&world, 2), "it still replaces tasks");
    world.run_until(secs(60), |world| current(world).bakes_until().is_some());
    world.run_for(secs(20));
    assert_eq!(status(&world), ServiceDeploymentStatus::InProgress);
    skip(&mut world);
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn in_no_bake_and_for_another_deployment_it_changes_nothing() {
    for wanted in [
        LifecycleStage::PreScaleUp,
        LifecycleStage::ScaleUp,
        LifecycleStage::PostScaleUp,
        LifecycleStage::PostTestTrafficShift,
        LifecycleStage::PreProductionTrafficShift,
        LifecycleStage::PostProductionTrafficShift,
        LifecycleStage::CleanUp,
    ] {
        let mut settings = with(STRATEGIES[1], 2);
        if wanted.takes_pauses() {
            settings.deployment.lifecycle_hooks = vec![pause(wanted)];
        }
        let mut world = running(&settings);
        deploy(&mut world, settings, 2);
        run_to(&mut world, wanted);
        assert!(is_ignored(&world, 2), "{wanted:?}");
    }
    let mut world = deployed(Strategy::BlueGreen);
    run_to(&mut world, LifecycleStage::BakeTime);
    assert!(is_ignored(&world, 1) && !is_ignored(&world, 2));
    world.run();
    assert!(is_ignored(&world, 2), "it has ended");
}

#[test]
fn hooks_hold_a_deployment_up_as_before() {
    let mut settings = with(STRATEGIES[1], 2);
    let later = HookAnswer::InProgress { call_back: Some(secs(100)), details: None };
    settings.deployment.lifecycle_hooks = vec![hook(
        HookTarget::Function("check".to_owned()),
        LifecycleStage::ProductionTrafficShift,
        TimeoutAction::Rollback,
    )];
    let mut world = running(&settings);
    world.answers.insert("check".to_owned(), vec![later, HookAnswer::Succeeded]);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    skip(&mut world);
    world.run_for(secs(99));
    assert_eq!(share(&world, &production(), &green()), 950, "the function has not agreed yet");
    assert!(is_ignored(&world, 2), "the bake is over already");
    world.run_for(secs(2));
    assert_eq!(share(&world, &production(), &green()), 0, "{}", world.story());
}

#[test]
fn the_tasks_that_have_to_be_healthy_hold_a_deployment_up_as_before() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = running(&settings);
    world.behave(2, &[Behaviour::GOOD.exits_after(secs(30)), Behaviour::GOOD]);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::BakeTime);
    world.run_until(secs(60), |world| world.controller.counts(RevisionId::from_bits(2)).pending > 0);
    skip(&mut world);
    assert_eq!(stage(&world), LifecycleStage::BakeTime, "a task is missing: {}", world.story());
    world.run_until(secs(60), |world| stage(world) == LifecycleStage::CleanUp);
    assert!(world.now.since(current(&world).started_at) < BAKE, "{}", world.story());
}

#[test]
fn an_alarm_fails_a_deployment_until_it_is_complete() {
    let mut settings = with(STRATEGIES[1], 2);
    settings.deployment.alarms.names = vec!["errors".to_owned()];
    settings.deployment.alarms.enable = true;
    settings.deployment.alarms.rollback = true;
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    skip(&mut world);
    assert_eq!(share(&world, &production(), &green()), 0);
    let fired = seatrial_controller::Observation::AlarmFired { name: "errors".to_owned() };
    world.command("alarm", Input::Observation(fired));
    assert_eq!(share(&world, &production(), &green()), 1000, "{}", world.story());
}
