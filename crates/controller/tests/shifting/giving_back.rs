//! The way back in steps: only where a person asks for it, never longer than it has to be, and never without the tasks it needs.

use std::time::Duration;

use seatrial_controller::{
    Command, Controller, HookAnswer, Input, Lifecycle, LiveRule, Observation, PauseAction, ServiceDeploymentStatus,
    Settings, StopType, Weights,
};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{
    HookTarget, LifecycleStage, ReturnSteps, RevisionId, Strategy, TargetGroupArn, Threshold, TimeoutAction,
    TrafficPercent,
};

use super::service::{
    STRATEGIES, current, deploy, forwards, green, hook, pause, production, revisions_with_tasks, run_to, running,
    share, stage, status, tamper, test, with,
};
use crate::common::world::World;
use crate::common::{deployment_id, ms, secs, unhealthy};

const OLD: RevisionId = RevisionId::from_bits(1);
const NEW: RevisionId = RevisionId::from_bits(2);
const EVERY: Duration = secs(30);

fn steps(text: &str) -> ReturnSteps {
    text.parse().expect("steps back")
}

fn gradual(strategy: Strategy) -> Settings {
    Settings { shift_back: Some(steps("25%/30s")), ..with(strategy, 3) }
}

/// A service whose second deployment is at a stage and goes back in steps when it is stopped.
fn at(settings: Settings, wanted: LifecycleStage) -> World {
    let mut settings = settings;
    if wanted.takes_pauses() {
        settings.deployment.lifecycle_hooks = vec![pause(wanted)];
    }
    let mut world = running(&settings);
    deploy(&mut world, settings, 2);
    run_to(&mut world, wanted);
    world
}

/// The same, stopped: the first step has been made.
fn stopped() -> World {
    let mut world = at(gradual(Strategy::BlueGreen), LifecycleStage::BakeTime);
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(returned(&world), 250, "{}", world.story());
    world
}

/// The old revision's share of production traffic, in tenths of a percent.
fn returned(world: &World) -> u32 {
    share(world, &production(), &green())
}

fn count(world: &World, revision: RevisionId) -> u32 {
    world.controller.counts(revision).running
}

fn is_back(world: &mut World) {
    world.run();
    assert_eq!(status(world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
    assert_eq!(returned(world), 1000);
    assert_eq!(revisions_with_tasks(world), [OLD]);
    assert_eq!(count(world, OLD), 3);
}

/// Every task of a revision begins to fail its checks.
fn ails(world: &mut World, revision: RevisionId) {
    let tasks: Vec<_> = world.controller.tasks().filter(|task| task.revision == revision).cloned().collect();
    for task in tasks {
        let group = task.targets.keys().next().expect("it is registered").clone();
        let observation =
            Observation::TargetHealth { task: task.id, target_group: group, port: 80, health: unhealthy() };
        world.command("it ails", Input::Observation(observation));
    }
}

#[test]
fn production_goes_back_a_step_at_a_time_and_the_new_tasks_stay_until_the_last() {
    let mut world = stopped();
    for expected in [250, 500, 750] {
        assert_eq!((returned(&world), count(&world, NEW)), (expected, 3), "{}", world.story());
        assert_eq!(status(&world), ServiceDeploymentStatus::RollbackInProgress);
        world.run_for(EVERY - ms(1));
        assert_eq!(returned(&world), expected, "not before its time");
        world.run_for(ms(1));
    }
    assert_eq!(returned(&world), 1000);
    is_back(&mut world);
    let told: Vec<&str> = world.log.lines().filter_map(|line| line.split("in steps: ").nth(1)).collect();
    assert_eq!(told, ["75 % is left.", "50 % is left.", "25 % is left."]);
}

#[test]
fn the_shares_on_the_way_are_those_of_the_share_it_began_with() {
    for (strategy, wanted, expected) in [
        (STRATEGIES[1], 1, vec![1000]),
        (STRATEGIES[2], 1, vec![950, 1000]),
        (STRATEGIES[2], 2, vec![650, 900, 1000]),
        (STRATEGIES[2], 3, vec![350, 600, 850, 1000]),
    ] {
        let mut world = running(&gradual(strategy));
        deploy(&mut world, gradual(strategy), 2);
        world.run_until(secs(7200), |world| {
            current(world).shift.as_ref().is_some_and(|shift| shift.steps_taken == wanted)
        });
        world.stop_deployment(2, StopType::Rollback);
        let mut seen = vec![returned(&world)];
        while returned(&world) < 1000 {
            world.run_for(EVERY);
            seen.push(returned(&world));
        }
        assert_eq!(seen, expected, "{}", world.story());
        is_back(&mut world);
    }
}

#[test]
fn before_production_has_moved_there_is_nothing_to_give_back_in_steps() {
    for wanted in [LifecycleStage::PreScaleUp, LifecycleStage::PostTestTrafficShift] {
        let mut world = at(gradual(Strategy::BlueGreen), wanted);
        world.stop_deployment(2, StopType::Rollback);
        assert_eq!(share(&world, &test(), &green()), 1000, "test traffic is no load: it goes back at once");
        assert!(current(&world).shift.as_ref().is_some_and(|shift| shift.returned), "{wanted:?}");
        is_back(&mut world);
    }
}

#[test]
fn without_the_setting_everything_goes_back_in_one_change() {
    let mut world = at(with(Strategy::BlueGreen, 3), LifecycleStage::BakeTime);
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(returned(&world), 1000);
    is_back(&mut world);
}

#[test]
fn the_setting_counts_as_it_is_when_the_stop_comes() {
    let mut world = at(with(Strategy::BlueGreen, 3), LifecycleStage::BakeTime);
    world.command("TagResource", crate::common::change(gradual(Strategy::BlueGreen)));
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(returned(&world), 250);
    world.command("UntagResource", crate::common::change(with(Strategy::BlueGreen, 3)));
    world.run_for(EVERY);
    assert_eq!(returned(&world), 500, "a way back that has begun goes on as it began");
    is_back(&mut world);
}

#[test]
fn what_hurts_users_goes_back_at_once() {
    let mut alarmed = gradual(Strategy::BlueGreen);
    alarmed.deployment.alarms.names = vec!["errors".to_owned()];
    alarmed.deployment.alarms.enable = true;
    alarmed.deployment.alarms.rollback = true;
    let mut world = at(alarmed, LifecycleStage::BakeTime);
    world.command("alarm", Input::Observation(Observation::AlarmFired { name: "errors".to_owned() }));
    assert_eq!(returned(&world), 1000, "an alarm");

    let mut world = at(gradual(Strategy::BlueGreen), LifecycleStage::PostProductionTrafficShift);
    let hook = current(&world).shift.as_ref().expect("it shifts traffic").runs[0].id.clone();
    let command = Command::ContinueServiceDeployment { id: deployment_id(2), hook, action: PauseAction::Rollback };
    world.command("ContinueServiceDeployment", Input::Command(command));
    assert_eq!(returned(&world), 1000, "a hook that says no");

    let mut world = at(gradual(Strategy::BlueGreen), LifecycleStage::BakeTime);
    ails(&mut world, NEW);
    assert_eq!(returned(&world), 1000, "no healthy task left: {}", world.story());

    let mut world = at(gradual(STRATEGIES[1]), LifecycleStage::ProductionTrafficShift);
    tamper(&mut world, production(), forwards(50, 50));
    assert_eq!(returned(&world), 1000, "a rule that somebody changed");
}

#[test]
fn a_second_stop_gives_back_what_is_left_at_once() {
    let mut world = stopped();
    world.run_for(EVERY);
    world.stop_deployment(2, StopType::Abort);
    assert_eq!((returned(&world), status(&world)), (500, ServiceDeploymentStatus::RollbackInProgress));
    world.stop_deployment(7, StopType::Rollback);
    assert_eq!(returned(&world), 500, "another deployment's");
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(returned(&world), 1000);
    is_back(&mut world);
}

#[test]
fn a_new_version_that_fails_on_the_way_gives_back_what_is_left_at_once() {
    let mut world = stopped();
    ails(&mut world, NEW);
    assert_eq!(returned(&world), 1000, "{}", world.story());
    is_back(&mut world);
}

#[test]
fn an_alarm_on_the_way_gives_back_what_is_left_at_once() {
    let mut settings = gradual(Strategy::BlueGreen);
    settings.deployment.alarms.names = vec!["errors".to_owned()];
    settings.deployment.alarms.enable = true;
    let mut world = at(settings, LifecycleStage::BakeTime);
    world.stop_deployment(2, StopType::Rollback);
    let fired = |name: &str| Input::Observation(Observation::AlarmFired { name: name.to_owned() });
    world.command("another alarm", fired("somebody-else"));
    assert_eq!(returned(&world), 250);
    world.command("alarm", fired("errors"));
    assert_eq!(returned(&world), 1000);
    is_back(&mut world);
}

#[test]
fn while_the_old_version_cannot_take_it_no_step_is_made() {
    let mut settings = gradual(Strategy::BlueGreen);
    settings.deployment.circuit_breaker.threshold = Threshold::Count(10);
    let mut world = at(settings, LifecycleStage::BakeTime);
    world.stop_deployment(2, StopType::Rollback);
    ails(&mut world, OLD);
    let tasks: Vec<_> =
        world.controller.tasks().filter(|task| task.revision == OLD).map(|task| task.id.clone()).collect();
    world.run_for(ms(50));
    assert!(
        tasks.len() >= 3 && world.watch.healthy(world.now) == 3,
        "only the new ones are healthy: {}",
        world.story()
    );
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(returned(&world), 250, "not even at once");
    let waits = world.controller.waiting(world.now);
    assert!(waits.iter().any(|wait| wait.what == "the source revision to take the traffic back"), "{waits:?}");
    is_back(&mut world);
}

#[test]
fn a_way_back_out_of_clean_up_waits_for_the_old_tasks_and_then_takes_its_steps() {
    let mut world = at(gradual(Strategy::BlueGreen), LifecycleStage::CleanUp);
    world.run_for(ms(520));
    assert_eq!(stage(&world), LifecycleStage::CleanUp);
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(returned(&world), 0, "nobody there could answer yet");
    world.run_until(secs(5), |world| returned(world) > 0);
    assert_eq!(returned(&world), 250, "{}", world.story());
    is_back(&mut world);
}

#[test]
fn a_rule_that_somebody_changes_on_the_way_is_not_waited_with() {
    let mut world = stopped();
    tamper(&mut world, production(), forwards(90, 10));
    assert_eq!(returned(&world), 1000);
    is_back(&mut world);

    let mut world = stopped();
    let elsewhere = LiveRule::Forwards(Weights::from([(TargetGroupArn::new("tg-maintenance"), 1)]));
    tamper(&mut world, production(), elsewhere.clone());
    world.run();
    assert_eq!(world.rules[&production()], elsewhere, "a rule that somebody points elsewhere is left alone");
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());

    let mut world = stopped();
    tamper(&mut world, production(), LiveRule::Missing);
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackFailed, "{}", world.story());
    assert_eq!(world.controller.tasks().count(), 6, "every task was kept");
}

#[test]
fn a_deployment_in_the_place_of_a_way_back_keeps_production_where_most_of_it_is() {
    for (waits, keeper) in [(0, NEW), (1, OLD), (2, OLD)] {
        let mut world = stopped();
        world.run_for(EVERY * waits);
        deploy(&mut world, gradual(Strategy::BlueGreen), 3);
        let kept = if keeper == OLD { 1000 } else { 0 };
        assert_eq!((stage(&world), returned(&world)), (LifecycleStage::ReconcileService, kept), "after {waits} waits");
        world.run();
        assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
        assert_eq!(revisions_with_tasks(&world), [RevisionId::from_bits(3)]);
    }
}

#[test]
fn a_rolling_deployment_in_the_place_of_a_way_back_ends_the_split_first() {
    let mut world = stopped();
    world.run_for(EVERY * 2);
    let mut rolling = gradual(Strategy::BlueGreen);
    rolling.deployment.strategy = Strategy::Rolling;
    deploy(&mut world, rolling, 3);
    assert_eq!(returned(&world), 1000, "{}", world.story());
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn a_service_that_is_deleted_on_the_way_is_gone() {
    let mut world = stopped();
    world.command("DeleteService", Input::Command(Command::Delete));
    world.run();
    assert_eq!(world.controller.lifecycle(), Lifecycle::Inactive);
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackFailed);
}

#[test]
fn a_way_back_goes_on_after_a_restart_of_the_engine() {
    let mut world = stopped();
    for expected in [500, 750, 1000] {
        let text = serde_json::to_string(&world.controller).expect("it can be written");
        let restored: Controller = serde_json::from_str(&text).expect("it can be read");
        assert!(restored == world.controller);
        world.controller = restored;
        world.run_for(EVERY);
        assert_eq!(returned(&world), expected);
    }
    is_back(&mut world);
}

#[test]
fn a_state_of_before_steps_existed_is_read_and_goes_back_at_once() {
    let world = at(with(Strategy::BlueGreen, 3), LifecycleStage::BakeTime);
    let mut stored = serde_json::to_value(&world.controller).expect("it can be written");
    let remove =
        |value: &mut serde_json::Value, key: &str| value.as_object_mut().and_then(|members| members.remove(key));
    assert!(remove(&mut stored["settings"], "shift_back").is_some());
    assert!(remove(&mut stored["service_deployment"], "bake_skipped").is_some());
    assert!(remove(&mut stored["service_deployment"]["shift"], "giving_back").is_some());
    let restored: Controller = serde_json::from_value(stored).expect("old states can be read");
    assert!(restored == world.controller);
}

#[test]
fn each_wait_on_the_way_says_why_and_until_when() {
    let world = stopped();
    let waits = world.controller.waiting(world.now);
    let wait = waits.iter().find(|wait| wait.what == "the next step of the traffic's way back").expect("it waits");
    assert_eq!(wait.why, "the revision given up still has 75 % of production traffic, and 25 % goes back at a time");
    assert_eq!((wait.since, wait.until), (world.now, Some(world.now + EVERY)));
}

#[test]
fn a_way_back_takes_no_longer_than_a_stage_may() {
    let settings = Settings { shift_back: Some(steps("1%/1h")), ..with(Strategy::BlueGreen, 3) };
    let mut world = at(settings, LifecycleStage::BakeTime);
    world.stop_deployment(2, StopType::Rollback);
    world.run_for(secs(24 * 3600 - 1));
    assert_eq!(returned(&world), 240);
    world.run_for(secs(1));
    assert_eq!(returned(&world), 1000, "{}", world.story());
    is_back(&mut world);
}

#[test]
fn functions_hear_of_the_way_back_when_it_is_over() {
    let mut settings = gradual(Strategy::BlueGreen);
    let function = |stage| hook(HookTarget::Function("check".to_owned()), stage, TimeoutAction::Rollback);
    settings.deployment.lifecycle_hooks =
        vec![function(LifecycleStage::ProductionTrafficShift), function(LifecycleStage::TestTrafficShift)];
    let mut world = running(&settings);
    world.answers.insert("check".to_owned(), vec![HookAnswer::Succeeded]);
    deploy(&mut world, settings, 2);
    run_to(&mut world, LifecycleStage::BakeTime);
    world.invocations.clear();
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!(share(&world, &test(), &green()), 1000, "test traffic goes back with the first step");
    world.run_for(EVERY * 2);
    assert!(world.invocations.is_empty(), "it is not over");
    world.run_for(EVERY);
    let told: Vec<_> =
        world.invocations.iter().map(|asked| (asked.stage, asked.shares.map(|of| of.production))).collect();
    let none = Some(TrafficPercent::NONE);
    assert_eq!(told, [(LifecycleStage::ProductionTrafficShift, none), (LifecycleStage::TestTrafficShift, none)]);
    is_back(&mut world);
}

#[test]
fn a_target_that_recovers_is_not_given_traffic_again() {
    let mut world = stopped();
    let task = world.controller.tasks().find(|task| task.revision == NEW).expect("it runs").clone();
    let group = task.targets.keys().next().expect("it is registered").clone();
    for health in [unhealthy(), TargetHealth::healthy()] {
        let observation =
            Observation::TargetHealth { task: task.id.clone(), target_group: group.clone(), port: 80, health };
        world.command("a verdict", Input::Observation(observation));
        assert_eq!(returned(&world), 250, "{}", world.story());
    }
    is_back(&mut world);
}
