//! Containers that are started again in their task.

use seatrial_ports::runtime::{ContainerStatus, EndCause, TaskPhase};
use serde_json::json;

use crate::support::{World, container, of_processes, shell, with};

/// The time scale of the tests makes the shortest period 0.6 s.
const POLICY: &str = r#"{ "enabled": true, "restartAttemptPeriod": 60, "ignoredExitCodes": [9] }"#;

fn restarting(script: &str) -> serde_json::Value {
    with(
        shell("app", script),
        json!({ "restartPolicy": serde_json::from_str::<serde_json::Value>(POLICY).expect("JSON") }),
    )
}

#[test]
fn a_container_is_started_again_without_its_task() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let script = "echo run $$; if [ -e \"$TEST_HOME/again\" ]; then exec sleep 60; fi; \
                  touch \"$TEST_HOME/again\"; sleep 0.8; echo bye; exit 1";
    let task = world.start(json!([restarting(script), shell("side", "sleep 60")]));
    let report = world.recorder.wait(&task, "it runs again", |report| {
        let app = container(report, "app");
        app.restart_count == 1 && app.status == ContainerStatus::Running
    });
    assert_eq!(report.phase, TaskPhase::Running);
    let app = container(&report, "app");
    assert_eq!((app.status, app.exit_code), (ContainerStatus::Running, None));
    world.wait_for_message(&task, "app", |line| line.starts_with("run") && world.messages(&task, "app").len() == 3);
    let lines = world.messages(&task, "app");
    assert!(lines[0].starts_with("run ") && lines[1] == "bye" && lines[2].starts_with("run "), "{lines:?}");
    assert_ne!(lines[0], lines[2], "another process");
    let stopped = world.stop(&task);
    assert_eq!((stopped.end, container(&report, "side").restart_count), (None, 0));
}

#[test]
fn a_container_that_ends_early_or_with_an_ignored_code_ends_its_task() {
    let world = World::new();
    for script in ["exit 1", "sleep 0.8; exit 9"] {
        let report = world.run(json!([restarting(script)]));
        assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::EssentialContainerExited), "{script}");
        assert_eq!(container(&report, "app").restart_count, 0, "{script}");
    }
}
