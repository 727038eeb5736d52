//! StopTask, DescribeTasks, ListTasks.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::state::{DesiredStatus, TaskRecord};
use seatrial_engine::{Engine, Refusal, State, clusters, tasks};
use seatrial_model::{ClusterName, TaskId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, found_and_missing, page};
use super::request::{check_count, one_of, required};
use super::service_request::LAUNCH_TYPES;
use super::services;
use super::show::{self, Include};
use crate::operations::OperationError;

const DESCRIBED_AT_ONCE_MAX: usize = 100;

#[derive(Deserialize)]
struct StopTask {
    cluster: Option<String>,
    task: Option<String>,
    reason: Option<String>,
}

pub(super) fn stop(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: StopTask = input.read()?;
    let reference = required(request.task, "Task")?;
    check_id(&reference)?;
    let task = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, request.cluster.as_deref())?;
        let known = find(tx.state, &cluster, &reference).map(|task| task.id.clone());
        let id = known.ok_or_else(|| Refusal::invalid("The referenced task was not found."))?;
        tasks::stop(tx, &id, request.reason)
    })?;
    Ok(json!({ "task": engine.read(|state| show::task(state, &task, Include::Tags)) }))
}

#[derive(Deserialize)]
struct DescribeTasks {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeTasks = input.read()?;
    check_count("Tasks", request.tasks.len(), DESCRIBED_AT_ONCE_MAX)?;
    request.tasks.iter().try_for_each(|reference| check_id(reference))?;
    let include = Include::asked(&request.include);
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let (found, failures) = found_and_missing(&request.tasks, |reference| {
            let task = find(state, &cluster, reference);
            let missing = || state.scope.arn("ecs", format_args!("task/{cluster}/{}", id_in(reference))).to_string();
            task.map(|task| show::task(state, task, include)).ok_or_else(missing)
        });
        Ok(json!({ "tasks": found, "failures": failures }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTasks {
    cluster: Option<String>,
    container_instance: Option<String>,
    family: Option<String>,
    service_name: Option<String>,
    started_by: Option<String>,
    desired_status: Option<String>,
    launch_type: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListTasks = input.read()?;
    let others = [&request.family, &request.service_name, &request.container_instance];
    if request.started_by.is_some() && others.into_iter().any(Option::is_some) {
        return Err(Refusal::invalid("Cannot specify startedBy with any other filter.").into());
    }
    one_of(request.desired_status.as_deref(), "desired status", &["RUNNING", "PENDING", "STOPPED"])?;
    one_of(request.launch_type.as_deref(), "launch type", &LAUNCH_TYPES)?;
    let desired = match request.desired_status.as_deref() {
        Some("STOPPED") => Some(DesiredStatus::Stopped),
        // ECS never sets it, so that the filter matches nothing.
        Some("PENDING") => None,
        Some(_) | None => Some(DesiredStatus::Running),
    };
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let service = match request.service_name.as_deref() {
            Some(name) => Some(services::find(state, &cluster, name)?.name.clone()),
            None => None,
        };
        let launch_type = |task: &TaskRecord| {
            let own = task.document.get("launchType").and_then(Value::as_str).unwrap_or("EC2");
            request.launch_type.as_deref().is_none_or(|wanted| wanted == own)
        };
        let listed = state.tasks_of(&cluster).filter(|task| {
            desired == Some(task.desired_status)
                // No task of this engine is on a container instance.
                && request.container_instance.is_none()
                && service.as_ref().is_none_or(|service| task.service.as_ref() == Some(service))
                && request.family.as_deref().is_none_or(|family| task.task_definition.family.as_str() == family)
                && request.started_by.as_ref().is_none_or(|by| task.started_by.as_ref() == Some(by))
                && launch_type(task)
        });
        let filters = [
            &request.family,
            &request.service_name,
            &request.started_by,
            &request.desired_status,
            &request.launch_type,
        ];
        let filters = filters.map(|filter| filter.as_deref().unwrap_or_default());
        page(
            &Listing::new("ListTasks", [cluster.as_str()].into_iter().chain(filters)),
            "taskArns",
            listed,
            |task| task.id.to_string(),
            |task| json!(state.scope.task(&task.cluster, &task.id)),
            PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 100 },
        )
    })
}

/// Finds a task of a cluster by id or ARN.
fn find<'a>(state: &'a State, cluster: &ClusterName, reference: &str) -> Option<&'a TaskRecord> {
    let id = TaskId::parse(id_in(reference)).ok()?;
    state.tasks.get(id.as_str()).filter(|task| task.cluster == *cluster)
}

fn id_in(reference: &str) -> &str {
    reference.rsplit('/').next().unwrap_or_default()
}

/// Refuses what cannot be the id of a task: neither as long as ECS's own nor as its older form with dashes.
fn check_id(reference: &str) -> Result<(), Refusal> {
    match id_in(reference).len() {
        32 | 36 => Ok(()),
        _ => Err(Refusal::invalid("taskId length should be one of [32,36]")),
    }
}
