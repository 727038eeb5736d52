//! Orders that are repeated, and those about tasks that have ended.

use seatrial_model::ContainerName;
use seatrial_ports::runtime::TaskPhase;
use serde_json::json;

use crate::support::{World, container, of_processes, shell, wait_until};

#[test]
fn a_task_started_twice_runs_once() {
    let world = World::new();
    let launch = world.launch(json!([shell("app", "echo started; sleep 300")]));
    let task = launch.task.clone();
    for _ in 0..3 {
        world.runtime().start(launch.clone());
    }
    let first = world.wait_for_phase(&task, TaskPhase::Running);
    world.recorder.clear();
    world.runtime().start(launch);
    let again = world.wait_for_phase(&task, TaskPhase::Running);
    assert_eq!(container(&again, "app").process_id, container(&first, "app").process_id);
    world.wait_for_message(&task, "app", |line| line == "started");
    assert_eq!(world.messages(&task, "app"), ["started"]);
}

#[test]
fn a_task_that_has_ended_is_not_started_again() {
    let world = World::new();
    let launch = world.launch(json!([shell("app", "echo once; exit 1")]));
    let task = launch.task.clone();
    world.runtime().start(launch.clone());
    let report = world.wait_until_stopped(&task);
    world.recorder.clear();
    world.runtime().start(launch);
    assert_eq!(world.wait_until_stopped(&task), report);
    assert_eq!(world.messages(&task, "app"), ["once"]);
}

#[test]
fn a_forgotten_task_leaves_nothing_behind() {
    let world = World::new();
    let report = world.run(json!([shell("app", "echo hello")]));
    let name = ContainerName::parse("app").expect("a name");
    world.runtime().forget(&report.task);
    wait_until("its logs are gone", || world.runtime().log_tail(&report.task, &name, 1).is_err().then_some(()));
    world.recorder.clear();
    let unknown = world.stop(&report.task);
    assert!(unknown.containers.is_empty(), "nothing is known of it");
}

#[test]
fn a_running_task_is_not_forgotten() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let task = world.start(json!([shell("app", "echo hello; sleep 300")]));
    world.wait_for_message(&task, "app", |line| line == "hello");
    world.runtime().forget(&task);
    let report = world.stop(&task);
    assert_eq!(container(&report, "app").exit_code, Some(143));
    assert_eq!(world.messages(&task, "app"), ["hello"]);
}

#[test]
fn many_tasks_run_side_by_side() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let tasks: Vec<_> =
        (0..20).map(|number| world.start(json!([shell("app", &format!("echo {number}; sleep 300"))]))).collect();
    for task in &tasks {
        world.wait_for_phase(task, TaskPhase::Running);
    }
    for (number, task) in tasks.iter().enumerate() {
        world.wait_for_message(task, "app", |line| line == number.to_string());
        world.runtime().stop(task);
    }
    for task in &tasks {
        assert_eq!(container(&world.wait_until_stopped(task), "app").exit_code, Some(143));
    }
}

#[test]
fn free_ports_are_free_and_different() {
    let world = World::new();
    let mut ports = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let port = world.runtime().free_port(&|port| ports.contains(&port)).expect("a port");
        std::net::TcpListener::bind(("127.0.0.1", port)).expect("nobody listens there");
        assert!(ports.insert(port));
    }
}
