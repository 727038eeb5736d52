//! Values of secrets: in the environment of the container that asks for them, and nowhere else.

use std::collections::BTreeMap;

use seatrial_model::{ContainerName, SecretText};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::{ContainerStatus, EndCause, LaunchSecrets};
use serde_json::{Value, json};

use crate::support::{World, container, end_reason, files_with, of_processes, shell, with};

const TOKEN: &str = "correct-horse-battery-staple";

fn wanting(script: &str) -> Value {
    with(shell("app", script), json!({ "secrets": [{ "name": "TOKEN", "valueFrom": "/app/token" }] }))
}

/// The launch of a container that wants a value, with it.
fn launch(world: &World, containers: Value) -> TaskLaunch {
    let name = ContainerName::parse("app").expect("a name");
    let variables = BTreeMap::from([("TOKEN".to_owned(), SecretText::new(TOKEN))]);
    TaskLaunch { secrets: LaunchSecrets::Pulled(BTreeMap::from([(name, variables)])), ..world.launch(containers) }
}

#[test]
fn a_container_has_its_values_and_no_file_has_them() {
    let world = World::new();
    let script = format!("test \"$TOKEN\" = {TOKEN} && echo right; sleep 300");
    // The script holds the value for the comparison: look for it in halves, so that it is not found in the definition.
    let script = script.replace(TOKEN, "correct-horse-\"\"battery-staple");
    let other = shell("side", "test -z \"$TOKEN\" && echo none; sleep 300");
    let launch = launch(&world, json!([wanting(&script), other]));
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.wait_for_message(&task, "app", |line| line == "right");
    world.wait_for_message(&task, "side", |line| line == "none");
    assert_eq!(files_with(&world.home, TOKEN), Vec::<std::path::PathBuf>::new());
    assert!(!files_with(&world.home, "/app/token").is_empty(), "the launch is written down");
    world.stop(&task);
    assert_eq!(files_with(&world.home, TOKEN), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_restarted_container_has_them_again() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let script = "echo ${#TOKEN}; if [ -e \"$TEST_HOME/again\" ]; then exec sleep 60; fi; touch \"$TEST_HOME/again\"; sleep 0.8; exit 1";
    let policy = json!({ "restartPolicy": { "enabled": true, "restartAttemptPeriod": 60 } });
    let launch = launch(&world, json!([with(wanting(script), policy)]));
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.recorder.wait(&task, "it runs again", |report| {
        let app = container(report, "app");
        app.restart_count == 1 && app.status == ContainerStatus::Running
    });
    let length = TOKEN.len().to_string();
    world.wait_for_message(&task, "app", |_| world.messages(&task, "app") == [length.as_str(), length.as_str()]);
}

#[test]
fn a_task_whose_values_are_missing_ends_before_it_starts() {
    let world = World::new();
    let mut launch = world.launch(json!([wanting("touch \"$TEST_HOME/started\"")]));
    launch.secrets = LaunchSecrets::Missing("TOKEN of container app from /app/token: no such parameter".to_owned());
    let task = launch.task.clone();
    world.runtime().start(launch);
    let report = world.wait_until_stopped(&task);
    assert_eq!(
        end_reason(&report),
        "ResourceInitializationError: unable to pull secrets or registry auth: TOKEN of container app from /app/token: no such \
         parameter"
    );
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::CannotStart));
    assert_eq!((report.started_at, container(&report, "app").status), (None, ContainerStatus::Stopped));
    assert!(!world.path("started").exists());
}

#[test]
fn a_task_that_runs_is_not_ended_by_values_that_went_missing_since() {
    let mut world = World::new();
    let launch = launch(&world, json!([wanting("echo ready; sleep 300")]));
    let task = launch.task.clone();
    world.runtime().start(launch.clone());
    world.wait_for_message(&task, "app", |line| line == "ready");
    world.restart();
    world.runtime().start(TaskLaunch { secrets: LaunchSecrets::Missing("gone".to_owned()), ..launch });
    let report = world.recorder.wait(&task, "it still runs", |report| report.started_at.is_some());
    assert_eq!((&report.end, container(&report, "app").status), (&None, ContainerStatus::Running));
}

#[test]
fn a_container_without_the_value_it_asks_for_is_not_run() {
    let world = World::new();
    let report = world.run(json!([wanting("true")]));
    assert_eq!(
        end_reason(&report),
        "ResourceInitializationError: unable to pull secrets or registry auth: TOKEN from /app/token: the value was not delivered"
    );
}
