//! Deployments that come to a good end.

use seatrial_controller::{Command, Effect, Input, ServiceDeploymentStatus, Update};
use seatrial_model::{LifecycleStage, RevisionId, Strategy};

use super::service::{
    BAKE, STRATEGIES, current, deploy, fresh, green, production, revisions_with_tasks, run_to, running, share, stage,
    stages_told, status, test, with,
};
use crate::common::{self, Checks, secs};

#[test]
fn every_stage_is_told_in_its_order() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    world.run();
    let told = [
        "PRE_SCALE_UP",
        "SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "PRODUCTION_TRAFFIC_SHIFT: it is given 100 % of production traffic",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
        "BAKE_TIME",
        "CLEAN_UP",
    ];
    assert_eq!(stages_told(&world), told, "{}", world.story());
}

#[test]
fn production_traffic_moves_in_the_steps_of_the_strategy() {
    for (strategy, expected) in STRATEGIES.into_iter().zip([vec![1000], vec![50, 1000], vec![300, 600, 900, 1000]]) {
        let settings = with(strategy, 2);
        let mut world = running(&settings);
        let serving_group =
            if share(&world, &production(), &green()) == 1000 { super::service::blue() } else { green() };
        deploy(&mut world, settings, 2);
        let (mut shares, mut changed_at) = (Vec::new(), Vec::new());
        world.run_until(secs(7200), |world| {
            let now = share(world, &production(), &serving_group);
            if now > 0 && shares.last() != Some(&now) {
                shares.push(now);
                changed_at.push(world.now);
            }
            status(world).is_terminal()
        });
        assert_eq!(shares, expected, "{strategy:?}");
        let waits: Vec<_> = changed_at.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert!(waits.iter().all(|wait| *wait == strategy.step_bake_time()), "{strategy:?}: {waits:?}");
        assert_eq!(status(&world), ServiceDeploymentStatus::Successful);
        assert_eq!(revisions_with_tasks(&world), [RevisionId::from_bits(2)]);
    }
}

#[test]
fn both_revisions_are_at_full_size_until_the_bake_time_is_over() {
    for strategy in STRATEGIES {
        let settings = with(strategy, 3);
        let mut world = running(&settings);
        deploy(&mut world, settings, 2);
        run_to(&mut world, LifecycleStage::BakeTime);
        let began = world.now;
        let size =
            |world: &common::world::World, number| world.controller.counts(RevisionId::from_bits(number)).running;
        assert_eq!((size(&world, 1), size(&world, 2)), (3, 3), "{strategy:?}");
        run_to(&mut world, LifecycleStage::CleanUp);
        assert_eq!(world.now.since(began), BAKE, "{strategy:?}");
        assert_eq!((size(&world, 1), size(&world, 2)), (0, 3), "{strategy:?}");
    }
}

#[test]
fn target_groups_alternate_and_the_test_rule_goes_ahead() {
    let settings = with(Strategy::BlueGreen, 1);
    let mut world = running(&settings);
    assert_eq!(share(&world, &production(), &green()), 1000, "the first deployment lands on the alternate group");
    deploy(&mut world, settings.clone(), 2);
    run_to(&mut world, LifecycleStage::BakeTime);
    assert_eq!(share(&world, &production(), &green()), 0);
    assert_eq!(share(&world, &test(), &green()), 0);
    world.run();
    deploy(&mut world, settings, 3);
    world.run();
    assert_eq!(share(&world, &production(), &green()), 1000);
}

#[test]
fn the_first_deployment_takes_one_step_whatever_the_strategy() {
    for strategy in STRATEGIES {
        let mut world = fresh();
        deploy(&mut world, with(strategy, 2), 1);
        world.run();
        assert_eq!(status(&world), ServiceDeploymentStatus::Successful);
        let shifts = stages_told(&world).iter().filter(|told| told.starts_with("PRODUCTION_TRAFFIC_SHIFT")).count();
        assert_eq!(shifts, 1, "{strategy:?}");
    }
}

#[test]
fn a_service_without_load_balancer_goes_through_every_stage_too() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = common::world::World::new(common::controller());
    for number in [1, 2] {
        world.command("deploy", common::deploy(settings.clone(), number, Checks::Container));
        world.run();
        assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    }
    assert_eq!(revisions_with_tasks(&world), [RevisionId::from_bits(2)]);
}

#[test]
fn a_service_at_zero_tasks_is_deployed_to_at_once() {
    let mut settings = with(Strategy::BlueGreen, 0);
    settings.deployment.bake_time = secs(0);
    let mut world = fresh();
    deploy(&mut world, settings.clone(), 1);
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    deploy(&mut world, settings, 2);
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn a_deployment_that_scales_to_zero_moves_no_traffic_while_the_old_tasks_could_serve() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = running(&settings);
    let zero = seatrial_controller::Settings { desired_count: 0, ..settings };
    deploy(&mut world, zero, 2);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    assert_eq!(share(&world, &production(), &green()), 0);
}

#[test]
fn a_change_of_the_desired_count_reaches_both_sides() {
    let settings = with(STRATEGIES[1], 2);
    let mut world = running(&settings);
    deploy(&mut world, settings.clone(), 2);
    world.run_until(secs(60), |world| current(world).shift.as_ref().is_some_and(|shift| shift.steps_taken == 1));
    let scaled = seatrial_controller::Settings { desired_count: 4, ..settings };
    world.command("desiredCount 4", Input::Command(Command::Update(Update { settings: scaled, deploy: None })));
    world.run_for(secs(5));
    let size = |number| world.controller.counts(RevisionId::from_bits(number)).running;
    assert_eq!((size(1), size(2)), (4, 4), "{:?}", stage(&world));
}

#[test]
fn a_task_that_dies_during_a_shift_is_replaced_with_its_own_revision_and_the_next_step_waits_for_it() {
    let settings = with(STRATEGIES[2], 2);
    let mut world = running(&settings);
    world.behave(2, &[common::world::Behaviour::GOOD.exits_after(secs(355)), common::world::Behaviour::GOOD]);
    deploy(&mut world, settings, 2);
    world.run_until(secs(60), |world| current(world).shift.as_ref().is_some_and(|shift| shift.steps_taken == 1));
    world.run_until(secs(400), |world| current(world).shift.as_ref().is_some_and(|shift| shift.steps_taken == 2));
    let counts = world.controller.counts(RevisionId::from_bits(2));
    assert_eq!(counts.running, 2);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn switching_to_rolling_keeps_the_target_group_that_serves() {
    let settings = with(Strategy::BlueGreen, 2);
    let mut world = running(&settings);
    let mut rolling = settings;
    rolling.deployment.strategy = Strategy::Rolling;
    deploy(&mut world, rolling, 2);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
    assert_eq!(share(&world, &production(), &green()), 1000);
    let sets = |step: &seatrial_controller::Step| {
        step.effects.iter().any(|effect| matches!(effect, Effect::SetRuleWeights { .. }))
    };
    let mut replayed = common::controller();
    let changed = world.journal.iter().map(|(now, input)| replayed.handle(*now, input.clone())).filter(sets).count();
    assert_eq!(changed, 1, "only the first deployment moved weights");
}
