//! Containers whose programs are in an image.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use seatrial_model::image::Digest;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{ContainerName, TaskId};
use seatrial_ports::runtime::{EndCause, LaunchImage, TaskPhase};
use serde_json::{Value, json};

use crate::support::{World, image, wait_until, with};

fn name() -> ContainerName {
    ContainerName::parse("app").expect("a name")
}

fn start(world: &World, container: Value, image: LaunchImage) -> TaskId {
    let container = with(json!({ "name": "app", "image": "registry/app" }), container);
    let mut launch = world.launch(json!([container]));
    launch.images.insert(name(), image);
    let task = launch.task.clone();
    world.runtime().start(launch);
    task
}

fn start_stored(world: &World, container: Value, digest: &Digest) -> TaskId {
    start(world, container, LaunchImage::Stored(digest.clone()))
}

/// Runs a script in an image to its end and returns what it wrote.
fn said(world: &World, script: &str, container: Value, config: Value) -> Vec<String> {
    let digest = image::put(&world.home, config);
    let container = with(json!({ "command": ["sh", "-c", script] }), container);
    let task = start_stored(world, container, &digest);
    let report = world.wait_until_stopped(&task);
    let messages = world.messages(&task, "app");
    assert_eq!(report.containers[0].exit_code, Some(0), "{messages:?} {report:?}");
    messages
}

#[test]
fn a_container_sees_its_image_and_nothing_of_the_machines_files() {
    let world = World::new();
    let script = "cat /greeting; ls /; ls /dev/null /proc/self/fd/1 >/dev/null; echo at $PWD; cat /outside 2>/dev/null || echo none";
    let said = said(&world, script, json!({}), json!({ "WorkingDir": "/srv/app" }));
    assert_eq!(said[0], "hello from the image");
    for expected in ["bin", "dev", "greeting", "proc", "srv"] {
        assert!(said.iter().any(|line| line == expected), "{expected}: {said:?}");
    }
    for foreign in ["home", "root", "tmp", "var"] {
        assert!(!said.iter().any(|line| line == foreign), "{foreign}: {said:?}");
    }
    assert!(said.iter().any(|line| line == "at /srv/app"), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("none"), "{said:?}");
}

#[test]
fn the_definition_stands_over_what_the_image_says() {
    let world = World::new();
    let config = json!({
        "Entrypoint": ["sh", "-c", "echo $GREETING $NAME $HOME; id -u; id -g; echo $0"],
        "Cmd": ["from-image"],
        "Env": ["GREETING=hello", "NAME=image"],
        "User": "web",
    });
    let digest = image::put(&world.home, config);
    let run = |container: Value| {
        let task = start_stored(&world, container, &digest);
        world.wait_until_stopped(&task);
        world.messages(&task, "app")
    };
    assert_eq!(run(json!({})), ["hello image /srv/web", "1234", "4321", "from-image"]);
    let over = json!({ "command": ["mine"], "user": "77:78", "environment": [{ "name": "NAME", "value": "task" }] });
    assert_eq!(run(over), ["hello task /", "77", "78", "mine"]);
    assert_eq!(run(json!({ "entryPoint": ["sh", "-c", "echo only this"] })), ["only this"]);
}

#[test]
fn what_a_container_writes_is_its_own() {
    let world = World::new();
    let write = "touch /mine /dev/shm/mine && ls /";
    assert!(said(&world, write, json!({}), json!({})).iter().any(|line| line == "mine"));
    assert!(!said(&world, "ls /", json!({}), json!({})).iter().any(|line| line == "mine"));
    let refused = "touch /mine 2>/dev/null && echo written || echo refused";
    assert_eq!(said(&world, refused, json!({ "readonlyRootFilesystem": true }), json!({})), ["refused"]);
}

#[test]
fn containers_share_the_volumes_of_their_task() {
    let world = World::new();
    let digest = image::put(&world.home, json!({}));
    let container = |name: &str, script: &str, members: Value| {
        with(json!({ "name": name, "image": "registry/app", "command": ["sh", "-c", script] }), members)
    };
    let mount =
        |read_only: bool| json!([{ "sourceVolume": "data", "containerPath": "/srv/data", "readOnly": read_only }]);
    let writer = container(
        "writer",
        "echo shared > /srv/data/file && echo written; touch /mine 2>/dev/null || echo read-only",
        json!({ "essential": false, "mountPoints": mount(false), "readonlyRootFilesystem": true }),
    );
    let reader = container(
        "reader",
        "cat /srv/data/file; (echo more > /srv/data/file) 2>/dev/null || echo refused; cat /machine/hosts > /dev/null && echo hosts",
        json!({
            "volumesFrom": [{ "sourceContainer": "writer", "readOnly": true }],
            "mountPoints": [{ "sourceVolume": "machine", "containerPath": "/machine", "readOnly": true }],
            "dependsOn": [{ "containerName": "writer", "condition": "SUCCESS" }],
        }),
    );
    let volumes = json!([{ "name": "data" }, { "name": "machine", "host": { "sourcePath": "/etc" } }]);
    let mut launch = world.launch_document(
        json!({ "family": "test", "memory": "512", "volumes": volumes, "containerDefinitions": [writer, reader] }),
    );
    for name in ["writer", "reader"] {
        launch.images.insert(ContainerName::parse(name).expect("a name"), LaunchImage::Stored(digest.clone()));
    }
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.wait_until_stopped(&task);
    assert_eq!(world.messages(&task, "writer"), ["written", "read-only"]);
    assert_eq!(world.messages(&task, "reader"), ["shared", "refused", "hosts"]);
    let roots = world.task_directory(&task).join("roots");
    wait_until("the volume to go with its task", || (!roots.exists()).then_some(()));
}

#[test]
fn the_machines_names_are_there_and_a_container_changes_only_its_copy() {
    let world = World::new();
    let before = std::fs::read("/etc/hosts").expect("this machine has it");
    let script = "cat /etc/hosts > /dev/stdout; echo 127.0.0.9 mine >> /etc/hosts && echo changed";
    let said = said(&world, script, json!({}), json!({}));
    assert!(said.iter().any(|line| line.contains("localhost")), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("changed"));
    assert_eq!(std::fs::read("/etc/hosts").expect("this machine has it"), before);
}

#[test]
fn whoever_a_container_is_its_output_is_its_own() {
    let world = World::new();
    let script = "echo out > /dev/stdout; echo err > /dev/stderr";
    assert_eq!(said(&world, script, json!({}), json!({ "User": "web" })).len(), 2);
}

#[test]
fn an_image_for_another_machine_is_refused() {
    let world = World::new();
    let digest = image::put_for(&world.home, "s390x", json!({ "Cmd": ["sh"] }));
    let end = world.wait_until_stopped(&start_stored(&world, json!({}), &digest)).end.expect("it could not start");
    assert_eq!(end.cause, EndCause::CannotStart);
    assert!(end.reason.contains("the image is for linux/s390x, and this machine is linux/"), "{end:?}");
}

#[test]
fn a_health_check_sees_what_the_container_sees() {
    let world = World::new();
    let digest = image::put(&world.home, json!({ "User": "web" }));
    let check = json!({ "command": ["CMD-SHELL", "test -e /tmp-of-mine/ready && test $(id -u) = 1234"],
        "interval": 5, "timeout": 2, "retries": 3, "startPeriod": 0 });
    // The directory belongs to whoever the container is.
    let container =
        json!({ "command": ["sh", "-c", "sleep 0.2; : > /dev/shm/ready; sleep 300"], "healthCheck": check });
    let shared = json!({ "command": ["CMD-SHELL", "test -e /dev/shm/ready && test $(id -u) = 1234"],
        "interval": 5, "timeout": 2, "retries": 3, "startPeriod": 0 });
    let task = start_stored(&world, with(container.clone(), json!({ "healthCheck": shared })), &digest);
    world.wait_for_health(&task, HealthStatus::Healthy);
    let task = start_stored(&world, container, &digest);
    world.wait_for_health(&task, HealthStatus::Unhealthy);
}

#[test]
fn the_images_own_signal_asks_it_to_stop() {
    let world = World::new();
    let digest = image::put(&world.home, json!({ "StopSignal": "SIGUSR1" }));
    let script = "trap 'echo asked; exit 7' USR1; echo ready; while :; do sleep 0.05; done";
    let task = start_stored(&world, json!({ "command": ["sh", "-c", script] }), &digest);
    world.wait_for_message(&task, "app", |line| line == "ready");
    let report = world.stop(&task);
    assert_eq!(report.containers[0].exit_code, Some(7));
    assert!(world.messages(&task, "app").iter().any(|line| line == "asked"));
}

#[test]
fn an_image_is_unpacked_once_for_all_who_start_from_it() {
    let world = World::new();
    let digest = image::put(&world.home, json!({}));
    let start = || start_stored(&world, json!({ "command": ["sleep", "300"] }), &digest);
    let tasks: Vec<TaskId> = (0..4).map(|_| start()).collect();
    tasks.iter().for_each(|task| drop(world.wait_for_phase(task, TaskPhase::Running)));
    let unpacked = std::fs::read_dir(world.path("images")).expect("it is there");
    let directories = unpacked.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count();
    assert_eq!(directories, 1);
    // The contents may go as soon as it is.
    std::fs::remove_dir_all(world.path("registry/blobs")).expect("ours");
    let after = world.wait_until_stopped(&start());
    let reason = after.end.expect("it could not start").reason;
    assert!(reason.starts_with("CannotPullContainerError: the manifest cannot be read"), "{reason}");
}

#[test]
fn what_cannot_be_had_or_run_is_said() {
    let world = World::new();
    let why = "CannotPullContainerError: pull image manifest has failed";
    let task = start(&world, json!({}), LaunchImage::Missing(why.to_owned()));
    let end = world.wait_until_stopped(&task).end.expect("it could not start");
    assert_eq!((end.cause, end.reason.as_str()), (EndCause::CannotStart, why));
    let digest = image::put(&world.home, json!({}));
    let reason = |container: Value| {
        let task = start_stored(&world, container, &digest);
        let end = world.wait_until_stopped(&task).end.expect("it could not start");
        assert_eq!(end.cause, EndCause::CannotStart, "{end:?}");
        end.reason
    };
    let refused = "CannotStartContainerError:";
    assert_eq!(
        reason(json!({})),
        format!("{refused} the image has neither an entry point nor a command, and the container names none")
    );
    let missing = json!({ "command": ["no-such-server"] });
    assert_eq!(
        reason(missing),
        format!("{refused} \"no-such-server\": executable file not found in $PATH of the image")
    );
    let outside = json!({ "command": ["/usr/bin/env"] });
    assert_eq!(reason(outside), format!("{refused} \"/usr/bin/env\": no such file or directory in the image"));
    let nobody = json!({ "command": ["sh"], "user": "nobody-here" });
    assert!(reason(nobody).contains("no user \"nobody-here\" in /etc/passwd"));
}

#[test]
fn a_task_can_be_stopped_while_its_image_is_unpacked() {
    let world = World::new();
    let digest = image::put(&world.home, json!({}));
    // Whoever opens it waits for a writer that never comes.
    let layer = std::fs::read(image::contents(&world.home, &digest)).expect("the manifest");
    let layer: Value = serde_json::from_slice(&layer).expect("JSON");
    let layer = Digest::parse(layer["layers"][0]["digest"].as_str().expect("a digest")).expect("a digest");
    let layer = image::contents(&world.home, &layer);
    std::fs::remove_file(&layer).expect("ours");
    let path = CString::new(layer.as_os_str().as_bytes()).expect("no zero byte");
    rustix::fs::mknodat(rustix::fs::CWD, &*path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .expect("a pipe");
    let task = start_stored(&world, json!({ "command": ["sh"] }), &digest);
    world.wait_for_phase(&task, TaskPhase::Activating);
    let asked = Instant::now();
    let report = world.stop(&task);
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(report.started_at, None);
}
