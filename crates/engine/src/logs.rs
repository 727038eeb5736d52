//! Logs: what the `awslogs` driver would have sent, read from the tasks' own files.
//!
//! A stream is `PREFIX/CONTAINER/TASK` of a task that is still known; streams of forgotten tasks are gone with their files.

use seatrial_model::{ContainerName, TaskId, Timestamp};
use seatrial_ports::runtime::{LogLine, RuntimeError};

use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::state::{LogGroup, State};
use crate::transaction::Transaction;

/// A log stream and where its lines come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    pub name: String,
    pub task: TaskId,
    pub container: ContainerName,
    pub created_at: Timestamp,
}

/// Creates a log group.
pub fn create_group(tx: &mut Transaction<'_>, name: &str) -> Result<(), Refusal> {
    if tx.state.log_groups.contains(name) {
        return Err(Refusal::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let group = LogGroup { name: name.to_owned(), created_at: tx.now, retention_days: None };
    tx.state.log_groups.insert(name, group);
    Ok(())
}

/// Deletes a log group; the tasks' own files stay as long as the tasks are known.
pub fn delete_group(tx: &mut Transaction<'_>, name: &str) -> Result<(), Refusal> {
    match tx.state.log_groups.remove(name) {
        Some(_) => Ok(()),
        None => Err(group_not_found()),
    }
}

pub fn group_not_found() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log group does not exist.")
}

/// Returns the streams of a log group, by name.
pub fn streams(state: &State, group: &str) -> Vec<LogStream> {
    let mut streams: Vec<LogStream> = state
        .tasks
        .values()
        .flat_map(|task| {
            task.definition.containers.iter().filter_map(move |container| {
                let logs = container.log_configuration.as_ref().filter(|logs| logs.log_driver == "awslogs")?;
                (logs.options.get("awslogs-group").map(String::as_str) == Some(group)).then_some(())?;
                let name = match logs.options.get("awslogs-stream-prefix") {
                    Some(prefix) => format!("{prefix}/{}/{}", container.name, task.id),
                    None => task.id.to_string(),
                };
                let (task_id, container) = (task.id.clone(), container.name.clone());
                Some(LogStream { name, task: task_id, container, created_at: task.created_at })
            })
        })
        .collect();
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    streams
}

impl Engine {
    /// Reads lines of a stream written at or after `since`, oldest first.
    pub fn log_lines(&self, stream: &LogStream, since: Timestamp, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        self.inner.machine.runtime.logs(&stream.task, &stream.container, since, limit)
    }
}
