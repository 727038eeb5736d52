//! What CreateService and UpdateService ask for: one set of members, of which each operation reads its own.

use std::time::Duration;

use seatrial_aws_wire::Input;
use seatrial_engine::services::{ForceNewDeployment, ServiceChange};
use seatrial_engine::state::{Document, ServiceLoadBalancer};
use seatrial_engine::{Refusal, propagated_tags};
use seatrial_model::{ContainerName, TargetGroupArn};
use serde::Deserialize;
use serde_json::Value;

use super::documents;
use super::request::{one_of, others, required, without};
use super::tags::TagList;
use crate::operations::OperationError;

/// The launch types, in the order of ECS's message.
pub(super) const LAUNCH_TYPES: [&str; 4] = ["EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES"];
pub(super) const SCHEDULING_STRATEGIES: [&str; 2] = ["REPLICA", "DAEMON"];
/// The most tasks of one service.
const DESIRED_COUNT_MAX: i64 = 5000;

/// The members of a service that mean something to the engine or to this front; all others are kept as they are.
const HANDLED: [&str; 11] = [
    "cluster",
    "service",
    "serviceName",
    "clientToken",
    "tags",
    "taskDefinition",
    "desiredCount",
    "deploymentConfiguration",
    "healthCheckGracePeriodSeconds",
    "loadBalancers",
    "forceNewDeployment",
];
/// The members of a load balancer attachment that mean something to the engine.
const HANDLED_OF_LOAD_BALANCER: [&str; 3] = ["targetGroupArn", "containerName", "containerPort"];

/// CreateService and UpdateService.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceRequest {
    pub cluster: Option<String>,
    pub service: Option<String>,
    pub service_name: Option<String>,
    pub client_token: Option<String>,
    #[serde(default)]
    pub tags: TagList,
    pub task_definition: Option<String>,
    desired_count: Option<i64>,
    deployment_configuration: Option<Document>,
    health_check_grace_period_seconds: Option<i64>,
    load_balancers: Option<Vec<LoadBalancer>>,
    #[serde(default)]
    force_new_deployment: bool,
    launch_type: Option<String>,
    propagate_tags: Option<String>,
    scheduling_strategy: Option<String>,
    deployment_controller: Option<DeploymentController>,
}

#[derive(Deserialize)]
struct DeploymentController {
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadBalancer {
    target_group_arn: Option<String>,
    load_balancer_name: Option<String>,
    container_name: Option<String>,
    container_port: Option<i64>,
}

impl ServiceRequest {
    pub fn read(input: &Input) -> Result<Self, OperationError> {
        let request = input.read()?;
        input.check(&documents::SERVICE)?;
        Ok(request)
    }

    /// Takes what the service is to be; `input` is where this request was read from.
    pub fn change(self, input: &Input) -> Result<ServiceChange, Refusal> {
        self.check_support()?;
        let desired_count = match self.desired_count {
            None => None,
            Some(count) if (0..=DESIRED_COUNT_MAX).contains(&count) => Some(count as u32),
            Some(_) => {
                return Err(Refusal::invalid(format!("desiredCount must be between 0 and {DESIRED_COUNT_MAX}.")));
            }
        };
        let health_check_grace_period = match self.health_check_grace_period_seconds {
            None => None,
            Some(seconds) if (0..=i64::from(i32::MAX)).contains(&seconds) => Some(Duration::from_secs(seconds as u64)),
            Some(_) => return Err(Refusal::invalid("healthCheckGracePeriodSeconds must be between 0 and 2147483647.")),
        };
        let sent = input.value()["loadBalancers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let load_balancers = self.load_balancers.map(|list| {
            list.into_iter().zip(sent).map(|(attachment, sent)| attachment.parse(sent)).collect::<Result<_, _>>()
        });
        Ok(ServiceChange {
            task_definition: self.task_definition,
            desired_count,
            deployment_configuration: self.deployment_configuration,
            health_check_grace_period,
            load_balancers: load_balancers.transpose()?,
            force_new_deployment: match self.force_new_deployment {
                true => ForceNewDeployment::Yes,
                false => ForceNewDeployment::No,
            },
            document: others(input, &HANDLED),
        })
    }

    /// Refuses values ECS does not know, and those that would silently mean something else here than on AWS.
    fn check_support(&self) -> Result<(), Refusal> {
        let controller = self.deployment_controller.as_ref().and_then(|controller| controller.r#type.as_deref());
        one_of(self.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
        one_of(self.propagate_tags.as_deref(), "propagateTags", &propagated_tags::SOURCES)?;
        one_of(self.scheduling_strategy.as_deref(), "scheduling strategy", &SCHEDULING_STRATEGIES)?;
        one_of(controller, "deployment controller type", &["ECS", "CODE_DEPLOY", "EXTERNAL"])?;
        if self.scheduling_strategy.as_deref() == Some("DAEMON") {
            return Err(unsupported("The scheduling strategy DAEMON"));
        }
        match controller {
            None | Some("ECS") => Ok(()),
            Some(other) => Err(unsupported(&format!("The deployment controller {other}"))),
        }
    }
}

impl LoadBalancer {
    fn parse(self, sent: &Value) -> Result<ServiceLoadBalancer, Refusal> {
        if self.load_balancer_name.is_some() {
            return Err(unsupported("A Classic Load Balancer (loadBalancerName)"));
        }
        let target_group = TargetGroupArn::new(required(self.target_group_arn, "Target group ARN")?);
        let name = required(self.container_name, "Container name")?;
        let container_name = ContainerName::parse(&name).map_err(|error| Refusal::invalid(error.to_string()))?;
        let port = self.container_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        let container_port = port.ok_or_else(|| Refusal::invalid("The container port must be between 1 and 65535."))?;
        let document = sent.as_object().map(|members| without(members, &HANDLED_OF_LOAD_BALANCER)).unwrap_or_default();
        Ok(ServiceLoadBalancer { target_group, container_name, container_port, document })
    }
}

/// Makes the refusal of something ECS could do and this engine cannot.
fn unsupported(what: &str) -> Refusal {
    Refusal::new("UnsupportedFeatureException", format!("{what} is not implemented by this engine."))
}
