//! Parses an ECS task-definition document. Unknown members are accepted, as AWS does for members newer than an SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{
    ContainerDefinition, Dependency, DependencyCondition, HealthCheck, HealthCheckCommand, LogConfiguration,
    PortMapping, STOP_TIMEOUT_DEFAULT, TaskDefinition,
};
use crate::id::{ContainerName, Family, InvalidId};

/// Why a document is no task definition. The text is the message of ECS's `ClientException`.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTaskDefinition {
    #[error("{0}")]
    Shape(#[from] serde_json::Error),
    #[error("{0}")]
    Name(#[from] InvalidId),
    #[error("{0}")]
    Rule(String),
}

/// The most containers ECS accepts in one task definition.
pub const CONTAINERS_MAX: usize = 10;

impl TaskDefinition {
    /// Parses the document of RegisterTaskDefinition.
    pub fn parse(document: &Value) -> Result<Self, InvalidTaskDefinition> {
        let raw = RawTaskDefinition::deserialize(document)?;
        let family = Family::parse(&raw.family)?;
        if raw.container_definitions.is_empty() {
            return rule("Container definitions should not be null or empty.");
        }
        if raw.container_definitions.len() > CONTAINERS_MAX {
            return rule(format!("A task definition may have at most {CONTAINERS_MAX} containers."));
        }
        let containers = raw.container_definitions.into_iter().map(parse_container).collect::<Result<Vec<_>, _>>()?;
        check_names(&containers)?;
        check_dependencies(&containers)?;
        if !containers.iter().any(|container| container.essential) {
            return rule("Invalid setting for container. At least one container should be essential.");
        }
        let cpu = raw.cpu.map(|cpu| parse_units(&cpu, "cpu", "vCPU")).transpose()?;
        let memory = raw.memory.map(|memory| parse_units(&memory, "memory", "GB")).transpose()?;
        Ok(TaskDefinition { family, containers, cpu, memory })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTaskDefinition {
    family: String,
    #[serde(default)]
    container_definitions: Vec<RawContainer>,
    cpu: Option<String>,
    memory: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContainer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    image: String,
    essential: Option<bool>,
    #[serde(default)]
    entry_point: Vec<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: Vec<RawVariable>,
    #[serde(default)]
    secrets: Vec<RawSecret>,
    working_directory: Option<String>,
    user: Option<String>,
    #[serde(default)]
    port_mappings: Vec<RawPortMapping>,
    health_check: Option<RawHealthCheck>,
    #[serde(default)]
    depends_on: Vec<RawDependency>,
    start_timeout: Option<i64>,
    stop_timeout: Option<i64>,
    memory: Option<i64>,
    log_configuration: Option<RawLogConfiguration>,
}

#[derive(Deserialize)]
struct RawVariable {
    name: Option<String>,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSecret {
    name: String,
    value_from: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPortMapping {
    container_port: Option<i64>,
    host_port: Option<i64>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHealthCheck {
    command: Vec<String>,
    interval: Option<i64>,
    timeout: Option<i64>,
    retries: Option<i64>,
    start_period: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDependency {
    container_name: String,
    condition: DependencyCondition,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLogConfiguration {
    log_driver: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

fn parse_container(raw: RawContainer) -> Result<ContainerDefinition, InvalidTaskDefinition> {
    if raw.name.is_empty() {
        return rule("Container.name should not be null or empty.");
    }
    if raw.image.is_empty() {
        return rule("Container.image should not be null or empty.");
    }
    let environment = raw
        .environment
        .into_iter()
        .map(|variable| match variable.name {
            Some(name) if !name.is_empty() => Ok((name, variable.value)),
            Some(_) | None => rule("Container.environment name should not be null or empty."),
        })
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    Ok(ContainerDefinition {
        name: ContainerName::parse(&raw.name)?,
        image: raw.image,
        essential: raw.essential.unwrap_or(true),
        entry_point: raw.entry_point,
        command: raw.command,
        environment,
        secrets: raw.secrets.into_iter().map(|secret| (secret.name, secret.value_from)).collect(),
        working_directory: raw.working_directory,
        user: raw.user,
        port_mappings: raw.port_mappings.into_iter().map(parse_port_mapping).collect::<Result<_, _>>()?,
        health_check: raw.health_check.map(parse_health_check).transpose()?,
        depends_on: raw.depends_on.into_iter().map(parse_dependency).collect::<Result<_, _>>()?,
        start_timeout: raw.start_timeout.map(|value| seconds("startTimeout", value, 0, 3600)).transpose()?,
        stop_timeout: match raw.stop_timeout {
            Some(value) => seconds("stopTimeout", value, 0, 3600)?,
            None => STOP_TIMEOUT_DEFAULT,
        },
        memory: raw.memory.map(|value| within("memory", value, 4, u32::MAX.into()).map(|v| v as u32)).transpose()?,
        log_configuration: raw
            .log_configuration
            .map(|raw| LogConfiguration { log_driver: raw.log_driver, options: raw.options }),
    })
}

fn parse_port_mapping(raw: RawPortMapping) -> Result<PortMapping, InvalidTaskDefinition> {
    let Some(container_port) = raw.container_port else {
        return rule("Container.portMappings containerPort should not be null.");
    };
    let container_port = within("containerPort", container_port, 1, 65535)? as u16;
    let host_port = match raw.host_port {
        None | Some(0) => None,
        Some(port) => Some(within("hostPort", port, 1, 65535)? as u16),
    };
    Ok(PortMapping { container_port, host_port, name: raw.name })
}

fn parse_health_check(raw: RawHealthCheck) -> Result<HealthCheck, InvalidTaskDefinition> {
    let command = match raw.command.split_first() {
        Some((form, arguments)) if form == "CMD" && !arguments.is_empty() => {
            HealthCheckCommand::Cmd(arguments.to_vec())
        }
        Some((form, [script])) if form == "CMD-SHELL" => HealthCheckCommand::CmdShell(script.clone()),
        Some(_) | None => {
            return rule("Container.healthCheck command must be [\"CMD\", program, ...] or [\"CMD-SHELL\", script].");
        }
    };
    Ok(HealthCheck {
        command,
        interval: seconds("healthCheck.interval", raw.interval.unwrap_or(30), 5, 300)?,
        timeout: seconds("healthCheck.timeout", raw.timeout.unwrap_or(5), 2, 60)?,
        retries: within("healthCheck.retries", raw.retries.unwrap_or(3), 1, 10)? as u32,
        start_period: seconds("healthCheck.startPeriod", raw.start_period.unwrap_or(0), 0, 300)?,
    })
}

fn parse_dependency(raw: RawDependency) -> Result<Dependency, InvalidTaskDefinition> {
    Ok(Dependency { container: ContainerName::parse(&raw.container_name)?, condition: raw.condition })
}

fn check_names(containers: &[ContainerDefinition]) -> Result<(), InvalidTaskDefinition> {
    let mut seen = BTreeSet::new();
    for container in containers {
        if !seen.insert(&container.name) {
            return rule(format!("Container names must be unique: {} appears twice.", container.name));
        }
    }
    Ok(())
}

/// Refuses unknown names, conditions that an essential container can never meet, and cycles.
fn check_dependencies(containers: &[ContainerDefinition]) -> Result<(), InvalidTaskDefinition> {
    let by_name: BTreeMap<_, _> = containers.iter().map(|container| (&container.name, container)).collect();
    for container in containers {
        for dependency in &container.depends_on {
            let Some(target) = by_name.get(&dependency.container) else {
                return rule(format!(
                    "Container {} depends on unknown container {}.",
                    container.name, dependency.container
                ));
            };
            check_condition(container, target, dependency.condition)?;
        }
    }
    let mut remaining: BTreeSet<_> = by_name.keys().copied().collect();
    while !remaining.is_empty() {
        let startable: Vec<_> = remaining
            .iter()
            .copied()
            .filter(|name| by_name[name].depends_on.iter().all(|dependency| !remaining.contains(&dependency.container)))
            .collect();
        if startable.is_empty() {
            return rule("Container dependencies contain a cycle.");
        }
        for name in startable {
            remaining.remove(name);
        }
    }
    Ok(())
}

fn check_condition(
    container: &ContainerDefinition,
    target: &ContainerDefinition,
    condition: DependencyCondition,
) -> Result<(), InvalidTaskDefinition> {
    match condition {
        DependencyCondition::Start => Ok(()),
        DependencyCondition::Complete | DependencyCondition::Success if target.essential => rule(format!(
            "Container {} waits for the end of {}, which is essential: the task would end with it.",
            container.name, target.name
        )),
        DependencyCondition::Complete | DependencyCondition::Success => Ok(()),
        DependencyCondition::Healthy if target.health_check.is_none() => rule(format!(
            "Container {} waits for {} to be HEALTHY, but {} has no healthCheck.",
            container.name, target.name, target.name
        )),
        DependencyCondition::Healthy => Ok(()),
    }
}

/// Parses `"256"`, `".25 vCPU"` or `"1 GB"` into CPU units or MiB.
fn parse_units(text: &str, member: &str, unit: &str) -> Result<u32, InvalidTaskDefinition> {
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    let scaled = lower.strip_suffix(&unit.to_ascii_lowercase()).map(str::trim);
    let number = match scaled {
        Some(number) => number.parse::<f64>().ok().map(|value| value * 1024.0),
        None => lower.parse::<u32>().ok().map(f64::from),
    };
    match number {
        Some(value) if value >= 1.0 && value <= f64::from(u32::MAX) && value.fract() == 0.0 => Ok(value as u32),
        Some(_) | None => rule(format!("Invalid '{member}' setting for task: {text}")),
    }
}

fn seconds(member: &str, value: i64, low: i64, high: i64) -> Result<Duration, InvalidTaskDefinition> {
    within(member, value, low, high).map(|value| Duration::from_secs(value as u64))
}

fn within(member: &str, value: i64, low: i64, high: i64) -> Result<i64, InvalidTaskDefinition> {
    if (low..=high).contains(&value) {
        Ok(value)
    } else {
        rule(format!("Container.{member} must be between {low} and {high}, got {value}."))
    }
}

fn rule<T>(text: impl Into<String>) -> Result<T, InvalidTaskDefinition> {
    Err(InvalidTaskDefinition::Rule(text.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(containers: Value) -> Result<TaskDefinition, InvalidTaskDefinition> {
        TaskDefinition::parse(&json!({ "family": "web", "containerDefinitions": containers }))
    }

    fn refusal(containers: Value) -> String {
        parse(containers).expect_err("the definition is refused").to_string()
    }

    #[test]
    fn omitted_members_take_the_defaults_of_ecs() {
        let definition =
            parse(json!([{ "name": "app", "image": "app:1", "healthCheck": { "command": ["CMD-SHELL", "true"] } }]))
                .expect("the definition is valid");
        let container = &definition.containers[0];
        assert!(container.essential);
        assert_eq!(container.stop_timeout, Duration::from_secs(30));
        let check = container.health_check.as_ref().expect("a health check");
        assert_eq!((check.interval.as_secs(), check.timeout.as_secs(), check.retries), (30, 5, 3));
    }

    #[test]
    fn contradictions_are_refused_in_words() {
        let app = |extra: Value| {
            let mut container = json!({ "name": "app", "image": "i" });
            let members = extra.as_object().expect("an object").clone();
            container.as_object_mut().expect("an object").extend(members);
            container
        };
        assert_eq!(refusal(json!([])), "Container definitions should not be null or empty.");
        assert_eq!(refusal(json!([{ "image": "i" }])), "Container.name should not be null or empty.");
        assert_eq!(refusal(json!([{ "name": "app" }])), "Container.image should not be null or empty.");
        assert!(refusal(json!([app(json!({})), app(json!({}))])).contains("must be unique"));
        assert!(refusal(json!([app(json!({ "essential": false }))])).contains("essential"));
        assert!(
            refusal(json!([app(json!({ "dependsOn": [{ "containerName": "db", "condition": "START" }] }))]))
                .contains("unknown")
        );
        assert!(
            refusal(json!([app(json!({ "dependsOn": [{ "containerName": "app", "condition": "START" }] }))]))
                .contains("cycle")
        );
        assert!(refusal(json!([app(json!({ "portMappings": [{ "containerPort": 70000 }] }))])).contains("65535"));
    }

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(parse_units(".25 vCPU", "cpu", "vCPU").expect("valid"), 256);
        assert_eq!(parse_units("1 GB", "memory", "GB").expect("valid"), 1024);
        assert_eq!(parse_units("512", "memory", "GB").expect("valid"), 512);
        assert!(parse_units("much", "memory", "GB").is_err());
    }
}
