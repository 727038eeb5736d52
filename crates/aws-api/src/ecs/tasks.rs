//! RunTask, StopTask, DescribeTasks, ListTasks.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::state::{DesiredStatus, Document, TaskRecord};
use seatrial_engine::tasks::{self, RunTask};
use seatrial_engine::{Engine, Refusal, clusters, services, tags, task_definitions};
use seatrial_model::TaskId;
use seatrial_model::task_definition::TaskDefinition;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageSize, check_count, found_and_missing, page};
use super::show;
use super::tags::{TagList, parse_tags};
use crate::operations::OperationError;

const PAGE: PageSize = PageSize { default: 100, highest: 100 };
const DESCRIBED_AT_ONCE_MAX: usize = 100;
/// The most tasks one RunTask starts.
const RUN_AT_ONCE_MAX: i64 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunTaskRequest {
    cluster: Option<String>,
    task_definition: String,
    count: Option<i64>,
    group: Option<String>,
    started_by: Option<String>,
    #[serde(default)]
    overrides: Overrides,
    #[serde(default)]
    tags: TagList,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Overrides {
    #[serde(default)]
    container_overrides: Vec<ContainerOverride>,
}

#[derive(Clone, Deserialize)]
struct ContainerOverride {
    name: String,
    command: Option<Vec<String>>,
    #[serde(default)]
    environment: Vec<Variable>,
}

#[derive(Clone, Deserialize)]
struct Variable {
    name: String,
    #[serde(default)]
    value: String,
}

pub(super) fn run(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: RunTaskRequest = input.read()?;
    let count = request.count.unwrap_or(1);
    if !(1..=RUN_AT_ONCE_MAX).contains(&count) {
        return Err(Refusal::invalid(format!("count must be between 1 and {RUN_AT_ONCE_MAX}.")).into());
    }
    let given = parse_tags(request.tags)?;
    let mut document = Document::new();
    if let Some(overrides) = input.value().get("overrides") {
        document.insert("overrides".to_owned(), overrides.clone());
    }
    let started = engine.transact(|tx| {
        let cluster = clusters::resolve(tx.state, request.cluster.as_deref())?;
        let definition = &task_definitions::find_active(tx.state, &request.task_definition)?.definition;
        let overridden = override_definition(definition, &request.overrides)?;
        let mut started = Vec::new();
        for _ in 0..count {
            let order = RunTask {
                cluster: cluster.clone(),
                task_definition: request.task_definition.clone(),
                group: request.group.clone(),
                started_by: request.started_by.clone(),
                overridden: overridden.clone(),
                document: document.clone(),
            };
            let task = tasks::run(tx, order)?;
            if !given.is_empty() {
                let arn = tx.state.scope.task(&task.cluster, &task.id);
                tags::set(tx, arn.as_str(), given.clone())?;
            }
            started.push(task);
        }
        Ok(started)
    })?;
    Ok(engine.read(|state| {
        let shown: Vec<Value> = started.iter().map(|task| show::task(state, task)).collect();
        json!({ "tasks": shown, "failures": [] })
    }))
}

fn override_definition(definition: &TaskDefinition, overrides: &Overrides) -> Result<Option<TaskDefinition>, Refusal> {
    if overrides.container_overrides.is_empty() {
        return Ok(None);
    }
    let mut definition = definition.clone();
    for change in &overrides.container_overrides {
        let Some(container) = definition.containers.iter_mut().find(|container| container.name.as_str() == change.name)
        else {
            let message =
                format!("Override for container named {} is not a container in the TaskDefinition.", change.name);
            return Err(Refusal::invalid(message));
        };
        if let Some(command) = &change.command {
            container.command.clone_from(command);
        }
        for Variable { name, value } in &change.environment {
            container.environment.insert(name.clone(), value.clone());
        }
    }
    Ok(Some(definition))
}

#[derive(Deserialize)]
struct StopTask {
    cluster: Option<String>,
    task: String,
    reason: Option<String>,
}

pub(super) fn stop(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: StopTask = input.read()?;
    let id = parse_id(&request.task).map_err(|_| Refusal::invalid("The referenced task was not found."))?;
    let task = engine.transact(|tx| {
        clusters::resolve(tx.state, request.cluster.as_deref())?;
        tasks::stop(tx, &id, request.reason)
    })?;
    Ok(json!({ "task": engine.read(|state| show::task(state, &task)) }))
}

#[derive(Deserialize)]
struct DescribeTasks {
    cluster: Option<String>,
    #[serde(default)]
    tasks: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeTasks = input.read()?;
    check_count("Tasks", request.tasks.len(), DESCRIBED_AT_ONCE_MAX)?;
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        let (found, failures) = found_and_missing(&request.tasks, |reference| {
            let id = parse_id(reference).map_err(|_| reference.to_owned())?;
            let task = state.tasks.get(id.as_str()).filter(|task| task.cluster == cluster);
            let missing = || state.scope.task(&cluster, &id).to_string();
            task.map(|task| show::task(state, task)).ok_or_else(missing)
        });
        Ok(json!({ "tasks": found, "failures": failures }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTasks {
    cluster: Option<String>,
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
    let size = PAGE.of(request.max_results)?;
    if request.started_by.is_some() && (request.family.is_some() || request.service_name.is_some()) {
        return Err(Refusal::invalid("Cannot specify startedBy with any other filter.").into());
    }
    let desired = match request.desired_status.as_deref() {
        None | Some("RUNNING") => Some(DesiredStatus::Running),
        Some("STOPPED") => Some(DesiredStatus::Stopped),
        // ECS never sets it, so that the filter matches nothing.
        Some("PENDING") => None,
        Some(other) => return Err(Refusal::invalid(format!("Invalid desiredStatus: {other}")).into()),
    };
    let service = request.service_name.as_deref().map(services::parse).transpose()?;
    engine.read(|state| {
        let cluster = clusters::resolve(state, request.cluster.as_deref())?;
        if let Some(service) = &service {
            state.service(&cluster, service).ok_or_else(Refusal::service_not_found)?;
        }
        let launch_type = |task: &TaskRecord| {
            let own = task.document.get("launchType").and_then(Value::as_str).unwrap_or("EC2");
            request.launch_type.as_deref().is_none_or(|wanted| wanted == own)
        };
        let listed = state.tasks_of(&cluster).filter(|task| {
            desired == Some(task.desired_status)
                && service.as_ref().is_none_or(|service| task.service.as_ref() == Some(service))
                && request.family.as_deref().is_none_or(|family| task.task_definition.family.as_str() == family)
                && request.started_by.as_ref().is_none_or(|by| task.started_by.as_ref() == Some(by))
                && launch_type(task)
        });
        page(
            &Listing::new("ListTasks", [cluster.as_str()]),
            "taskArns",
            listed,
            |task| task.id.to_string(),
            |task| json!(state.scope.task(&task.cluster, &task.id)),
            request.next_token.as_deref(),
            size,
        )
    })
}

fn parse_id(reference: &str) -> Result<TaskId, seatrial_model::id::InvalidId> {
    TaskId::parse(reference.rsplit('/').next().unwrap_or_default())
}
