//! Stories: whole deployments as text, from the first input to the last, each step with what it orders and tells.

mod common;

use common::world::{Behaviour, Boot, World};
use common::{Checks, change, controller, deploy, guarded, ms, secs, settings};
use seatrial_controller::{Command, FailFast, Input, Settings, StopType};
use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::load_balancing::TargetState;
use seatrial_model::{EarlySuccess, Percent, Threshold};

/// Tells a story; the snapshot carries its name.
macro_rules! tell {
    ($world:expr) => {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($world.story());
        })
    };
}

/// A service on its first version, at rest for so long that nothing about it is young.
fn running(count: u32, checks: Checks, settings: Settings) -> World {
    let mut world = World::new(controller());
    world.command("CreateService v1", deploy(Settings { desired_count: count, ..settings }, 1, checks));
    world.run_for(secs(60));
    assert!(world.controller.is_steady(), "{}", world.story());
    world.log.clear();
    world
}

fn with_breaker(desired: u32) -> Settings {
    guarded(settings(desired, 100, 200), Threshold::BoundedPercent(50))
}

/// Plays an update of a running service to a version of the given behaviour.
fn update(settings: Settings, checks: Checks, behaviours: &[Behaviour]) -> World {
    let mut world = running(settings.desired_count, checks, settings.clone());
    world.behave(2, behaviours);
    world.command("UpdateService v2", deploy(settings, 2, checks));
    world.run();
    world
}

#[test]
fn a_service_is_created() {
    let mut world = World::new(controller());
    world.command("CreateService v1", deploy(settings(2, 100, 200), 1, Checks::Balancer));
    world.run();
    tell!(world);
}

#[test]
fn a_rolling_update_with_room_starts_all_and_then_stops_all() {
    tell!(update(settings(4, 100, 200), Checks::Balancer, &[Behaviour::GOOD]));
}

#[test]
fn a_rolling_update_without_room_goes_by_halves() {
    tell!(update(settings(4, 50, 100), Checks::Balancer, &[Behaviour::GOOD]));
}

#[test]
fn a_rolling_update_of_one_task_in_development_stops_it_first() {
    tell!(update(settings(1, 0, 100), Checks::Balancer, &[Behaviour::GOOD]));
}

#[test]
fn a_version_that_fails_to_start_is_rolled_back() {
    tell!(update(with_breaker(2), Checks::Balancer, &[Behaviour::FAILS_TO_START]));
}

#[test]
fn a_version_that_exits_at_once_is_rolled_back() {
    tell!(update(with_breaker(1), Checks::Balancer, &[Behaviour::EXITS_AT_ONCE]));
}

#[test]
fn a_version_that_is_never_healthy_is_rolled_back() {
    tell!(update(with_breaker(1), Checks::Balancer, &[Behaviour::NEVER_HEALTHY]));
}

#[test]
fn a_version_that_is_healthy_and_then_crashes_is_rolled_back() {
    let mut world = running(1, Checks::Balancer, with_breaker(1));
    let task = world.tasks()[0].clone();
    world.set_drain(&task, None);
    world.behave(2, &[Behaviour::GOOD.exits_after(secs(2))]);
    world.command("UpdateService v2", deploy(with_breaker(1), 2, Checks::Balancer));
    world.run();
    tell!(world);
}

#[test]
fn a_first_version_that_fails_has_nothing_to_go_back_to() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour::FAILS_TO_START]);
    world.command("CreateService v1", deploy(with_breaker(1), 1, Checks::Balancer));
    world.run();
    tell!(world);
}

#[test]
fn a_breaker_without_rollback_leaves_the_old_tasks_where_they_are() {
    let mut settings = with_breaker(2);
    settings.deployment.circuit_breaker.rollback = false;
    tell!(update(settings, Checks::Balancer, &[Behaviour::EXITS_AT_ONCE]));
}

#[test]
fn without_a_breaker_failing_starts_are_repeated_ever_more_slowly() {
    let mut world = running(1, Checks::Balancer, settings(1, 100, 200));
    world.behave(2, &[Behaviour::FAILS_TO_START]);
    world.command("UpdateService v2", deploy(settings(1, 100, 200), 2, Checks::Balancer));
    world.run_for(secs(20));
    tell!(world);
}

#[test]
fn a_cause_that_no_retry_heals_fails_fast() {
    let settings = Settings { fail_fast: FailFast::On, ..with_breaker(4) };
    tell!(update(settings, Checks::Balancer, &[Behaviour::CANNOT_START]));
}

#[test]
fn a_new_deployment_is_forced_with_the_same_task_definition() {
    let mut world = running(1, Checks::Balancer, settings(1, 100, 200));
    let mut same = common::revision(2, Checks::Balancer);
    same.task_definition.revision = 1;
    world.command("UpdateService forceNewDeployment", common::deploy_revision(settings(1, 100, 200), 2, same));
    world.run();
    tell!(world);
}

#[test]
fn a_service_is_scaled_up_down_to_zero_and_up_again() {
    let mut world = running(2, Checks::Balancer, settings(2, 100, 200));
    for count in [3, 1, 0, 1] {
        world.command(&format!("desiredCount {count}"), change(settings(count, 100, 200)));
        world.run();
    }
    tell!(world);
}

#[test]
fn scaling_in_and_out_again_takes_leaving_tasks_back() {
    let mut world = running(2, Checks::Balancer, settings(2, 100, 200));
    world.command("desiredCount 1", change(settings(1, 100, 200)));
    world.run_for(ms(100));
    world.command("desiredCount 3", change(settings(3, 100, 200)));
    world.run();
    tell!(world);
}

#[test]
fn a_service_is_scaled_to_zero_in_the_middle_of_a_deployment() {
    let mut world = running(2, Checks::Balancer, settings(2, 100, 200));
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run_for(ms(150));
    world.command("desiredCount 0", change(settings(0, 100, 200)));
    world.run();
    tell!(world);
}

#[test]
fn an_update_during_an_update_takes_its_place() {
    let mut world = running(2, Checks::Balancer, settings(2, 100, 200));
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run_for(ms(150));
    world.command("UpdateService v3", deploy(settings(2, 100, 200), 3, Checks::Balancer));
    world.run();
    tell!(world);
}

#[test]
fn an_update_during_a_rollback_has_nothing_to_go_back_to() {
    let mut world = running(1, Checks::Balancer, with_breaker(1));
    // The tasks of v1 that a rollback would need do not come up any more.
    world.behave(1, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    let task = world.tasks()[0].clone();
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(with_breaker(1), 2, Checks::Balancer));
    world.command("StopTask", Input::Command(Command::StopTask { task, reason: "Task stopped by user".to_owned() }));
    world.run();
    world.stop_deployment(2, StopType::Rollback);
    world.behave(3, &[Behaviour::FAILS_TO_START]);
    world.command("UpdateService v3", deploy(with_breaker(1), 3, Checks::Balancer));
    world.run();
    tell!(world);
}

#[test]
fn a_service_is_deleted_in_the_middle_of_a_deployment() {
    let mut world = running(1, Checks::Balancer, settings(1, 100, 200));
    world.command("UpdateService v2", deploy(settings(1, 100, 200), 2, Checks::Balancer));
    world.command("DeleteService", Input::Command(Command::Delete));
    world.run();
    tell!(world);
}

#[test]
fn a_deployment_is_stopped_and_rolled_back() {
    let mut world = running(2, Checks::Balancer, settings(2, 100, 200));
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run_for(ms(350));
    world.stop_deployment(2, StopType::Rollback);
    world.run();
    tell!(world);
}

#[test]
fn a_deployment_is_aborted_where_it_stands() {
    let mut world = running(2, Checks::Balancer, settings(2, 50, 100));
    world.command("UpdateService v2", deploy(settings(2, 50, 100), 2, Checks::Balancer));
    world.run_for(ms(150));
    world.stop_deployment(2, StopType::Abort);
    world.run();
    tell!(world);
}

#[test]
fn a_rollback_whose_own_tasks_fail_is_given_up() {
    let mut world = running(2, Checks::Balancer, settings(2, 50, 100));
    world.behave(1, &[vec![Behaviour::FAILS_TO_START; 3], vec![Behaviour::GOOD]].concat());
    world.behave(2, &[Behaviour::GOOD, Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(2, 50, 100), 2, Checks::Balancer));
    world.run_for(secs(1));
    world.stop_deployment(2, StopType::Rollback);
    world.run();
    tell!(world);
}

#[test]
fn a_grace_period_longer_than_the_boot_lets_a_slow_version_live() {
    let slow = Behaviour { verdict: common::world::Verdict::Fails, ..Behaviour::GOOD };
    let mut world = World::new(controller());
    world.behave(1, &[slow]);
    let settings = Settings { health_check_grace_period: secs(5), ..settings(1, 100, 200) };
    world.command("CreateService v1", deploy(settings, 1, Checks::Balancer));
    world.run_for(secs(4));
    world.check_now(0, TargetState::Healthy);
    world.run();
    tell!(world);
}

#[test]
fn a_grace_period_that_ends_before_the_task_is_healthy_ends_the_task() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour::NEVER_HEALTHY, Behaviour::GOOD]);
    let settings = Settings { health_check_grace_period: secs(5), ..settings(1, 100, 200) };
    world.command("CreateService v1", deploy(settings, 1, Checks::Balancer));
    world.run();
    tell!(world);
}

#[test]
fn container_checks_alone_decide_without_a_balancer() {
    tell!(update(with_breaker(1), Checks::Container, &[Behaviour::NEVER_HEALTHY, Behaviour::GOOD]));
}

#[test]
fn container_checks_and_two_target_groups_must_all_pass() {
    let mut world = World::new(controller());
    world.command("CreateService v1", deploy(settings(1, 100, 200), 1, Checks::Both));
    world.run();
    world.command("UpdateService v2", deploy(settings(1, 100, 200), 2, Checks::TwoBalancers));
    world.run();
    tell!(world);
}

#[test]
fn a_task_that_nothing_checks_counts_as_healthy_after_forty_seconds() {
    tell!(update(settings(1, 100, 200), Checks::Nothing, &[Behaviour::GOOD]));
}

fn early(cleanup: SourceRevisionCleanup) -> World {
    let mut settings = settings(2, 50, 200);
    settings.deployment.early_success = Some(EarlySuccess { healthy_percent: Percent::new(50), cleanup });
    let slow = Behaviour { boot_time: secs(5), ..Behaviour::GOOD };
    update(settings, Checks::Balancer, &[Behaviour::GOOD, slow])
}

#[test]
fn an_early_success_with_blocking_cleanup_waits_for_the_old_tasks() {
    tell!(early(SourceRevisionCleanup::Blocking));
}

#[test]
fn an_early_success_with_deferred_cleanup_does_not_wait() {
    tell!(early(SourceRevisionCleanup::Deferred));
}

#[test]
fn failures_after_an_early_success_no_longer_fail_the_deployment() {
    let mut settings = guarded(settings(2, 50, 200), Threshold::Count(1));
    let cleanup = SourceRevisionCleanup::Deferred;
    settings.deployment.early_success = Some(EarlySuccess { healthy_percent: Percent::new(50), cleanup });
    let late = Behaviour { boot_time: secs(5), ..Behaviour::FAILS_TO_START };
    tell!(update(settings, Checks::Balancer, &[Behaviour::GOOD, late, Behaviour::GOOD]));
}

#[test]
fn a_serving_task_that_fails_its_checks_stays_until_its_replacement_is_healthy() {
    let mut world = running(2, Checks::Balancer, settings(2, 100, 200));
    world.check_now(0, TargetState::Unhealthy);
    world.run();
    tell!(world);
}

#[test]
fn a_serving_task_that_fails_its_checks_goes_first_where_the_cap_leaves_no_room() {
    let mut world = running(2, Checks::Balancer, settings(2, 50, 100));
    world.check_now(0, TargetState::Unhealthy);
    world.run();
    tell!(world);
}

#[test]
fn a_target_group_without_delay_lets_its_tasks_be_signalled_at_once() {
    let mut world = running(1, Checks::Balancer, settings(1, 100, 200));
    let input = Input::Command(Command::SetDeregistrationDelay { target_group: common::target_group(0), delay: ms(0) });
    world.command("deregistration delay 0", input);
    world.command("desiredCount 0", change(settings(0, 100, 200)));
    world.run();
    tell!(world);
}
