//! CreateService, UpdateService, DescribeServices, ListServices, DeleteService.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::services::{ForceDelete, Idempotency};
use seatrial_engine::state::{Document, ServiceRecord, service_key};
use seatrial_engine::{Engine, Lifecycle, Refusal, State, clusters, services};
use seatrial_model::{Arn, ClusterName, ServiceName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, found_and_missing, page};
use super::request::{check_count, client_token, digest, one_of, required};
use super::service_request::{LAUNCH_TYPES, SCHEDULING_STRATEGIES, ServiceRequest};
use super::show::{self, Include};
use super::tags::parse_tags;
use crate::operations::OperationError;

const DESCRIBED_AT_ONCE_MAX: usize = 10;
/// The longest `clientToken` of CreateService.
const CLIENT_TOKEN_LENGTH_MAX: usize = 36;

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let mut request = ServiceRequest::read(input)?;
    let name = services::parse(&required(request.service_name.take(), "Service name")?)?;
    let reference = request.cluster.take();
    let token = client_token(request.client_token.take(), CLIENT_TOKEN_LENGTH_MAX)?;
    let idempotency = token.map(|client_token| Idempotency { client_token, request: digest(input) });
    let tags = parse_tags(std::mem::take(&mut request.tags))?;
    request.task_definition = Some(required(request.task_definition, "TaskDefinition")?);
    let change = request.change(input)?;
    let cluster = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, reference.as_deref())?;
        services::create(tx, &cluster, &name, change, idempotency, tags)?;
        Ok(cluster)
    })?;
    answer(engine, &cluster, &name)
}

pub(super) fn update(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let mut request = ServiceRequest::read(input)?;
    let service = required(request.service.take(), "Service")?;
    let reference = request.cluster.take();
    let change = request.change(input)?;
    let (cluster, name) = engine.transact(|tx| {
        let (cluster, name) = resolve(tx.state, reference.as_deref(), &service)?;
        services::update(tx, &cluster, &name, change)?;
        Ok((cluster, name))
    })?;
    answer(engine, &cluster, &name)
}

#[derive(Deserialize)]
struct DeleteService {
    cluster: Option<String>,
    service: Option<String>,
    #[serde(default)]
    force: bool,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteService = input.read()?;
    let service = required(request.service, "Service")?;
    let force = if request.force { ForceDelete::Yes } else { ForceDelete::No };
    let (cluster, name) = engine.transact(|tx| {
        let (cluster, name) = resolve(tx.state, request.cluster.as_deref(), &service)?;
        services::delete(tx, &cluster, &name, force)?;
        Ok((cluster, name))
    })?;
    answer(engine, &cluster, &name)
}

fn answer(engine: &Engine, cluster: &ClusterName, name: &ServiceName) -> Result<Value, OperationError> {
    engine.read(|state| {
        let service = state.service(cluster, name).ok_or_else(Refusal::service_not_found)?;
        Ok(json!({ "service": show::service(state, service, Include::Tags) }))
    })
}

/// Finds the cluster and reads the service's name, which may be of no service.
fn resolve(state: &State, cluster: Option<&str>, service: &str) -> Result<(ClusterName, ServiceName), Refusal> {
    let cluster = clusters::resolve(state, cluster)?;
    let name = name_in(&cluster, service)?;
    Ok((cluster, name))
}

/// Finds a service of a cluster by name or ARN.
pub(super) fn find<'a>(state: &'a State, cluster: &ClusterName, reference: &str) -> Result<&'a ServiceRecord, Refusal> {
    state.service(cluster, &name_in(cluster, reference)?).ok_or_else(Refusal::service_not_found)
}

/// Reads a service's name out of a name or ARN. The ARN of another cluster's service is not taken for this cluster's.
fn name_in(cluster: &ClusterName, reference: &str) -> Result<ServiceName, Refusal> {
    let arn = Arn::new(reference);
    let path = arn.resource().and_then(|resource| resource.strip_prefix("service/"));
    match path.and_then(|path| path.split_once('/')) {
        Some((other, _)) if other != cluster.as_str() => {
            Err(Refusal::invalid(format!("Identifier is for {other}. Your cluster is {cluster}")))
        }
        Some(_) | None => services::parse(reference),
    }
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
    let include = Include::asked(&request.include);
    let now = engine.now();
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let names = request.services.iter().map(|reference| name_in(&cluster, reference));
        let (found, failures) = found_and_missing(names.collect::<Result<Vec<_>, _>>()?, |name| {
            let service = state.services.get(&service_key(&cluster, &name));
            let missing = || state.scope.service(&cluster, &name).to_string();
            let service = service.ok_or_else(missing)?;
            let mut shown = show::service(state, service, include);
            shown[show::WAITING_FOR] = show::waiting_for(service, now);
            Ok(shown)
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
    let (launch_type, strategy) = (request.launch_type.as_deref(), request.scheduling_strategy.as_deref());
    one_of(launch_type, "launch type", &LAUNCH_TYPES)?;
    one_of(strategy, "scheduling strategy", &SCHEDULING_STRATEGIES)?;
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let matches = |document: &Document, member: &str, default: &str, wanted: Option<&str>| {
            let value = document.get(member).and_then(Value::as_str).unwrap_or(default);
            wanted.is_none_or(|wanted| wanted == value)
        };
        let listed = state.services.values().filter(|service| {
            service.cluster == cluster
                && service.controller.lifecycle() == Lifecycle::Active
                && matches(&service.document, "launchType", "EC2", launch_type)
                && matches(&service.document, "schedulingStrategy", "REPLICA", strategy)
        });
        let filters = [cluster.as_str(), launch_type.unwrap_or_default(), strategy.unwrap_or_default()];
        page(
            &Listing::new("ListServices", filters),
            "serviceArns",
            listed,
            |service| service_key(&service.cluster, &service.name),
            |service| json!(state.scope.service(&service.cluster, &service.name)),
            PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 10 },
        )
    })
}
