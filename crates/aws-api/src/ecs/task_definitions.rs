//! RegisterTaskDefinition, DescribeTaskDefinition, ListTaskDefinitions and families, DeregisterTaskDefinition,
//! DeleteTaskDefinitions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::state::{Document, RegisteredTaskDefinition, TaskDefinitionStatus, task_definition_key};
use seatrial_engine::{Engine, Refusal, tags, task_definitions};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, page};
use super::documents;
use super::request::{check_count, one_of, others, required};
use super::show::{self, Include};
use super::tags::{TagList, parse_tags};
use crate::operations::OperationError;

const DELETED_AT_ONCE_MAX: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisterTaskDefinition {
    family: Option<String>,
    #[serde(default)]
    container_definitions: Vec<Document>,
    #[serde(default)]
    tags: TagList,
}

pub(super) fn register(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: RegisterTaskDefinition = input.read()?;
    input.check(&documents::TASK_DEFINITION)?;
    required(request.family, "Family").map_err(|blank| Refusal::client(blank.message))?;
    if request.container_definitions.is_empty() {
        return Err(Refusal::client("Container list cannot be empty.").into());
    }
    let given = parse_tags(request.tags)?;
    let document = others(input, &["tags"]);
    let registered = engine.transact(|tx| {
        let registered = task_definitions::register(tx, document)?;
        if !given.is_empty() {
            let arn = tx.state.scope.task_definition(&registered.id);
            tags::set(tx, arn.as_str(), given)?;
        }
        Ok(registered)
    })?;
    Ok(engine.read(|state| {
        let arn = state.scope.task_definition(&registered.id);
        let shown = show::task_definition(state, &registered);
        json!({ "taskDefinition": shown, "tags": show::tags_of(state, arn.as_str()) })
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NamedTaskDefinition {
    task_definition: Option<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedTaskDefinition = input.read()?;
    let reference = required(request.task_definition, "Task Definition")?;
    engine.read(|state| {
        let registered = task_definitions::find(state, &reference)?;
        let mut answer = json!({ "taskDefinition": show::task_definition(state, registered) });
        if Include::asked(&request.include) == Include::Tags {
            answer["tags"] = show::tags_of(state, state.scope.task_definition(&registered.id).as_str());
        }
        Ok(answer)
    })
}

pub(super) fn deregister(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: NamedTaskDefinition = input.read()?;
    let reference = required(request.task_definition, "Task Definition")?;
    require_revision(&reference)?;
    let registered = engine.transact(|tx| task_definitions::deregister(tx, &reference))?;
    Ok(json!({ "taskDefinition": engine.read(|state| show::task_definition(state, &registered)) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteTaskDefinitions {
    #[serde(default)]
    task_definitions: Vec<String>,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteTaskDefinitions = input.read()?;
    check_count("TaskDefinitions", request.task_definitions.len(), DELETED_AT_ONCE_MAX)?;
    request.task_definitions.iter().try_for_each(|reference| require_revision(reference))?;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    for reference in request.task_definitions {
        match engine.transact(|tx| task_definitions::delete(tx, &reference)) {
            Ok(registered) => deleted.push(engine.read(|state| show::task_definition(state, &registered))),
            Err(refusal) if refusal.code == "ServerException" => return Err(refusal.into()),
            Err(refusal) => failures.push(json!({ "arn": reference, "reason": refusal.message })),
        }
    }
    Ok(json!({ "taskDefinitions": deleted, "failures": failures }))
}

/// Refuses a family alone: the newest revision would be too easily meant otherwise.
fn require_revision(reference: &str) -> Result<(), Refusal> {
    match reference.rsplit('/').next().unwrap_or_default().contains(':') {
        true => Ok(()),
        false => Err(Refusal::client("Revision is missing.")),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTaskDefinitions {
    family_prefix: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListTaskDefinitions = input.read()?;
    one_of(request.status.as_deref(), "status", &["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"])?;
    one_of(request.sort.as_deref(), "sort", &["ASC", "DESC"])?;
    let status = request.status.as_deref().unwrap_or("ACTIVE");
    let sort = request.sort.as_deref().unwrap_or("ASC");
    // Despite its name in the API, the whole name of a family.
    let family = request.family_prefix.as_deref();
    let listing = Listing::new("ListTaskDefinitions", [status, family.unwrap_or("*"), sort]);
    let asked = PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 100 };
    engine.read(|state| {
        let matches = |row: &&RegisteredTaskDefinition| {
            row.status.as_str() == status && family.is_none_or(|family| row.id.family.as_str() == family)
        };
        let rows = state.task_definitions.values().filter(matches);
        let key = |row: &&RegisteredTaskDefinition| task_definition_key(&row.id);
        let arn = |row: &RegisteredTaskDefinition| json!(state.scope.task_definition(&row.id));
        match sort {
            "DESC" => page(&listing, "taskDefinitionArns", rows.rev(), |row| Reverse(key(row)), arn, asked),
            _ => page(&listing, "taskDefinitionArns", rows, key, arn, asked),
        }
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTaskDefinitionFamilies {
    family_prefix: Option<String>,
    status: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list_families(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ListTaskDefinitionFamilies = input.read()?;
    one_of(request.status.as_deref(), "status", &["ACTIVE", "INACTIVE", "ALL"])?;
    let prefix = request.family_prefix.as_deref().unwrap_or_default();
    let status = request.status.as_deref().unwrap_or("ALL");
    engine.read(|state| {
        let mut has_active: BTreeMap<String, bool> = BTreeMap::new();
        for row in state.task_definitions.values().filter(|row| row.id.family.as_str().starts_with(prefix)) {
            *has_active.entry(row.id.family.to_string()).or_default() |= row.status == TaskDefinitionStatus::Active;
        }
        let families = has_active.into_iter().filter(|(_, active)| match status {
            "ACTIVE" => *active,
            "INACTIVE" => !*active,
            _ => true,
        });
        page(
            &Listing::new("ListTaskDefinitionFamilies", [prefix, status]),
            "families",
            families.map(|(family, _)| family),
            String::clone,
            Value::String,
            PageRequest { token: request.next_token.as_deref(), size: request.max_results, default_size: 100 },
        )
    })
}
