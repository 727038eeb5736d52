//! A deployment in the place of a running one: reconciled first, with production where it mostly was.

use seatrial_controller::{ServiceDeploymentStatus, StopType};
use seatrial_model::{LifecycleStage, RevisionId, Strategy};

use super::service::{
    STRATEGIES, current, deploy, green, production, revisions_with_tasks, run_to, running, share, stage, stages_told,
    status, with,
};
use crate::common::secs;

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
