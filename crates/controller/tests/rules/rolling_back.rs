//! Rollbacks, and what becomes of the version that failed.

use seatrial_controller::{Command, Input, Observation, ServiceDeploymentStatus, StopCause, StopType};
use seatrial_model::Threshold;

use crate::common::world::{Behaviour, Boot, World};
use crate::common::{Checks, controller, deploy, deployment_id, guarded, ms, revision, secs, settings};
use crate::{live_of, running, status};

#[test]
fn a_failed_revision_starts_no_task_during_its_rollback() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour { stops_in: secs(60), ..Behaviour::GOOD }]);
    world.command("CreateService v1", deploy(settings(2, 100, 200), 1, Checks::Balancer));
    world.run();
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    // v2 is healthy and v1 has been signalled when the deployment is stopped, and v1 does not come up again.
    world.run_for(secs(5));
    world.behave(1, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (2, 2), "{}", world.story());
    let failed = revision(2, Checks::Balancer).id;
    let tasks: Vec<_> =
        world.controller.tasks().filter(|task| task.revision == failed).map(|task| task.id.clone()).collect();
    for task in tasks {
        let reason = "Essential container in task exited".to_owned();
        let stopped = Observation::TaskStopped { task, cause: StopCause::Exited, reason };
        world.feed(None, Input::Observation(stopped));
    }
    world.run_for(secs(60));
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (2, 0), "{}", world.story());
}

#[test]
fn leaving_tasks_of_a_failed_revision_do_not_come_back() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    // Both versions are healthy when v1 is taken back; v2 leaves, and then v1 dies.
    world.run_for(ms(350));
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (2, 0), "{}", world.story());
    for task in world.tasks().into_iter().take(2) {
        let reason = "Essential container in task exited".to_owned();
        let stopped = Observation::TaskStopped { task, cause: StopCause::Exited, reason };
        world.feed(None, Input::Observation(stopped));
    }
    assert_eq!(live_of(&world, 2), 0, "{}", world.story());
}

#[test]
fn a_rollback_is_at_full_size_before_the_failed_version_is_scaled_in() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour { stops_in: secs(60), ..Behaviour::GOOD }]);
    world.command("CreateService v1", deploy(settings(4, 50, 200), 1, Checks::Balancer));
    world.run();
    world.command("UpdateService v2", deploy(settings(4, 50, 200), 2, Checks::Balancer));
    world.run_for(secs(5));
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (4, 4), "{}", world.story());
    world.run_for(ms(250));
    assert_eq!(world.watch.healthy(world.now), 4, "{}", world.story());
    world.run_for(secs(60));
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful);
}

#[test]
fn a_rollback_drops_the_unhealthy_tasks_of_the_failed_version_at_once() {
    let mut world = running(4, 50, 200, Checks::Balancer);
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(4, 50, 200), 2, Checks::Balancer));
    world.run();
    world.stop_deployment(2, StopType::Rollback);
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (4, 0), "{}", world.story());
}

#[test]
fn the_tasks_of_a_failed_version_go_before_those_of_the_one_that_serves() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    let hangs = Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD };
    world.behave(2, &[hangs]);
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.stop_deployment(2, StopType::Abort);
    // One task of v1 is being replaced when v3 makes v2 go.
    world.behave(1, &[hangs]);
    let stop = Command::StopTask { task: world.tasks()[0].clone(), reason: "Task stopped by user".to_owned() };
    world.command("StopTask", Input::Command(stop));
    world.behave(3, &[hangs]);
    world.command("UpdateService v3", deploy(settings(2, 100, 200), 3, Checks::Balancer));
    assert_eq!((live_of(&world, 1), live_of(&world, 2), live_of(&world, 3)), (2, 0, 2), "{}", world.story());
    assert_eq!(world.log.matches("do    start task").count(), 5, "{}", world.log);
}

#[test]
fn a_superseded_rollback_has_failed_and_leaves_no_candidate() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    let settings = guarded(settings(2, 100, 200), Threshold::Count(2));
    world.behave(2, &[Behaviour::GOOD]);
    world.command("UpdateService v2", deploy(settings.clone(), 2, Checks::Balancer));
    world.run_for(ms(350));
    world.behave(1, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.stop_deployment(2, StopType::Rollback);
    let taken_back = status(&world);
    assert!(matches!(
        taken_back,
        ServiceDeploymentStatus::RollbackInProgress | ServiceDeploymentStatus::RollbackSuccessful
    ));
    if taken_back == ServiceDeploymentStatus::RollbackInProgress {
        world.behave(3, &[Behaviour::FAILS_TO_START]);
        world.command("UpdateService v3", deploy(settings, 3, Checks::Balancer));
        world.run_until(secs(30), |world| status(world).is_terminal());
        assert_eq!(status(&world), ServiceDeploymentStatus::RollbackFailed, "{}", world.story());
    }
}

#[test]
fn a_stopped_service_deployment_ignores_a_second_stop() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(1, 100, 200), 2, Checks::Balancer));
    for (id, stop_type) in [(1, StopType::Rollback), (3, StopType::Rollback)] {
        let before = world.controller.clone();
        let stop = Command::StopServiceDeployment { id: deployment_id(id), stop_type };
        world.feed(None, Input::Command(stop));
        assert_eq!(world.controller, before, "a deployment that is not running cannot be stopped");
    }
    world.stop_deployment(2, StopType::Rollback);
    let before = world.controller.clone();
    world.stop_deployment(2, StopType::Rollback);
    world.stop_deployment(2, StopType::Abort);
    assert_eq!(world.controller, before, "one that is being rolled back is let be");
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful);
}

#[test]
fn a_rollback_names_the_deployment_that_had_completed() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    world.behave(2, &[Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("UpdateService v2", deploy(settings(1, 100, 200), 2, Checks::Balancer));
    world.stop_deployment(2, StopType::Rollback);
    assert!(world.log.contains("(service web) rolling back to deployment ecs-svc/v1."), "{}", world.log);
}

#[test]
fn an_update_during_a_rollback_gives_the_failed_version_up_before_the_one_before() {
    let hangs = Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD };
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour { stops_in: secs(60), ..Behaviour::GOOD }]);
    world.command("CreateService v1", deploy(settings(2, 100, 200), 1, Checks::Balancer));
    world.run();
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run_for(secs(5));
    world.behave(1, &[Behaviour::GOOD, hangs]);
    world.stop_deployment(2, StopType::Rollback);
    world.run_for(secs(5));
    assert_eq!((live_of(&world, 1), live_of(&world, 2)), (2, 1), "{}", world.story());
    world.behave(3, &[Behaviour::GOOD, hangs]);
    world.command("UpdateService v3", deploy(settings(2, 100, 200), 3, Checks::Balancer));
    world.run_for(secs(5));
    assert_eq!((live_of(&world, 1), live_of(&world, 2), live_of(&world, 3)), (1, 0, 2), "{}", world.story());
    let desired: Vec<u32> = world.controller.deployments().iter().map(|entry| entry.desired_count).collect();
    assert_eq!(desired, [2, 1], "{}", world.story());
}
