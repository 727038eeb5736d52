//! Rollbacks: from every stage, weights first, then the tasks (I7).

use seatrial_controller::{
    Command, Input, MonitorStatus, NewDeployment, Observation, ServiceDeploymentStatus, StopType, Update,
};
use seatrial_model::{LifecycleStage, RevisionId, Strategy};

use super::service::{
    NEVER_HEALTHY, STRATEGIES, current, deploy, fresh, green, pause, production, revisions_with_tasks, run_to, running,
    share, stage, status, with,
};
use crate::common::world::{Behaviour, Boot, World};
use crate::common::{Checks, controller, deployment_id, ms, revision, secs};

/// Every stage at which a deployment can be found.
const STAGES: [LifecycleStage; 8] = [
    LifecycleStage::PreScaleUp,
    LifecycleStage::ScaleUp,
    LifecycleStage::PostScaleUp,
    LifecycleStage::PostTestTrafficShift,
    LifecycleStage::PreProductionTrafficShift,
    LifecycleStage::PostProductionTrafficShift,
    LifecycleStage::BakeTime,
    LifecycleStage::CleanUp,
];

/// A service in the middle of its second deployment, at a stage; pauses hold it there where nothing else does.
fn at_stage(strategy: Strategy, wanted: LifecycleStage) -> World {
    let mut settings = with(strategy, 3);
    if wanted.takes_pauses() {
        settings.deployment.lifecycle_hooks = vec![pause(wanted)];
    }
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    run_to(&mut world, wanted);
    world
}

fn is_back(world: &mut World) {
    assert_eq!(status(world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
    assert_eq!(share(world, &production(), &green()), 1000, "{}", world.story());
    assert_eq!(revisions_with_tasks(world), [RevisionId::from_bits(1)]);
    assert_eq!(world.controller.counts(RevisionId::from_bits(1)).running, 3);
    assert!(world.controller.is_steady());
}

#[test]
fn a_user_can_roll_back_from_every_stage() {
    for strategy in STRATEGIES {
        for wanted in STAGES {
            let mut world = at_stage(strategy, wanted);
            world.stop_deployment(2, StopType::Rollback);
            if wanted < LifecycleStage::CleanUp {
                let served = share(&world, &production(), &green());
                assert_eq!(served, 1000, "{wanted:?}: all traffic is back in the same step\n{}", world.story());
            }
            world.run();
            is_back(&mut world);
        }
    }
}

#[test]
fn a_user_can_abort_at_every_stage_and_nothing_moves() {
    for strategy in STRATEGIES {
        for wanted in STAGES.into_iter().filter(|stage| *stage != LifecycleStage::CleanUp) {
            let mut world = at_stage(strategy, wanted);
            let before = world.rules.clone();
            world.stop_deployment(2, StopType::Abort);
            world.run_for(secs(3600));
            assert_eq!(status(&world), ServiceDeploymentStatus::Stopped);
            assert_eq!(world.rules, before);
            assert_eq!(world.controller.counts(RevisionId::from_bits(1)).running, 3, "{}", world.story());
        }
    }
}

#[test]
fn the_circuit_breaker_rolls_back_a_revision_that_never_becomes_healthy() {
    for strategy in STRATEGIES {
        let settings = with(strategy, 3);
        let mut world = running(&settings);
        world.behave(2, NEVER_HEALTHY);
        deploy(&mut world, settings, 2);
        world.run();
        is_back(&mut world);
        let deployment = current(&world);
        assert_eq!(deployment.circuit_breaker, MonitorStatus::Triggered);
        let reason = deployment.status_reason.as_deref();
        assert_eq!(reason, Some("Service deployment rolled back because the circuit breaker threshold was exceeded."));
    }
}

#[test]
fn a_revision_that_loses_its_last_healthy_task_loses_its_traffic_at_once() {
    let mut settings = with(STRATEGIES[1], 3);
    settings.deployment.circuit_breaker.enable = false;
    let mut world = running(&settings);
    world.behave(2, &[Behaviour { ails_after: Some(secs(100)), ..Behaviour::GOOD }]);
    deploy(&mut world, settings, 2);
    world.run();
    is_back(&mut world);
    let reason = current(&world).status_reason.clone().unwrap_or_default();
    assert!(reason.contains("no healthy task left"), "{reason}");
}

#[test]
fn an_alarm_rolls_back_at_every_stage_up_to_the_end_of_the_bake_time() {
    for wanted in STAGES.into_iter().filter(|stage| *stage < LifecycleStage::CleanUp) {
        let mut settings = with(Strategy::BlueGreen, 3);
        settings.deployment.alarms.names = vec!["errors".to_owned(), "latency".to_owned()];
        settings.deployment.alarms.enable = true;
        settings.deployment.alarms.rollback = true;
        if wanted.takes_pauses() {
            settings.deployment.lifecycle_hooks = vec![pause(wanted)];
        }
        let mut world = running(&settings);
        deploy(&mut world, settings, 2);
        run_to(&mut world, wanted);
        let fired = |name: &str| Input::Observation(Observation::AlarmFired { name: name.to_owned() });
        world.command("another alarm", fired("somebody-else"));
        assert_eq!(status(&world), ServiceDeploymentStatus::InProgress);
        world.command("alarm", fired("latency"));
        assert_eq!(share(&world, &production(), &green()), 1000);
        world.run();
        is_back(&mut world);
        let alarms = &current(&world).alarms;
        assert_eq!((alarms.status, alarms.triggered.len()), (MonitorStatus::Triggered, 1));
    }
}

#[test]
fn alarms_that_fire_already_are_not_watched() {
    let mut settings = with(Strategy::BlueGreen, 1);
    settings.deployment.alarms.names = vec!["errors".to_owned()];
    settings.deployment.alarms.enable = true;
    let new = NewDeployment {
        id: deployment_id(1),
        revision: revision(1, Checks::Nothing),
        rules: Vec::new(),
        firing_alarms: vec!["errors".to_owned()],
    };
    let watched = Command::Update(Update { settings, deploy: Some(Box::new(new)) });
    let mut world = World::new(controller());
    world.command("deploy", Input::Command(watched));
    assert_eq!(current(&world).alarms.status, MonitorStatus::Disabled);
    world.command("alarm", Input::Observation(Observation::AlarmFired { name: "errors".to_owned() }));
    assert_eq!(status(&world), ServiceDeploymentStatus::InProgress);
}

#[test]
fn the_first_deployment_has_nothing_to_go_back_to() {
    let mut world = fresh();
    world.behave(1, NEVER_HEALTHY);
    deploy(&mut world, with(Strategy::BlueGreen, 2), 1);
    world.run_until(secs(600), |world| status(world).is_terminal());
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackFailed);
    let reason = current(&world).status_reason.as_deref();
    assert_eq!(reason, Some("No rollback candidate was found to run the rollback."));
}

#[test]
fn a_rollback_during_clean_up_brings_the_old_revision_back_before_its_traffic() {
    let mut world = at_stage(Strategy::BlueGreen, LifecycleStage::CleanUp);
    world.run_for(ms(520));
    assert_eq!(stage(&world), LifecycleStage::CleanUp);
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(share(&world, &production(), &green()), 0, "nobody there could answer yet");
    world.run();
    is_back(&mut world);
}

#[test]
fn a_deployment_after_a_rollback_starts_anew() {
    let mut world = at_stage(STRATEGIES[2], LifecycleStage::BakeTime);
    world.stop_deployment(2, StopType::Rollback);
    world.run();
    deploy(&mut world, with(STRATEGIES[2], 3), 3);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    assert_eq!(share(&world, &production(), &green()), 0);
}

#[test]
fn a_stage_that_takes_a_day_fails() {
    let mut settings = with(Strategy::BlueGreen, 2);
    settings.deployment.circuit_breaker.enable = false;
    let mut world = running(&settings);
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    deploy(&mut world, settings, 2);
    world.run_until(secs(25 * 3600), |world| status(world) == ServiceDeploymentStatus::RollbackInProgress);
    let reason = current(&world).status_reason.clone().unwrap_or_default();
    assert!(reason.contains("SCALE_UP took longer than a lifecycle stage may"), "{reason}");
}
