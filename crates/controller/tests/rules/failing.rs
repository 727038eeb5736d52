//! What counts as a failure, what it leads to, and what is forgiven.

use seatrial_controller::{
    FailFast, Input, MonitorStatus, Observation, ServiceDeploymentStatus, Settings, StopCause, Task,
};
use seatrial_model::Threshold;

use crate::common::world::{Behaviour, Boot, World};
use crate::common::{
    Checks, change, controller, deploy, guarded, ms, revision, secs, settings, target_group, unhealthy,
};
use crate::{live_of, running, status};

#[test]
fn a_task_that_fails_its_checks_and_then_exits_counts_once() {
    let mut world = World::new(controller());
    let settings = guarded(settings(2, 100, 200), Threshold::Count(5));
    world.behave(1, &[Behaviour::GOOD, Behaviour { boot: Boot::Hangs, ..Behaviour::GOOD }]);
    world.command("CreateService v1", deploy(settings, 1, Checks::Balancer));
    world.run_for(secs(1));
    let ailing = world.tasks()[0].clone();
    let check =
        |health| Observation::TargetHealth { task: ailing.clone(), target_group: target_group(0), port: 80, health };
    world.feed(None, Input::Observation(check(unhealthy())));
    let stopped = Observation::TaskStopped { task: ailing.clone(), cause: StopCause::Exited, reason: String::new() };
    world.feed(None, Input::Observation(stopped));
    let deployment = world.controller.service_deployment().expect("a service deployment");
    assert_eq!(deployment.failure_count, 1);
    assert_eq!(world.controller.deployments()[0].failed_tasks, 1);
}

#[test]
fn a_task_that_crashes_while_it_leaves_has_not_failed() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    world.command("UpdateService v2", deploy(settings(2, 100, 200), 2, Checks::Balancer));
    world.run_for(ms(150));
    world.command("scale to 1", change(settings(1, 100, 200)));
    let is_leaving = |task: &&Task| !task.is_live() && task.revision != revision(1, Checks::Balancer).id;
    let task = world.controller.tasks().find(is_leaving).expect("a leaving task").id.clone();
    let reason = "Essential container in task exited".to_owned();
    world.feed(None, Input::Observation(Observation::TaskStopped { task, cause: StopCause::Exited, reason }));
    assert_eq!(world.controller.deployments()[0].failed_tasks, 0);
    assert_eq!(world.controller.service_deployment().expect("a service deployment").failure_count, 0);
}

#[test]
fn the_breaker_can_be_turned_on_and_off_while_a_deployment_runs() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour::EXITS_AT_ONCE]);
    let (off, on) = (settings(1, 100, 200), guarded(settings(1, 100, 200), Threshold::Count(3)));
    let breaker = |world: &World| world.controller.service_deployment().expect("a deployment").circuit_breaker;
    world.command("CreateService v1", deploy(on.clone(), 1, Checks::Balancer));
    world.command("breaker off", change(off));
    assert_eq!(breaker(&world), MonitorStatus::Disabled);
    world.run_for(secs(20));
    assert_eq!(status(&world), ServiceDeploymentStatus::InProgress, "{}", world.story());
    world.command("breaker on", change(on));
    assert_eq!(breaker(&world), MonitorStatus::Triggered);
    assert_eq!(status(&world), ServiceDeploymentStatus::RollbackFailed);
}

#[test]
fn a_breaker_that_is_off_is_not_shown_as_triggered() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour::CANNOT_START]);
    let settings = Settings { fail_fast: FailFast::On, ..settings(1, 100, 200) };
    world.command("CreateService v1", deploy(settings, 1, Checks::Balancer));
    world.run();
    let deployment = world.controller.service_deployment().expect("a service deployment");
    assert_eq!(deployment.circuit_breaker, MonitorStatus::Disabled);
    assert_eq!(deployment.status, ServiceDeploymentStatus::RollbackFailed);
}

#[test]
fn nothing_is_hopeless_once_a_task_of_the_version_was_healthy() {
    let mut world = running(2, 100, 200, Checks::Balancer);
    let late = Behaviour { boot_time: secs(1), ..Behaviour::CANNOT_START };
    world.behave(2, &[Behaviour::GOOD, late, Behaviour::GOOD]);
    let settings = guarded(settings(2, 100, 200), Threshold::Count(2));
    let settings = Settings { fail_fast: FailFast::On, ..settings };
    world.command("UpdateService v2", deploy(settings, 2, Checks::Balancer));
    world.run();
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn tasks_that_fail_together_wait_as_long_as_one() {
    let mut world = World::new(controller());
    world.behave(1, &[vec![Behaviour::FAILS_TO_START; 10], vec![Behaviour::GOOD]].concat());
    world.command("CreateService v1", deploy(settings(10, 100, 200), 1, Checks::Balancer));
    world.run_for(ms(110));
    assert_eq!(live_of(&world, 1), 0);
    world.run_until(secs(2), |world| live_of(world, 1) == 10);
}

#[test]
fn a_crash_loop_is_slowed_down_although_its_tasks_are_healthy_for_a_moment() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour::GOOD.exits_after(secs(2))]);
    world.command("CreateService v1", deploy(settings(1, 100, 200), 1, Checks::Balancer));
    world.run_for(secs(300));
    let starts = world.log.matches("do    start task").count();
    assert!((8..20).contains(&starts), "{starts} starts in five minutes");
}

#[test]
fn a_version_that_crashes_after_it_was_healthy_is_rolled_back() {
    for count in [1, 2, 4] {
        let mut world = running(count, 100, 200, Checks::Balancer);
        let settings = guarded(settings(count, 100, 200), Threshold::BoundedPercent(50));
        // The first version has long requests, so it leaves slowly; the second crashes meanwhile.
        for task in world.tasks() {
            world.set_drain(&task, None);
        }
        world.behave(2, &[Behaviour::GOOD.exits_after(secs(3))]);
        world.command("UpdateService v2", deploy(settings, 2, Checks::Balancer));
        world.run_until(secs(60), |world| status(world).is_terminal());
        assert_eq!(status(&world), ServiceDeploymentStatus::RollbackSuccessful, "{}", world.story());
        assert_eq!(live_of(&world, 1) as u32, count);
        let starts = world.log.lines().filter(|line| line.starts_with("do    start task"));
        assert!(starts.clone().all(|line| line.ends_with("ecs-svc/v2")), "v1 was there all the time: {}", world.log);
    }
}

#[test]
fn a_deployment_whose_tasks_failed_completes_when_those_that_run_have_proven_themselves() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    let settings = guarded(settings(1, 100, 200), Threshold::Count(3));
    world.behave(2, &[Behaviour::EXITS_AT_ONCE, Behaviour::GOOD]);
    world.command("UpdateService v2", deploy(settings, 2, Checks::Balancer));
    world.run_for(secs(9));
    assert_eq!(status(&world), ServiceDeploymentStatus::InProgress, "{}", world.story());
    assert_eq!(world.controller.service_deployment().expect("a deployment").failure_count, 1);
    world.run_for(secs(3));
    assert_eq!(status(&world), ServiceDeploymentStatus::Successful, "{}", world.story());
}

#[test]
fn the_failure_count_stays_where_the_breaker_tripped() {
    let mut world = running(1, 100, 200, Checks::Balancer);
    world.behave(2, &[Behaviour::EXITS_AT_ONCE]);
    let settings = guarded(settings(1, 100, 200), Threshold::Count(3));
    world.command("UpdateService v2", deploy(settings, 2, Checks::Balancer));
    world.run();
    let deployment = world.controller.service_deployment().expect("a service deployment");
    assert_eq!(deployment.circuit_breaker, MonitorStatus::Triggered);
    assert_eq!((deployment.failure_count, deployment.threshold), (3, Some(3)));
}

#[test]
fn a_failing_check_within_the_grace_period_is_ignored_and_acted_upon_when_it_ends() {
    let mut world = World::new(controller());
    world.behave(1, &[Behaviour::NEVER_HEALTHY]);
    let settings = Settings { health_check_grace_period: secs(5), ..settings(1, 100, 200) };
    world.command("CreateService v1", deploy(settings, 1, Checks::Balancer));
    world.run_for(ms(5_099));
    assert_eq!(world.log.matches("deactivate task").count(), 0, "{}", world.log);
    world.run_for(ms(1));
    assert_eq!(world.log.matches("deactivate task").count(), 1, "{}", world.log);
}
