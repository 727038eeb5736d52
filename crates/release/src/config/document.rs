//! The shape of `seatrial.yml`: one structure per map of keys. The parser and the JSON schema both come from these types.
//!
//! Everything that may be left out is an `Option`: what an absent key means is decided in `resolve`, from the stage preset.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::app_type::AppType;
use super::build::BuildEntry;
use super::deployment::DeploymentEntry;
use super::either::{AutoScalingEntry, CircuitBreakerEntry, ConfigSchemaEntry, EcsDocumentEntry, TargetEntry};
use super::freezes::FreezeEntry;
use super::infrastructure::InfraEntry;
use super::names::{AppName, EnvironmentName, ServiceName};
use super::numbers::{Bounded, Seconds};
use super::stage::Stage;
use super::words::{Command, OneOrMany};

/// A whole `seatrial.yml`. Keys beginning with `x-` are ignored everywhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "seatrial.yml")]
#[expect(
    dead_code,
    reason = "decoding it checks every key; values are read from the tree once the environment is chosen"
)]
pub(crate) struct Document {
    /// Name of the application.
    pub app: AppName,
    /// The services of the application.
    pub services: BTreeMap<ServiceName, ServiceEntry>,
    /// Configuration that all services get as environment variables, and that is published in Parameter Store under
    /// `/<app>/<environment>/config/`.
    pub config: Option<BTreeMap<String, Option<String>>>,
    /// What the values of `config` may be: the file of a JSON Schema, relative to this one, or the schema itself. It describes an object whose
    /// members are the values of an environment by name, those put with `seatrial config set` among them.
    pub config_schema: Option<ConfigSchemaEntry>,
    /// What makes the infrastructure that the services need, before they are deployed; nothing when left out.
    pub infra: Option<InfraEntry>,
    /// Where the application is deployed to. Left out: one environment `dev` on the embedded engine.
    #[serde(default)]
    #[schemars(default)]
    pub environments: BTreeMap<EnvironmentName, EnvironmentEntry>,
}

/// One environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentEntry {
    /// The embedded engine (the default) or an AWS region.
    pub target: Option<TargetEntry>,
    /// The preset for everything not set explicitly; `prod` when left out.
    pub stage: Option<Stage>,
    /// The environment commands use when none is named.
    #[expect(dead_code, reason = "read from the tree, before an environment is chosen")]
    pub default: Option<bool>,
    /// Whether a deployment asks before it begins; `none` when left out.
    pub approval: Option<Approval>,
    /// Whether something may stand in for a service whose image is not in the registry yet: `on_request` (with --use-fallback-image) in
    /// stage `dev`, `never` otherwise, when left out.
    pub fallback: Option<FallbackRule>,
    /// The image that stands in; a server of Seatrial's own, which passes the health check and answers 503, when left out.
    pub fallback_image: Option<String>,
    /// Configuration that differs in this environment; one that is null is not set.
    #[expect(dead_code, reason = "merged as trees, before they are decoded")]
    pub config: Option<BTreeMap<String, Option<String>>>,
    /// What makes the infrastructure differently here: settings are merged key by key, another kind takes the place of the file's.
    #[expect(dead_code, reason = "merged as trees, before they are decoded")]
    pub infra: Option<InfraEntry>,
    /// When nothing is released, unless somebody says why (`--break-freeze`).
    pub freeze: Option<Vec<FreezeEntry>>,
    /// Name of the ECS cluster; `<app>-<environment>` when left out.
    pub cluster: Option<String>,
    /// Where tasks and load balancers are placed; needed on AWS.
    pub network: Option<NetworkEntry>,
    /// ARN of the role with which ECS pulls images and writes logs (`executionRoleArn`).
    pub execution_role: Option<String>,
    /// ARN of the role the tasks themselves have (`taskRoleArn`).
    pub task_role: Option<String>,
    /// ARN of the role with which ECS moves traffic between target groups; needed on AWS for every strategy but `rolling`.
    pub infrastructure_role: Option<String>,
    /// Settings of services that differ in this environment; maps are merged key by key, `null` restores the preset.
    #[serde(default)]
    #[schemars(default)]
    #[expect(dead_code, reason = "merged as trees, before they are decoded")]
    pub services: BTreeMap<ServiceName, ServiceEntry>,
}

/// Whether a deployment needs somebody's word before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It begins at once.
    None,
    /// It asks on a terminal, and stops elsewhere unless told `--yes`.
    Required,
}

/// When something may stand in for a service whose image is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FallbackRule {
    /// Not at all: a release without its images is refused.
    Never,
    /// When a command says so: `--use-fallback-image`.
    OnRequest,
    /// Whenever an image is missing.
    Allowed,
}

/// Subnets and security groups.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkEntry {
    /// Subnets of tasks and load balancer; an Application Load Balancer needs two in different zones.
    pub subnets: OneOrMany,
    /// Security groups of tasks and load balancer.
    pub security_groups: Option<OneOrMany>,
    /// Whether tasks get public addresses; false when left out.
    pub assign_public_ip: Option<bool>,
    /// Whether the load balancer faces the internet; `internet_facing` when left out.
    pub scheme: Option<Scheme>,
}

/// Where a load balancer is reachable from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// From the internet.
    InternetFacing,
    /// From within the network only.
    Internal,
}

/// One service, in short-hand or as ECS documents.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceEntry {
    /// What kind of application it is: how it is tested, built, run and asked whether it is well, where nothing else is written.
    #[expect(dead_code, reason = "its settings are laid below the others as trees, before they are decoded")]
    pub app_type: Option<AppType>,
    /// The program to run and its arguments.
    pub command: Option<Command>,
    /// Container image. Left out: the command runs as a process on the embedded engine.
    pub image: Option<String>,
    /// How the image is made; left out when `image` is there already.
    pub build: Option<BuildEntry>,
    /// What the embedded engine runs tasks with; `auto` when left out. On AWS they are containers.
    pub runtime: Option<RuntimeEntry>,
    /// The repository that the built image is pushed to; `APP/SERVICE` when left out.
    pub repository: Option<String>,
    /// A label of this version, shown in status and history.
    pub version: Option<String>,
    /// The port the program listens on; given to it in `PORT`.
    pub port: Option<Bounded<1, 65535>>,
    /// Services that are deployed before this one. If one of them fails, this one is not deployed; if this one fails, they go back as well.
    pub depends_on: Option<Vec<ServiceName>>,
    /// Environment variables; one that is null is not set.
    pub environment: Option<BTreeMap<String, Option<String>>>,
    /// Environment variables whose values are kept elsewhere: the name of a value put with `seatrial config set`, the path of a parameter
    /// of Parameter Store, or the ARN of one or of a secret of Secrets Manager.
    pub secrets: Option<BTreeMap<String, Option<String>>>,
    /// Where the command runs. For processes relative to this file, which is also the default.
    pub working_directory: Option<String>,
    /// The user the command runs as.
    pub user: Option<String>,
    /// CPU units (1024 is one vCPU) or, for example, `0.5 vCPU`; 256 when left out.
    pub cpu: Option<String>,
    /// Memory in MiB or, for example, `1 GB`; 512 when left out.
    pub memory: Option<String>,
    /// Time between SIGTERM and SIGKILL; ECS's 30 s when left out.
    pub stop_timeout: Option<Seconds<0, 120>>,
    /// ARN of the role with which ECS pulls the image and writes logs.
    pub execution_role: Option<String>,
    /// ARN of the role the task itself has.
    pub task_role: Option<String>,
    /// How the load balancer checks a task.
    pub health_check: Option<HealthCheckEntry>,
    /// The load balancer's side of the service.
    pub listener: Option<ListenerEntry>,
    /// How many tasks run. Left out: the preset's number when the service is created, and later whatever `scale` made of it. With
    /// `auto_scaling`: how many it begins with.
    pub desired_count: Option<Bounded<0, 5000>>,
    /// Automatic scaling: its settings, `preset` for those of the stage (`prod` has 2 to 10 tasks, CPU 70 %, memory 80 %, the others none),
    /// or `none`, as when left out.
    pub auto_scaling: Option<AutoScalingEntry>,
    /// Lower limit of healthy tasks during a deployment, in percent of the desired count.
    pub minimum_healthy_percent: Option<Bounded<0, 100>>,
    /// Upper limit of tasks during a deployment, in percent of the desired count.
    pub maximum_percent: Option<Bounded<100, 1000>>,
    /// How a new version takes over; tasks are replaced one after the other when left out.
    pub deployment: Option<DeploymentEntry>,
    /// When a deployment counts as failed, and whether it is rolled back.
    pub circuit_breaker: Option<CircuitBreakerEntry>,
    /// How long a leaving task may finish its requests.
    pub deregistration_delay: Option<Seconds<0, 3600>>,
    /// How long the share of a task that has just become healthy grows until it is a full one: 0 or 30s to 15m. No growth when left out.
    pub slow_start: Option<Seconds<0, 900>>,
    /// How long a new task must keep passing its health checks before it gets requests (embedded engine only; left out on AWS).
    pub settle_time: Option<Seconds<0, 3600>>,
    /// Fail at the first error that no retry can heal (embedded engine only; AWS ignores it).
    pub fail_fast: Option<bool>,
    /// An ECS task definition: a file, relative to this one, or the document itself.
    pub task_definition: Option<EcsDocumentEntry>,
    /// An ECS service definition (CreateService): a file, relative to this one, or the document itself.
    pub service_definition: Option<EcsDocumentEntry>,
}

/// What the embedded engine runs tasks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RuntimeEntry {
    /// Processes, unless an image is all there is and it is not in the engine's registry: then containers.
    Auto,
    /// Processes of this machine, those of an image in a root of their own.
    Process,
    /// Containers of Docker or Podman, with addresses of their own.
    Container,
}

impl RuntimeEntry {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            RuntimeEntry::Auto => "auto",
            RuntimeEntry::Process => "process",
            RuntimeEntry::Container => "container",
        }
    }
}

/// How the load balancer checks a task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealthCheckEntry {
    /// The path asked for; `/` when left out.
    pub path: Option<String>,
    /// Time between checks.
    pub interval: Option<Seconds<5, 300>>,
    /// Time a check may take; must be shorter than the interval.
    pub timeout: Option<Seconds<2, 120>>,
    /// Passed checks that make an unhealthy task healthy again; a new task needs one.
    pub healthy_threshold: Option<Bounded<2, 10>>,
    /// Failed checks that make a task unhealthy.
    pub unhealthy_threshold: Option<Bounded<2, 10>>,
    /// Time after a task's start during which failed checks do not count against it.
    pub grace_period: Option<Seconds<0, 604_800>>,
    /// Status codes of a passed check: `200`, `200,204` or `200-299`.
    pub matcher: Option<String>,
}

/// The load balancer's side of a service.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerEntry {
    /// The port clients connect to. Services that share one need `host` or `path`, all but one of them.
    pub port: Option<Bounded<1, 65535>>,
    /// Host names whose requests come to this service; `*` and `?` are wildcards.
    pub host: Option<OneOrMany>,
    /// Paths whose requests come to this service; `*` and `?` are wildcards.
    pub path: Option<OneOrMany>,
    /// Place among the listener's rules, lowest first; the more specific ones come first when left out.
    pub priority: Option<Bounded<1, 50000>>,
    /// ARN of a certificate: the listener then speaks HTTPS.
    pub certificate: Option<String>,
    /// How long a client stays with the version it was first given while a deployment serves two of them; not at all when left out.
    pub stickiness: Option<Seconds<1, 604_800>>,
}

/// When a deployment counts as failed, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CircuitBreakerDetails {
    /// Whether failures are counted at all; true when left out.
    pub enable: Option<bool>,
    /// Whether a failed deployment returns to the last completed one; true when left out.
    pub rollback: Option<bool>,
    /// Whether a healthy task sets the count of failures back to zero.
    pub reset_on_healthy_task: Option<bool>,
    /// How many failures are too many.
    pub threshold: Option<ThresholdEntry>,
}

/// How many failures are too many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThresholdEntry {
    #[serde(rename = "type")]
    pub kind: ThresholdKind,
    /// A number of failures, or percent of the desired count.
    pub value: Bounded<1, 5000>,
}

/// What a threshold's value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThresholdKind {
    /// So many failures.
    Count,
    /// Percent of the desired count, at least 3 and at most 200 failures.
    BoundedPercent,
    /// Percent of the desired count.
    UnboundedPercent,
}

/// An AWS account and region.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AwsTargetEntry {
    /// The region, such as `us-east-1`.
    pub region: String,
    /// A profile of the AWS configuration files; the default credential chain when left out.
    pub profile: Option<String>,
}
