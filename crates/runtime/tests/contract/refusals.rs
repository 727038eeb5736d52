//! Tasks that cannot start, and how they say why.

use std::net::TcpListener;

use seatrial_ports::TaskReport;
use seatrial_ports::runtime::{ContainerStatus, EndCause};
use serde_json::{Value, json};

use crate::support::{World, container, end_reason, of_processes, shell, with};

fn command(words: Value) -> Value {
    json!([{ "name": "app", "image": "i", "command": words }])
}

#[track_caller]
fn assert_cannot_start(report: &TaskReport, reason: &str) {
    assert_eq!(end_reason(report), reason);
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::CannotStart));
}

#[test]
fn a_command_that_does_not_exist_is_named() {
    of_processes!("a container engine has words of its own");
    let world = World::new();
    let report = world.run(command(json!(["no-such-program", "--flag"])));
    assert_cannot_start(&report, "CannotStartContainerError: \"no-such-program\": executable file not found in $PATH");
    let app = container(&report, "app");
    assert_eq!(
        (app.status, app.exit_code, app.reason.as_deref()),
        (ContainerStatus::Stopped, None, Some(end_reason(&report)))
    );
    assert_eq!(report.started_at, None);
    let report = world.run(command(json!(["./no-such-file"])));
    assert_cannot_start(&report, "CannotStartContainerError: \"./no-such-file\": no such file or directory");
}

#[test]
fn a_file_that_is_not_executable_is_permission_denied() {
    of_processes!("it uses files of the machine");
    let world = World::new();
    let file = world.path("data.txt");
    std::fs::create_dir_all(&world.home).expect("writable");
    std::fs::write(&file, "text").expect("writable");
    let report = world.run(command(json!([file])));
    assert_cannot_start(&report, &format!("CannotStartContainerError: {file:?}: permission denied"));
}

#[test]
fn an_interpreter_that_does_not_exist_is_told_from_a_missing_file() {
    of_processes!("it uses files of the machine");
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let file = world.path("script");
    std::fs::write(&file, "#!/no/such/interpreter\n").expect("writable");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("ours");
    let report = world.run(command(json!([file])));
    assert!(end_reason(&report).contains("interpreter"), "{}", end_reason(&report));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::CannotStart));
}

#[test]
fn a_container_without_command_is_refused() {
    of_processes!("a container engine has words of its own");
    let world = World::new();
    let report = world.run(command(json!([])));
    assert_cannot_start(
        &report,
        "CannotPullContainerError: i is not in this engine's registry, from which alone images are run, and container \"app\" names no command",
    );
}

#[test]
fn a_container_with_environment_files_is_not_started_without_them() {
    let world = World::new();
    let files = json!({ "environmentFiles": [{ "value": "arn:aws:s3:::bucket/app.env", "type": "s3" }] });
    let report = world.run(json!([with(shell("app", "true"), files)]));
    let reason = "ResourceInitializationError: failed to download env files: arn:aws:s3:::bucket/app.env: this engine has no S3; \
                  write the variables into environment instead of environmentFiles";
    assert_cannot_start(&report, reason);
}

#[test]
fn a_missing_working_directory_is_named() {
    of_processes!("a container engine has words of its own");
    let world = World::new();
    let report = world.run(json!([with(shell("app", "true"), json!({ "workingDirectory": "/no/such/place" }))]));
    assert_cannot_start(&report, "CannotStartContainerError: working directory /no/such/place: no such directory");
}

#[test]
fn an_unknown_user_is_named() {
    of_processes!("a container engine has words of its own");
    let world = World::new();
    let report = world.run(json!([with(shell("app", "true"), json!({ "user": "no-such-user" }))]));
    assert_cannot_start(
        &report,
        "CannotStartContainerError: user \"no-such-user\": no user \"no-such-user\" in /etc/passwd",
    );
}

#[test]
fn a_port_in_use_is_told_with_the_line_that_says_so() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let script =
        format!("echo starting; echo 'listen 127.0.0.1:{port}: bind: address already in use' >&2; echo bye; exit 1");
    let report = world.run(json!([shell("app", &script)]));
    assert_cannot_start(
        &report,
        &format!("CannotStartContainerError: listen 127.0.0.1:{port}: bind: address already in use"),
    );
    assert_eq!(container(&report, "app").exit_code, Some(1), "it did run");
}

#[test]
fn a_command_the_shell_does_not_find_is_told_with_its_line() {
    let world = World::new();
    let report = world.run(json!([shell("app", "no-such-program")]));
    assert!(end_reason(&report).contains("no-such-program: not found"), "{}", end_reason(&report));
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::CannotStart));
    assert_eq!(container(&report, "app").exit_code, Some(127));
}

#[test]
fn a_container_that_cannot_start_stops_those_that_did() {
    of_processes!("the first process of a container does not heed SIGTERM by itself");
    let world = World::new();
    let app = json!({ "name": "app", "image": "i", "command": ["no-such-program"] });
    let report = world.run(json!([shell("side", "sleep 300"), app]));
    assert_eq!(report.end.as_ref().map(|end| end.cause), Some(EndCause::CannotStart));
    assert_eq!(container(&report, "side").exit_code, Some(143));
}

#[test]
fn a_helper_that_cannot_start_is_shown_and_does_not_end_the_task() {
    let world = World::new();
    let helper = json!({ "name": "helper", "image": "i", "command": ["no-such-program"], "essential": false });
    let report = world.run(json!([helper, shell("app", "exit 3")]));
    assert_eq!(container(&report, "app").exit_code, Some(3));
    assert!(container(&report, "helper").reason.as_deref().is_some_and(|reason| reason.contains("not found in $PATH")));
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
}
