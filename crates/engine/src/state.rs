//! Every table of the engine, and their rows.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use seatrial_cloudwatch::Alarm;
use seatrial_controller::{Controller, ServiceDeployment, StopCode, TargetGroupAttachment};
use seatrial_model::arn::Scope;
use seatrial_model::image::Digest;
use seatrial_model::load_balancing::{Action, Condition, ProtocolVersion, TargetHealth, TargetHealthCheck};
use seatrial_model::task_definition::{HealthStatus, TaskDefinition};
use seatrial_model::{
    ClusterName, ContainerName, DeploymentConfiguration, RevisionId, ServiceName, TargetGroupArn, TargetId,
    TaskDefinitionRevision, TaskId, Timestamp, TrafficPercent,
};
use seatrial_parameters::{Parameter, Secret};
use seatrial_ports::balancer::TargetIntent;
use seatrial_ports::runtime::{ContainerReport, LaunchImage, PortAssignment};
use seatrial_ports::{Batch, Record, SealingKeyId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::auto_scaling::{ScalableTarget, ScalingActivity, ScalingPolicy};
use crate::images::{ImageBlob, ImageRecord, ImageTagRecord, RegistryToken, Repository};
use crate::table::{Table, UnreadableRecord};
use crate::task_place::TaskPlace;

/// Members of an API object that the engine keeps for its readers without acting on them.
pub type Document = Map<String, Value>;
/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident : $row:ty),* $(,)?) => {
        /// Every table.
        #[derive(Debug)]
        pub struct State {
            pub scope: Scope,
            $($(#[$doc])* pub $field: Table<$row>,)*
        }

        impl State {
            pub fn new(scope: Scope) -> Self {
                State { scope, $($field: Table::new(stringify!($field)),)* }
            }

            pub(crate) fn load(&mut self, record: &Record) -> Result<(), UnreadableRecord> {
                match record.table.as_str() {
                    $(stringify!($field) => self.$field.load(record),)*
                    other => {
                        tracing::warn!(table = other, key = record.key, "a record of an unknown table is left alone");
                        Ok(())
                    }
                }
            }

            pub(crate) fn collect(&self) -> Batch {
                let mut batch = Batch::default();
                $(self.$field.collect(&mut batch);)*
                batch
            }

            pub(crate) fn keep(&mut self) {
                $(self.$field.keep();)*
            }

            pub(crate) fn take_back(&mut self) {
                $(self.$field.take_back();)*
            }
        }
    };
}

tables! {
    /// By name.
    clusters: Cluster,
    /// By `family:revision`, the revision padded to sort.
    task_definitions: RegisteredTaskDefinition,
    /// By [`service_key`].
    services: ServiceRecord,
    /// By [`revision_key`].
    service_revisions: ServiceRevisionRecord,
    /// By id.
    service_deployments: ServiceDeploymentRecord,
    /// By id.
    tasks: TaskRecord,
    /// By ARN.
    load_balancers: LoadBalancer,
    /// By ARN.
    listeners: Listener,
    /// By ARN.
    rules: Rule,
    /// By ARN.
    target_groups: TargetGroup,
    /// By ARN of the resource.
    tags: Tags,
    /// By name.
    log_groups: LogGroup,
    /// By name; what [`crate::cloudwatch::Monitoring`] evaluates.
    alarms: Alarm,
    /// By `service/CLUSTER/SERVICE`.
    scalable_targets: ScalableTarget,
    /// By `service/CLUSTER/SERVICE:POLICY`.
    scaling_policies: ScalingPolicy,
    /// By a number that grows.
    scaling_activities: ScalingActivity,
    /// By name.
    parameters: Parameter,
    /// By name.
    secrets: Secret,
    /// What secret values are sealed with; see [`crate::sealing`].
    sealing_keys: SealingKeyId,
    /// By name.
    repositories: Repository,
    /// By `repository@digest`.
    images: ImageRecord,
    /// By `repository@tag`.
    image_tags: ImageTagRecord,
    /// By `repository@digest`.
    image_blobs: ImageBlob,
    /// By the first part of the password.
    registry_tokens: RegistryToken,
    /// By name.
    account_settings: String,
    /// Numbers that only grow, by name.
    counters: u64,
}

impl State {
    /// Returns the next value of a counter, beginning with 1.
    pub fn draw(&mut self, counter: &str) -> u64 {
        let next = self.counters.get(counter).copied().unwrap_or(0) + 1;
        self.counters.insert(counter, next);
        next
    }

    pub fn service(&self, cluster: &ClusterName, service: &ServiceName) -> Option<&ServiceRecord> {
        self.services.get(&service_key(cluster, service))
    }

    pub fn tasks_of(&self, cluster: &ClusterName) -> impl Iterator<Item = &TaskRecord> {
        let cluster = cluster.clone();
        self.tasks.values().filter(move |task| task.cluster == cluster)
    }
}

pub fn service_key(cluster: &ClusterName, service: &ServiceName) -> String {
    format!("{cluster}/{service}")
}

pub fn task_definition_key(id: &TaskDefinitionRevision) -> String {
    format!("{}:{:010}", id.family, id.revision)
}

pub fn revision_key(cluster: &ClusterName, service: &ServiceName, revision: RevisionId) -> String {
    format!("{cluster}/{service}/{revision}")
}

/// A cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub name: ClusterName,
    /// ACTIVE or INACTIVE.
    pub status: String,
    pub created_at: Timestamp,
    /// `settings`, `configuration`, `capacityProviders`, `defaultCapacityProviderStrategy`, …
    pub document: Document,
}

/// A registered revision of a task definition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RegisteredTaskDefinition {
    pub id: TaskDefinitionRevision,
    pub definition: TaskDefinition,
    /// The registered document with ECS's defaults filled in.
    pub document: Document,
    pub status: TaskDefinitionStatus,
    pub registered_at: Timestamp,
    pub deregistered_at: Option<Timestamp>,
}

/// `status` of a task definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskDefinitionStatus {
    Active,
    Inactive,
    DeleteInProgress,
}

impl TaskDefinitionStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskDefinitionStatus::Active => "ACTIVE",
            TaskDefinitionStatus::Inactive => "INACTIVE",
            TaskDefinitionStatus::DeleteInProgress => "DELETE_IN_PROGRESS",
        }
    }
}

/// The most events a service keeps, as DescribeServices shows.
pub const SERVICE_EVENTS_MAX: usize = 100;

/// A service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceRecord {
    pub cluster: ClusterName,
    pub name: ServiceName,
    pub created_at: Timestamp,
    pub task_definition: TaskDefinitionRevision,
    pub desired_count: u32,
    pub deployment_configuration: DeploymentConfiguration,
    /// The `deploymentConfiguration` as given, for members the engine does not act on.
    pub deployment_document: Document,
    /// Unscaled; absent when never set.
    pub health_check_grace_period: Option<Duration>,
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// Every other member of CreateService and UpdateService, for DescribeServices.
    pub document: Document,
    pub client_token: Option<String>,
    /// A digest of the request it was created by, to recognise it when it is sent again; absent in records of older versions.
    #[serde(default)]
    pub creation: Option<String>,
    /// Newest first.
    pub events: VecDeque<ServiceEvent>,
    pub controller: Controller,
    /// When the controller was last given an input.
    pub handled_at: Timestamp,
}

impl ServiceRecord {
    /// Returns when the controller wants to be woken next; possibly already past.
    pub fn wake_at(&self) -> Option<Timestamp> {
        self.controller.wake_at(self.handled_at).map(|(at, _)| at)
    }
}

/// An entry of `loadBalancers[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLoadBalancer {
    pub target_group: TargetGroupArn,
    pub container_name: ContainerName,
    pub container_port: u16,
    /// `advancedConfiguration`, as given.
    pub document: Document,
}

/// A service event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    pub id: String,
    pub at: Timestamp,
    pub message: String,
}

/// A service revision: everything a deployment deploys, immutable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceRevisionRecord {
    pub cluster: ClusterName,
    pub service: ServiceName,
    pub id: RevisionId,
    pub task_definition: TaskDefinitionRevision,
    pub load_balancers: Vec<ServiceLoadBalancer>,
    /// Which target group of each load balancer its tasks are registered in.
    #[serde(default)]
    pub resolved: Vec<TargetGroupAttachment>,
    /// `launchType`, `networkConfiguration`, … as the service had them.
    pub document: Document,
    /// What the images of its containers are, since its first task was started; those of the engine's own registry.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<ContainerName, Digest>,
    pub created_at: Timestamp,
}

/// A service deployment with the configuration it was made with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServiceDeploymentRecord {
    pub cluster: ClusterName,
    pub service: ServiceName,
    pub deployment: ServiceDeployment,
    pub deployment_configuration: DeploymentConfiguration,
    pub deployment_document: Document,
    /// The share of safe requests that is mirrored to the target revision, as the service asked for when the deployment began.
    #[serde(default)]
    pub mirror: Option<TrafficPercent>,
}

/// `desiredStatus` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredStatus {
    Running,
    Stopped,
}

impl DesiredStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            DesiredStatus::Running => "RUNNING",
            DesiredStatus::Stopped => "STOPPED",
        }
    }
}

/// `lastStatus` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LastStatus {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl LastStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            LastStatus::Provisioning => "PROVISIONING",
            LastStatus::Pending => "PENDING",
            LastStatus::Activating => "ACTIVATING",
            LastStatus::Running => "RUNNING",
            LastStatus::Deactivating => "DEACTIVATING",
            LastStatus::Stopping => "STOPPING",
            LastStatus::Deprovisioning => "DEPROVISIONING",
            LastStatus::Stopped => "STOPPED",
        }
    }
}

/// A task of a service or of RunTask.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TaskRecord {
    pub id: TaskId,
    pub cluster: ClusterName,
    /// `service:NAME` or `family:FAMILY`, or the caller's own.
    pub group: String,
    pub started_by: Option<String>,
    /// The service whose controller decides over it.
    pub service: Option<ServiceName>,
    pub revision: Option<RevisionId>,
    pub task_definition: TaskDefinitionRevision,
    /// The parsed definition, RunTask's overrides applied.
    pub definition: TaskDefinition,
    /// `overrides`, `enableExecuteCommand`, … as given.
    pub document: Document,
    #[serde(default)]
    pub place: TaskPlace,
    pub ports: Vec<PortAssignment>,
    /// The images its containers are started from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<ContainerName, LaunchImage>,
    pub desired_status: DesiredStatus,
    pub last_status: LastStatus,
    pub health: HealthStatus,
    pub containers: Vec<ContainerReport>,
    pub report_sequence: u64,
    /// Grows with every change.
    pub version: u64,
    pub created_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub stopping_at: Option<Timestamp>,
    pub execution_stopped_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub stop_code: Option<StopCode>,
    pub stopped_reason: Option<String>,
}

/// A load balancer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub created_at: Timestamp,
    pub attributes: BTreeMap<String, String>,
    pub network: Network,
}

/// Where a load balancer would stand in a VPC. Kept for readers: every listener of the engine binds the same address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub scheme: Scheme,
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub ip_address_type: IpAddressType,
}

/// `Scheme` of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    InternetFacing,
    Internal,
}

impl Scheme {
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::InternetFacing => "internet-facing",
            Scheme::Internal => "internal",
        }
    }
}

/// `IpAddressType` of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpAddressType {
    Ipv4,
    Dualstack,
    DualstackWithoutPublicIpv4,
}

impl IpAddressType {
    pub const fn as_str(self) -> &'static str {
        match self {
            IpAddressType::Ipv4 => "ipv4",
            IpAddressType::Dualstack => "dualstack",
            IpAddressType::DualstackWithoutPublicIpv4 => "dualstack-without-public-ipv4",
        }
    }
}

/// A listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Listener {
    pub arn: String,
    pub load_balancer: String,
    pub port: u16,
    pub protocol: String,
    pub default_action: Action,
    pub attributes: BTreeMap<String, String>,
}

/// A rule that is not a listener's default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    pub arn: String,
    pub listener: String,
    /// 1 to 50000.
    pub priority: u32,
    pub conditions: Vec<Condition>,
    pub action: Action,
}

/// A target group with its targets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetGroup {
    pub arn: TargetGroupArn,
    pub name: String,
    pub protocol: String,
    pub protocol_version: ProtocolVersion,
    pub port: Option<u16>,
    pub target_type: String,
    pub vpc_id: Option<String>,
    pub health_check: TargetHealthCheck,
    /// Every attribute that was set; defaults are filled in for readers.
    pub attributes: BTreeMap<String, String>,
    pub targets: Vec<Target>,
}

/// A target of a target group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Target {
    pub id: TargetId,
    pub registration: u64,
    pub intent: TargetIntent,
    pub health: TargetHealth,
    /// The task behind it, when ECS registered it.
    pub task: Option<TaskId>,
    /// The first balancer configuration in which it is draining.
    pub draining_from: u64,
    pub deregistered_at: Option<Timestamp>,
}

/// A log group.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogGroup {
    pub name: String,
    pub created_at: Timestamp,
    pub retention_days: Option<u32>,
}
