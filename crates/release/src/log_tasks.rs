//! Which tasks there are logs of, so that a task id nobody has is told apart from a task that has written nothing.

use aws_sdk_cloudwatchlogs::types::OrderBy;

use crate::aws::{Connection, DoingExt};
use crate::ensure::service::describe;
use crate::error::ReleaseError;
use crate::logs::{MISSING_GROUP, parts};
use crate::plan::{Plan, ServicePlan};
use crate::watch::look;
use crate::watch::words::{short_id, task_id};

/// Most pages of log streams searched of one group, newest first; CloudWatch gives 50 streams each.
const PAGES_MAX: usize = 20;

/// Most tasks named in the advice of an error.
const TASKS_NAMED: usize = 5;

/// Refuses the beginning of a task id that no task of a plan's services has.
pub(crate) async fn require(connection: &Connection, plan: &Plan, wanted: &str) -> Result<(), ReleaseError> {
    let mut known: Vec<String> = Vec::new();
    for service in &plan.services {
        known.extend(running(connection, service).await?);
        for group in &service.log_groups {
            known.extend(logged(connection, group).await?);
        }
    }
    match known.iter().any(|task| task.starts_with(wanted)) {
        true => Ok(()),
        false => Err(refusal(wanted, &known)),
    }
}

fn refusal(wanted: &str, known: &[String]) -> ReleaseError {
    let mut named: Vec<&str> = Vec::new();
    for task in known.iter().map(|task| short_id(task)) {
        if !named.contains(&task) {
            named.push(task);
        }
    }
    named.truncate(TASKS_NAMED);
    let instead = match named.as_slice() {
        [] => "leave --task out: no task has run here yet".to_owned(),
        named => format!("the latest tasks are {}", named.join(", ")),
    };
    ReleaseError::not_possible(format!("there is no task whose id begins with `{wanted}`"), instead)
}

/// The ids of the tasks that ECS still knows, those that shall run first.
async fn running(connection: &Connection, service: &ServicePlan) -> Result<Vec<String>, ReleaseError> {
    if describe(connection, &service.cluster, &service.service_name).await?.is_none() {
        return Ok(Vec::new());
    }
    let tasks = look::tasks(connection, &service.cluster, &service.service_name).await?;
    Ok(tasks.iter().filter_map(|task| task.task_arn()).map(|arn| task_id(arn).to_owned()).collect())
}

/// The ids of the tasks that wrote to a log group, the latest first.
async fn logged(connection: &Connection, group: &str) -> Result<Vec<String>, ReleaseError> {
    let mut tasks = Vec::new();
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let described = connection
            .logs
            .describe_log_streams()
            .log_group_name(group)
            .order_by(OrderBy::LastEventTime)
            .descending(true)
            .set_next_token(token)
            .send()
            .await;
        let output = match described.doing(|| format!("listing the streams of log group {group}")) {
            Ok(output) => output,
            Err(error) if error.has_code(MISSING_GROUP) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let streams = output.log_streams.unwrap_or_default();
        tasks.extend(streams.iter().filter_map(|stream| stream.log_stream_name()).map(|name| parts(name).1.to_owned()));
        token = output.next_token;
        if token.is_none() {
            break;
        }
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_task_is_named_with_those_there_are() {
        let known = ["0123456789abcdef", "0123456789abcdef", "fedcba9876543210"].map(ToOwned::to_owned);
        let error = refusal("zzz", &known);
        assert_eq!(error.to_string(), "there is no task whose id begins with `zzz`");
        assert_eq!(error.advice().as_deref(), Some("the latest tasks are 01234567, fedcba98"));
        assert!(refusal("zzz", &[]).advice().is_some_and(|advice| advice.contains("no task has run here")));
    }
}
