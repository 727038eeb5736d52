//! A deployment in the place of a running one: reconciled first, with production where it mostly was.

use seatrial_controller::{ServiceDeploymentStatus, StopType};
use seatrial_model::{LifecycleStage, RevisionId, Strategy};

use super::service::{
    STRATEGIES, current, deploy, green, production, revisions_with_tasks, run_to, running, share, stage, stages_told,
    status, with,
};
use crate::common::secs;
use crate::common::world::{Behaviour, World};

#[test]
fn production_stays_on_the_revision_with_the_larger_share() {
    for (steps, keeper, green_share) in [(1, 1, 1000), (2, 2, 0), (3, 2, 0)] {
        let settings = with(STRATEGIES[2], 2);
        let mut world = running(&settings);
        deploy(&mut world, settings.clone(), 2);
        world.run_until(secs(2000), |world| {
            current(world).shift.as_ref().is_some_and(|shift| shift.steps_taken == steps)
        });
        world.log.clear();
        deploy(&mut world, settings, 3);
        assert_eq!(stage(&world), LifecycleStage::ReconcileService, "{}", world.story());
        assert_eq!(share(&world, &production(), &green()), green_share, "after {steps} steps");
        world.run_until(secs(60), |world| stage(world) > LifecycleStage::ReconcileService);
        let older = revisions_with_tasks(&world).into_iter().filter(|revision| *revision != RevisionId::from_bits(3));
        assert_eq!(older.collect::<Vec<_>>(), [RevisionId::from_bits(keeper)]);
        world.run();
        assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
        assert_eq!(revisions_with_tasks(&world), [RevisionId::from_bits(3)]);
        assert_eq!(stages_told(&world)[0], "RECONCILE_SERVICE");
    }
}

#[test]
fn a_superseding_deployment_that_fails_goes_back_to_the_revision_that_served() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = running(&settings);
    deploy(&mut world, settings.clone(), 2);
    run_to(&mut world, LifecycleStage::BakeTime);
    world.behave(3, super::service::NEVER_HEALTHY);
    deploy(&mut world, settings, 3);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
    assert_eq!(revisions_with_tasks(&world), [RevisionId::from_bits(2)]);
    assert_eq!(share(&world, &production(), &green()), 0);
}

#[test]
fn a_deployment_in_the_place_of_an_aborted_one_is_reconciled_too() {
    let settings = with(STRATEGIES[2], 2);
    let mut world = running(&settings);
    deploy(&mut world, settings.clone(), 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    world.stop_deployment(2, StopType::Abort);
    world.run_for(secs(100));
    assert_eq!(share(&world, &production(), &green()), 700, "aborted where it was");
    deploy(&mut world, settings, 3);
    assert_eq!(share(&world, &production(), &green()), 1000);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn a_rolling_deployment_in_the_place_of_an_aborted_shift_ends_the_split_first() {
    let settings = with(STRATEGIES[2], 2);
    let mut world = running(&settings);
    deploy(&mut world, settings.clone(), 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    world.stop_deployment(2, StopType::Abort);
    let mut rolling = settings;
    rolling.deployment.strategy = Strategy::Rolling;
    deploy(&mut world, rolling, 3);
    assert_eq!(share(&world, &production(), &green()), 1000);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    assert_eq!(revisions_with_tasks(&world), [RevisionId::from_bits(3)]);
}

/// The production rule moves only to healthy tasks and the floor is held, as the checkers see at every step.
#[test]
fn a_rolling_deployment_keeps_the_tasks_that_serve_rather_than_those_that_production_goes_past() {
    for stop in [None, Some(StopType::Abort)] {
        let settings = with(Strategy::BlueGreen, 2);
        let mut world = running(&settings);
        deploy(&mut world, settings.clone(), 2);
        run_to(&mut world, LifecycleStage::BakeTime);
        if let Some(stop) = stop {
            world.stop_deployment(2, stop);
        }
        let mut rolling = settings;
        rolling.deployment.strategy = Strategy::Rolling;
        world.behave(3, super::service::NEVER_HEALTHY);
        deploy(&mut world, rolling, 3);
        assert_eq!(world.controller.counts(RevisionId::from_bits(2)).running, 2, "{}", world.story());
        world.run();
        assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
        let [stays] = revisions_with_tasks(&world)[..] else { panic!("{}", world.story()) };
        let is_green = stays == RevisionId::from_bits(1);
        assert_eq!(share(&world, &production(), &green()), if is_green { 1000 } else { 0 }, "{}", world.story());
    }
}

fn lose_all_tasks(world: &mut World, number: u64) {
    let lost = world.controller.tasks().filter(|task| task.revision == RevisionId::from_bits(number));
    let lost: Vec<_> = lost.map(|task| task.id.clone()).collect();
    for task in lost {
        world.lose(task);
    }
}

#[test]
fn production_goes_to_whoever_can_answer_when_the_revision_that_has_it_is_lost_while_the_old_one_leaves() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = running(&settings);
    deploy(&mut world, settings.clone(), 2);
    run_to(&mut world, LifecycleStage::CleanUp);
    lose_all_tasks(&mut world, 2);
    world.behave(3, super::service::NEVER_HEALTHY);
    deploy(&mut world, settings, 3);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
    let rules = world.rules.clone();
    let stays = world.controller.tasks().next().expect("a service has tasks").targets.keys().next().cloned();
    let stays = stays.expect("its tasks are registered");
    assert_eq!(share(&world, &production(), &stays), 1000, "{rules:?}\n{}", world.story());
}

#[test]
fn a_shift_gives_everything_at_once_when_the_source_has_nobody_left() {
    let settings = with(STRATEGIES[2], 1);
    let mut world = running(&settings);
    world.behave(1, &[Behaviour::FAILS_TO_START]);
    let begun = world.now;
    deploy(&mut world, settings, 2);
    lose_all_tasks(&mut world, 1);
    run_to(&mut world, LifecycleStage::BakeTime);
    assert_eq!(share(&world, &production(), &green()), 0, "{}", world.story());
    assert!(world.now.since(begun) < secs(10), "no step is waited for\n{}", world.story());
}

#[test]
fn a_rollback_while_a_service_is_reconciled_lets_nobody_go_who_is_needed() {
    let settings = with(Strategy::BlueGreen, 1);
    let mut world = running(&settings);
    let mut rolling = settings.clone();
    rolling.deployment.strategy = Strategy::Rolling;
    deploy(&mut world, rolling, 2);
    world.run_until(secs(60), |world| {
        revisions_with_tasks(world).len() == 2 && world.controller.counts(RevisionId::from_bits(2)).running == 1
    });
    lose_all_tasks(&mut world, 1);
    deploy(&mut world, settings, 3);
    world.stop_deployment(3, StopType::Rollback);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
}
