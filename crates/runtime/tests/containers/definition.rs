//! What a definition says of a container holds in the container engine.

use seatrial_ports::runtime::{ContainerStatus, EndCause};
use serde_json::{Value, json};

use crate::support::engines::{Brand, Engine};
use crate::support::{World, container, engine_test, shell, wait_until, with};

fn said(engine: &Engine, script: &str, members: Value) -> Vec<String> {
    let world = World::of_containers(engine);
    let report = world.run(json!([with(shell("app", script), members)]));
    assert_eq!(container(&report, "app").exit_code, Some(0), "{report:?} {:?}", world.messages(&report.task, "app"));
    world.messages(&report.task, "app")
}

engine_test!(a_container_runs_as_it_is_defined, |engine: &Engine| {
    let script = "id -u; id -g; pwd; touch /x 2>/dev/null || echo read-only; echo $GREETING";
    let members = json!({
        "user": "7:8", "workingDirectory": "/bin", "readonlyRootFilesystem": true,
        "environment": [{ "name": "GREETING", "value": "hello" }],
    });
    assert_eq!(said(engine, script, members), ["7", "8", "/bin", "read-only", "hello"]);
});

/// Podman adds limits of its own to those it is given, and on a machine whose root may not raise them it then starts nothing.
#[test]
fn a_container_has_the_limits_it_is_given() {
    let Some(engine) = Engine::of(Brand::Docker) else { return };
    let limits = json!({ "ulimits": [{ "name": "nofile", "softLimit": 100, "hardLimit": 200 }] });
    assert_eq!(said(&engine, "ulimit -n; ulimit -Hn", limits), ["100", "200"]);
}

engine_test!(both_streams_are_kept_and_the_exit_code_told, |engine: &Engine| {
    let world = World::of_containers(engine);
    let report = world.run(json!([shell("app", "echo out; echo err >&2; exit 7")]));
    assert_eq!(container(&report, "app").exit_code, Some(7));
    let mut messages = world.messages(&report.task, "app");
    messages.sort();
    assert_eq!(messages, ["err", "out"]);
    assert_eq!(report.end.map(|end| end.cause), Some(EndCause::EssentialContainerExited));
});

engine_test!(a_container_beyond_its_memory_is_killed_in_ecs_words, |engine: &Engine| {
    let world = World::of_containers(engine);
    let report = world.run(json!([with(
        json!({ "name": "app", "image": "i" }),
        json!({
            "command": ["dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=4"], "memory": 32,
        })
    )]));
    let app = container(&report, "app");
    assert_eq!(app.exit_code, Some(137), "{report:?}");
    // Where control groups are of the first version, engines do not always hear of it.
    let words = Some("OutOfMemoryError: Container killed due to memory usage");
    let hears = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    assert!(app.reason.as_deref() == words || (!hears && app.reason.is_none()), "{app:?}");
});

engine_test!(a_program_that_is_not_there_is_said_in_the_engines_words, |engine: &Engine| {
    let world = World::of_containers(engine);
    let report = world.run(json!([{ "name": "app", "image": "i", "command": ["no-such-program"] }]));
    let end = report.end.as_ref().expect("it could not start");
    assert_eq!(end.cause, EndCause::CannotStart, "{end:?}");
    assert!(end.reason.starts_with("CannotStartContainerError: Error response from daemon: "), "{end:?}");
    assert!(end.reason.contains("\"no-such-program\": executable file not found in $PATH"), "{end:?}");
    assert_eq!((report.started_at, container(&report, "app").status), (None, ContainerStatus::Stopped));
});

engine_test!(the_images_signal_asks_to_end_and_sigkill_follows, |engine: &Engine| {
    let world = World::of_containers(engine);
    let patient = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let polite = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    for (script, code) in [(polite, 5), (patient, 137)] {
        let task = world.start(json!([with(shell("app", script), json!({ "stopTimeout": 2 }))]));
        world.wait_for_message(&task, "app", |line| line == "ready");
        let report = world.stop(&task);
        assert_eq!((container(&report, "app").exit_code, &report.end), (Some(code), &None), "{script}");
    }
});

engine_test!(containers_share_the_volumes_of_their_task, |engine: &Engine| {
    let world = World::of_containers(engine);
    let mount = |read_only: bool| json!([{ "sourceVolume": "data", "containerPath": "/data", "readOnly": read_only }]);
    let writer = with(
        shell("writer", "echo shared > /data/file && echo written"),
        json!({ "essential": false, "mountPoints": mount(false), "readonlyRootFilesystem": true }),
    );
    let reader = with(
        shell("reader", "cat /data/file; (echo more > /data/file) 2>/dev/null || echo refused"),
        json!({ "mountPoints": mount(true), "dependsOn": [{ "containerName": "writer", "condition": "SUCCESS" }] }),
    );
    let launch = world.launch_document(
        json!({ "family": "test", "memory": "512", "volumes": [{ "name": "data" }], "containerDefinitions": [writer, reader] }),
    );
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.wait_until_stopped(&task);
    assert_eq!(world.messages(&task, "writer"), ["written"]);
    let read = world.messages(&task, "reader");
    assert!(
        read.first().is_some_and(|line| line == "shared") && read.last().is_some_and(|line| line == "refused"),
        "{read:?}"
    );
    wait_until("the volume is gone", || (!engine.command(&["volume", "ls"]).contains(task.as_str())).then_some(()));
});
