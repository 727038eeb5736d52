//! The tags that a task is given when it starts: those of its service or its task definition, and the ones that ECS manages.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::{ServiceRecord, Tags, TaskRecord};
use crate::tags;
use crate::transaction::Transaction;

/// The words of `propagateTags`.
pub const SOURCES: [&str; 3] = ["TASK_DEFINITION", "SERVICE", "NONE"];

/// Tags a task of a service as the service asks for.
pub(crate) fn tag_task_of_service(tx: &mut Transaction<'_>, service: &ServiceRecord, task: &TaskRecord) {
    let scope = &tx.state.scope;
    let source = match service.document.get("propagateTags").and_then(Value::as_str) {
        Some("SERVICE") => Some(scope.service(&service.cluster, &service.name)),
        Some("TASK_DEFINITION") => Some(scope.task_definition(&task.task_definition)),
        Some(_) | None => None,
    };
    let task = scope.task(&task.cluster, &task.id);
    let mut given: Tags = source.and_then(|source| tx.state.tags.get(source.as_str()).cloned()).unwrap_or_default();
    if service.document.get("enableECSManagedTags").and_then(Value::as_bool) == Some(true) {
        given.insert("aws:ecs:clusterName".to_owned(), service.cluster.to_string());
        given.insert("aws:ecs:serviceName".to_owned(), service.name.to_string());
    }
    if !given.is_empty() {
        tx.state.tags.insert(task.as_str(), given);
    }
}

/// Tags a task that RunTask has started: its own tags count more than those of its task definition.
pub fn tag_standalone_task(
    tx: &mut Transaction<'_>,
    task: &TaskRecord,
    propagate: Option<&str>,
    own: &Tags,
) -> Result<(), Refusal> {
    let scope = &tx.state.scope;
    let definition = scope.task_definition(&task.task_definition);
    let of_definition = match propagate {
        Some("TASK_DEFINITION") => tx.state.tags.get(definition.as_str()).cloned(),
        Some(_) | None => None,
    };
    let mut given = of_definition.unwrap_or_default();
    given.extend(own.clone());
    if given.is_empty() {
        return Ok(());
    }
    let arn = tx.state.scope.task(&task.cluster, &task.id);
    tags::set(tx, arn.as_str(), given)
}
