//! What a container finds when it starts.

use std::collections::BTreeMap;

use seatrial_model::ContainerName;
use seatrial_ports::runtime::PortAssignment;
use serde_json::json;

use crate::support::{World, container, end_reason, of_processes, shell, with};

fn port(container: &str, container_port: u16, host_port: u16) -> PortAssignment {
    PortAssignment { container: ContainerName::parse(container).expect("a name"), container_port, host_port }
}

fn variables(messages: Vec<String>) -> BTreeMap<String, String> {
    let pairs = messages.iter().filter_map(|line| line.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_container_sees_its_own_variables_and_only_a_few_of_the_engines() {
    of_processes!("containers have ports and an address of their own");
    let world = World::new();
    let mut launch = world.launch(json!([with(
        shell("app", "env; exit 0"),
        json!({ "environment": [{ "name": "OWN", "value": "1" }, { "name": "BOTH", "value": "container" }] }),
    )]));
    launch.environment.insert("BOTH".to_owned(), "launch".to_owned());
    launch.environment.insert("ECS_LIKE".to_owned(), "metadata".to_owned());
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.wait_until_stopped(&task);
    let seen = variables(world.messages(&task, "app"));
    let expected = [
        ("OWN", "1"),
        ("BOTH", "container"),
        ("ECS_LIKE", "metadata"),
        ("HOST", "127.0.0.1"),
        ("SEATRIAL_TASK", task.as_str()),
        ("SEATRIAL_CONTAINER", "app"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(seen.get("PATH").cloned(), std::env::var("PATH").ok());
    assert_eq!(seen.get("HOME").cloned(), std::env::var("HOME").ok());
    // This process has many more: what cargo and the test runner set.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let known = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEST_HOME", "PWD", "OLDPWD", "SHLVL", "_"];
    let leaked: Vec<&String> = seen
        .keys()
        .filter(|name| !known.contains(&name.as_str()) && !expected.iter().any(|(expected, _)| expected == name))
        .collect();
    assert!(leaked.is_empty(), "{leaked:?}");
}

#[test]
fn ports_are_told_by_container_port_and_the_first_own_one_as_port() {
    of_processes!("containers have ports and an address of their own");
    let world = World::new();
    let mappings = |ports: &[u16]| {
        let mappings: Vec<_> = ports.iter().map(|port| json!({ "containerPort": port })).collect();
        json!({ "portMappings": mappings, "environment": [{ "name": "PORT", "value": "8080" }] })
    };
    let side = with(shell("side", "env; exit 0"), json!({ "essential": false }));
    let plain = with(shell("plain", "env; exit 0"), json!({ "essential": false }));
    let mut launch = world.launch(json!([
        with(side, mappings(&[9090])),
        plain,
        with(
            shell("app", "env; exit 0"),
            json!({
                "portMappings": [{ "containerPort": 8080 }, { "containerPort": 8443 }],
                "environment": [{ "name": "PORT", "value": "8080" }],
                "dependsOn": [
                    { "containerName": "side", "condition": "COMPLETE" },
                    { "containerName": "plain", "condition": "COMPLETE" },
                ],
            }),
        ),
    ]));
    launch.ports = vec![port("app", 8080, 20_001), port("app", 8443, 20_002), port("side", 9090, 20_003)];
    let task = launch.task.clone();
    world.runtime().start(launch);
    world.wait_until_stopped(&task);
    for (name, own) in [("app", Some("20001")), ("side", Some("20003")), ("plain", None)] {
        let seen = variables(world.messages(&task, name));
        let value = |name: &str| seen.get(name).map(String::as_str);
        assert_eq!(value("PORT"), own, "{name}");
        assert_eq!(
            [value("PORT_8080"), value("PORT_8443"), value("PORT_9090")],
            [Some("20001"), Some("20002"), Some("20003")]
        );
    }
}

#[test]
fn the_entry_point_comes_before_the_command() {
    let world = World::new();
    let definition = json!([{ "name": "app", "image": "i", "entryPoint": ["/bin/sh", "-c"], "command": ["echo $0 $1", "a", "b c"] }]);
    let report = world.run(definition);
    assert_eq!(world.messages(&report.task, "app"), ["a b c"]);
}

#[test]
fn the_working_directory_is_the_one_named() {
    let world = World::new();
    let report = world.run(json!([with(shell("app", "pwd"), json!({ "workingDirectory": "/usr" }))]));
    assert_eq!(world.messages(&report.task, "app"), ["/usr"]);
}

#[test]
fn a_container_without_working_directory_may_write_where_it_starts() {
    let world = World::new();
    let report = world.run(json!([shell("app", "echo data > file && cat file")]));
    assert_eq!(world.messages(&report.task, "app"), ["data"]);
}

#[test]
fn standard_input_is_empty_and_the_usual_file_mode_applies() {
    let world = World::new();
    let report = world.run(json!([shell("app", "cat; umask; echo end")]));
    assert_eq!(world.messages(&report.task, "app"), ["0022", "end"]);
}

#[test]
fn a_container_runs_as_the_user_it_names() {
    of_processes!("users are the image's");
    if !rustix::process::geteuid().is_root() {
        let report = World::new().run(json!([with(shell("app", "id"), json!({ "user": "root" }))]));
        assert!(end_reason(&report).contains("only root can start tasks as others"), "{}", end_reason(&report));
        return;
    }
    let world = World::new();
    let script = "id -u; id -g; id -G; echo x > file && echo written; echo $HOME";
    for (user, expected) in [
        ("65534", ["65534", "65534", "65534", "written", "/nonexistent"]),
        ("nobody:0", ["65534", "0", "0", "written", "/nonexistent"]),
    ] {
        let check = json!({ "command": ["CMD-SHELL", "id -u"], "interval": 5 });
        let report = world.run(json!([with(shell("app", script), json!({ "user": user, "healthCheck": check }))]));
        assert_eq!(world.messages(&report.task, "app"), expected, "{user}");
        assert_eq!(container(&report, "app").exit_code, Some(0));
    }
}

#[test]
fn the_current_user_may_be_named() {
    let world = World::new();
    let own = rustix::process::geteuid().as_raw();
    let report = world.run(json!([with(shell("app", "id -u"), json!({ "user": own.to_string() }))]));
    assert_eq!(world.messages(&report.task, "app"), [own.to_string()]);
}
