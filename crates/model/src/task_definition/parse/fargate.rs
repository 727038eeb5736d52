//! What Fargate asks of a task definition that names it in `requiresCompatibilities`.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::{InvalidTaskDefinition, items, rule};
use crate::task_definition::{NetworkMode, TaskDefinition};

/// CPU units, with the memory in MiB that goes with them: the least, the most, and the step between.
const SIZES: [(u32, u32, u32, u32); 7] = [
    // 512 is half a step: see `fits`.
    (256, 1024, 2048, 1024),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];
/// The smallest size of all.
const SMALLEST: (u32, u32) = (256, 512);

/// The longest start and stop timeouts.
const TIMEOUT_MAX: Duration = Duration::from_secs(120);
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", "awsfirelens"];
/// GiB of ephemeral storage.
const EPHEMERAL_STORAGE: RangeInclusive<i64> = 21..=200;
/// Members of the task that Fargate has no use for.
const NOT_OF_TASKS: [&str; 2] = ["ipcMode", "placementConstraints"];
/// Members of containers that Fargate has no use for.
const NOT_OF_CONTAINERS: [&str; 7] = [
    "privileged",
    "links",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "disableNetworking",
];

pub(super) fn check(
    document: &Value,
    definition: &TaskDefinition,
    network_mode: NetworkMode,
) -> Result<(), InvalidTaskDefinition> {
    if network_mode != NetworkMode::Awsvpc {
        return rule("Fargate only supports network mode ‘awsvpc’.");
    }
    check_size(definition)?;
    check_members(document)?;
    check_containers(definition)
}

/// Refuses sizes that Fargate does not offer.
pub(super) fn check_size(definition: &TaskDefinition) -> Result<(), InvalidTaskDefinition> {
    let Some(cpu) = definition.cpu else { return rule("Fargate requires that 'cpu' be defined at the task level.") };
    let Some(memory) = definition.memory else {
        return rule("Fargate requires that 'memory' be defined at the task level.");
    };
    match fits(cpu, memory) {
        true => Ok(()),
        false => rule(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for \
             the valid values.{}",
            advice(cpu)
        )),
    }
}

fn check_containers(definition: &TaskDefinition) -> Result<(), InvalidTaskDefinition> {
    for container in &definition.containers {
        let name = &container.name;
        let timeouts = [("startTimeout", container.start_timeout), ("stopTimeout", Some(container.stop_timeout))];
        for (member, timeout) in timeouts {
            if let Some(timeout) = timeout.filter(|timeout| *timeout > TIMEOUT_MAX) {
                return rule(format!(
                    "Container.{member} must be at most {} on Fargate, got {} for '{name}'.",
                    TIMEOUT_MAX.as_secs(),
                    timeout.as_secs()
                ));
            }
        }
        let driver = container.log_configuration.as_ref().map(|log| log.log_driver.as_str());
        if let Some(driver) = driver.filter(|driver| !LOG_DRIVERS.contains(driver)) {
            return rule(format!(
                "Fargate only supports the log drivers [{}], got '{driver}' for '{name}'.",
                LOG_DRIVERS.join(",")
            ));
        }
    }
    Ok(())
}

fn fits(cpu: u32, memory: u32) -> bool {
    let is_of = |(units, least, most, step): &(u32, u32, u32, u32)| {
        *units == cpu && (*least..=*most).contains(&memory) && (memory - least).is_multiple_of(*step)
    };
    (cpu, memory) == SMALLEST || SIZES.iter().any(is_of)
}

/// Says which memory goes with the processor, or which processors there are.
fn advice(cpu: u32) -> String {
    let size = SIZES.iter().find(|(units, ..)| *units == cpu);
    match size {
        Some((units, _, most, step)) if *units == SMALLEST.0 => {
            format!(" With {units} CPU: {} MiB, or {step} to {most} MiB in steps of {step}.", SMALLEST.1)
        }
        Some((units, least, most, step)) => {
            format!(" With {units} CPU: {least} to {most} MiB in steps of {step}.")
        }
        None => {
            let units = SIZES.map(|(units, ..)| units.to_string());
            format!(" CPU units are one of {}.", units.join(", "))
        }
    }
}

fn check_members(document: &Value) -> Result<(), InvalidTaskDefinition> {
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Bool(true) | Value::Number(_) | Value::String(_) | Value::Object(_) => true,
    };
    if let Some(member) = NOT_OF_TASKS.iter().find(|member| is_set(&document[**member])) {
        return rule(format!("Tasks using the Fargate launch type do not support {member}."));
    }
    if document["pidMode"] == "host" {
        return rule("Tasks using the Fargate launch type do not support pidMode host; use task.");
    }
    for container in items(&document["containerDefinitions"]) {
        if let Some(member) = NOT_OF_CONTAINERS.iter().find(|member| is_set(&container[**member])) {
            return rule(format!(
                "Tasks using the Fargate launch type do not support {member}; take it out of container '{}'.",
                container["name"].as_str().unwrap_or_default()
            ));
        }
    }
    if items(&document["volumes"]).any(|volume| volume["host"]["sourcePath"].is_string()) {
        return rule("Tasks using the Fargate launch type do not support host.sourcePath of volumes.");
    }
    match document["ephemeralStorage"]["sizeInGiB"].as_i64() {
        Some(size) if !EPHEMERAL_STORAGE.contains(&size) => rule(format!(
            "ephemeralStorage.sizeInGiB must be between {} and {} on Fargate, got {size}.",
            EPHEMERAL_STORAGE.start(),
            EPHEMERAL_STORAGE.end()
        )),
        Some(_) | None => Ok(()),
    }
}
