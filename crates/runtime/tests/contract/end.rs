//! How tasks end by themselves.

use seatrial_ports::runtime::{ContainerStatus, EndCause, TaskPhase};
use serde_json::json;

use crate::support::{World, container, end_reason, of_processes, shell, with};

#[test]
fn a_task_runs_and_then_tells_the_exit_code_of_its_container() {
    of_processes!("what a container used is asked for while it runs");
    let world = World::new();
    let task = world.start(json!([shell("app", "exit 3")]));
    let report = world.wait_until_stopped(&task);
    let app = container(&report, "app");
    assert_eq!((app.status, app.exit_code, app.process_id), (ContainerStatus::Stopped, Some(3), None));
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::EssentialContainerExited));
    assert_eq!(end_reason(&report), "Essential container in task exited");
    assert!(report.started_at.is_some(), "it had been running, however briefly");
    assert!(report.stopping_at.is_some() && report.execution_stopped_at >= report.stopping_at);
    let usage = report.usage.expect("the last report tells what was used");
    assert_eq!(usage.memory, 0, "nothing is left");
}

#[test]
fn reports_are_numbered_upwards_and_phases_never_go_back() {
    let world = World::new();
    let task = world.start(json!([shell("app", "sleep 0.2")]));
    world.wait_until_stopped(&task);
    let reports = world.recorder.all(&task);
    assert!(
        reports.is_sorted_by(|one, other| one.sequence < other.sequence && one.phase <= other.phase),
        "{reports:#?}"
    );
    assert!(reports.iter().any(|report| report.phase == TaskPhase::Running));
}

#[test]
fn success_of_an_essential_container_ends_the_task_too() {
    let world = World::new();
    let report = world.run(json!([shell("app", "exit 0")]));
    assert_eq!(container(&report, "app").exit_code, Some(0));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
}

#[test]
fn a_container_ended_by_a_signal_has_the_code_a_shell_gives_it() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    for (signal, code) in [("KILL", 137), ("TERM", 143), ("SEGV", 139), ("ABRT", 134)] {
        let report = world.run(json!([shell("app", &format!("kill -{signal} $$; sleep 10"))]));
        assert_eq!(container(&report, "app").exit_code, Some(code), "{signal}");
    }
}

#[test]
fn the_end_of_an_essential_container_stops_the_others() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let side = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
    let main = "while [ ! -e go ]; do sleep 0.01; done; exit 1";
    let work = world.path("work");
    std::fs::create_dir_all(&work).expect("writable");
    let main = with(shell("main", main), json!({ "workingDirectory": work }));
    let task = world.start(json!([main, with(shell("side", side), json!({ "essential": false }))]));
    world.wait_for_message(&task, "side", |line| line == "ready");
    std::fs::write(work.join("go"), "").expect("writable");
    let report = world.wait_until_stopped(&task);
    assert_eq!(container(&report, "main").exit_code, Some(1));
    assert_eq!(container(&report, "side").exit_code, Some(7));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
}

#[test]
fn the_end_of_another_container_does_not_end_the_task() {
    let world = World::new();
    let side = with(shell("side", "exit 4"), json!({ "essential": false }));
    let task = world.start(json!([side, shell("main", "sleep 60")]));
    let report = world.recorder.wait(&task, "the side container has ended", |report| {
        report.phase == TaskPhase::Running && container(report, "side").status == ContainerStatus::Stopped
    });
    assert_eq!(container(&report, "side").exit_code, Some(4));
    assert_eq!(container(&report, "main").status, ContainerStatus::Running);
    assert_eq!(report.end, None);
    let report = world.stop(&task);
    assert_eq!(report.end, None, "it was ordered to stop");
}

#[test]
fn a_container_over_its_memory_limit_is_killed() {
    let world = World::new();
    let hog = "a=x; while :; do a=$a$a; done";
    let report = world.run(json!([with(shell("hog", hog), json!({ "memory": 30 }))]));
    let hog = container(&report, "hog");
    assert_eq!(hog.exit_code, Some(137));
    assert_eq!(hog.reason.as_deref(), Some("OutOfMemoryError: Container killed due to memory usage"));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
}

#[test]
fn a_task_over_its_memory_limit_loses_its_largest_container() {
    let world = World::new();
    let hog = "a=x; while :; do a=$a$a; done";
    let launch = world.launch_document(json!({
        "family": "test",
        "memory": "64",
        "containerDefinitions": [with(shell("hog", hog), json!({ "essential": false })), shell("app", "sleep 60")],
    }));
    let task = launch.task.clone();
    world.runtime().start(launch);
    let report = world.recorder.wait(&task, "the hog is gone", |report| container(report, "hog").exit_code.is_some());
    assert_eq!(container(&report, "hog").exit_code, Some(137));
    assert!(container(&report, "hog").reason.as_deref().is_some_and(|reason| reason.starts_with("OutOfMemoryError")));
    assert_eq!(container(&report, "app").status, ContainerStatus::Running);
}
