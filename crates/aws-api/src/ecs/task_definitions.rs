//! RegisterTaskDefinition, DescribeTaskDefinition, ListTaskDefinitions and families, DeregisterTaskDefinition,
//! DeleteTaskDefinitions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::state::{Document, RegisteredTaskDefinition, TaskDefinitionStatus};
use seatrial_engine::{Engine, Refusal, tags, task_definitions};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageSize, check_count, page};
use super::show;
use super::tags::{TagList, parse_tags};
use crate::operations::OperationError;

const PAGE: PageSize = PageSize { default: 100, highest: 100 };
const DELETED_AT_ONCE_MAX: usize = 10;

#[derive(Deserialize)]
struct RegisterTaskDefinition {
    #[serde(default)]
    tags: TagList,
    #[serde(flatten)]
    document: Document,
}

pub(super) fn register(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: RegisterTaskDefinition = input.read()?;
    let given = parse_tags(request.tags)?;
    let registered = engine.transact(|tx| {
        let registered = task_definitions::register(tx, request.document)?;
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
struct DescribeTaskDefinition {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeTaskDefinition = input.read()?;
    engine.read(|state| {
        let registered = task_definitions::find(state, &request.task_definition)?;
        let mut answer = json!({ "taskDefinition": show::task_definition(state, registered) });
        if request.include.iter().any(|member| member == "TAGS") {
            answer["tags"] = show::tags_of(state, state.scope.task_definition(&registered.id).as_str());
        }
        Ok(answer)
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeregisterTaskDefinition {
    task_definition: String,
}

pub(super) fn deregister(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeregisterTaskDefinition = input.read()?;
    if !request.task_definition.rsplit('/').next().unwrap_or_default().contains(':') {
        return Err(Refusal::invalid("Revision is missing.").into());
    }
    let registered = engine.transact(|tx| task_definitions::deregister(tx, &request.task_definition))?;
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
    let size = PAGE.of(request.max_results)?;
    let status = request.status.as_deref().unwrap_or("ACTIVE");
    let family = request.family_prefix.as_deref();
    let listing =
        Listing::new("ListTaskDefinitions", [status, family.unwrap_or("*"), request.sort.as_deref().unwrap_or("ASC")]);
    let token = request.next_token.as_deref();
    engine.read(|state| {
        let matches = |row: &&RegisteredTaskDefinition| {
            row.status.as_str() == status && family.is_none_or(|family| row.id.family.as_str() == family)
        };
        let rows = state.task_definitions.values().filter(matches);
        let key = |row: &&RegisteredTaskDefinition| (row.id.family.to_string(), row.id.revision);
        let arn = |row: &RegisteredTaskDefinition| json!(state.scope.task_definition(&row.id));
        match request.sort.as_deref() {
            Some("DESC") => page(&listing, "taskDefinitionArns", rows.rev(), |row| Reverse(key(row)), arn, token, size),
            _ => page(&listing, "taskDefinitionArns", rows, key, arn, token, size),
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
    let size = PAGE.of(request.max_results)?;
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
            request.next_token.as_deref(),
            size,
        )
    })
}
