//! What happened when: the service events and task timestamps of one deployment in one list. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ecs::types::{Service, Task};
use serde::Serialize;
use time::OffsetDateTime;

use super::diagnosis::{has_ended_by_itself, has_failed};
use super::names::Names;
use super::words::{readable, short_id, task_id};
use crate::aws::times::{between, timestamp};
use crate::report::as_milliseconds;

/// Most entries kept, the latest ones: ECS keeps 100 events, and a screen shows fewer.
const ENTRIES_MAX: usize = 200;

/// Exit codes of a process that ended by these signals.
const EXIT_SIGTERM: i32 = 143;
const EXIT_SIGKILL: i32 = 137;

/// Something that happened, so long after the deployment began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    #[serde(rename = "offset_ms", serialize_with = "as_milliseconds")]
    pub offset: Duration,
    pub text: String,
}

/// A deployment among those of its service, by their ids (`ecs-svc/…`).
#[derive(Clone, Debug)]
pub(crate) struct Relatives {
    pub own: String,
    /// Those that took its place.
    pub newer: BTreeSet<String>,
}

impl Relatives {
    /// What a task is to the deployment.
    fn word(&self, task: &Task) -> &'static str {
        match task.started_by() {
            Some(id) if id == self.own => "new",
            Some(id) if self.newer.contains(id) => "newer",
            Some(_) | None => "old",
        }
    }
}

/// The timeline of a deployment that began at `start`, in order of time.
pub(crate) fn timeline(
    service: &Service,
    tasks: &[Task],
    relatives: &Relatives,
    start: OffsetDateTime,
    names: &Names,
) -> Vec<TimelineEntry> {
    let events = service.events().iter();
    let events = events.filter_map(|event| Some((timestamp(event.created_at())?, names.readable(event.message()?))));
    let of_tasks = tasks.iter().flat_map(|task| moments(task, relatives));
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
fn moments(task: &Task, relatives: &Relatives) -> Vec<(OffsetDateTime, String)> {
    let id = short_id(task_id(task.task_arn().unwrap_or_default()));
    let version = relatives.word(task);
    let started = timestamp(task.started_at()).map(|at| (at, format!("{version} task {id} is running")));
    let stopped =
        timestamp(task.stopped_at()).map(|at| (at, format!("{version} task {id} has stopped{}", reason(task))));
    started.into_iter().chain(stopped).collect()
}

/// Why a task stopped, unless an event told it already: a task that was no longer needed just stops.
fn reason(task: &Task) -> String {
    let code = task.containers().iter().find_map(|container| container.exit_code());
    let reason = task.stopped_reason().filter(|_| has_failed(task)).map(readable);
    match (reason, code) {
        // Told to stop, it did.
        (None, None | Some(0 | EXIT_SIGTERM)) => String::new(),
        (None, Some(EXIT_SIGKILL)) => {
            " only when it was killed: it did not end by itself in its stop timeout".to_owned()
        }
        (None, Some(code)) => format!(" with exit code {code}"),
        (Some(reason), Some(code)) if has_ended_by_itself(task) => format!(": {reason} (exit code {code})"),
        (Some(reason), _) => format!(": {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{Container, ServiceEvent, TaskStopCode};
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
        let task = |id: &str, deployment: &str, reason: &str, code: TaskStopCode, exit: i32, from: f64, to: f64| {
            Task::builder()
                .task_arn(format!("arn:aws:ecs:us-east-1:0:task/c/{id}"))
                .started_by(deployment)
                .last_status("STOPPED")
                .started_at(DateTime::from_secs_f64(from))
                .stopped_at(DateTime::from_secs_f64(to))
                .stopped_reason(reason)
                .stop_code(code)
                .containers(Container::builder().exit_code(exit).build())
                .build()
        };
        use TaskStopCode::{EssentialContainerExited, ServiceSchedulerInitiated};
        let exited = "Essential container in task exited";
        let unhealthy =
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:r:0:targetgroup/g/1)";
        let scaled = "Scaling activity initiated by (deployment ecs-svc/1)";
        let tasks = [
            task("0123456789abcdef0123456789abcdef", "ecs-svc/1", exited, EssentialContainerExited, 3, 1001.5, 1004.0),
            task(
                "1123456789abcdef0123456789abcdef",
                "ecs-svc/1",
                unhealthy,
                ServiceSchedulerInitiated,
                0,
                1002.0,
                1005.0,
            ),
            task("2123456789abcdef0123456789abcdef", "ecs-svc/0", scaled, ServiceSchedulerInitiated, 0, 500.0, 1006.0),
            task(
                "3123456789abcdef0123456789abcdef",
                "ecs-svc/0",
                scaled,
                ServiceSchedulerInitiated,
                137,
                500.0,
                1007.0,
            ),
            task("4123456789abcdef0123456789abcdef", "ecs-svc/2", scaled, ServiceSchedulerInitiated, 0, 1008.0, 1010.0),
        ];
        let start = OffsetDateTime::from_unix_timestamp(1000).expect("a time");
        let relatives = Relatives { own: "ecs-svc/1".into(), newer: ["ecs-svc/2".to_owned()].into() };
        let lines: Vec<String> = timeline(&service, &tasks, &relatives, start, &Names::default())
            .into_iter()
            .map(|entry| format!("{:.1} {}", entry.offset.as_secs_f64(), entry.text))
            .collect();
        assert_eq!(
            lines,
            [
                "1.0 has started 1 task: (task 01234567).",
                "1.5 new task 01234567 is running",
                "2.0 new task 11234567 is running",
                "4.0 new task 01234567 has stopped: Essential container in task exited (exit code 3)",
                "5.0 new task 11234567 has stopped: Task failed ELB health checks in (target-group g)",
                "6.0 old task 21234567 has stopped",
                "7.0 old task 31234567 has stopped only when it was killed: it did not end by itself in its stop timeout",
                "8.0 newer task 41234567 is running",
                "9.0 has reached a steady state.",
                "10.0 newer task 41234567 has stopped",
            ]
        );
    }
}
