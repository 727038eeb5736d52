//! Commands on task definitions.

use std::str::FromStr;

use seatrial_model::task_definition::TaskDefinition;
use seatrial_model::{Arn, Family, TaskDefinitionRevision};
use serde_json::Value;

use crate::refusal::Refusal;
use crate::state::{Document, RegisteredTaskDefinition, State, TaskDefinitionStatus, task_definition_key};
use crate::transaction::Transaction;

/// Registers the next revision of a family.
pub fn register(tx: &mut Transaction<'_>, document: Document) -> Result<RegisteredTaskDefinition, Refusal> {
    let whole = Value::Object(document);
    let definition = TaskDefinition::parse(&whole).map_err(|error| Refusal::client(error.to_string()))?;
    let Value::Object(mut document) = whole else { unreachable!("the value was built from a map") };
    normalise(&mut document, &definition);
    let revision = tx.state.draw(&format!("task-definition/{}", definition.family));
    let id = TaskDefinitionRevision {
        family: definition.family.clone(),
        revision: u32::try_from(revision).map_err(|_| Refusal::client("Too many revisions of the family."))?,
    };
    let registered = RegisteredTaskDefinition {
        id: id.clone(),
        definition,
        document,
        status: TaskDefinitionStatus::Active,
        registered_at: tx.now,
        deregistered_at: None,
    };
    tx.state.task_definitions.insert(task_definition_key(&id), registered.clone());
    Ok(registered)
}

/// Writes sizes and protocols the way ECS shows them, whatever way they were given.
fn normalise(document: &mut Document, definition: &TaskDefinition) {
    for (member, size) in [("cpu", definition.cpu), ("memory", definition.memory)] {
        if let Some(size) = size {
            document.insert(member.to_owned(), Value::String(size.to_string()));
        }
    }
    let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut).into_iter().flatten();
    let mappings = containers.filter_map(|container| container.get_mut("portMappings")?.as_array_mut()).flatten();
    for mapping in mappings.filter(|mapping| mapping["protocol"].as_str().is_some_and(|given| given != "udp")) {
        mapping["protocol"] = Value::String("tcp".to_owned());
    }
}

/// Finds a task definition by `family` (the newest ACTIVE one), `family:revision` or ARN, in whatever status.
pub fn find<'a>(state: &'a State, reference: &str) -> Result<&'a RegisteredTaskDefinition, Refusal> {
    let arn = Arn::new(reference);
    let short = match arn.resource() {
        Some(resource) => resource.strip_prefix("task-definition/").unwrap_or_default(),
        None => reference,
    };
    let missing = || Refusal::client("Unable to describe task definition.");
    match short.split_once(':') {
        Some((family, number)) => {
            let family = Family::from_str(family).map_err(|_| missing())?;
            let revision =
                number.parse().map_err(|_| Refusal::invalid(format!("Invalid revision number. Number: {number}")))?;
            state
                .task_definitions
                .get(&task_definition_key(&TaskDefinitionRevision { family, revision }))
                .ok_or_else(missing)
        }
        None => {
            let active = |row: &&RegisteredTaskDefinition| {
                row.id.family.as_str() == short && row.status == TaskDefinitionStatus::Active
            };
            state.task_definitions.values().rev().find(active).ok_or_else(missing)
        }
    }
}

/// Finds a task definition that new tasks may use.
pub fn find_active<'a>(state: &'a State, reference: &str) -> Result<&'a RegisteredTaskDefinition, Refusal> {
    let found = find(state, reference).map_err(|refusal| match refusal.code {
        "ClientException" => Refusal::client("TaskDefinition not found."),
        _ => refusal,
    })?;
    match found.status {
        TaskDefinitionStatus::Active => Ok(found),
        TaskDefinitionStatus::Inactive | TaskDefinitionStatus::DeleteInProgress => {
            Err(Refusal::client("TaskDefinition is inactive"))
        }
    }
}

/// Deregisters a revision: running services keep it, nothing new may use it.
pub fn deregister(tx: &mut Transaction<'_>, reference: &str) -> Result<RegisteredTaskDefinition, Refusal> {
    let key = task_definition_key(&find(tx.state, reference)?.id);
    let now = tx.now;
    let row = tx.state.task_definitions.get_mut(&key).expect("the key was just found");
    row.status = TaskDefinitionStatus::Inactive;
    row.deregistered_at.get_or_insert(now);
    Ok(row.clone())
}

/// Deletes a deregistered revision: it stays DELETE_IN_PROGRESS while a service or task uses it, and can still be described.
pub fn delete(tx: &mut Transaction<'_>, reference: &str) -> Result<RegisteredTaskDefinition, Refusal> {
    let found = find(tx.state, reference)?;
    if found.status == TaskDefinitionStatus::Active {
        return Err(Refusal::client(
            "Task definition should be in INACTIVE or DELETE_IN_PROGRESS status: deregister it first.",
        ));
    }
    let key = task_definition_key(&found.id);
    let row = tx.state.task_definitions.get_mut(&key).expect("the key was just found");
    row.status = TaskDefinitionStatus::DeleteInProgress;
    Ok(row.clone())
}
