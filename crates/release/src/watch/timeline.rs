//! What happened when: the service events and task timestamps of one deployment in one list. Pure.

use std::time::Duration;

use aws_sdk_ecs::types::{Service, Task};
use serde::Serialize;
use time::OffsetDateTime;

use super::words::{readable, short_id, task_id};
use crate::aws::times::{between, timestamp};
use crate::report::as_milliseconds;

/// Most entries kept, the latest ones: ECS keeps 100 events, and a screen shows fewer.
const ENTRIES_MAX: usize = 200;

/// Something that happened, so long after the deployment began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    #[serde(rename = "offset_ms", serialize_with = "as_milliseconds")]
    pub offset: Duration,
    pub text: String,
}

/// The timeline of the deployment `deployment_id` that began at `start`, in order of time.
pub(crate) fn timeline(
    service: &Service,
    tasks: &[Task],
    deployment_id: &str,
    start: OffsetDateTime,
) -> Vec<TimelineEntry> {
    let events =
        service.events().iter().filter_map(|event| Some((timestamp(event.created_at())?, readable(event.message()?))));
    let of_tasks = tasks.iter().flat_map(|task| moments(task, deployment_id));
    let mut entries: Vec<TimelineEntry> = events
        .chain(of_tasks)
        .filter_map(|(at, text)| Some(TimelineEntry { offset: between(start, at)?, text }))
        .collect();
    // Stable: events of the same millisecond keep ECS's order, which is newest first.
    entries.reverse();
    entries.sort_by_key(|entry| entry.offset);
    entries.split_off(entries.len().saturating_sub(ENTRIES_MAX))
}

/// The moments of a task that no service event tells.
fn moments(task: &Task, deployment_id: &str) -> Vec<(OffsetDateTime, String)> {
    let id = short_id(task_id(task.task_arn().unwrap_or_default()));
    let version = if task.started_by() == Some(deployment_id) { "new" } else { "old" };
    let started = timestamp(task.started_at()).map(|at| (at, format!("{version} task {id} is running")));
    let stopped =
        timestamp(task.stopped_at()).map(|at| (at, format!("{version} task {id} has stopped{}", reason(task))));
    started.into_iter().chain(stopped).collect()
}

fn reason(task: &Task) -> String {
    let code = task.containers().iter().find_map(|container| container.exit_code());
    match (task.stopped_reason().map(readable), code) {
        (Some(reason), Some(code)) => format!(": {reason} (exit code {code})"),
        (Some(reason), None) => format!(": {reason}"),
        (None, Some(code)) => format!(" with exit code {code}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{Container, ServiceEvent};
    use aws_smithy_types::DateTime;

    #[test]
    fn events_and_task_moments_are_one_list_in_order_of_time() {
        let event = |at: f64, message: &str| {
            ServiceEvent::builder().created_at(DateTime::from_secs_f64(at)).message(message).build()
        };
        let service = Service::builder()
            .events(event(1009.0, "(service web) has reached a steady state."))
            .events(event(1001.0, "(service web) has started 1 tasks: (task 0123456789abcdef0123456789abcdef)."))
            .events(event(900.0, "(service web) has reached a steady state."))
            .build();
        let task = Task::builder()
            .task_arn("arn:aws:ecs:us-east-1:0:task/c/0123456789abcdef0123456789abcdef")
            .started_by("ecs-svc/1")
            .started_at(DateTime::from_secs_f64(1001.5))
            .stopped_at(DateTime::from_secs_f64(1004.0))
            .stopped_reason("Essential container in task exited")
            .containers(Container::builder().exit_code(3).build())
            .build();
        let start = OffsetDateTime::from_unix_timestamp(1000).expect("a time");
        let lines: Vec<String> = timeline(&service, &[task], "ecs-svc/1", start)
            .into_iter()
            .map(|entry| format!("{:.1} {}", entry.offset.as_secs_f64(), entry.text))
            .collect();
        assert_eq!(
            lines,
            [
                "1.0 has started 1 tasks: (task 01234567).",
                "1.5 new task 01234567 is running",
                "4.0 new task 01234567 has stopped: Essential container in task exited (exit code 3)",
                "9.0 has reached a steady state.",
            ]
        );
    }
}
