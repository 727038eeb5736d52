use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::task_definition::{Mount, MountSource};

fn parse(definition: Value) -> Result<TaskDefinition, InvalidTaskDefinition> {
    TaskDefinition::parse(&definition)
}

/// A definition that every launch type takes, with members replaced.
fn definition(members: Value) -> Value {
    let own = json!({ "family": "web", "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{ "name": "app", "image": "i" }] });
    with(own, members)
}

/// A definition with one container of these members.
fn app(members: Value) -> Value {
    definition(json!({ "containerDefinitions": [with(json!({ "name": "app", "image": "i" }), members)] }))
}

fn with(mut object: Value, members: Value) -> Value {
    let members = members.as_object().expect("an object").clone();
    object.as_object_mut().expect("an object").extend(members);
    object
}

#[track_caller]
fn refused(definition: Value, message: &str) {
    let refusal = parse(definition.clone()).map(|_| ()).expect_err(message).to_string();
    assert!(refusal.contains(message), "{definition}\n said {refusal:?}\nwanted {message:?}");
}

#[track_caller]
fn accepted(definition: Value) -> TaskDefinition {
    parse(definition.clone()).unwrap_or_else(|error| panic!("{definition}: {error}"))
}

#[test]
fn omitted_members_take_the_defaults_of_ecs() {
    let check = json!({ "healthCheck": { "command": ["CMD-SHELL", "true"] }, "restartPolicy": { "enabled": true } });
    let definition = accepted(with(app(check), json!({ "networkMode": null })));
    let container = &definition.containers[0];
    assert!(container.essential);
    assert_eq!(container.stop_timeout, Duration::from_secs(30));
    let check = container.health_check.as_ref().expect("a health check");
    assert_eq!((check.interval.as_secs(), check.timeout.as_secs(), check.retries), (30, 5, 3));
    let policy = container.restart_policy.as_ref().expect("a restart policy");
    assert_eq!((policy.attempt_period.as_secs(), policy.ignored_exit_codes.len()), (300, 0));
    let off = accepted(app(json!({ "restartPolicy": { "enabled": false } })));
    assert_eq!(off.containers[0].restart_policy, None);
}

#[test]
fn what_is_missing_is_named() {
    refused(definition(json!({ "family": "" })), "task definition family \"\" is not valid");
    refused(definition(json!({ "containerDefinitions": [] })), "Container definitions should not be null or empty.");
    for (members, message) in [
        (json!({ "name": "" }), "Container.name should not be null or empty."),
        (json!({ "image": "" }), "Container.image should not be null or empty."),
        (json!({ "environment": [{ "value": "x" }] }), "Container.environment name should not be null or empty."),
        (json!({ "secrets": [{ "name": "A" }] }), "Container.secrets valueFrom should not be null or empty."),
        (json!({ "secrets": [{ "valueFrom": "A" }] }), "Container.secrets name should not be null or empty."),
        (json!({ "portMappings": [{}] }), "Container.portMappings containerPort should not be null."),
        (json!({ "dependsOn": [{ "condition": "START" }] }), "Container.dependsOn containerName should not be null"),
        (json!({ "dependsOn": [{ "containerName": "a" }] }), "Container.dependsOn condition should not be null"),
        (json!({ "logConfiguration": {} }), "Container.logConfiguration logDriver should not be null or empty."),
        (
            json!({ "logConfiguration": { "logDriver": "awslogs", "options": { "awslogs-region": "r" } } }),
            "Log driver awslogs requires options: awslogs-region, awslogs-group",
        ),
        (json!({ "healthCheck": {} }), "Container.healthCheck command must be"),
        (json!({ "restartPolicy": {} }), "Container.restartPolicy enabled should not be null."),
    ] {
        refused(app(members), message);
    }
}

#[test]
fn names_are_held_to_their_alphabet_and_are_unique() {
    refused(definition(json!({ "family": "a b" })), "task definition family \"a b\" is not valid");
    refused(app(json!({ "name": "a.b" })), "container name \"a.b\" is not valid");
    let container = json!({ "name": "app", "image": "i" });
    refused(
        definition(json!({ "containerDefinitions": [container, container] })),
        "Container names must be unique: app appears twice.",
    );
    refused(app(json!({ "portMappings": [{ "containerPort": 1, "name": "Web" }] })), "name 'Web' is not valid");
    let volumes = json!([{ "name": "data" }, { "name": "data" }]);
    refused(definition(json!({ "volumes": volumes })), "Volume names must be unique: data appears twice.");
    refused(
        app(json!({ "environment": [{ "name": "A" }], "secrets": [{ "name": "A", "valueFrom": "x" }] })),
        "The secret name must be unique and not shared with any new or existing environment variables",
    );
}

#[test]
fn a_word_that_is_none_of_those_known_is_refused_with_its_place() {
    for (document, message) in [
        (
            definition(json!({ "networkMode": "vpc" })),
            "networkMode should be one of [bridge,host,awsvpc,none], got 'vpc'.",
        ),
        (
            definition(json!({ "requiresCompatibilities": ["EC2", "fargate"] })),
            "requiresCompatibilities[1] should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES], got 'fargate'.",
        ),
        (definition(json!({ "runtimePlatform": { "cpuArchitecture": "RISCV" } })), "runtimePlatform.cpuArchitecture"),
        (
            app(json!({ "dependsOn": [{ "containerName": "db", "condition": "healthy" }] })),
            "containerDefinitions[0].dependsOn[0].condition should be one of [START,COMPLETE,SUCCESS,HEALTHY], got 'healthy'.",
        ),
        (
            app(json!({ "logConfiguration": { "logDriver": "cloudwatch" } })),
            "containerDefinitions[0].logConfiguration.logDriver should be one of [json-file,",
        ),
        (app(json!({ "ulimits": [{ "name": "files" }] })), "containerDefinitions[0].ulimits[0].name should be one of"),
        (app(json!({ "environmentFiles": [{ "type": "ssm" }] })), "environmentFiles[0].type should be one of [s3]"),
        (
            app(json!({ "linuxParameters": { "devices": [{ "permissions": ["all"] }] } })),
            "linuxParameters.devices[0].permissions[0] should be one of [read,write,mknod], got 'all'.",
        ),
    ] {
        refused(document, message);
    }
    // What the documentation says of it: any other protocol means tcp.
    let odd = accepted(app(json!({ "portMappings": [{ "containerPort": 1, "protocol": "sctp" }] })));
    assert!(!odd.containers[0].port_mappings[0].is_udp);
}

#[test]
fn numbers_outside_their_range_are_refused_with_it() {
    let check = |member: &str, value: i64| json!({ "healthCheck": { "command": ["CMD", "true"], member: value } });
    let policy = |member: &str, value: Value| json!({ "restartPolicy": { "enabled": true, member: value } });
    for (members, range) in [
        (json!({ "portMappings": [{ "containerPort": 0 }] }), "containerPort must be between 1 and 65535, got 0."),
        (json!({ "portMappings": [{ "containerPort": 1, "hostPort": 70000 }] }), "hostPort must be between"),
        (json!({ "memory": 3 }), "memory must be between 4"),
        (json!({ "stopTimeout": -1 }), "stopTimeout must be between 0 and 3600, got -1."),
        (check("interval", 4), "healthCheck.interval must be between 5 and 300, got 4."),
        (check("timeout", 61), "healthCheck.timeout must be between 2 and 60, got 61."),
        (check("retries", 0), "healthCheck.retries must be between 1 and 10, got 0."),
        (check("startPeriod", 301), "healthCheck.startPeriod must be between 0 and 300, got 301."),
        (policy("restartAttemptPeriod", json!(59)), "restartAttemptPeriod must be between 60 and 1800, got 59."),
        (policy("restartAttemptPeriod", json!(1801)), "between 60 and 1800"),
        (policy("ignoredExitCodes", json!([256])), "ignoredExitCodes must be between 0 and 255, got 256."),
        (policy("ignoredExitCodes", json!(vec![1; 51])), "at most 50 codes"),
        (json!({ "ulimits": [{ "name": "nofile", "softLimit": 9, "hardLimit": 8 }] }), "higher than the hardLimit 8"),
    ] {
        refused(app(members), range);
    }
    let many: Vec<Value> = (0..11).map(|n| json!({ "name": format!("c{n}"), "image": "i" })).collect();
    refused(definition(json!({ "containerDefinitions": many })), "at most 10 containers");
}

#[test]
fn dependencies_that_can_never_be_met_are_refused() {
    let pair = |first: Value, second: Value| {
        let first = with(json!({ "name": "app", "image": "i" }), first);
        definition(json!({ "containerDefinitions": [first, with(json!({ "name": "db", "image": "i" }), second)] }))
    };
    let on = |name: &str, condition: &str| json!({ "dependsOn": [{ "containerName": name, "condition": condition }] });
    refused(pair(on("cache", "START"), json!({})), "Container app depends on unknown container cache.");
    for condition in ["COMPLETE", "SUCCESS"] {
        let essential = "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container";
        refused(pair(on("db", condition), json!({})), essential);
        accepted(pair(on("db", condition), json!({ "essential": false })));
    }
    refused(pair(on("db", "HEALTHY"), json!({})), "db has no healthCheck");
    refused(pair(on("db", "START"), on("app", "START")), "a cycle among app, db.");
    refused(pair(on("app", "START"), json!({})), "a cycle among app.");
    let none = "At least one container should be essential.";
    refused(pair(json!({ "essential": false }), json!({ "essential": false })), none);
}

#[test]
fn ports_that_two_mappings_claim_are_refused() {
    let pair = |mode: &str, first: Value, second: Value| {
        definition(json!({ "networkMode": mode, "containerDefinitions": [
            { "name": "app", "image": "i", "portMappings": first },
            { "name": "side", "image": "i", "portMappings": second },
        ] }))
    };
    let port = |container: u16, host: u16| json!([{ "containerPort": container, "hostPort": host }]);
    refused(
        pair("bridge", json!([{ "containerPort": 80 }, { "containerPort": 80, "hostPort": 81 }]), json!([])),
        "Container app maps the container port 80 twice.",
    );
    accepted(pair("bridge", json!([{ "containerPort": 53 }, { "containerPort": 53, "protocol": "udp" }]), json!([])));
    accepted(pair("bridge", port(80, 0), port(80, 0)));
    refused(
        pair("bridge", port(80, 8080), port(81, 8080)),
        "The host port 8080 is mapped twice, by containers app and side.",
    );
    refused(pair("awsvpc", port(80, 0), port(80, 0)), "The host port 80 is mapped twice");
    let must_match = "the host ports and container ports in port mappings must match.";
    refused(pair("awsvpc", port(80, 8080), json!([])), &format!("When networkMode=awsvpc, {must_match}"));
    refused(pair("host", port(80, 8080), json!([])), &format!("When networkMode=host, {must_match}"));
    refused(pair("none", port(80, 0), json!([])), "networkMode=none");
}

#[test]
fn containers_fit_into_their_task() {
    let sized = |task: Value, container: Value| with(app(container), task);
    let no_size = json!({ "cpu": null, "memory": null });
    refused(
        sized(no_size.clone(), json!({})),
        "Invalid setting for container 'app'. At least one of 'memory' or 'memoryReservation' must be specified.",
    );
    accepted(sized(no_size.clone(), json!({ "memoryReservation": 64 })));
    accepted(sized(no_size, json!({ "memory": 64, "memoryReservation": 64 })));
    let own = json!({ "memory": "512", "cpu": "256" });
    refused(sized(own.clone(), json!({ "memory": 513 })), "greater than the task's 512 MiB.");
    refused(sized(own.clone(), json!({ "memory": 64, "memoryReservation": 65 })), "'memoryReservation' of 65 MiB");
    refused(sized(own, json!({ "cpu": 257 })), "The sum of all container 'cpu' values cannot be greater");
    let two = |first: Value, second: Value| {
        let first = with(json!({ "name": "a", "image": "i" }), first);
        definition(json!({ "containerDefinitions": [first, with(json!({ "name": "b", "image": "i" }), second)] }))
    };
    refused(two(json!({ "memory": 300 }), json!({ "memory": 300 })), "The sum of all container 'memory' values");
    accepted(two(json!({ "memory": 300, "memoryReservation": 100 }), json!({ "memory": 300 })));
}

#[test]
fn sizes_are_read_with_and_without_units() {
    let read = |cpu: &str, memory: &str| {
        let read = accepted(definition(json!({ "cpu": cpu, "memory": memory })));
        (read.cpu, read.memory)
    };
    assert_eq!(read(".25 vCPU", "1 GB"), (Some(256), Some(1024)));
    assert_eq!(read("2vcpu", "0.5GB"), (Some(2048), Some(512)));
    assert_eq!(read("512", "8192"), (Some(512), Some(8192)));
    for cpu in ["much", "127", "0.1 vCPU", "-1", "200000", "1 GB"] {
        refused(definition(json!({ "cpu": cpu })), &format!("Invalid 'cpu' setting for task: '{cpu}'."));
    }
    for memory in ["much", "0", "1.5", "1 vCPU", "nan GB"] {
        refused(definition(json!({ "memory": memory })), &format!("Invalid 'memory' setting for task: '{memory}'."));
    }
}

#[test]
fn containers_have_their_volumes_and_those_of_others() {
    let document = json!({
        "family": "f",
        "volumes": [{ "name": "data" }, { "name": "logs", "host": { "sourcePath": "/var/log" } }],
        "containerDefinitions": [
            { "name": "app", "image": "i", "memory": 8, "mountPoints": [
                { "sourceVolume": "data", "containerPath": "/data" },
                { "sourceVolume": "logs", "containerPath": "/logs", "readOnly": true }] },
            { "name": "side", "image": "i", "memory": 8, "mountPoints": [{ "sourceVolume": "data", "containerPath": "/logs" }],
              "volumesFrom": [{ "sourceContainer": "app", "readOnly": true }] },
        ],
    });
    let parsed = TaskDefinition::parse(&document).expect("valid");
    let data = || MountSource::Task("data".into());
    let mount = |source, path: &str, read_only| Mount { source, path: path.into(), read_only };
    let logs = MountSource::Machine("/var/log".into());
    assert_eq!(parsed.containers[0].mounts, [mount(data(), "/data", false), mount(logs, "/logs", true)]);
    assert_eq!(parsed.containers[1].mounts, [mount(data(), "/logs", false), mount(data(), "/data", true)]);
}

#[test]
fn volumes_and_containers_that_are_mounted_exist() {
    refused(app(json!({ "mountPoints": [{ "sourceVolume": "data" }] })), "Unknown volume 'data'.");
    let mounted = app(json!({ "mountPoints": [{ "sourceVolume": "data" }] }));
    accepted(with(mounted, json!({ "volumes": [{ "name": "data" }] })));
    refused(app(json!({ "volumesFrom": [{ "sourceContainer": "app" }] })), "which is no other container");
    refused(definition(json!({ "volumes": [{}] })), "Volume.name should not be null or empty.");
    let file = |value: &str| app(json!({ "environmentFiles": [{ "value": value, "type": "s3" }] }));
    refused(file("s3://bucket/app.env"), "must be the ARN of an S3 object that ends with .env");
    assert_eq!(accepted(file("arn:aws:s3:::bucket/app.env")).containers[0].environment_files.len(), 1);
}

#[test]
fn fargate_has_its_own_sizes() {
    let sized = |cpu: Value, memory: Value| {
        definition(json!({ "requiresCompatibilities": ["FARGATE"], "cpu": cpu, "memory": memory }))
    };
    for (cpu, memories) in [
        (256, &[512, 1024, 2048][..]),
        (512, &[1024, 2048, 3072, 4096]),
        (1024, &[2048, 5120, 8192]),
        (2048, &[4096, 7168, 16384]),
        (4096, &[8192, 9216, 30720]),
        (8192, &[16384, 20480, 61440]),
        (16384, &[32768, 40960, 122880]),
    ] {
        for memory in memories {
            accepted(sized(json!(cpu.to_string()), json!(memory.to_string())));
        }
    }
    accepted(sized(json!(".25 vCPU"), json!("0.5 GB")));
    for (cpu, memory) in [(256, 768), (256, 4096), (512, 512), (512, 1536), (300, 512), (8192, 17408), (16384, 122881)]
    {
        refused(
            sized(json!(cpu.to_string()), json!(memory.to_string())),
            &format!("No Fargate configuration exists for given values: {cpu} CPU, {memory} memory."),
        );
    }
    refused(sized(json!("512"), json!("512")), "With 512 CPU: 1024 to 4096 MiB in steps of 1024.");
    refused(sized(Value::Null, json!("512")), "Fargate requires that 'cpu' be defined at the task level.");
    refused(sized(json!("256"), Value::Null), "Fargate requires that 'memory' be defined at the task level.");
}

#[test]
fn fargate_takes_no_other_network_and_nothing_of_the_host() {
    let fargate = |document: Value| with(document, json!({ "requiresCompatibilities": ["EC2", "FARGATE"] }));
    let mode = |mode: Value| fargate(definition(json!({ "networkMode": mode })));
    for other in [json!("bridge"), json!("host"), Value::Null] {
        refused(mode(other), "Fargate only supports network mode ‘awsvpc’.");
    }
    for (members, message) in [
        (json!({ "stopTimeout": 121 }), "Container.stopTimeout must be at most 120 on Fargate, got 121 for 'app'."),
        (json!({ "startTimeout": 200 }), "Container.startTimeout must be at most 120 on Fargate"),
        (json!({ "privileged": true }), "do not support privileged; take it out of container 'app'."),
        (json!({ "logConfiguration": { "logDriver": "json-file" } }), "[awslogs,splunk,awsfirelens], got 'json-file'"),
    ] {
        accepted(app(members.clone()));
        refused(fargate(app(members)), message);
    }
    accepted(fargate(app(json!({ "privileged": false, "links": [], "stopTimeout": 120 }))));
    for (members, message) in [
        (json!({ "ipcMode": "task" }), "Tasks using the Fargate launch type do not support ipcMode."),
        (json!({ "pidMode": "host" }), "do not support pidMode host"),
        (json!({ "ephemeralStorage": { "sizeInGiB": 20 } }), "between 21 and 200 on Fargate, got 20."),
        (json!({ "volumes": [{ "name": "v", "host": { "sourcePath": "/x" } }] }), "host.sourcePath"),
    ] {
        accepted(definition(members.clone()));
        refused(fargate(definition(members)), message);
    }
}
