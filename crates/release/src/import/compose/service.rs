//! One service of a Compose file.

use std::collections::BTreeSet;

use super::super::container::Container;
use super::super::notes::Notes;
use super::super::read::Form;
use super::super::text::Text;
use super::super::yaml::{Entries, Yaml};
use super::super::{Files, amounts, read};
use super::{checks, environment, ports};
use crate::config::node::Node;

/// Where a service stands.
pub(super) struct Scene<'a> {
    pub app: &'a str,
    /// In Seatrial.
    pub name: &'a str,
    /// In the Compose file.
    pub key: &'a str,
    pub files: Files<'a>,
    /// The listeners' ports that are taken.
    pub listeners: &'a mut BTreeSet<u16>,
}

impl Scene<'_> {
    pub fn at(&self, key: &str) -> String {
        format!("services.{}.{key}", self.key)
    }
}

/// The keys of the service in `seatrial.yml`.
pub(super) fn entries(node: &Node, scene: &mut Scene<'_>, notes: &mut Notes) -> Entries {
    let published = ports::published(node, scene, notes);
    let check = checks::check(node, scene, published, notes);
    let text =
        |key: &str, notes: &mut Notes| read::scalar_at(node, key).map(|text| read::filled(text, &scene.at(key), notes));
    let words = |key: &str, notes: &mut Notes| {
        node.get(key).map(|node| read::words(node, &scene.at(key), notes)).unwrap_or_default()
    };
    let mut container = Container {
        name: scene.name.to_owned(),
        image: text("image", notes),
        entry_point: words("entrypoint", notes),
        command: words("command", notes),
        working_directory: text("working_dir", notes),
        user: text("user", notes),
        port: published.port,
        environment: environment::environment(node, scene, notes),
        size: size(node, scene, notes),
        stop_timeout: read::scalar_at(node, "stop_grace_period")
            .and_then(|text| amounts::seconds_within(text, (2, 120), &scene.at("stop_grace_period"), notes)),
        check: check.container,
        ..Container::default()
    };
    settle_program(&mut container, scene, notes);
    remarks(node, scene, notes);
    let mut entries = container.entries(scene.app);
    if let Some(count) = replicas(node, scene, notes) {
        entries.push(("desired_count".into(), Yaml::plain(count)));
    }
    if let Some(listener) = published.listener {
        if !check.balancer.is_empty() {
            entries.push(("health_check".into(), Yaml::Map(check.balancer)));
        }
        entries.push(("listener".into(), Yaml::Map(vec![("port".into(), Yaml::plain(listener))])));
    }
    entries
}

/// Makes a program of what there is: an image has an entry point of its own, a process has not.
fn settle_program(container: &mut Container, scene: &Scene<'_>, notes: &mut Notes) {
    if container.image.is_none() {
        let mut words = std::mem::take(&mut container.entry_point);
        words.append(&mut container.command);
        container.command = words;
        if container.check.take().is_some() {
            notes.add(scene.at("healthcheck"), "is left out, since only an `image` can have one inside its container");
        }
        if container.command.is_empty() {
            container.image =
                Some(Text::variable(&variable(scene.name, "IMAGE"), Some(&format!("{}:latest", scene.name))));
            let advice = format!("push the image to a registry and name it in {}", variable(scene.name, "IMAGE"));
            notes.add(scene.at("image"), advice);
        } else {
            notes.add(
                scene.at("image"),
                "there is none: the command runs as a process on the embedded engine; AWS needs an `image`",
            );
        }
    }
    if container.command.is_empty() && container.entry_point.is_empty() {
        notes.add(
            scene.at("command"),
            "there is none: the image's own runs on AWS; the embedded engine, which runs no images, needs a `command`",
        );
    }
    if container.needs_document() {
        notes.add(
            format!("services.{}", scene.key),
            "is written as a `task_definition`, since short-hand has no key for all of it; on AWS add `executionRoleArn` to it",
        );
    }
}

/// The name of a variable for a service.
pub(super) fn variable(service: &str, what: &str) -> String {
    format!("{}_{what}", service.to_ascii_uppercase().replace('-', "_"))
}

fn size(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Option<(u32, u32)> {
    let limits = |of: &str| node.get("deploy")?.get("resources")?.get(of);
    let found = |old: &str, key: &str| {
        let inner = |of: &str| limits(of).and_then(|limits| read::scalar_at(limits, key));
        read::scalar_at(node, old).or_else(|| inner("limits")).or_else(|| inner("reservations"))
    };
    let (cpu, memory) = (found("cpus", "cpus"), found("mem_limit", "memory"));
    let units = cpu.and_then(amounts::cpu_units);
    let mebibytes = memory.and_then(amounts::mebibytes);
    if (cpu.is_some() && units.is_none()) || (memory.is_some() && mebibytes.is_none()) {
        notes.odd(scene.at("deploy.resources"));
    }
    if units.is_none() && mebibytes.is_none() {
        return None;
    }
    let size = amounts::fargate(units, mebibytes);
    match size {
        None => notes.add(scene.at("deploy.resources"), "is more than Fargate has; write `cpu` and `memory` yourself"),
        Some((cpu, memory)) if Some(cpu) != units || Some(memory) != mebibytes => {
            notes.add(
                scene.at("deploy.resources"),
                format!("{cpu} CPU units and {memory} MiB are the next size of Fargate"),
            );
        }
        Some(_) => {}
    }
    size
}

fn replicas(node: &Node, scene: &Scene<'_>, notes: &mut Notes) -> Option<u32> {
    let written = node.get("deploy").and_then(|deploy| read::scalar_at(deploy, "replicas"));
    let written = written.or_else(|| read::scalar_at(node, "scale"))?;
    match written.parse() {
        Ok(count) => Some(amounts::within(count, (0, 5000), &scene.at("deploy.replicas"), notes)),
        Err(_) => {
            notes.odd(scene.at("deploy.replicas"));
            None
        }
    }
}

/// The form that a key which is read must have.
fn form(key: &str) -> Option<Form> {
    Some(match key {
        "image" | "working_dir" | "user" | "stop_grace_period" | "scale" | "cpus" | "mem_limit" => Form::Scalar,
        "command" | "entrypoint" | "expose" => Form::Scalars,
        "ports" => Form::List,
        "healthcheck" | "deploy" => Form::Map,
        _ => return None,
    })
}

/// Tells of every key that became nothing.
fn remarks(node: &Node, scene: &Scene<'_>, notes: &mut Notes) {
    if !read::has_form(node, Form::Map) {
        notes.odd(format!("services.{}", scene.key));
    }
    for (key, value) in read::entries(node) {
        if form(&key.text).is_some_and(|form| !read::has_form(value, form)) {
            notes.odd(scene.at(&key.text));
        }
    }
    for (key, value) in read::entries(node).iter().filter(|(key, _)| !key.text.starts_with("x-")) {
        if key.text == "deploy" {
            deploy_remarks(value, scene, notes);
        } else if let Some(advice) = advice(&key.text) {
            notes.add(scene.at(&key.text), advice);
        }
    }
}

fn advice(key: &str) -> Option<&'static str> {
    Some(match key {
        "image" | "command" | "entrypoint" | "working_dir" | "user" | "environment" | "env_file" | "ports"
        | "expose" | "healthcheck" | "stop_grace_period" | "scale" | "cpus" | "mem_limit" => return None,
        "build" => {
            "Seatrial builds no images: build and push it in the pipeline, and name it with `image` or `deploy --image`"
        }
        "depends_on" | "links" | "external_links" => {
            "ECS starts services in no order: let the program try again until the other service answers"
        }
        "volumes" | "tmpfs" | "volumes_from" => {
            "a task has no disk that outlasts it: use a database, S3, or EFS in a `task_definition`"
        }
        "networks" | "network_mode" | "hostname" | "extra_hosts" | "dns" | "domainname" => {
            "services do not find each other by these names: give a service a `listener` and tell its address in a variable"
        }
        "restart" => "ECS replaces every task that ends; what shall end is no service",
        "secrets" | "configs" => {
            "put them into Secrets Manager or Parameter Store and name them in `secrets` of a `task_definition`"
        }
        "logging" => "logs go to CloudWatch Logs, and to `seatrial logs`; for others write a `task_definition`",
        "container_name" | "labels" => "is left out; names are made from application, environment and service",
        "profiles" => "the service is always deployed; remove it if it is a tool",
        "extends" => "is not followed: write what it brings in",
        "platform" => "tasks run on Linux/X86_64: for others write `runtimePlatform` in a `task_definition`",
        "mem_reservation" | "cpu_shares" | "memswap_limit" | "pids_limit" => {
            "a task on Fargate has a fixed size: `cpu` and `memory`"
        }
        "privileged" | "cap_add" | "cap_drop" | "devices" | "security_opt" | "ulimits" | "sysctls" | "init"
        | "read_only" | "shm_size" | "stop_signal" => {
            "is left out; write it in a `task_definition` as far as Fargate has it"
        }
        _ => "has no counterpart and is left out",
    })
}

fn deploy_remarks(deploy: &Node, scene: &Scene<'_>, notes: &mut Notes) {
    for (key, value) in read::entries(deploy) {
        let advice = match key.text.as_str() {
            "replicas" => continue,
            "resources" => {
                for of in ["limits", "reservations"] {
                    let others = value.get(of).map(read::entries).unwrap_or_default();
                    for (other, _) in others.iter().filter(|(key, _)| key.text != "cpus" && key.text != "memory") {
                        let key = scene.at(&format!("deploy.resources.{of}.{}", other.text));
                        notes.add(key, "has no counterpart on Fargate and is left out");
                    }
                }
                continue;
            }
            "update_config" | "rollback_config" => {
                "tasks are replaced as the stage says: see `deployment`, `minimum_healthy_percent` and `maximum_percent`"
            }
            "restart_policy" => "ECS replaces every task that ends; see `circuit_breaker` for when it gives up",
            "mode" | "placement" => "Fargate places tasks itself; for others write a `service_definition`",
            _ => "has no counterpart and is left out",
        };
        notes.add(scene.at(&format!("deploy.{}", key.text)), advice);
    }
}
