//! Logs: what the `awslogs` driver would have sent, read from the tasks' own files.
//!
//! A stream is `PREFIX/CONTAINER/TASK` of a task that is still known; streams of forgotten tasks are gone with their files.

use std::io;

use seatrial_model::arn::Scope;
use seatrial_model::task_definition::TaskDefinition;
use seatrial_model::{Arn, ContainerName, TaskId, Timestamp};
use seatrial_ports::runtime::{LogLine, RuntimeError};

use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::state::{LogGroup, State, Tags};
use crate::transaction::Transaction;

/// The retentions a log group can have, in days.
pub const RETENTION_DAYS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A log stream and where its lines come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogStream {
    pub name: String,
    pub task: TaskId,
    pub container: ContainerName,
    pub created_at: Timestamp,
    /// When its task stopped; nothing is written after that.
    pub ended_at: Option<Timestamp>,
}

/// Returns a log group's ARN, without the `:*` that some answers end it with.
pub fn group_arn(scope: &Scope, name: &str) -> Arn {
    scope.arn("logs", format_args!("log-group:{name}"))
}

/// Creates a log group.
pub fn create_group(tx: &mut Transaction<'_>, name: &str, tags: Tags) -> Result<(), Refusal> {
    if tx.state.log_groups.contains(name) {
        return Err(Refusal::new("ResourceAlreadyExistsException", "The specified log group already exists"));
    }
    let group = LogGroup { name: name.to_owned(), created_at: tx.now, retention_days: None };
    tx.state.log_groups.insert(name, group);
    if !tags.is_empty() {
        tx.state.tags.insert(group_arn(&tx.state.scope, name).as_str(), tags);
    }
    Ok(())
}

/// Creates the log groups whose containers ask for it with `awslogs-create-group`, unless they exist.
pub fn create_wanted_groups(tx: &mut Transaction<'_>, definition: &TaskDefinition) {
    for container in &definition.containers {
        let logs = container.log_configuration.as_ref().filter(|logs| logs.log_driver == "awslogs");
        let options = logs.map(|logs| &logs.options);
        let wants = |key: &str| options.and_then(|options| options.get(key));
        if let (Some(name), Some("true")) = (wants("awslogs-group"), wants("awslogs-create-group").map(String::as_str))
            && !tx.state.log_groups.contains(name)
        {
            let group = LogGroup { name: name.clone(), created_at: tx.now, retention_days: None };
            tx.state.log_groups.insert(name.clone(), group);
        }
    }
}

/// Deletes a log group; the tasks' own files stay as long as the tasks are known.
pub fn delete_group(tx: &mut Transaction<'_>, name: &str) -> Result<(), Refusal> {
    tx.state.log_groups.remove(name).ok_or_else(group_not_found)?;
    let arn = group_arn(&tx.state.scope, name);
    tx.state.tags.remove(arn.as_str());
    Ok(())
}

/// Sets how far back a log group's lines can be read, in days; `None` is as far as there are any.
pub fn set_retention(tx: &mut Transaction<'_>, name: &str, days: Option<u32>) -> Result<(), Refusal> {
    let group = tx.state.log_groups.get_mut(name).ok_or_else(group_not_found)?;
    group.retention_days = days;
    Ok(())
}

/// Finds a log group by name.
pub fn find_group<'a>(state: &'a State, name: &str) -> Result<&'a LogGroup, Refusal> {
    state.log_groups.get(name).ok_or_else(group_not_found)
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
                Some(LogStream {
                    name,
                    task: task.id.clone(),
                    container: container.name.clone(),
                    created_at: task.created_at,
                    ended_at: task.stopped_at,
                })
            })
        })
        .collect();
    streams.sort();
    streams
}

impl Engine {
    /// Reads lines of a stream written at or after `since`, oldest first.
    pub fn log_lines(&self, stream: &LogStream, since: Timestamp, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        none_if_missing(self.inner.machine.runtime.logs(&stream.task, &stream.container, since, limit))
    }

    /// Reads the newest lines of a stream, oldest first.
    pub fn log_tail(&self, stream: &LogStream, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        none_if_missing(self.inner.machine.runtime.log_tail(&stream.task, &stream.container, limit))
    }
}

/// A task that was never started, or has just been forgotten, has written nothing.
fn none_if_missing(read: Result<Vec<LogLine>, RuntimeError>) -> Result<Vec<LogLine>, RuntimeError> {
    match read {
        Err(RuntimeError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}
