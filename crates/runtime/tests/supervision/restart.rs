//! An engine that is started again finds its tasks as they are.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use seatrial_model::TaskId;
use seatrial_ports::runtime::{EndCause, Runtime, TaskPhase};
use seatrial_runtime::ProcessRuntime;
use serde_json::json;

use crate::support::{World, container, launch, processes_of, shell, supervisor_command, supervisors_of, wait_until};

const HOME_VARIABLE: &str = "SEATRIAL_TEST_HOME";

#[test]
fn a_running_task_is_found_and_can_be_stopped() {
    let mut world = World::new();
    let task = world.start(json!([shell("app", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    let before = world.wait_for_phase(&task, TaskPhase::Running);

    for _ in 0..3 {
        assert_eq!(world.restart(), std::slice::from_ref(&task));
        let found = world.wait_for_phase(&task, TaskPhase::Running);
        assert_eq!((&found.containers, found.started_at), (&before.containers, before.started_at));
    }
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(3));
    assert!(report.sequence > before.sequence);
}

#[test]
fn a_task_that_ended_meanwhile_is_reported_with_its_code() {
    let mut world = World::new();
    let task = world.start(json!([shell("app", "echo ready; sleep 0.2; exit 4")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.close();
    wait_until("the task has ended", || supervisors_of(&world.home).is_empty().then_some(()));

    assert_eq!(world.restart(), std::slice::from_ref(&task));
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "app").exit_code, Some(4));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
    assert_eq!(world.messages(&task, "app"), ["ready"]);
}

#[test]
fn a_task_found_is_not_started_again() {
    let mut world = World::new();
    let launch = world.launch(json!([shell("app", "echo started; sleep 300")]));
    let task = launch.task.clone();
    world.runtime().start(launch.clone());
    world.wait_for_message(&task, "app", |line| line == "started");
    // Once after having been found, and once by an engine that did not look.
    world.restart();
    world.runtime().start(launch.clone());
    world.wait_for_phase(&task, TaskPhase::Running);
    world.reopen();
    world.runtime().start(launch);
    world.wait_for_phase(&task, TaskPhase::Running);
    assert_eq!(world.messages(&task, "app"), ["started"]);
    assert_eq!(supervisors_of(&world.home).len(), 1);
}

#[test]
fn a_stop_ordered_by_a_restarted_engine_reaches_a_task_it_has_just_found() {
    let mut world = World::new();
    let task = world.start(json!([shell("app", "echo ready; sleep 300")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.restart();
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(143));
}

#[test]
fn tasks_survive_an_engine_that_is_killed() {
    let mut world = World::new();
    world.close();
    let mut engine = Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "supervision::restart::an_engine_that_is_killed", "--ignored", "--nocapture"])
        .env(HOME_VARIABLE, &world.home)
        .stdout(Stdio::null())
        .spawn()
        .expect("the engine starts");
    let tasks: Vec<TaskId> = wait_until("the engine's tasks", || {
        let text = std::fs::read_to_string(world.path("started")).ok()?;
        text.lines().map(|line| TaskId::parse(line).ok()).collect()
    });
    engine.kill().expect("it is killed");
    engine.wait().expect("it is gone");
    assert_eq!(supervisors_of(&world.home).len(), tasks.len());

    let mut found = world.restart();
    found.sort();
    assert_eq!(found, tasks);
    for task in &tasks {
        world.wait_for_phase(task, TaskPhase::Running);
        let report = world.stop(task);
        assert_eq!(container(&report, "app").exit_code, Some(143));
        assert!(processes_of(task).is_empty());
    }
}

/// Not a test: the engine that the test above kills.
#[test]
#[ignore = "the engine that is killed"]
fn an_engine_that_is_killed() {
    let Some(home) = std::env::var_os(HOME_VARIABLE).map(PathBuf::from) else { return };
    let (sender, reports) = std::sync::mpsc::channel();
    let runtime = ProcessRuntime::open(&home, supervisor_command(), Arc::new(move |report| drop(sender.send(report))))
        .expect("the runtime opens");
    let mut tasks = Vec::new();
    for _ in 0..3 {
        let containers = json!([shell("app", "sleep 300")]);
        let launch = launch(&home, json!({ "family": "test", "memory": "512", "containerDefinitions": containers }));
        tasks.push(launch.task.clone());
        runtime.start(launch);
    }
    let mut running = std::collections::BTreeSet::new();
    while running.len() < tasks.len() {
        let report = reports.recv().expect("reports");
        if report.phase == TaskPhase::Running {
            running.insert(report.task);
        }
    }
    tasks.sort();
    let text: String = tasks.iter().map(|task| format!("{task}\n")).collect();
    std::fs::write(home.join("started.new"), text).expect("writable");
    std::fs::rename(home.join("started.new"), home.join("started")).expect("writable");
    loop {
        std::thread::park();
    }
}
