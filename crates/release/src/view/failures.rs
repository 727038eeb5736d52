//! Tasks of the deployment that failed, with the last lines they wrote.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Service, Task};
use serde::Serialize;

use crate::aws::Connection;
use crate::aws::times::timestamp;
use crate::watch::cause::Cause;
use crate::watch::diagnosis;
use crate::watch::log_tail::with_logs;
use crate::watch::words::short_id;

/// Most failed tasks shown.
const FAILURES_MAX: usize = 3;

/// Most lines of each; `seatrial logs` has all.
const LINES_MAX: usize = 5;

/// Most tasks whose lines are remembered.
const REMEMBERED_MAX: usize = 100;

/// A task that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureView {
    /// Its short id.
    pub task: String,
    pub what: String,
    /// What to try next.
    pub next: String,
    /// The last lines it wrote.
    pub log: Vec<String>,
}

/// The failures whose logs were read, by task id: a task that has stopped writes no more.
pub(super) type Read = BTreeMap<String, Cause>;

/// The latest failures among the tasks of a deployment. Each one's log is read once.
pub(super) async fn failures(
    connection: &Connection,
    service: &Service,
    tasks: &[Task],
    deployment_id: &str,
    read: &mut Read,
) -> Vec<FailureView> {
    let mut failed: Vec<&Task> =
        tasks.iter().filter(|task| task.started_by() == Some(deployment_id) && diagnosis::has_failed(task)).collect();
    failed.sort_by_key(|task| std::cmp::Reverse(timestamp(task.created_at())));
    failed.truncate(FAILURES_MAX);
    let mut views = Vec::new();
    for task in failed {
        let cause = diagnosis::of_task(task, service);
        let Some(id) = cause.task.clone() else { continue };
        let is_over = task.last_status() == Some("STOPPED");
        let cause = match read.get(&id) {
            Some(known) => known.clone(),
            None if is_over => {
                let definition = task.task_definition_arn().unwrap_or_default();
                let cause = with_logs(connection, vec![cause], definition).await.remove(0);
                if read.len() >= REMEMBERED_MAX {
                    read.clear();
                }
                read.insert(id.clone(), cause.clone());
                cause
            }
            None => cause,
        };
        views.push(view(&id, cause));
    }
    views
}

fn view(id: &str, cause: Cause) -> FailureView {
    let mut log = cause.log;
    let log = log.split_off(log.len().saturating_sub(LINES_MAX));
    FailureView { task: short_id(id).to_owned(), what: cause.what, next: cause.next, log }
}
