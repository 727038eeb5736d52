//! How tasks are stopped.

use seatrial_model::task_definition::HealthStatus;
use seatrial_ports::runtime::{ContainerStatus, TaskPhase};
use serde_json::json;

use crate::support::{World, container, is_alive, new_task_id, of_processes, shell, wait_until, with};

const PATIENT: &str = "trap '' TERM; echo ready; while :; do sleep 0.05; done";

#[test]
fn a_container_that_handles_sigterm_ends_with_its_own_code() {
    let world = World::new();
    let task =
        world.start(json!([shell("app", "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.01; done")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(5));
    assert_eq!(report.end, None, "it was ordered to stop");
    assert!(report.stopping_at.is_some());
    assert!(world.messages(&task, "app").iter().any(|line| line == "bye"), "its last words are kept");
    assert!(world.recorder.all(&task).iter().any(|report| report.phase == TaskPhase::Stopping));
}

#[test]
fn a_container_that_ignores_sigterm_is_killed_after_its_stop_timeout() {
    let world = World::new();
    let task = world.start(json!([with(shell("app", PATIENT), json!({ "stopTimeout": 1 }))]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(137));
    let waited =
        report.execution_stopped_at.expect("it has stopped").since(report.stopping_at.expect("it was stopping"));
    assert!((1000..3000).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn everything_a_container_started_goes_with_it() {
    of_processes!("process ids in a container are its own");
    let world = World::new();
    let script = "
        (trap '' TERM; echo child $$; sleep 300 & echo grandchild $!; wait) &
        setsid sh -c 'trap \"\" TERM; echo stray $$; sleep 301 & wait' &
        trap 'exit 0' TERM
        echo ready
        while :; do sleep 0.01; done";
    let task = world.start(json!([shell("app", script)]));
    let ids: Vec<u32> = ["grandchild", "stray"]
        .iter()
        .map(|name| world.wait_for_message(&task, "app", |line| line.starts_with(name)))
        .map(|line| line.split(' ').nth(1).and_then(|id| id.parse().ok()).expect("a process id"))
        .collect();
    world.wait_for_message(&task, "app", |line| line == "ready");
    assert!(ids.iter().all(|id| is_alive(*id)));
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(0));
    wait_until("all are gone", || ids.iter().all(|id| !is_alive(*id)).then_some(()));
}

#[test]
fn what_a_container_left_behind_goes_when_it_ends_by_itself() {
    of_processes!("process ids in a container are its own");
    let world = World::new();
    let side = with(shell("side", "sleep 300 & echo left $!; exit 0"), json!({ "essential": false }));
    let task = world.start(json!([side, shell("app", "sleep 300")]));
    let line = world.wait_for_message(&task, "side", |line| line.starts_with("left"));
    let id: u32 = line.split(' ').nth(1).and_then(|id| id.parse().ok()).expect("a process id");
    wait_until("what was left is gone", || (!is_alive(id)).then_some(()));
    let report = world.wait_for_phase(&task, TaskPhase::Running);
    assert_eq!(container(&report, "app").status, ContainerStatus::Running);
}

#[test]
fn dependents_stop_before_what_they_depend_on() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let order = world.path("order");
    let script = |name: &str| {
        let order = order.display();
        format!("trap 'sleep 0.1; echo {name} >> {order}; exit 0' TERM; echo ready; while :; do sleep 0.01; done")
    };
    let depends = |on: &str| json!({ "dependsOn": [{ "containerName": on, "condition": "START" }] });
    let task = world.start(json!([
        shell("database", &script("database")),
        with(shell("app", &script("app")), depends("database")),
        with(shell("proxy", &script("proxy")), depends("app")),
    ]));
    for name in ["database", "app", "proxy"] {
        world.wait_for_message(&task, name, |line| line == "ready");
    }
    world.stop(&task);
    assert_eq!(std::fs::read_to_string(order).expect("written"), "proxy\napp\ndatabase\n");
}

#[test]
fn containers_that_do_not_depend_on_each_other_stop_at_the_same_time() {
    let world = World::new();
    let stubborn = |name| with(shell(name, PATIENT), json!({ "stopTimeout": 1 }));
    let task = world.start(json!([stubborn("one"), stubborn("two"), stubborn("three")]));
    for name in ["one", "two", "three"] {
        world.wait_for_message(&task, name, |line| line == "ready");
    }
    let report = world.stop(&task);
    let waited =
        report.execution_stopped_at.expect("it has stopped").since(report.stopping_at.expect("it was stopping"));
    assert!(waited.as_millis() < 2000, "{waited:?}");
}

#[test]
fn a_stop_right_behind_the_start_is_obeyed() {
    let world = World::new();
    let task = world.start(json!([shell("app", "sleep 300")]));
    let report = world.stop(&task);
    assert_eq!(report.end, None);
    assert_eq!(container(&report, "app").status, ContainerStatus::Stopped);
}

#[test]
fn a_task_that_waits_for_a_dependency_can_be_stopped() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let first = with(shell("first", "sleep 300"), json!({ "essential": false }));
    let second = with(
        shell("second", "sleep 300"),
        json!({ "dependsOn": [{ "containerName": "first", "condition": "SUCCESS" }] }),
    );
    let task = world.start(json!([first, second]));
    world
        .recorder
        .wait(&task, "the first runs", |report| container(report, "first").status == ContainerStatus::Running);
    let report = world.stop(&task);
    assert_eq!(container(&report, "first").exit_code, Some(143));
    assert_eq!(container(&report, "second").exit_code, None, "it was never started");
    assert_eq!(report.started_at, None);
}

#[test]
fn repeated_stops_are_harmless_and_answered() {
    let world = World::new();
    let task = world.start(json!([with(shell("app", PATIENT), json!({ "stopTimeout": 1 }))]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    for _ in 0..5 {
        world.runtime().stop(&task);
    }
    let report = world.wait_until_stopped(&task);
    world.recorder.clear();
    assert_eq!(world.stop(&task), report, "the last word is repeated");
}

#[test]
fn an_unknown_task_is_reported_as_stopped() {
    let world = World::new();
    let task = new_task_id();
    let report = world.stop(&task);
    assert_eq!((report.end, report.health), (None, HealthStatus::Unknown));
}
