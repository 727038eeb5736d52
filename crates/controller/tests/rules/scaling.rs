//! How many tasks there are: desired counts, the cap, replacements.

use seatrial_controller::{
    Command, Effect, Event, Input, Observation, RolloutState, ServiceDeploymentStatus, StopCause, StopType,
};
use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_model::{EarlySuccess, Percent};

use crate::common::world::{Behaviour, Boot, Verdict, World};
use crate::common::{Checks, START, change, controller, deploy, secs, settings, target_group};
use crate::{failed_halfway, live_of, running, status};

#[test]
fn a_failed_deployment_can_be_scaled_to_zero() {
    let mut world = failed_halfway();
    world.command("scale to 0", change(settings(0, 50, 100)));
    world.run();
    assert_eq!(world.controller.tasks().count(), 0, "{}", world.story());
}

#[test]
fn a_failed_deployment_that_is_scaled_out_keeps_its_floor_with_old_tasks() {
    let mut world = failed_halfway();
    world.command("scale to 6", change(settings(6, 50, 100)));
    world.run();
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (4, 2), "{}", world.story());
}

#[test]
fn a_failed_deployment_starts_nothing_and_keeps_the_old_tasks_up() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.behave(2, &[Behaviour { verdict: Verdict::Never, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run();
    world.stop_deployment(2, StopType::Abort);
    assert_eq!(world.controller.deployments()[0].rollout_state, RolloutState::Failed);
    let first = world.tasks()[0].clone();
    let stop = Command::StopTask { task: first, reason: "Task stopped by user".to_owned() };
    let step = world.controller.clone().handle(world.now, Input::Command(stop));
    let started = step.effects.iter().filter(|effect| matches!(effect, Effect::StartTask { .. })).count();
    assert_eq!(started, 1, "the old task is replaced: {step}");
}

#[test]
fn scaling_out_during_a_rollout_is_applied_to_both_revisions() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run();
    world.command("scale to 4", change(settings(4, 100, 200)));
    world.run();
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (4, 4), "{}", world.story());
}

#[test]
fn a_new_version_replaces_an_old_one_that_hangs_where_the_cap_leaves_no_room() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("CreateService v1", deploy(settings(2, 100, 100), 1, Checks::Balancer));
    world.run();
    world.command("UpdateService v2", deploy(settings(2, 100, 100), 2, Checks::Balancer));
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn a_task_replaced_for_its_health_is_mentioned_once() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.behave(1, &[Behaviour { boot_time: secs(5), ..Behaviour::GOOD }]);
    let ids = world.tasks();
    world.check_now(0, TargetState::Unhealthy);
    let healthy = ids.into_iter().find(|id| world.controller.task(id).is_some_and(|task| task.condemned_at.is_none()));
    let task = healthy.expect("a healthy task");
    let reason = "Essential container in task exited".to_owned();
    world.feed(None, Input::Observation(Observation::TaskStopped { task, cause: StopCause::Exited, reason }));
    world.run();
    assert_eq!(
        world.log.matches("Amazon ECS replaced 1 tasks due to an unhealthy status.").count(),
        1,
        "{}",
        world.log
    );
}

#[test]
fn a_condemned_task_that_recovers_stays_and_its_replacement_goes() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.behave(1, &[Behaviour { boot_time: secs(5), ..Behaviour::GOOD }]);
    let before = world.tasks();
    world.check_now(0, TargetState::Unhealthy);
    world.check_now(0, TargetState::Healthy);
    let ailing = world.controller.tasks().find(|task| task.condemned_at.is_some()).map(|task| task.id.clone());
    if let Some(task) = ailing {
        let health = TargetHealth::healthy();
        let target_group = target_group(0);
        let observation = Observation::TargetHealth { task, target_group, port: 80, health };
        world.feed(None, Input::Observation(observation));
    }
    world.run();
    assert_eq!(world.tasks(), before, "{}", world.story());
    assert!(world.controller.is_steady());
}

#[test]
fn a_deadlock_is_told_once_and_explained() {
    let mut world = running(2, 100, 100, Checks::Balancer);
    world.command("UpdateService v2", deploy(settings(2, 100, 100), 2, Checks::Balancer));
    world.run();
    world.command("tick", Input::Tick);
    assert_eq!(world.log.matches("was unable to stop or start tasks during a deployment").count(), 1, "{}", world.log);
    let waits = world.controller.waiting(world.now);
    assert!(waits.iter().any(|wait| wait.what.contains("deployment configuration")), "{waits:?}");
    world.command("change of configuration", change(settings(2, 50, 100)));
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful);
}

#[test]
fn an_early_success_leaves_the_throttle_alone() {
    let mut world = running(4, 50, 200, Checks::Balancer);
    let mut settings = settings(4, 50, 200);
    settings.deployment.early_success =
        Some(EarlySuccess { healthy_percent: Percent::new(50), cleanup: SourceRevisionCleanup::Deferred });
    world.behave(2, &[Behaviour::FAILS_TO_START, Behaviour::FAILS_TO_START, Behaviour::GOOD]);
    world.command("UpdateService v2", deploy(settings, 2, Checks::Balancer));
    world.run_until(secs(30), |world| status(world).is_terminal());
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful);
    assert!(world.controller.is_steady(), "{}", world.story());
}

#[test]
fn a_deployment_without_tasks_begins_and_ends_in_one_step() {
    let mut controller = controller();
    let step = controller.handle(START, deploy(settings(0, 100, 200), 1, Checks::Balancer));
    let told: Vec<_> = step
        .events
        .iter()
        .filter_map(|event| match event {
            Event::ServiceDeployment(deployment) => Some(deployment.status),
            Event::Service { .. } | Event::ServiceInactive { .. } => None,
        })
        .collect();
    assert_eq!(told, [ServiceDeploymentStatus::InProgress, ServiceDeploymentStatus::Successful]);
}
