//! Engines that end between writing a launch down and delivering its values.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use seatrial_model::{ContainerName, SecretText};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::LaunchSecrets;
use serde_json::json;

use crate::support::{World, shell, supervisor_program, with};

fn launch(world: &World) -> TaskLaunch {
    let secrets = json!({ "secrets": [{ "name": "TOKEN", "valueFrom": "/app/token" }] });
    let launch = world.launch(json!([with(shell("app", "echo got $TOKEN; sleep 300"), secrets)]));
    let directory = world.task_directory(&launch.task);
    std::fs::create_dir_all(&directory).expect("writable");
    std::fs::write(directory.join("launch.json"), serde_json::to_vec(&launch).expect("JSON")).expect("writable");
    launch
}

fn with_values(launch: TaskLaunch) -> TaskLaunch {
    let name = ContainerName::parse("app").expect("a name");
    let values = BTreeMap::from([("TOKEN".to_owned(), SecretText::new("fresh"))]);
    TaskLaunch { secrets: LaunchSecrets::Pulled(BTreeMap::from([(name, values)])), ..launch }
}

#[test]
fn the_next_engine_delivers_the_values_of_a_launch_that_was_not_begun() {
    let mut world = World::new();
    let launch = launch(&world);
    let task = launch.task.clone();
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    world.runtime().start(with_values(launch));
    world.wait_for_message(&task, "app", |line| line == "got fresh");
}

#[test]
fn a_supervisor_without_its_values_leaves_the_task_to_the_next_engine() {
    let mut world = World::new();
    let launch = launch(&world);
    let task = launch.task.clone();
    let directory = world.task_directory(&task);
    let orphan = Command::new(supervisor_program()).arg(&directory).stdin(Stdio::null()).output().expect("it starts");
    assert!(!orphan.status.success());
    assert!(!directory.join("state.json").exists(), "nothing is said of the task");
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    world.runtime().start(with_values(launch));
    world.wait_for_message(&task, "app", |line| line == "got fresh");
}

#[test]
fn a_task_that_waits_for_values_can_be_stopped() {
    let mut world = World::new();
    let launch = launch(&world);
    let task = launch.task.clone();
    assert_eq!(world.restart(), std::slice::from_ref(&task));
    let report = world.stop(&task);
    assert_eq!((report.end, report.started_at), (None, None));
}
