//! Tasks and their containers.

use seatrial_engine::State;
use seatrial_engine::state::TaskRecord;
use seatrial_engine::{ContainerStatus, LaunchImage};
use seatrial_model::task_definition::{ContainerDefinition, HealthStatus};
use serde_json::{Value, json};

use super::{Include, Object, instant, put};

/// The member of a task's document that remembers which request of RunTask it came from; nobody else sees it.
pub(crate) const RUN_TASK_REQUEST: &str = "seatrial:runTaskRequest";

/// The member of a container with a restart policy that counts its restarts. An engine extension: on AWS only the container itself is
/// told, by the task metadata endpoint.
const RESTART_COUNT: &str = "seatrial:restartCount";

/// Shows a task.
pub fn task(state: &State, task: &TaskRecord, include: Include) -> Value {
    let scope = &state.scope;
    let arn = scope.task(&task.cluster, &task.id);
    let containers: Vec<Value> =
        task.definition.containers.iter().map(|definition| container(state, task, definition)).collect();
    let mut object = task.document.clone();
    object.remove(RUN_TASK_REQUEST);
    object.entry("launchType").or_insert_with(|| json!("EC2"));
    if let Value::Object(overrides) = object.entry("overrides").or_insert_with(|| json!({})) {
        for member in ["containerOverrides", "inferenceAcceleratorOverrides"] {
            overrides.entry(member).or_insert_with(|| json!([]));
        }
    }
    let storage = object["overrides"]["ephemeralStorage"].as_object().cloned();
    put(&mut object, "ephemeralStorage", storage);
    object.entry("enableExecuteCommand").or_insert_with(|| json!(false));
    let members = [
        ("taskArn", json!(arn)),
        ("clusterArn", json!(scope.cluster(&task.cluster))),
        ("taskDefinitionArn", json!(scope.task_definition(&task.task_definition))),
        ("group", json!(task.group)),
        ("desiredStatus", json!(task.desired_status.as_str())),
        ("lastStatus", json!(task.last_status.as_str())),
        ("healthStatus", json!(task.health.as_str())),
        ("version", json!(task.version)),
        ("createdAt", instant(task.created_at)),
        ("attachments", attachments(task)),
        ("attributes", json!([])),
        ("containers", Value::Array(containers)),
        ("tags", include.tags_of(state, arn.as_str())),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    put(&mut object, "cpu", task.definition.cpu.map(|cpu| cpu.to_string()));
    put(&mut object, "memory", task.definition.memory.map(|memory| memory.to_string()));
    put(&mut object, "startedBy", task.started_by.clone());
    put(&mut object, "startedAt", task.started_at.map(instant));
    put(&mut object, "stoppingAt", task.stopping_at.map(instant));
    put(&mut object, "executionStoppedAt", task.execution_stopped_at.map(instant));
    put(&mut object, "stoppedAt", task.stopped_at.map(instant));
    put(&mut object, "stopCode", task.stop_code.map(|code| code.as_str()));
    put(&mut object, "stoppedReason", task.stopped_reason.clone());
    if task.started_at.is_some() {
        object.insert("connectivity".to_owned(), json!("CONNECTED"));
        put(&mut object, "connectivityAt", task.started_at.map(instant));
    }
    Value::Object(object)
}

/// The network interface of a task that has an address of its own.
fn attachments(task: &TaskRecord) -> Value {
    if !task.place.is_own() {
        return json!([]);
    }
    let status = if task.stopped_at.is_some() { "DELETED" } else { "ATTACHED" };
    json!([{
        "id": attachment_id(task),
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": [{ "name": "privateIPv4Address", "value": task.place.address.to_string() }],
    }])
}

/// A task has one attachment: the task's digits, as a UUID, are its name.
fn attachment_id(task: &TaskRecord) -> String {
    let digits = task.id.as_str();
    let ends = [8, 12, 16, 20, digits.len()];
    let parts = ends.iter().scan(0, |start, end| digits.get(std::mem::replace(start, *end)..*end));
    parts.collect::<Vec<_>>().join("-")
}

fn container(state: &State, task: &TaskRecord, definition: &ContainerDefinition) -> Value {
    let report = task.containers.iter().find(|report| report.name == definition.name);
    let status = report.map_or(ContainerStatus::Pending, |report| report.status);
    let health = report.map_or(HealthStatus::Unknown, |report| report.health);
    let is_own = task.place.is_own();
    let ports = task.ports.iter().filter(|port| !is_own && port.container == definition.name);
    let bindings = ports.map(|port| {
        json!({
            "bindIP": task.place.address.to_string(),
            "containerPort": port.container_port,
            "hostPort": port.host_port,
            "protocol": "tcp",
        })
    });
    let interfaces = match is_own {
        true => json!([{ "attachmentId": attachment_id(task), "privateIpv4Address": task.place.address.to_string() }]),
        false => json!([]),
    };
    let mut object = Object::new();
    let arn = state.scope.arn("ecs", format_args!("container/{}/{}/{}", task.cluster, task.id, definition.name));
    let members = [
        ("containerArn", json!(arn)),
        ("taskArn", json!(state.scope.task(&task.cluster, &task.id))),
        ("name", json!(definition.name)),
        ("image", json!(definition.image)),
        ("lastStatus", json!(status_word(status))),
        ("healthStatus", json!(health.as_str())),
        ("networkBindings", bindings.collect()),
        ("networkInterfaces", interfaces),
        ("cpu", json!(definition.cpu.to_string())),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    let runtime_id = report.and_then(|report| report.process_id).map(|process| format!("{}-{process}", task.id));
    put(&mut object, "runtimeId", runtime_id);
    if let Some(LaunchImage::Stored(digest)) = task.images.get(&definition.name) {
        object.insert("imageDigest".to_owned(), json!(digest));
    }
    put(&mut object, "exitCode", report.and_then(|report| report.exit_code));
    put(&mut object, "reason", report.and_then(|report| report.reason.clone()));
    put(&mut object, "memory", definition.memory.map(|memory| memory.to_string()));
    put(&mut object, "memoryReservation", definition.memory_reservation.map(|memory| memory.to_string()));
    let restarts = report.map_or(0, |report| report.restart_count);
    if definition.restart_policy.is_some() {
        object.insert(RESTART_COUNT.to_owned(), json!(restarts));
    }
    Value::Object(object)
}

const fn status_word(status: ContainerStatus) -> &'static str {
    match status {
        ContainerStatus::Pending => "PENDING",
        ContainerStatus::Running => "RUNNING",
        ContainerStatus::Stopped => "STOPPED",
    }
}
