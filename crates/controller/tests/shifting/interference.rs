//! Rules that are not as a deployment must find them, or do not stay as it has set them.

use seatrial_controller::{LiveRule, ServiceDeploymentStatus, Weights};
use seatrial_model::{LifecycleStage, Strategy, TargetGroupArn};

use super::service::{
    STRATEGIES, blue, current, deploy, forwards, fresh, green, production, run_to, running, share, status, tamper,
    test, with,
};
use crate::common::world::World;

fn reason(world: &World) -> String {
    current(world).status_reason.clone().unwrap_or_default()
}

fn assert_networking(world: &World, what: &str) {
    let reason = reason(world);
    let head = "Service deployment rolled back because of invalid networking configuration";
    assert!(reason.starts_with(head) && reason.contains(what), "{reason}");
}

#[test]
fn exactly_one_target_group_must_serve_at_the_start() {
    for (live, what) in [
        (forwards(1, 1), "exactly one target group serving traffic but found 2"),
        (forwards(0, 0), "exactly one target group serving traffic but found 0"),
        (LiveRule::Missing, "One or more rules not found"),
        (LiveRule::Elsewhere, "exactly one target group serving traffic but found 0"),
        (
            LiveRule::Forwards(Weights::from([(blue(), 0), (green(), 0), (TargetGroupArn::new("tg-other"), 1)])),
            "unexpected target group tg-other",
        ),
    ] {
        let settings = with(Strategy::BlueGreen, 1);
        let mut world = running(&settings);
        world.rules.insert(production(), live.clone());
        deploy(&mut world, settings, 2);
        world.run();
        assert_networking(&world, what);
        assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
        assert_eq!(world.rules[&production()], live, "the rule was left as it was");
    }
}

#[test]
fn production_must_be_served_by_the_revision_that_is_to_be_replaced() {
    let settings = with(Strategy::BlueGreen, 1);
    let mut world = running(&settings);
    world.rules.insert(production(), forwards(1, 0));
    deploy(&mut world, settings, 2);
    assert_networking(&world, "unexpected target group tg-blue. Expected tg-green");
}

#[test]
fn each_target_group_must_be_named_by_one_of_the_rules() {
    let mut world = fresh();
    world.rules.insert(production(), LiveRule::Forwards(Weights::from([(blue(), 1)])));
    deploy(&mut world, with(Strategy::BlueGreen, 1), 1);
    assert_eq!(status(&world), ServiceDeploymentStatus::InProgress, "the test rule names the other");
    let mut world = fresh();
    world.rules.insert(production(), LiveRule::Forwards(Weights::from([(blue(), 1)])));
    world.rules.insert(test(), LiveRule::Forwards(Weights::from([(blue(), 1)])));
    deploy(&mut world, with(Strategy::BlueGreen, 1), 1);
    assert!(world.log.contains("Target group tg-green is not associated"), "{}", world.log);
}

#[test]
fn a_rule_that_somebody_changes_during_a_shift_fails_the_deployment_and_traffic_goes_back() {
    let settings = with(STRATEGIES[1], 2);
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    tamper(&mut world, production(), forwards(50, 50));
    assert_networking(&world, "was changed during the deployment");
    assert_eq!(share(&world, &production(), &green()), 1000);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
}

#[test]
fn a_rule_that_somebody_points_elsewhere_is_left_alone() {
    let settings = with(STRATEGIES[1], 2);
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    let elsewhere = LiveRule::Forwards(Weights::from([(TargetGroupArn::new("tg-maintenance"), 1)]));
    tamper(&mut world, production(), elsewhere.clone());
    assert_networking(&world, "unexpected target group tg-maintenance");
    world.run();
    assert_eq!(world.rules[&production()], elsewhere);
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
}

#[test]
fn without_its_rule_a_deployment_cannot_roll_back_and_keeps_every_task() {
    let settings = with(STRATEGIES[1], 2);
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::ProductionTrafficShift);
    tamper(&mut world, production(), LiveRule::Missing);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackFailed, "{}", world.story());
    assert_eq!(world.controller.tasks().count(), 4);
}

#[test]
fn while_the_rule_is_gone_a_rolling_deployment_stays_in_the_target_group_that_served() {
    let mut settings = with(Strategy::BlueGreen, 1);
    let mut world = running(&settings);
    let rule = world.rules[&production()].clone();
    world.rules.insert(production(), LiveRule::Missing);
    settings.deployment.strategy = Strategy::Rolling;
    deploy(&mut world, settings, 2);
    world.rules.insert(production(), rule);
    world.run();
    let revision = world.controller.revision(current(&world).target).expect("it was deployed").clone();
    assert_eq!(revision.target_groups[0].arn, green(), "{}", world.story());
}
