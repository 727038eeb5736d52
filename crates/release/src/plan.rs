//! What a configuration asks for in one environment: finished ECS documents and the load balancing around them.
//!
//! A plan is plain data. It names no ARN: those are found or made when the plan is carried out.

mod alarm;
mod auto_scaling;
mod build;

use std::collections::{BTreeMap, BTreeSet};

use seatrial_model::ReturnSteps;
use serde_json::{Value as Json, json};

pub use alarm::{AlarmPlan, AlarmSubject, Measure, PairSide};
pub(crate) use alarm::{NAMESPACE, since};
pub(crate) use auto_scaling::resource_id;
pub use auto_scaling::{AutoScaling, AutoScalingPlan, ScalingMetric, ScalingPolicyPlan};
pub use build::{BUILD_TIMEOUT_DEFAULT, BuildKind, BuildPlan, CommandBuild, DockerfileBuild, FilesBuild};

use crate::config::{AppName, Approval, EnvironmentName, FallbackRule, Scheme, ServiceName, Share, Stage};
use crate::config_schema::ConfigSchema;
use crate::freeze::Freeze;
use crate::provision::InfraPlan;
use crate::steering::Steering;

/// One environment of an application and everything in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub app: AppName,
    pub environment: Environment,
    /// What makes the infrastructure.
    pub infra: InfraPlan,
    /// Outputs of the infrastructure in whose places `<infra.NAME>` stands: such a plan is shown and checked, and never carried out.
    pub pending_outputs: BTreeSet<String>,
    /// Where it depends on outputs: what it is made from without their values, as a digest.
    pub source: Option<String>,
    /// What the file says under `config`; containers have it already.
    pub config: BTreeMap<String, String>,
    /// What the values of the configuration may be, those that are not in the file, too.
    pub config_schema: Option<ConfigSchema>,
    /// Absent when no service has a listener.
    pub load_balancer: Option<LoadBalancerPlan>,
    /// In the order of their names.
    pub services: Vec<ServicePlan>,
    /// What the configuration says and this target cannot do, a sentence each.
    pub remarks: Vec<String>,
}

/// Where and how an environment is deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub name: EnvironmentName,
    pub target: Target,
    pub stage: Stage,
    pub approval: Approval,
    pub freezes: Vec<Freeze>,
    pub fallback: FallbackRule,
    /// The image that stands in; none for the built-in one.
    pub fallback_image: Option<String>,
    pub cluster: String,
}

/// What the environment lives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The engine of this machine.
    Embedded,
    /// Amazon ECS itself.
    Aws { region: String, profile: Option<String> },
}

/// What becomes of a way back in steps where ECS itself moves the traffic.
pub(crate) const RETURNS_AT_ONCE: &str =
    "ECS gives all traffic back at once; going back in steps (shift_back) is something only the embedded engine can do";

/// Whether an endpoint has the engine's extensions to the AWS API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extensions {
    Available,
    Missing,
}

impl Target {
    /// Whether settings beyond AWS's own can be sent to this target.
    pub fn extensions(&self) -> Extensions {
        match self {
            Target::Embedded => Extensions::Available,
            Target::Aws { .. } => Extensions::Missing,
        }
    }
}

/// What the caller knows about a target and no configuration file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetDefaults {
    /// The region the endpoint signs for; written into log configurations.
    pub region: String,
    /// Where tasks and load balancers go when the environment has no `network`. `None`: it must have one.
    pub network: Option<Network>,
    /// The image name of a command that has none. `None`: every service needs an image.
    pub process_image: Option<String>,
    /// The role with which ECS moves traffic when the environment names none. `None`: on AWS it must.
    pub infrastructure_role: Option<String>,
}

#[cfg(test)]
impl TargetDefaults {
    /// Those of an embedded engine.
    pub(crate) fn embedded() -> Self {
        let network = Network {
            subnets: vec!["subnet".into()],
            security_groups: vec![],
            public_address: PublicAddress::None,
            scheme: Scheme::Internal,
        };
        TargetDefaults {
            region: "r".into(),
            network: Some(network),
            process_image: Some("process".into()),
            infrastructure_role: None,
        }
    }
}

/// Subnets and security groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub subnets: Vec<String>,
    pub security_groups: Vec<String>,
    pub public_address: PublicAddress,
    pub scheme: Scheme,
}

/// Whether tasks get a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicAddress {
    Assigned,
    None,
}

/// One service, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct ServicePlan {
    pub name: ServiceName,
    /// Services that are deployed before it.
    pub depends_on: Vec<ServiceName>,
    pub cluster: String,
    /// Its name in ECS; the same as `name` unless a service definition says otherwise.
    pub service_name: String,
    pub family: String,
    /// The log groups its containers write to.
    pub log_groups: Vec<String>,
    /// A RegisterTaskDefinition request.
    pub task_definition: Json,
    /// A CreateService request without `taskDefinition`, `desiredCount` and the load balancer of `balancing`.
    pub service: Json,
    /// How its image is made, when it is not there already.
    pub build: Option<BuildPlan>,
    pub desired_count: DesiredCount,
    pub auto_scaling: AutoScaling,
    pub balancing: Option<Balancing>,
    /// Alarms that are made for it, beside those that its deployment names.
    pub alarms: Vec<AlarmPlan>,
    pub fail_fast: FailFast,
    pub steering: Steering,
    /// How traffic goes back when somebody ends a deployment: an extension of the engine, `None` elsewhere and for all at once.
    pub shift_back: Option<ReturnSteps>,
    /// The percentage of safe requests that a new version gets copies of: an extension of the engine, `None` elsewhere.
    pub mirror: Option<Share>,
}

impl ServicePlan {
    /// The CreateService request, with names in the places of ARNs that only a deployment finds out.
    pub fn service_document(&self) -> Json {
        let mut document = self.service.clone();
        document["taskDefinition"] = json!(self.family);
        if document["schedulingStrategy"] != "DAEMON" {
            document["desiredCount"] = json!(self.desired_count.at_creation());
        }
        if let Some(balancing) = &self.balancing {
            let mut attachment = json!({
                "targetGroupArn": format!("<target group {}>", balancing.target_group.name),
                "containerName": balancing.container,
                "containerPort": balancing.container_port,
            });
            if let Some(pair) = &balancing.pair {
                attachment["advancedConfiguration"] = json!({
                    "alternateTargetGroupArn": format!("<target group {}>", pair.alternate.name),
                    "productionListenerRule": format!("<listener rule of port {}>", balancing.listener_port),
                });
            }
            document["loadBalancers"] = json!([attachment]);
        }
        // The first revision of a service gets the alternate target group of a pair.
        let first = if self.pair().is_some() { PairSide::Alternate } else { PairSide::Own };
        self.name_alarms(&mut document, first);
        document
    }

    /// The PutMetricAlarm requests, with names in the places of what only a deployment finds out.
    pub fn alarm_documents(&self, load_balancer: &str) -> Vec<Json> {
        let Some(balancing) = &self.balancing else { return Vec::new() };
        let own = Some((PairSide::Own, &balancing.target_group));
        let alternate = balancing.pair.as_ref().map(|pair| (PairSide::Alternate, &pair.alternate));
        let on = |(side, group): (PairSide, &TargetGroupPlan)| {
            let subject = AlarmSubject {
                load_balancer: format!("<load balancer {load_balancer}>"),
                target_group: format!("<target group {}>", group.name),
            };
            self.alarms.iter().map(|alarm| alarm.document(side, &subject, 0)).collect::<Vec<_>>()
        };
        own.into_iter().chain(alternate).flat_map(on).collect()
    }

    /// The requests to Application Auto Scaling, with names in the places of what only a deployment finds out.
    pub fn auto_scaling_documents(&self, load_balancer: Option<&str>) -> Option<Json> {
        let scaling = self.auto_scaling.plan()?;
        let group = self.balancing.as_ref().map(|balancing| balancing.target_group.name.as_str()).unwrap_or_default();
        let balancer = load_balancer.unwrap_or_default();
        let label = format!("<load balancer {balancer}>/<target group {group}>");
        Some(scaling.documents(&self.cluster, &self.service_name, &label))
    }

    /// The other target group, when deployments shift traffic.
    pub(crate) fn pair(&self) -> Option<&Pair> {
        self.balancing.as_ref()?.pair.as_ref()
    }

    /// The alarms that the configuration names and somebody else makes.
    pub(crate) fn named_alarms(&self) -> Vec<String> {
        let alarms = &self.service["deploymentConfiguration"]["alarms"];
        let names = alarms["alarmNames"].as_array().filter(|_| alarms["enable"] == true);
        names.into_iter().flatten().filter_map(Json::as_str).map(ToOwned::to_owned).collect()
    }

    /// Adds the service's own alarms on a target group to those that a CreateService request names.
    pub(crate) fn name_alarms(&self, document: &mut Json, side: PairSide) {
        if let Some(Json::Array(names)) = document.pointer_mut("/deploymentConfiguration/alarms/alarmNames") {
            names.extend(self.alarms.iter().map(|alarm| json!(alarm.name_on(side))));
        }
    }
}

/// Who decides how many tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesiredCount {
    /// The configuration, at every deployment.
    Configured(i32),
    /// The preset, when the service is created; afterwards `scale` or auto-scaling.
    AtCreation(i32),
}

impl DesiredCount {
    /// The count a new service begins with.
    pub fn at_creation(self) -> i32 {
        match self {
            DesiredCount::Configured(count) | DesiredCount::AtCreation(count) => count,
        }
    }
}

/// Whether the engine fails a deployment at the first cause that no retry can heal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailFast {
    On,
    Off,
}

/// How requests reach a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balancing {
    pub target_group: TargetGroupPlan,
    pub listener_port: u16,
    pub container: String,
    pub container_port: i32,
    /// Present when deployments move traffic between two target groups.
    pub pair: Option<Pair>,
}

/// What a service needs beside its target group for traffic to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub alternate: TargetGroupPlan,
    /// The role with which ECS moves the traffic; the embedded engine needs none.
    pub infrastructure_role: Option<String>,
}

/// A target group; `None` leaves Elastic Load Balancing's default. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupPlan {
    pub name: String,
    pub port: i32,
    pub target_type: TargetType,
    pub health_check_path: String,
    pub health_check_interval: Option<i32>,
    pub health_check_timeout: Option<i32>,
    pub healthy_threshold: Option<i32>,
    pub unhealthy_threshold: Option<i32>,
    pub matcher: Option<String>,
    pub deregistration_delay: Option<i32>,
    /// How long a new target's share grows, zero for not at all.
    pub slow_start: i32,
    /// How long a new target must keep passing its checks before it is healthy: an extension of the engine, `None` elsewhere.
    pub settle_time: Option<i32>,
}

/// What a target group's targets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetType {
    /// Addresses of tasks: with network mode `awsvpc`, and always on the embedded engine.
    Ip,
    /// Container instances: with the other network modes on AWS.
    Instance,
}

/// The one load balancer of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerPlan {
    pub name: String,
    pub network: Network,
    /// In the order of their ports.
    pub listeners: Vec<ListenerPlan>,
}

/// A port and who answers on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerPlan {
    pub port: u16,
    pub certificate: Option<String>,
    /// The service that gets what no rule takes; without one the answer is 404.
    pub default_service: Option<ServiceName>,
    /// The most specific first.
    pub rules: Vec<RulePlan>,
}

/// The requests of one service on a shared listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlan {
    pub service: ServiceName,
    pub priority: Option<i32>,
    pub hosts: Vec<String>,
    pub paths: Vec<String>,
    /// Name and value of a header that a request must have.
    pub header: Option<(String, String)>,
    pub purpose: RulePurpose,
    /// How long a client stays with one of the rule's target groups, in seconds.
    pub stickiness: Option<i32>,
}

/// What a rule is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RulePurpose {
    /// All requests of the service, whatever is deployed.
    Service,
    /// Production traffic, which deployments move between two target groups.
    Production,
    /// Requests that reach a new version before production traffic does.
    Test,
}

impl Plan {
    /// The service of this name.
    pub fn service(&self, name: &ServiceName) -> Option<&ServicePlan> {
        self.services.iter().find(|service| &service.name == name)
    }
}
