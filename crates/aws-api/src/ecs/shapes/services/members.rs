//! The members of CreateService and UpdateService as they are on the wire.

use seatrial_aws_wire::ServiceError;
use seatrial_model::{ContainerName, TargetGroupArn};
use serde::Deserialize;

use super::super::tags::WireTag;
use super::super::{Document, invalid, required, unsupported};

/// The union of both requests' members. Each request looks at its own; what the other one has is ignored like any unknown member.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireMembers {
    pub(super) cluster: Option<String>,
    pub(super) service_name: Option<String>,
    pub(super) service: Option<String>,
    pub(super) task_definition: Option<String>,
    pub(super) desired_count: Option<i64>,
    pub(super) client_token: Option<String>,
    pub(super) launch_type: Option<String>,
    pub(super) scheduling_strategy: Option<String>,
    pub(super) deployment_controller: Option<WireDeploymentController>,
    pub(super) deployment_configuration: Option<Document>,
    pub(super) health_check_grace_period_seconds: Option<i64>,
    pub(super) load_balancers: Option<Vec<WireLoadBalancer>>,
    pub(super) force_new_deployment: Option<bool>,
    pub(super) tags: Vec<WireTag>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WireDeploymentController {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireLoadBalancer {
    target_group_arn: Option<String>,
    load_balancer_name: Option<String>,
    container_name: Option<String>,
    container_port: Option<i64>,
    advanced_configuration: Option<Document>,
}

/// An entry of `loadBalancers[]`: a target group and the container port registered in it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadBalancer {
    pub target_group: TargetGroupArn,
    pub container_name: ContainerName,
    /// 1 to 65535.
    pub container_port: u16,
    pub advanced_configuration: Option<Document>,
}

impl LoadBalancer {
    pub(super) fn check(wire: WireLoadBalancer) -> Result<Self, ServiceError> {
        if wire.load_balancer_name.is_some() {
            return Err(unsupported("A Classic Load Balancer (loadBalancerName)"));
        }
        let container_name = required(wire.container_name, "Container name can not be blank.")?;
        let container_port = wire.container_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        Ok(LoadBalancer {
            target_group: TargetGroupArn::new(required(wire.target_group_arn, "targetGroupArn can not be blank.")?),
            container_name: ContainerName::parse(&container_name).map_err(|error| invalid(error.to_string()))?,
            container_port: container_port.ok_or_else(|| invalid("The container port must be between 1 and 65535."))?,
            advanced_configuration: wire.advanced_configuration,
        })
    }
}
