//! `dependsOn`.

use seatrial_ports::runtime::{ContainerStatus, EndCause, TaskPhase};
use serde_json::{Value, json};

use crate::support::{World, container, end_reason, of_processes, shell, with};

fn depends(on: &str, condition: &str) -> Value {
    json!({ "dependsOn": [{ "containerName": on, "condition": condition }] })
}

fn helper(script: &str) -> Value {
    with(shell("helper", script), json!({ "essential": false }))
}

#[test]
fn start_waits_for_the_start_alone() {
    let world = World::new();
    // In the order of the definition the dependent comes first.
    let task = world.start(json!([with(shell("app", "sleep 300"), depends("helper", "START")), helper("sleep 300")]));
    let report = world.wait_for_phase(&task, TaskPhase::Running);
    assert!(report.containers.iter().all(|container| container.status == ContainerStatus::Running));
    let activating = world.recorder.all(&task).into_iter().filter(|report| report.phase == TaskPhase::Activating);
    let waited = activating.filter(|report| container(report, "helper").process_id.is_some()).count();
    assert!(waited > 0, "the helper was started first");
}

#[test]
fn complete_waits_for_the_end_whatever_its_code() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let helper = helper("sleep 0.1; echo done > \"$TEST_HOME/done\"; exit 9");
    let app = with(shell("app", "cat \"$TEST_HOME/done\""), depends("helper", "COMPLETE"));
    let report = world.run(json!([app, helper]));
    assert_eq!(world.messages(&report.task, "app"), ["done"]);
    assert_eq!(container(&report, "helper").exit_code, Some(9));
    assert!(report.started_at.is_some());
}

#[test]
fn success_waits_for_code_zero() {
    let world = World::new();
    let report = world.run(json!([with(shell("app", "echo ran"), depends("helper", "SUCCESS")), helper("exit 0")]));
    assert_eq!(world.messages(&report.task, "app"), ["ran"]);
}

#[test]
fn a_task_whose_helper_does_not_succeed_fails_to_start() {
    let world = World::new();
    let report = world.run(json!([with(shell("app", "echo ran"), depends("helper", "SUCCESS")), helper("exit 2")]));
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::FailedToStart));
    assert_eq!(end_reason(&report), "Task failed to start");
    assert_eq!(report.started_at, None);
    let app = container(&report, "app");
    assert_eq!((app.exit_code, app.status), (None, ContainerStatus::Stopped));
    assert_eq!(app.reason.as_deref(), Some("container helper was to end successfully and exited with code 2"));
}

#[test]
fn healthy_waits_for_the_health_check() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let check = json!({ "healthCheck": { "command": ["CMD-SHELL", "test -e \"$TEST_HOME/healthy\""] } });
    let helper = with(helper("sleep 0.2; echo > \"$TEST_HOME/healthy\"; sleep 300"), check);
    let app =
        with(shell("app", "test -e \"$TEST_HOME/healthy\" && echo after; sleep 300"), depends("helper", "HEALTHY"));
    let task = world.start(json!([app, helper]));
    world.wait_for_message(&task, "app", |line| line == "after");
    world.wait_for_phase(&task, TaskPhase::Running);
}

#[test]
fn a_dependency_that_turns_unhealthy_fails_the_start() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let check = json!({ "healthCheck": { "command": ["CMD-SHELL", "exit 1"], "interval": 5, "retries": 2 } });
    let report = world
        .run(json!([with(shell("app", "echo ran"), depends("helper", "HEALTHY")), with(helper("sleep 300"), check),]));
    assert_eq!(end_reason(&report), "Task failed to start");
    assert_eq!(container(&report, "app").reason.as_deref(), Some("container helper is UNHEALTHY"));
    assert_eq!(container(&report, "helper").exit_code, Some(143));
}

#[test]
fn a_start_timeout_limits_the_waiting() {
    let world = World::new();
    let helper = with(helper("sleep 300"), json!({ "startTimeout": 1 }));
    let report = world.run(json!([with(shell("app", "echo ran"), depends("helper", "COMPLETE")), helper]));
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::FailedToStart));
    let reason = container(&report, "app").reason.clone().unwrap_or_default();
    assert!(reason.starts_with("DependencyTimedOutError: container helper did not reach COMPLETE"), "{reason}");
}
