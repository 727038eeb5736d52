//! CreateService, UpdateService, DescribeServices, ListServices, DeleteService.

use std::time::Duration;

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::services::{ForceDelete, ForceNewDeployment, ServiceChange};
use seatrial_engine::state::{Document, ServiceLoadBalancer, service_key};
use seatrial_engine::{Engine, Lifecycle, Refusal, clusters, services};
use seatrial_model::{ClusterName, ContainerName, ServiceName, TargetGroupArn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageSize, check_count, found_and_missing, page};
use super::show::{self, Include};
use super::tags::{TagList, parse_tags};
use crate::operations::OperationError;

const PAGE: PageSize = PageSize { default: 10, highest: 100 };
const DESCRIBED_AT_ONCE_MAX: usize = 10;
/// The longest `clientToken`.
const CLIENT_TOKEN_LENGTH_MAX: usize = 36;
/// The most tasks of one service.
const DESIRED_COUNT_MAX: i64 = 5000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateService {
    cluster: Option<String>,
    service_name: Option<String>,
    client_token: Option<String>,
    #[serde(default)]
    tags: TagList,
    #[serde(flatten)]
    change: Change,
}

#[derive(Deserialize)]
struct UpdateService {
    cluster: Option<String>,
    service: String,
    #[serde(flatten)]
    change: Change,
}

/// The members CreateService and UpdateService share.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    task_definition: Option<String>,
    desired_count: Option<i64>,
    deployment_configuration: Option<Document>,
    health_check_grace_period_seconds: Option<i64>,
    load_balancers: Option<Vec<LoadBalancer>>,
    #[serde(default)]
    force_new_deployment: bool,
    #[serde(flatten)]
    document: Document,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoadBalancer {
    target_group_arn: Option<String>,
    container_name: Option<String>,
    container_port: Option<i64>,
    #[serde(flatten)]
    document: Document,
}

impl Change {
    fn parse(self) -> Result<ServiceChange, Refusal> {
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
        check_support(&self.document)?;
        let load_balancers = self.load_balancers;
        Ok(ServiceChange {
            task_definition: self.task_definition,
            desired_count,
            deployment_configuration: self.deployment_configuration,
            health_check_grace_period,
            load_balancers: load_balancers
                .map(|list| list.into_iter().map(LoadBalancer::parse).collect::<Result<_, _>>())
                .transpose()?,
            force_new_deployment: match self.force_new_deployment {
                true => ForceNewDeployment::Yes,
                false => ForceNewDeployment::No,
            },
            document: self.document,
        })
    }
}

impl LoadBalancer {
    fn parse(self) -> Result<ServiceLoadBalancer, Refusal> {
        let Some(target_group) = self.target_group_arn else {
            return Err(Refusal::invalid("targetGroupArn can not be blank: Classic Load Balancers are not supported."));
        };
        let name = self.container_name.as_deref().unwrap_or_default();
        let container_name = ContainerName::parse(name)
            .map_err(|_| Refusal::invalid("loadBalancers containerName can not be blank."))?;
        let port = self.container_port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
        let container_port =
            port.ok_or_else(|| Refusal::invalid("loadBalancers containerPort must be between 1 and 65535."))?;
        let target_group = TargetGroupArn::new(target_group);
        Ok(ServiceLoadBalancer { target_group, container_name, container_port, document: self.document })
    }
}

/// Refuses what would silently mean something else here than on AWS.
fn check_support(document: &Document) -> Result<(), Refusal> {
    let unsupported = |what: &str| {
        Err(Refusal::new("UnsupportedFeatureException", format!("{what} is not implemented by this engine.")))
    };
    if document.get("schedulingStrategy").and_then(Value::as_str) == Some("DAEMON") {
        return unsupported("The scheduling strategy DAEMON");
    }
    match document.get("deploymentController").and_then(|controller| controller["type"].as_str()) {
        None | Some("ECS") => Ok(()),
        Some(other) => unsupported(&format!("The deployment controller {other}")),
    }
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateService = input.read()?;
    let Some(name) = request.service_name.filter(|name| !name.is_empty()) else {
        return Err(Refusal::invalid("Service name can not be blank.").into());
    };
    let name = services::parse(&name)?;
    if request.client_token.as_ref().is_some_and(|token| token.len() > CLIENT_TOKEN_LENGTH_MAX) {
        let message = format!("clientToken can have at most {CLIENT_TOKEN_LENGTH_MAX} characters.");
        return Err(Refusal::invalid(message).into());
    }
    let (change, tags) = (request.change.parse()?, parse_tags(request.tags)?);
    let cluster = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, request.cluster.as_deref())?;
        services::create(tx, &cluster, &name, change, request.client_token, tags)?;
        Ok(cluster)
    })?;
    answer(engine, &cluster, &name)
}

pub(super) fn update(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: UpdateService = input.read()?;
    let name = services::parse(&request.service)?;
    let change = request.change.parse()?;
    let cluster = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, request.cluster.as_deref())?;
        services::update(tx, &cluster, &name, change)?;
        Ok(cluster)
    })?;
    answer(engine, &cluster, &name)
}

#[derive(Deserialize)]
struct DeleteService {
    cluster: Option<String>,
    service: String,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteService = input.read()?;
    let name = services::parse(&request.service)?;
    let force = if request.force { ForceDelete::Yes } else { ForceDelete::No };
    let cluster = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, request.cluster.as_deref())?;
        services::delete(tx, &cluster, &name, force)?;
        Ok(cluster)
    })?;
    answer(engine, &cluster, &name)
}

fn answer(engine: &Engine, cluster: &ClusterName, name: &ServiceName) -> Result<Value, OperationError> {
    engine.read(|state| {
        let service = state.service(cluster, name).ok_or_else(Refusal::service_not_found)?;
        Ok(json!({ "service": show::service(state, service, Include::Tags) }))
    })
}

#[derive(Deserialize)]
struct DescribeServices {
    cluster: Option<String>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeServices = input.read()?;
    check_count("Services", request.services.len(), DESCRIBED_AT_ONCE_MAX)?;
    let include = if request.include.iter().any(|member| member == "TAGS") { Include::Tags } else { Include::NoTags };
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let (found, failures) = found_and_missing(&request.services, |reference| {
            let name = services::parse(reference).map_err(|_| reference.to_owned())?;
            let service = state.services.get(&service_key(&cluster, &name));
            let missing = || state.scope.service(&cluster, &name).to_string();
            service.map(|service| show::service(state, service, include)).ok_or_else(missing)
        });
        Ok(json!({ "services": found, "failures": failures }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListServices {
    cluster: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
    launch_type: Option<String>,
    scheduling_strategy: Option<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListServices = input.read()?;
    let size = PAGE.of(request.max_results)?;
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let matches = |document: &Document, member: &str, default: &str, wanted: Option<&str>| {
            let value = document.get(member).and_then(Value::as_str).unwrap_or(default);
            wanted.is_none_or(|wanted| wanted == value)
        };
        let listed = state.services.values().filter(|service| {
            service.cluster == cluster
                && service.controller.lifecycle() == Lifecycle::Active
                && matches(&service.document, "launchType", "EC2", request.launch_type.as_deref())
                && matches(&service.document, "schedulingStrategy", "REPLICA", request.scheduling_strategy.as_deref())
        });
        page(
            &Listing::new("ListServices", [cluster.as_str()]),
            "serviceArns",
            listed,
            |service| service_key(&service.cluster, &service.name),
            |service| json!(state.scope.service(&service.cluster, &service.name)),
            request.next_token.as_deref(),
            size,
        )
    })
}
