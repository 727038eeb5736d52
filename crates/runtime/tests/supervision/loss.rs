//! What becomes of a task whose supervisor is killed.

use seatrial_ports::runtime::{ContainerStatus, EndCause, TaskPhase};
use serde_json::json;

use crate::support::{
    World, container, end_reason, is_alive, kill, processes_of, shell, signal, supervisor_of, supervisors_of,
    wait_until,
};

/// A container with a child in its own group, and one that has left it.
const FAMILY: &str = "
    sleep 300 &
    setsid sleep 301 &
    env -i /bin/sleep 302 &
    echo ready
    wait";

#[test]
fn a_task_whose_supervisor_is_killed_is_lost_and_leaves_no_process() {
    let world = World::new();
    let task = world.start(json!([shell("app", FAMILY), shell("other", "sleep 300")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    let running = world.wait_for_phase(&task, TaskPhase::Running);
    wait_until("the family is complete", || (processes_of(&task).len() >= 4).then_some(()));
    kill(supervisor_of(&world.home, &task));

    let report = world.wait_until_stopped(&task);
    let end = report.end.clone().expect("a reason");
    assert_eq!(end.cause, EndCause::Lost);
    assert!(end.reason.contains("its supervisor ended (signal: 9"), "{}", end.reason);
    assert!(report.sequence > running.sequence);
    assert_eq!(report.started_at, running.started_at);
    let app = container(&report, "app");
    assert_eq!((app.status, app.exit_code, app.process_id), (ContainerStatus::Stopped, None, None));
    assert!(processes_of(&task).is_empty());
    for container in &running.containers {
        let leader = container.process_id.expect("it was running");
        assert!(!is_alive(leader));
    }
    assert!(!is_running("sleep\u{0}302"), "the one without environment was in the container's group");
}

#[test]
fn a_supervisor_killed_while_no_engine_was_there_is_noticed_by_the_next() {
    let mut world = World::new();
    let task = world.start(json!([shell("app", "setsid sleep 303 & echo ready; wait")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.wait_for_phase(&task, TaskPhase::Running);
    world.close();
    kill(supervisor_of(&world.home, &task));
    wait_until("it is gone", || supervisors_of(&world.home).is_empty().then_some(()));

    assert_eq!(world.restart(), std::slice::from_ref(&task));
    let report = world.wait_until_stopped(&task);
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::Lost));
    assert_eq!(end_reason(&report), "Task lost: its supervisor is gone");
    assert!(processes_of(&task).is_empty());

    // What has been said stays said.
    world.restart();
    assert_eq!(world.wait_until_stopped(&task), report);
}

#[test]
fn a_task_that_was_stopping_when_its_supervisor_was_killed_has_been_stopped() {
    let world = World::new();
    let task = world.start(json!([shell("app", "trap '' TERM; echo ready; while :; do sleep 0.05; done")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.runtime().stop(&task);
    world.wait_for_phase(&task, TaskPhase::Stopping);
    kill(supervisor_of(&world.home, &task));
    let report = world.wait_until_stopped(&task);
    assert_eq!(report.end, None);
}

#[test]
fn a_task_whose_state_cannot_be_read_is_lost_and_leaves_no_process() {
    let mut world = World::new();
    let task = world.start(json!([shell("app", "setsid sleep 304 & echo ready; wait")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.close();
    kill(supervisor_of(&world.home, &task));
    wait_until("it is gone", || supervisors_of(&world.home).is_empty().then_some(()));
    std::fs::write(world.task_directory(&task).join("state.json"), "{ damaged").expect("writable");

    world.restart();
    let report = world.wait_until_stopped(&task);
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::Lost));
    assert!(processes_of(&task).is_empty());
}

#[test]
fn processes_of_another_boot_are_not_touched() {
    let mut world = World::new();
    let task = world.start(json!([shell("app", "exit 0")]));
    world.wait_until_stopped(&task);
    world.close();
    wait_until("it is gone", || supervisors_of(&world.home).is_empty().then_some(()));
    // As if the machine had gone down while the task was running, and its process id were somebody else's now.
    let mut bystander = std::process::Command::new("sleep").arg("305").spawn().expect("sleep starts");
    let file = world.task_directory(&task).join("state.json");
    let mut state: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).expect("readable")).expect("a state");
    state["report"]["phase"] = json!("RUNNING");
    state["report"]["end"] = json!(null);
    state["boot"] = json!("another boot");
    state["groups"] = json!([{ "container": "app", "leader": bystander.id(), "started": 1 }]);
    std::fs::write(&file, state.to_string()).expect("writable");

    world.restart();
    let report = world.wait_until_stopped(&task);
    assert_eq!(end_reason(&report), "Task lost: the machine was restarted");
    assert!(is_alive(bystander.id()));
    bystander.kill().expect("it is ours");
    bystander.wait().expect("it is reaped");
}

#[test]
fn a_supervisor_asked_to_end_stops_its_task_first() {
    let world = World::new();
    let task = world.start(json!([shell("app", "trap 'exit 6' TERM; echo ready; while :; do sleep 0.01; done")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    signal(supervisor_of(&world.home, &task), rustix::process::Signal::TERM);
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(6));
    assert_eq!(report.end, None);
}

#[test]
fn a_task_whose_files_are_deleted_stops() {
    let world = World::new();
    let task = world.start(json!([shell("app", "echo ready; sleep 300")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    std::fs::remove_dir_all(world.task_directory(&task)).expect("removable");
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(143));
}

fn is_running(command_end: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("a process table");
    let mut commands = entries.flatten().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands.any(|command| String::from_utf8_lossy(&command).trim_end_matches('\0').ends_with(command_end))
}
