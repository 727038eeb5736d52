//! Requests on services.

mod members;

use std::time::Duration;

use seatrial_aws_wire::{Input, ServiceError};
use seatrial_model::ServiceName;
use serde::Deserialize;

use super::listing::{PageRequest, WirePage};
use super::tags::{Tags, check_tags};
use super::{
    Document, IncludeTags, Request, bounded, client_token, invalid, one_of, other_members, required, unsupported,
};

pub use members::LoadBalancer;
use members::WireMembers;

/// The most services in one DescribeServices call.
pub const DESCRIBE_SERVICES_MAX: usize = 10;

/// The launch types, in the order of ECS's error message.
pub(super) const LAUNCH_TYPES: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];

/// Members with a meaning for the engine; all others go to `document`.
const HANDLED: [&str; 12] = [
    "cluster",
    "service",
    "serviceName",
    "taskDefinition",
    "desiredCount",
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "forceNewDeployment",
    "clientToken",
    "tags",
    "force",
];

/// The members CreateService and UpdateService share; those absent from an update stay as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceMembers {
    /// `family`, `family:revision` or ARN.
    pub task_definition: Option<String>,
    pub desired_count: Option<u32>,
    pub deployment_configuration: Option<Document>,
    pub health_check_grace_period: Option<Duration>,
    pub load_balancers: Option<Vec<LoadBalancer>>,
    /// Every other member, `clientToken` and `tags` excepted.
    pub document: Document,
}

/// CreateService.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateService {
    pub cluster: Option<String>,
    pub name: ServiceName,
    pub members: ServiceMembers,
    pub client_token: Option<String>,
    pub tags: Tags,
}

impl Request for CreateService {
    type Wire = WireMembers;

    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError> {
        let name = required(wire.service_name.clone(), "Service name can not be blank.")?;
        Ok(CreateService {
            cluster: wire.cluster.clone(),
            name: ServiceName::parse(&name).map_err(|error| invalid(error.to_string()))?,
            client_token: client_token(wire.client_token.clone())?,
            tags: check_tags(wire.tags.clone())?,
            members: check_members(wire, input)?,
        })
    }
}

/// Whether a deployment starts even when nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForceNewDeployment {
    No,
    Yes,
}

/// UpdateService.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateService {
    pub cluster: Option<String>,
    pub service: String,
    pub members: ServiceMembers,
    pub force_new_deployment: ForceNewDeployment,
}

impl Request for UpdateService {
    type Wire = WireMembers;

    fn check(wire: Self::Wire, input: &Input) -> Result<Self, ServiceError> {
        Ok(UpdateService {
            cluster: wire.cluster.clone(),
            service: required(wire.service.clone(), "Service can not be blank.")?,
            force_new_deployment: match wire.force_new_deployment {
                Some(true) => ForceNewDeployment::Yes,
                Some(false) | None => ForceNewDeployment::No,
            },
            members: check_members(wire, input)?,
        })
    }
}

fn check_members(wire: WireMembers, input: &Input) -> Result<ServiceMembers, ServiceError> {
    one_of(wire.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
    one_of(wire.scheduling_strategy.as_deref(), "scheduling strategy", &["REPLICA", "DAEMON"])?;
    if wire.scheduling_strategy.as_deref() == Some("DAEMON") {
        return Err(unsupported("The scheduling strategy DAEMON"));
    }
    let controller = wire.deployment_controller.and_then(|controller| controller.kind);
    one_of(controller.as_deref(), "deployment controller type", &["ECS", "CODE_DEPLOY", "EXTERNAL"])?;
    if let Some(controller) = controller.filter(|controller| controller != "ECS") {
        return Err(unsupported(&format!("The deployment controller {controller}")));
    }
    let desired_count = wire.desired_count.map(u32::try_from).transpose();
    let grace_period = wire.health_check_grace_period_seconds.map(u32::try_from).transpose();
    Ok(ServiceMembers {
        task_definition: wire.task_definition.filter(|reference| !reference.is_empty()),
        desired_count: desired_count.map_err(|_| invalid("desiredCount must not be negative."))?,
        deployment_configuration: wire.deployment_configuration,
        health_check_grace_period: grace_period
            .map_err(|_| invalid("healthCheckGracePeriodSeconds must not be negative."))?
            .map(|seconds| Duration::from_secs(seconds.into())),
        load_balancers: wire
            .load_balancers
            .map(|entries| entries.into_iter().map(LoadBalancer::check).collect::<Result<_, _>>())
            .transpose()?,
        document: other_members(input, &HANDLED),
    })
}

/// DescribeServices.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeServices {
    pub cluster: Option<String>,
    /// 1 to 10.
    pub services: Vec<String>,
    pub include_tags: IncludeTags,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDescribeServices {
    cluster: Option<String>,
    services: Vec<String>,
    include: Vec<String>,
}

impl Request for DescribeServices {
    type Wire = WireDescribeServices;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(DescribeServices {
            cluster: wire.cluster,
            services: bounded(wire.services, "Services", DESCRIBE_SERVICES_MAX)?,
            include_tags: IncludeTags::parse(&wire.include),
        })
    }
}

/// ListServices.
#[derive(Clone, Debug, PartialEq)]
pub struct ListServices {
    pub cluster: Option<String>,
    pub launch_type: Option<String>,
    pub scheduling_strategy: Option<String>,
    pub page: PageRequest,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireListServices {
    cluster: Option<String>,
    launch_type: Option<String>,
    scheduling_strategy: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Request for ListServices {
    type Wire = WireListServices;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        one_of(wire.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
        one_of(wire.scheduling_strategy.as_deref(), "scheduling strategy", &["REPLICA", "DAEMON"])?;
        Ok(ListServices {
            cluster: wire.cluster,
            launch_type: wire.launch_type,
            scheduling_strategy: wire.scheduling_strategy,
            page: WirePage { next_token: wire.next_token, max_results: wire.max_results }.check(10)?,
        })
    }
}

/// Whether a service is deleted although it is scaled above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForceDelete {
    No,
    Yes,
}

/// DeleteService.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteService {
    pub cluster: Option<String>,
    pub service: String,
    pub force: ForceDelete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireDeleteService {
    cluster: Option<String>,
    service: Option<String>,
    force: bool,
}

impl Request for DeleteService {
    type Wire = WireDeleteService;

    fn check(wire: Self::Wire, _: &Input) -> Result<Self, ServiceError> {
        Ok(DeleteService {
            cluster: wire.cluster,
            service: required(wire.service, "Service can not be blank.")?,
            force: if wire.force { ForceDelete::Yes } else { ForceDelete::No },
        })
    }
}

#[cfg(test)]
mod tests;
