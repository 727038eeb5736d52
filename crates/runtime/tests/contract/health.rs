//! Container health checks.

use seatrial_model::task_definition::HealthStatus;
use seatrial_ports::runtime::{EndCause, TaskPhase};
use serde_json::{Value, json};

use crate::support::{World, container, of_processes, shell, wait_until, with};

fn checked(script: &str, command: Value, retries: u32) -> Value {
    let check = json!({ "command": command, "interval": 5, "timeout": 2, "retries": retries });
    with(shell("app", script), json!({ "healthCheck": check }))
}

#[test]
fn health_follows_what_the_check_finds() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let flag = world.path("flag");
    let script = format!("test -e {0} || {{ echo no flag; exit 1; }}", flag.display());
    let task = world.start(json!([checked("sleep 300", json!(["CMD-SHELL", script]), 2)]));
    let report = world.wait_for_phase(&task, TaskPhase::Running);
    assert_eq!(report.health, HealthStatus::Unknown);

    let report = world.wait_for_health(&task, HealthStatus::Unhealthy);
    let app = container(&report, "app");
    assert_eq!((app.health, report.phase), (HealthStatus::Unhealthy, TaskPhase::Running));
    assert_eq!(app.health_output.as_deref(), Some("exit code 1: no flag"));
    assert_eq!(report.end, None, "whether it is replaced is not the runtime's to say");

    std::fs::write(&flag, "").expect("writable");
    let report = world.wait_for_health(&task, HealthStatus::Healthy);
    assert_eq!(container(&report, "app").health_output, None);

    world.recorder.clear();
    std::fs::remove_file(&flag).expect("removable");
    world.wait_for_health(&task, HealthStatus::Unhealthy);
}

#[test]
fn a_program_is_run_without_a_shell() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let flag = world.path("with space; and more");
    std::fs::write(&flag, "").expect("writable");
    let task = world.start(json!([checked("sleep 300", json!(["CMD", "test", "-e", flag]), 1)]));
    world.wait_for_health(&task, HealthStatus::Healthy);
}

#[test]
fn a_check_that_cannot_be_run_fails() {
    let world = World::new();
    let task = world.start(json!([checked("sleep 300", json!(["CMD", "no-such-checker"]), 1)]));
    let report = world.wait_for_health(&task, HealthStatus::Unhealthy);
    let output = container(&report, "app").health_output.clone().unwrap_or_default();
    assert!(output.contains("\"no-such-checker\": executable file not found in $PATH"), "{output}");
}

#[test]
fn a_check_that_hangs_fails_after_its_timeout_and_is_killed() {
    of_processes!("process ids in a container are its own");
    let world = World::new();
    let task = world.start(json!([checked(
        "sleep 300",
        json!(["CMD-SHELL", "echo $$ >> \"$TEST_HOME/checks\"; sleep 300"]),
        1
    )]));
    let report = world.wait_for_health(&task, HealthStatus::Unhealthy);
    assert_eq!(container(&report, "app").health_output.as_deref(), Some("Health check exceeded timeout (2s)"));
    let first: u32 = std::fs::read_to_string(world.path("checks"))
        .ok()
        .and_then(|ids| ids.lines().next()?.parse().ok())
        .expect("the check wrote its id");
    wait_until("the first check is gone", || (!crate::support::is_alive(first)).then_some(()));
}

#[test]
fn checks_run_with_the_containers_environment_and_directory() {
    let world = World::new();
    let check = json!(["CMD-SHELL", "test \"$OWN\" = 1 && test \"$(pwd)\" = /usr"]);
    let container = with(
        checked("sleep 300", check, 1),
        json!({ "environment": [{ "name": "OWN", "value": "1" }], "workingDirectory": "/usr" }),
    );
    let task = world.start(json!([container]));
    world.wait_for_health(&task, HealthStatus::Healthy);
}

#[test]
fn only_essential_containers_make_the_health_of_a_task() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let side = json!({
        "name": "side", "image": "i", "command": ["sleep", "300"], "essential": false,
        "healthCheck": { "command": ["CMD-SHELL", "exit 1"], "interval": 5, "retries": 1 },
    });
    let task = world.start(json!([checked("sleep 300", json!(["CMD-SHELL", "true"]), 1), side]));
    let report = world.recorder.wait(&task, "both have been judged", |report| {
        container(report, "side").health == HealthStatus::Unhealthy
            && container(report, "app").health == HealthStatus::Healthy
    });
    assert_eq!(report.health, HealthStatus::Healthy);
}

#[test]
fn a_container_that_ends_while_it_is_checked_ends_as_usual() {
    let world = World::new();
    let report = world.run(json!([checked("sleep 0.3; exit 6", json!(["CMD-SHELL", "sleep 300"]), 1)]));
    assert_eq!(container(&report, "app").exit_code, Some(6));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
}
