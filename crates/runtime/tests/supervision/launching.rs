//! From an order to a supervisor, and what can come in between.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use seatrial_ports::runtime::{EndCause, TaskPhase};
use seatrial_runtime::SupervisorCommand;
use serde_json::json;

use crate::support::{World, container, end_reason, shell, supervisor_program, supervisors_of, wait_until};

#[test]
fn a_launch_that_was_written_down_and_not_begun_is_begun_by_the_next_engine() {
    let mut world = World::new();
    let launch = world.launch(json!([shell("app", "echo started; sleep 300")]));
    let task = launch.task.clone();
    let directory = world.task_directory(&task);
    std::fs::create_dir_all(&directory).expect("writable");
    std::fs::write(directory.join("launch.json"), serde_json::to_vec(&launch).expect("JSON")).expect("writable");

    assert_eq!(world.restart(), std::slice::from_ref(&task));
    world.runtime().start(launch);
    world.wait_for_phase(&task, TaskPhase::Running);
    world.wait_for_message(&task, "app", |line| line == "started");
    assert_eq!(world.messages(&task, "app"), ["started"]);
}

#[test]
fn what_a_crash_left_half_made_or_half_removed_is_cleared_away() {
    let mut world = World::new();
    let tasks = world.home.join("tasks");
    let made = tasks.join("0123456789abcdef0123456789abcdef");
    let removed = tasks.join("0123456789abcdef0123456789abcde0.removed");
    std::fs::create_dir_all(&made).expect("writable");
    std::fs::create_dir_all(&removed).expect("writable");
    std::fs::write(removed.join("launch.json"), "{}").expect("writable");
    std::fs::write(tasks.join("not a task"), "").expect("writable");
    assert_eq!(world.restart(), []);
    assert!(!made.exists() && !removed.exists());
}

#[test]
fn two_supervisors_of_one_task_run_it_once() {
    let mut world = World::new();
    let launch = world.launch(json!([shell("app", "echo started; sleep 300")]));
    let task = launch.task.clone();
    let directory = world.task_directory(&task);
    std::fs::create_dir_all(&directory).expect("writable");
    std::fs::write(directory.join("launch.json"), serde_json::to_vec(&launch).expect("JSON")).expect("writable");
    let supervise = || {
        Command::new(supervisor_program()).arg(&directory).stdin(Stdio::null()).spawn().expect("the supervisor starts")
    };
    let mut supervisors: Vec<_> = (0..4).map(|_| supervise()).collect();
    wait_until("all but one give up", || {
        let left = supervisors.iter_mut().filter_map(|child| child.try_wait().expect("ours").is_none().then_some(()));
        (left.count() == 1).then_some(())
    });
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    world.wait_for_phase(&task, TaskPhase::Running);
    world.wait_for_message(&task, "app", |line| line == "started");
    assert_eq!(world.messages(&task, "app"), ["started"]);
    world.stop(&task);
    for mut supervisor in supervisors {
        assert!(supervisor.wait().expect("ours").success());
    }
    // Once more, after the end: nothing happens.
    assert!(supervise().wait().expect("ours").success());
    assert_eq!(world.messages(&task, "app"), ["started"]);
}

#[test]
fn a_home_with_a_long_path_works() {
    let name = ["a-directory-with-a-rather-long-name"; 8].join("/");
    let mut world = World::within(&name);
    assert!(world.home.as_os_str().len() > 250);
    let task = world.start(json!([shell("app", "echo ready; sleep 300")]));
    world.wait_for_message(&task, "app", |line| line == "ready");
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    world.wait_for_phase(&task, TaskPhase::Running);
    assert_eq!(container(&world.stop(&task), "app").exit_code, Some(143));
}

#[test]
fn a_supervisor_program_that_is_missing_is_named() {
    let mut world = World::new();
    world.reopen_with(SupervisorCommand { program: PathBuf::from("/no/such/program"), arguments: Vec::new() });
    let report = world.run(json!([shell("app", "true")]));
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::FailedToStart));
    assert!(end_reason(&report).contains("could not run /no/such/program: No such file"), "{}", end_reason(&report));
    assert_eq!(container(&report, "app").exit_code, None);
}

#[test]
fn a_supervisor_that_fails_is_quoted() {
    let mut world = World::new();
    let arguments = ["-c", "echo 'no way' >&2; exit 7"].map(Into::into).to_vec();
    world.reopen_with(SupervisorCommand { program: PathBuf::from("/bin/sh"), arguments });
    let report = world.run(json!([shell("app", "true")]));
    let expected = "Task failed to start: its supervisor ended (exit status: 7): no way";
    assert_eq!(end_reason(&report), expected);
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::FailedToStart));
    // The next engine says the same and does not try again.
    let task = report.task.clone();
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    assert_eq!(end_reason(&world.wait_until_stopped(&task)), expected);
}

#[test]
fn a_disk_that_takes_no_files_is_named() {
    let world = World::new();
    let launch = world.launch(json!([shell("app", "true")]));
    let task = launch.task.clone();
    std::fs::write(world.task_directory(&task), "in the way").expect("writable");
    world.runtime().start(launch);
    let report = world.wait_until_stopped(&task);
    assert!(
        end_reason(&report).starts_with("ResourceInitializationError: could not write to"),
        "{}",
        end_reason(&report)
    );
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::FailedToStart));
}

#[test]
fn a_stop_and_a_start_in_any_order_leave_no_task_running() {
    let world = World::new();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let task = world.start(json!([shell("app", "sleep 300")]));
            world.runtime().stop(&task);
            task
        })
        .collect();
    for task in &tasks {
        let report = world.wait_until_stopped(task);
        assert_eq!(report.end, None);
    }
    wait_until("no supervisor is left", || supervisors_of(&world.home).is_empty().then_some(()));
}
