//! The task definition of a service. Revisions are immutable: a new one is registered only when neither the one in place nor the
//! newest one of the family means what is wanted.

use aws_sdk_ecs::types::{TaskDefinition, TaskDefinitionStatus};
use serde_json::Value as Json;

use super::compare::{same_task_definition, task_definition_differences};
use super::{Ensuring, service, to_come};
use crate::aws::raw::{Answer, body};
use crate::aws::{CallError, Connection, DoingExt};
use crate::error::ReleaseError;
use crate::plan::ServicePlan;
use crate::report::{Change, Resource};

/// Most revisions named in the advice of an error.
const REVISIONS_NAMED: i32 = 5;

/// ECS's answer to a family or revision that nobody registered, with the code `ClientException`.
const MISSING: &str = "Unable to describe task definition";

/// The newest active revision of a family, or the revision named, as ECS describes it.
pub(crate) async fn describe(connection: &Connection, name: &str) -> Result<Option<(TaskDefinition, Json)>, CallError> {
    let answer = Answer::default();
    let described = connection
        .ecs
        .describe_task_definition()
        .task_definition(name)
        .customize()
        .interceptor(answer.clone())
        .send()
        .await;
    match described.doing(|| format!("reading task definition {name}")) {
        Ok(output) => {
            Ok(output.task_definition().map(|typed| (typed.clone(), answer.json()["taskDefinition"].clone())))
        }
        Err(error) if error.to_string().contains(MISSING) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The ARN of revision `number` of a family, unless it is gone.
pub(crate) async fn revision(connection: &Connection, family: &str, number: u32) -> Result<String, ReleaseError> {
    let name = format!("{family}:{number}");
    match describe(connection, &name).await? {
        Some((found, _)) if found.status() == Some(&TaskDefinitionStatus::Active) => found
            .task_definition_arn()
            .map(ToOwned::to_owned)
            .ok_or(ReleaseError::Incomplete("the task definition's ARN")),
        Some(_) => Err(unavailable(connection, family, format!("task definition {name} is no longer active")).await),
        None => Err(unavailable(connection, family, format!("there is no task definition {name}")).await),
    }
}

async fn unavailable(connection: &Connection, family: &str, what: String) -> ReleaseError {
    let listed = connection
        .ecs
        .list_task_definitions()
        .family_prefix(family)
        .sort(aws_sdk_ecs::types::SortOrder::Desc)
        .max_results(REVISIONS_NAMED)
        .send()
        .await;
    let names: Vec<String> = listed
        .map(|output| output.task_definition_arns().iter().map(|arn| short(arn).to_owned()).collect())
        .unwrap_or_default();
    let instead = if names.is_empty() {
        "see `seatrial history`".to_owned()
    } else {
        format!("the latest are {}", names.join(", "))
    };
    ReleaseError::not_possible(what, instead)
}

/// Returns the ARN of a revision that means what the plan says, registering one if there is none.
pub(super) async fn task_definition(ensuring: &Ensuring<'_>, service: &ServicePlan) -> Result<String, ReleaseError> {
    // After a rollback the one in place is older than the newest, and may be what is wanted again.
    let existing = service::describe(ensuring.connection, &service.cluster, &service.service_name).await?;
    let in_place = existing.as_ref().and_then(|(service, _)| service::in_place(service));
    let mut nearest = None;
    for candidate in in_place.into_iter().chain([service.family.as_str()]) {
        let Some((found, document)) = describe(ensuring.connection, candidate).await? else { continue };
        if found.status() == Some(&TaskDefinitionStatus::Active)
            && same_task_definition(&service.task_definition, &document)
        {
            let arn = found.task_definition_arn().ok_or(ReleaseError::Incomplete("the task definition's ARN"))?;
            ensuring.report.ensured(Resource::TaskDefinition, short(arn), Some(&service.name), Change::Unchanged);
            return Ok(arn.to_owned());
        }
        nearest.get_or_insert(document);
    }
    let nearest = nearest.unwrap_or_default();
    let change = Change::Created(task_definition_differences(&service.task_definition, &nearest));
    if !ensuring.carries_out() {
        ensuring.report.ensured(Resource::TaskDefinition, &service.family, Some(&service.name), change);
        return Ok(to_come(Resource::TaskDefinition, &service.family));
    }
    let registered = ensuring
        .connection
        .ecs
        .register_task_definition()
        .family(&service.family)
        .customize()
        .mutate_request(body(&service.task_definition))
        .send()
        .await
        .doing(|| format!("registering task definition {}", service.family))?;
    let arn = registered
        .task_definition()
        .and_then(TaskDefinition::task_definition_arn)
        .ok_or(ReleaseError::Incomplete("the task definition's ARN"))?;
    ensuring.report.ensured(Resource::TaskDefinition, short(arn), Some(&service.name), change);
    Ok(arn.to_owned())
}

/// `family:revision` of a task definition's ARN.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
