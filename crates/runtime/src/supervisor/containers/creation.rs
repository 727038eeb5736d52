//! A container definition as the request that creates its container.

use std::collections::BTreeMap;

use seatrial_model::SecretText;
use seatrial_model::task_definition::{ContainerDefinition, Mount, MountSource};
use seatrial_ports::TaskLaunch;
use serde_json::{Value, json};

use super::super::environment::environment_in_container;
use crate::container_engine::{ContainerPlace, labels, pause_name, volume_name};

const MEBIBYTE: u64 = 1 << 20;

/// The fewest shares of a processor that Linux knows.
const CPU_SHARES_MIN: u32 = 2;

/// The time within which a quota of processor time is counted, in microseconds; Docker's.
const QUOTA_PERIOD: u64 = 100_000;

/// How many CPU units are a processor.
const UNITS_PER_PROCESSOR: u64 = 1024;

/// Makes the request. It holds the values of secrets.
///
/// The size of the task is the upper bound of each of its containers; that of their sum would need a control group around them, which
/// the API does not give.
pub(super) fn request(
    launch: &TaskLaunch,
    container: &ContainerDefinition,
    secrets: BTreeMap<&str, &SecretText>,
    image: &str,
    place: &ContainerPlace,
) -> Value {
    let variables = environment_in_container(launch, container, secrets);
    let variables: Vec<String> = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut marks = json!(container.labels);
    if let (Value::Object(marks), Value::Object(own)) = (&mut marks, labels(place, &launch.task, Some(&container.name)))
    {
        marks.extend(own);
    }
    let mut request = json!({
        "Image": image,
        "Env": variables,
        "Labels": marks,
        "AttachStdout": true,
        "AttachStderr": true,
        // That of the image is not ECS's.
        "Healthcheck": { "Test": ["NONE"] },
        // For an engine that ends itself, and takes its containers along.
        "StopTimeout": container.stop_timeout.as_secs(),
        "HostConfig": host_configuration(launch, container),
    });
    if !container.entry_point.is_empty() {
        request["Entrypoint"] = json!(container.entry_point);
    }
    if !container.command.is_empty() {
        request["Cmd"] = json!(container.command);
    }
    if let Some(user) = &container.user {
        request["User"] = json!(user);
    }
    if let Some(directory) = &container.working_directory {
        request["WorkingDir"] = json!(directory);
    }
    request
}

fn host_configuration(launch: &TaskLaunch, container: &ContainerDefinition) -> Value {
    let ulimits: Vec<Value> = container
        .ulimits
        .iter()
        .map(|ulimit| json!({ "Name": ulimit.name, "Soft": ulimit.soft, "Hard": ulimit.hard }))
        .collect();
    let mut host = json!({
        "NetworkMode": format!("container:{}", pause_name(&launch.task)),
        // What it writes is kept by the supervisor.
        "LogConfig": { "Type": "none" },
        "ReadonlyRootfs": container.read_only_root,
        // As the agent of ECS has it: nothing reserved is the least there is, and not the 1,024 that an engine makes of 0.
        "CpuShares": container.cpu.max(CPU_SHARES_MIN),
        "Ulimits": ulimits,
    });
    let mounts: Vec<Value> = container.mounts.iter().map(|mount| mounted(launch, mount)).collect();
    if !mounts.is_empty() {
        host["Mounts"] = json!(mounts);
    }
    if let Some(cpu) = launch.definition.cpu {
        host["CpuPeriod"] = json!(QUOTA_PERIOD);
        host["CpuQuota"] = json!(u64::from(cpu) * QUOTA_PERIOD / UNITS_PER_PROCESSOR);
    }
    let memory = container.memory.into_iter().chain(launch.definition.memory).min();
    if let Some(memory) = memory {
        let bytes = u64::from(memory) * MEBIBYTE;
        host["Memory"] = json!(bytes);
        // No more by way of the disk.
        host["MemorySwap"] = json!(bytes);
    }
    if let Some(reserved) = container.memory_reservation {
        let reserved = memory.map_or(reserved, |memory| reserved.min(memory));
        host["MemoryReservation"] = json!(u64::from(reserved) * MEBIBYTE);
    }
    host
}

fn mounted(launch: &TaskLaunch, mount: &Mount) -> Value {
    let (kind, source) = match &mount.source {
        MountSource::Task(name) => ("volume", volume_name(&launch.task, name)),
        MountSource::Machine(path) => ("bind", path.clone()),
    };
    json!({ "Type": kind, "Source": source, "Target": mount.path, "ReadOnly": mount.read_only })
}

#[cfg(test)]
mod tests {
    use seatrial_model::task_definition::TaskDefinition;
    use seatrial_model::{ContainerName, TaskId, TimeScale};
    use seatrial_ports::TaskRuntime;
    use seatrial_ports::runtime::{LaunchSecrets, PortAssignment};

    use super::*;

    fn launch(container: Value) -> TaskLaunch {
        let document = json!({ "family": "f", "cpu": "512", "memory": "1024", "containerDefinitions": [container] });
        let app = ContainerName::parse("app").expect("a name");
        TaskLaunch {
            task: TaskId::from_bits(7),
            definition: TaskDefinition::parse(&document).expect("a valid definition"),
            runtime: TaskRuntime::Container,
            address: "172.20.0.2".parse().expect("an address"),
            ports: vec![PortAssignment { container: app, container_port: 80, host_port: 20_000 }],
            environment: [("PATH", "/engine"), ("STAGE", "test")]
                .map(|(name, value)| (name.into(), value.into()))
                .into(),
            time_scale: TimeScale::try_from(1).expect("a scale"),
            images: BTreeMap::new(),
            secrets: LaunchSecrets::default(),
        }
    }

    fn made(container: Value) -> Value {
        let launch = launch(container);
        let place = ContainerPlace { socket: "/s".into(), home: "abc".to_owned() };
        let secret = SecretText::new("hunter2");
        request(&launch, &launch.definition.containers[0], BTreeMap::from([("TOKEN", &secret)]), "img", &place)
    }

    #[test]
    fn a_definition_becomes_a_request() {
        let made = made(json!({
            "name": "app", "image": "x", "entryPoint": ["/e"], "command": ["c"], "user": "7:8", "workingDirectory": "/w",
            "readonlyRootFilesystem": true, "cpu": 256, "memory": 768, "memoryReservation": 512,
            "dockerLabels": { "team": "blue", "seatrial.home": "forged" },
            "ulimits": [{ "name": "nofile", "softLimit": 10, "hardLimit": 20 }],
            "environment": [{ "name": "PORT", "value": "1" }],
        }));
        assert_eq!(made["Entrypoint"], json!(["/e"]));
        assert_eq!((&made["Cmd"], &made["User"], &made["WorkingDir"]), (&json!(["c"]), &json!("7:8"), &json!("/w")));
        assert_eq!((&made["Labels"]["team"], &made["Labels"]["seatrial.home"]), (&json!("blue"), &json!("abc")));
        let host = &made["HostConfig"];
        assert_eq!((&host["CpuShares"], &host["CpuQuota"]), (&json!(256), &json!(50_000)));
        assert_eq!((&host["Memory"], &host["MemorySwap"]), (&json!(768_u64 << 20), &json!(768_u64 << 20)));
        assert_eq!(host["MemoryReservation"], json!(512_u64 << 20));
        assert_eq!(host["Ulimits"], json!([{ "Name": "nofile", "Soft": 10, "Hard": 20 }]));
        assert_eq!(host["ReadonlyRootfs"], json!(true));
        let variables: Vec<&str> = made["Env"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for expected in
            ["TOKEN=hunter2", "PORT=80", "PORT_80=80", "STAGE=test", "HOST=0.0.0.0", "SEATRIAL_CONTAINER=app"]
        {
            assert!(variables.contains(&expected), "{expected}: {variables:?}");
        }
        assert!(!variables.iter().any(|variable| variable.starts_with("PATH=")), "the image's counts");
    }

    #[test]
    fn what_is_not_said_is_the_images() {
        let made = made(json!({ "name": "app", "image": "x" }));
        for member in ["Entrypoint", "Cmd", "User", "WorkingDir"] {
            assert_eq!(made.get(member), None, "{member}");
        }
        assert_eq!(made["HostConfig"]["Memory"], json!(1_u64 << 30), "the task's");
        assert_eq!(made["HostConfig"]["CpuShares"], json!(2), "what is not reserved is not 1,024");
    }
}
