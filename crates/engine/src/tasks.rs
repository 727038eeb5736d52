//! Tasks: records, ports, launches; RunTask and StopTask.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_controller::{Command, Input, StopCode};
use seatrial_model::task_definition::{HealthStatus, TaskDefinition};
use seatrial_model::{ClusterName, TaskId, TimeScale, Timestamp};
use seatrial_ports::runtime::{LaunchSecrets, PortAssignment, TaskLaunch};
use serde_json::Value;

use crate::effects::{change_task, feed};
use crate::logs;
use crate::network_configuration;
use crate::refusal::Refusal;
use crate::state::{DesiredStatus, Document, LastStatus, RegisteredTaskDefinition, State, TaskRecord, service_key};
use crate::task_images;
use crate::task_place::{self, TaskPlace};
use crate::transaction::{Order, Transaction};

/// How long a stopped task can be described, as long as ECS promises at least.
pub const STOPPED_TASK_RETENTION: Duration = Duration::from_secs(3600);
/// The most stopped tasks kept: a crash loop must not fill the disk within the hour.
pub const STOPPED_TASKS_MAX: usize = 500;

pub(crate) fn new_record(
    id: TaskId,
    cluster: ClusterName,
    registered: &RegisteredTaskDefinition,
    (place, ports): (TaskPlace, Vec<PortAssignment>),
    now: Timestamp,
) -> TaskRecord {
    TaskRecord {
        id,
        cluster,
        group: format!("family:{}", registered.id.family),
        started_by: None,
        service: None,
        revision: None,
        task_definition: registered.id.clone(),
        definition: registered.definition.clone(),
        document: Document::new(),
        place,
        ports,
        images: BTreeMap::new(),
        desired_status: DesiredStatus::Running,
        last_status: LastStatus::Provisioning,
        health: HealthStatus::Unknown,
        containers: Vec::new(),
        report_sequence: 0,
        version: 1,
        created_at: now,
        started_at: None,
        stopping_at: None,
        execution_stopped_at: None,
        stopped_at: None,
        stop_code: None,
        stopped_reason: None,
    }
}

/// Returns the order that starts a task, the same one every time.
pub(crate) fn launch(record: &TaskRecord, state: &State, scale: TimeScale) -> TaskLaunch {
    let scope = &state.scope;
    let environment = [
        ("AWS_REGION", scope.region.to_string()),
        ("AWS_DEFAULT_REGION", scope.region.to_string()),
        ("ECS_CLUSTER", record.cluster.to_string()),
        ("ECS_TASK_ARN", scope.task(&record.cluster, &record.id).to_string()),
        ("ECS_TASK_DEFINITION", record.task_definition.to_string()),
    ];
    TaskLaunch {
        task: record.id.clone(),
        definition: record.definition.clone(),
        runtime: record.place.runtime,
        address: record.place.address,
        ports: record.ports.clone(),
        environment: environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        time_scale: scale,
        images: record.images.clone(),
        // Pulled when the order is given.
        secrets: LaunchSecrets::default(),
    }
}

/// What RunTask asks for.
#[derive(Clone, Debug)]
pub struct RunTask {
    pub cluster: ClusterName,
    pub task_definition: String,
    pub group: Option<String>,
    pub started_by: Option<String>,
    /// The definition with overrides applied; none when there are none.
    pub overridden: Option<TaskDefinition>,
    pub document: Document,
    pub network_configuration: Option<Value>,
}

/// Starts one task outside any service.
pub fn run(tx: &mut Transaction<'_>, request: RunTask) -> Result<TaskRecord, Refusal> {
    let registered = crate::task_definitions::find_active(tx.state, &request.task_definition)?.clone();
    network_configuration::check(&registered, request.network_configuration.as_ref())?;
    let definition = request.overridden.unwrap_or_else(|| registered.definition.clone());
    let place = task_place::find(tx, &definition).map_err(|error| Refusal::client(error.to_string()))?;
    let id = TaskId::from_bits(tx.draw_bits());
    let mut record = new_record(id.clone(), request.cluster, &registered, place, tx.now);
    record.definition = definition;
    record.started_by = request.started_by;
    record.document = request.document;
    if let Some(group) = request.group {
        record.group = group;
    }
    logs::create_wanted_groups(tx, &record.definition);
    task_images::settle(tx, &mut record);
    let launch = launch(&record, tx.state, tx.scale);
    tx.state.tasks.insert(id.as_str(), record.clone());
    tx.order(Order::Start(Box::new(launch)));
    Ok(record)
}

/// Stops a task; one of a service is replaced by its scheduler.
pub fn stop(tx: &mut Transaction<'_>, task: &TaskId, reason: Option<String>) -> Result<TaskRecord, Refusal> {
    let missing = || Refusal::invalid("The referenced task was not found.");
    let record = tx.state.tasks.get(task.as_str()).cloned().ok_or_else(missing)?;
    if record.desired_status == DesiredStatus::Running {
        let reason = reason.filter(|text| !text.is_empty()).unwrap_or_else(|| "Task stopped by user".to_owned());
        match &record.service {
            Some(service) => {
                let key = service_key(&record.cluster, service);
                feed(tx, &key, Input::Command(Command::StopTask { task: task.clone(), reason }));
            }
            None => stop_standalone(tx, task, reason),
        }
    }
    tx.state.tasks.get(task.as_str()).cloned().ok_or_else(missing)
}

fn stop_standalone(tx: &mut Transaction<'_>, task: &TaskId, reason: String) {
    let now = tx.now;
    change_task(tx, task, |record| {
        record.desired_status = DesiredStatus::Stopped;
        record.stop_code = Some(StopCode::UserInitiated);
        record.stopped_reason = Some(reason);
        record.stopping_at = Some(now);
    });
    tx.order(Order::Stop(task.clone()));
}

/// Forgets stopped tasks that are older than the retention or too many.
pub(crate) fn forget_old(tx: &mut Transaction<'_>) {
    let mut stopped: Vec<(Timestamp, String)> =
        tx.state.tasks.values().filter_map(|task| Some((task.stopped_at?, task.id.as_str().to_owned()))).collect();
    stopped.sort();
    let too_many = stopped.len().saturating_sub(STOPPED_TASKS_MAX);
    for (index, (at, id)) in stopped.into_iter().enumerate() {
        if (index < too_many || at + STOPPED_TASK_RETENTION <= tx.now)
            && let Some(task) = tx.state.tasks.remove(&id)
        {
            let arn = tx.state.scope.task(&task.cluster, &task.id);
            tx.state.tags.remove(arn.as_str());
            tx.order(Order::Forget(task.id));
        }
    }
}

pub(crate) fn next_forgotten(state: &State) -> Option<Timestamp> {
    state.tasks.values().filter_map(|task| task.stopped_at).min().map(|at| at + STOPPED_TASK_RETENTION)
}
