//! Parses an ECS task-definition document and refuses what RegisterTaskDefinition refuses, in its words where they are known. Members
//! unknown here are accepted, as AWS does for members newer than an SDK.

mod container;
mod dependencies;
mod enumerations;
mod fargate;
mod ports;
mod size;
#[cfg(test)]
mod tests;
mod volumes;

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{ContainerDefinition, NetworkMode, RequestedRuntime, TaskDefinition};
use crate::id::{Family, InvalidId};
use container::{RawContainer, parse_container};

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
        enumerations::check(document)?;
        let raw = RawTaskDefinition::deserialize(document)?;
        let family = Family::parse(&raw.family)?;
        if raw.container_definitions.is_empty() {
            return rule("Container definitions should not be null or empty.");
        }
        if raw.container_definitions.len() > CONTAINERS_MAX {
            return rule(format!("A task definition may have at most {CONTAINERS_MAX} containers."));
        }
        let containers = raw.container_definitions.into_iter().map(parse_container).collect::<Result<Vec<_>, _>>()?;
        let network_mode = raw.network_mode.unwrap_or_default();
        let (cpu, memory) = (size::task_cpu(raw.cpu.as_deref())?, size::task_memory(raw.memory.as_deref())?);
        check_names(&containers)?;
        RequestedRuntime::of(&containers)?;
        dependencies::check(&containers)?;
        if !containers.iter().any(|container| container.essential) {
            return rule("Invalid setting for container. At least one container should be essential.");
        }
        ports::check(&containers, network_mode)?;
        let containers = volumes::mounted(document, containers)?;
        let definition = TaskDefinition { family, containers, cpu, memory };
        if raw.requires_compatibilities.iter().any(|name| name == "FARGATE") {
            fargate::check(document, &definition, network_mode)?;
        }
        size::check(&definition)?;
        Ok(definition)
    }

    /// Gives the task other sizes, as the `overrides` of RunTask do; those absent stay as they are.
    pub fn resize(&mut self, cpu: Option<&str>, memory: Option<&str>) -> Result<(), InvalidTaskDefinition> {
        self.cpu = size::task_cpu(cpu)?.or(self.cpu);
        self.memory = size::task_memory(memory)?.or(self.memory);
        Ok(())
    }

    /// Refuses containers that do not fit into their task, after either was overridden.
    pub fn check_sizes(&self, launch: LaunchSizes) -> Result<(), InvalidTaskDefinition> {
        match launch {
            LaunchSizes::Any => size::check(self),
            LaunchSizes::Fargate => {
                fargate::check_size(self)?;
                size::check(self)
            }
        }
    }
}

/// Which sizes a task may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchSizes {
    Any,
    /// Only those Fargate offers.
    Fargate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTaskDefinition {
    #[serde(default)]
    family: String,
    #[serde(default)]
    container_definitions: Vec<RawContainer>,
    cpu: Option<String>,
    memory: Option<String>,
    network_mode: Option<NetworkMode>,
    #[serde(default)]
    requires_compatibilities: Vec<String>,
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

fn items(list: &Value) -> impl Iterator<Item = &Value> + Clone {
    list.as_array().into_iter().flatten()
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
