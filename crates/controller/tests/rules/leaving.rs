//! Tasks that leave, and what comes late or twice.

use seatrial_controller::{Command, Input, Lifecycle, Observation, ServiceDeploymentStatus, Task, TaskStatus};
use seatrial_model::load_balancing::{TargetHealth, TargetState};
use seatrial_model::task_definition::HealthStatus;

use crate::common::world::{Behaviour, Boot, World};
use crate::common::{Checks, DELAY, change, controller, deploy, secs, settings, target_group};
use crate::{live_of, running, status};

#[test]
fn repeated_and_late_observations_change_nothing() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    let task = world.tasks()[0].clone();
    let target_group = target_group(0);
    let late = [
        Observation::TaskRunning { task: task.clone() },
        Observation::TargetDrained { task: task.clone(), target_group: target_group.clone() },
        Observation::TargetHealth { task: task.clone(), target_group, port: 80, health: TargetHealth::healthy() },
        Observation::TaskHealth { task, health: HealthStatus::Unknown },
    ];
    world.now = world.now + secs(5);
    for observation in late {
        let mut after = world.controller.clone();
        let step = after.handle(world.now, Input::Observation(observation.clone()));
        assert_eq!(step.to_string(), "", "{observation:?}");
        assert_eq!(after, world.controller, "{observation:?}");
    }
}

#[test]
fn a_leaving_target_is_not_reported_unhealthy() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    world.command("scale to 0", change(settings(0, 100, 200)));
    let before = world.log.clone();
    world.check_now(0, TargetState::Unhealthy);
    assert_eq!(world.log, before);
}

#[test]
fn a_leaving_task_that_a_user_stops_is_not_taken_back() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.command("scale to 1", change(settings(1, 100, 200)));
    let is_leaving = |task: &&Task| matches!(task.status, TaskStatus::Deactivating(_));
    let leaving = world.controller.tasks().find(is_leaving).expect("a leaving task").id.clone();
    let stop = Command::StopTask { task: leaving.clone(), reason: "Task stopped by user".to_owned() };
    world.command("StopTask", Input::Command(stop));
    world.command("scale to 2", change(settings(2, 100, 200)));
    assert!(world.controller.task(&leaving).is_some_and(|task| !task.is_live()), "{}", world.story());
    world.run();
    assert_eq!(live_of(&world, 1), 2);
}

#[test]
fn a_leaving_task_that_fails_its_checks_is_not_taken_back() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.command("scale to 0", change(settings(0, 100, 200)));
    world.check_now(0, TargetState::Unhealthy);
    world.command("scale to 2", change(settings(2, 100, 200)));
    assert_eq!(world.log.matches("reactivate task").count(), 1, "{}", world.log);
}

#[test]
fn a_task_stopped_before_it_ran_does_not_run_when_it_reports_late() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour { boot: Boot::Hangs, stops_in: secs(1), ..Behaviour::GOOD }]);
    world.command("CreateService v1", deploy(settings(1, 100, 200), 1, Checks::Balancer));
    let task = world.tasks()[0].clone();
    let stop = Command::StopTask { task: task.clone(), reason: "Task stopped by user".to_owned() };
    world.command("StopTask", Input::Command(stop));
    world.feed(None, Input::Observation(Observation::TaskRunning { task: task.clone() }));
    assert!(world.controller.task(&task).is_some_and(|task| matches!(task.status, TaskStatus::Stopping(_))));
}

#[test]
fn a_deregistration_delay_that_ends_wakes_the_controller() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    let task = world.tasks()[0].clone();
    world.set_drain(&task, None);
    world.command("scale to 0", change(settings(0, 100, 200)));
    let (at, _) = world.controller.wake_at(world.now).expect("something to wake for");
    assert_eq!(at, world.now + DELAY);
    world.run();
    assert_eq!(world.controller.tasks().count(), 0);
}

#[test]
fn what_happens_to_a_deleted_service_starts_nothing() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.behave(2, &[Behaviour { boot_time: secs(1), ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.command("DeleteService", Input::Command(Command::Delete));
    assert_eq!(status(&world), ServiceDeploymentStatus::Stopped);
    assert_eq!(world.controller.lifecycle(), Lifecycle::Draining);
    world.command("UpdateService v3", deploy(settings(2, 100, 200), 3, Checks::Balancer));
    world.run();
    assert_eq!(world.controller.lifecycle(), Lifecycle::Inactive);
    assert_eq!(world.controller.tasks().count(), 0);
}
