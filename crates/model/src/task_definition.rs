//! Task definitions: the part of the ECS document that decides how containers run.
//!
//! [`TaskDefinition::parse`] is the only way in, so a value is always internally consistent: unique container names, at least one
//! essential container, an acyclic `dependsOn`, sizes and durations within ECS's ranges. The registered document itself (with members that
//! only clients read) is kept beside it by the engine and echoed unchanged.

mod parse;
mod runtime;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{ContainerName, Family};

pub use parse::{InvalidTaskDefinition, LaunchSizes};
pub use runtime::{RUNTIME_LABEL, RequestedRuntime};

/// How long a container has between SIGTERM and SIGKILL when its definition does not say.
pub const STOP_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// A parsed task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinition {
    pub family: Family,
    /// In definition order; never empty, at least one essential.
    pub containers: Vec<ContainerDefinition>,
    /// The `cpu` of the task in CPU units (1024 = one vCPU).
    pub cpu: Option<u32>,
    /// The `memory` of the task in MiB.
    pub memory: Option<u32>,
}

/// `networkMode`. Every task of the engine's is reached at the loopback address; the mode says what a request must bring along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    #[default]
    Bridge,
    Host,
    Awsvpc,
    None,
}

impl NetworkMode {
    pub const fn as_str(self) -> &'static str {
        match self {
            NetworkMode::Bridge => "bridge",
            NetworkMode::Host => "host",
            NetworkMode::Awsvpc => "awsvpc",
            NetworkMode::None => "none",
        }
    }
}

impl TaskDefinition {
    pub fn container(&self, name: &ContainerName) -> Option<&ContainerDefinition> {
        self.containers.iter().find(|container| container.name == *name)
    }

    /// Tells whether an essential container has a health check, so that the task's health status means something.
    pub fn has_essential_health_check(&self) -> bool {
        self.containers.iter().any(|container| container.essential && container.health_check.is_some())
    }
}

/// One container of a task definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerDefinition {
    pub name: ContainerName,
    pub image: String,
    pub essential: bool,
    pub entry_point: Vec<String>,
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// ARNs of S3 objects.
    #[serde(default)]
    pub environment_files: Vec<String>,
    pub secrets: BTreeMap<String, String>,
    pub working_directory: Option<String>,
    /// `readonlyRootFilesystem`; without meaning for a program of the machine.
    #[serde(default)]
    pub read_only_root: bool,
    /// `user`, `user:group`, `uid` or `uid:gid`.
    pub user: Option<String>,
    pub port_mappings: Vec<PortMapping>,
    pub health_check: Option<HealthCheck>,
    /// None when it has none, or one that is not enabled.
    #[serde(default)]
    pub restart_policy: Option<RestartPolicy>,
    pub depends_on: Vec<Dependency>,
    /// How long the conditions of `depends_on` of *others* on this container may take; none means no limit of its own.
    pub start_timeout: Option<Duration>,
    /// SIGTERM to SIGKILL.
    pub stop_timeout: Duration,
    /// CPU units reserved.
    #[serde(default)]
    pub cpu: u32,
    /// Hard memory limit in MiB.
    pub memory: Option<u32>,
    /// MiB reserved.
    #[serde(default)]
    pub memory_reservation: Option<u32>,
    pub log_configuration: Option<LogConfiguration>,
    /// `dockerLabels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ulimits: Vec<Ulimit>,
    /// `mountPoints`, and those of the containers that `volumesFrom` names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
}

/// A volume in a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub source: MountSource,
    /// Where it is in the container.
    pub path: String,
    pub read_only: bool,
}

/// Where the content of a mount is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MountSource {
    /// A volume of the task's own, empty when the task starts and gone with it.
    Task(String),
    /// A directory of the machine (`host.sourcePath`).
    Machine(String),
}

/// `ulimits[]`; -1 is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// In Docker's words, such as `nofile`.
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

/// `portMappings[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    pub container_port: u16,
    /// Zero or absent in the document: the engine chooses.
    pub host_port: Option<u16>,
    pub name: Option<String>,
    /// `protocol` is `udp`.
    #[serde(default)]
    pub is_udp: bool,
}

/// A container's `healthCheck`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    pub command: HealthCheckCommand,
    /// 5 to 300 s, 30 s by default.
    pub interval: Duration,
    /// 2 to 60 s, 5 s by default.
    pub timeout: Duration,
    /// Consecutive failures until UNHEALTHY: 1 to 10, 3 by default.
    pub retries: u32,
    /// Failures within this time of the container's start do not count: 0 to 300 s, off by default.
    pub start_period: Duration,
}

/// The two forms of `healthCheck.command`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthCheckCommand {
    /// `["CMD", program, arguments…]`.
    Cmd(Vec<String>),
    /// `["CMD-SHELL", script]`, run by `/bin/sh -c`.
    CmdShell(String),
}

/// `restartPolicy`, enabled: the container is started again in its task when it ends, instead of the task ending with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    /// Exit codes after which it is left as it is; at most 50.
    pub ignored_exit_codes: BTreeSet<i32>,
    /// How long it must have run to be started again: 60 to 1800 s, 300 s by default.
    pub attempt_period: Duration,
}

/// `dependsOn[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    pub container: ContainerName,
    pub condition: DependencyCondition,
}

/// What a container waits for in another before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DependencyCondition {
    Start,
    Complete,
    Success,
    Healthy,
}

/// `logConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogConfiguration {
    pub log_driver: String,
    pub options: BTreeMap<String, String>,
}

/// The health of a container or task, in ECS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HealthStatus {
    Healthy,
    Unhealthy,
    Unknown,
}

impl HealthStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            HealthStatus::Healthy => "HEALTHY",
            HealthStatus::Unhealthy => "UNHEALTHY",
            HealthStatus::Unknown => "UNKNOWN",
        }
    }
}
