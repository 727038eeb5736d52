//! The last lines a container wrote, through CloudWatch Logs.

use std::collections::BTreeMap;

use super::cause::Cause;
use crate::aws::Connection;
use crate::ensure::task_definition;

/// How many lines of a failed container are shown: a stack trace's worth.
const LINES_MAX: i32 = 20;

/// Longest line kept, in characters; the rest of a minified or binary line helps nobody.
const LINE_LENGTH_MAX: usize = 500;

/// Where a container's log is: group and stream prefix.
#[derive(Clone, Debug)]
struct LogPlace {
    group: String,
    prefix: String,
}

/// Adds log lines to causes that have a task. A log that cannot be read is no reason to fail: the cause stands without it.
pub(crate) async fn with_logs(connection: &Connection, causes: Vec<Cause>, task_definition: &str) -> Vec<Cause> {
    if causes.iter().all(|cause| cause.task.is_none()) {
        return causes;
    }
    let places = places(connection, task_definition).await;
    let mut with_logs = Vec::new();
    for cause in causes {
        let place = cause.container.as_ref().and_then(|container| places.get(container));
        let lines = match (place, &cause.container, &cause.task) {
            (Some(place), Some(container), Some(task)) => tail(connection, place, container, task).await,
            (_, _, _) => Vec::new(),
        };
        with_logs.push(cause.with_log(lines));
    }
    with_logs
}

/// The log of every container of a task definition that has one.
async fn places(connection: &Connection, task_definition: &str) -> BTreeMap<String, LogPlace> {
    let Ok(Some((definition, _))) = task_definition::describe(connection, task_definition).await else {
        return BTreeMap::new();
    };
    let place = |container: &aws_sdk_ecs::types::ContainerDefinition| {
        let options = container.log_configuration()?.options()?;
        let group = options.get("awslogs-group")?.clone();
        let prefix = options.get("awslogs-stream-prefix")?.clone();
        Some((container.name()?.to_owned(), LogPlace { group, prefix }))
    };
    definition.container_definitions().iter().filter_map(place).collect()
}

async fn tail(connection: &Connection, place: &LogPlace, container: &str, task: &str) -> Vec<String> {
    let stream = format!("{}/{container}/{task}", place.prefix);
    let got = connection
        .logs
        .get_log_events()
        .log_group_name(&place.group)
        .log_stream_name(stream)
        .limit(LINES_MAX)
        .start_from_head(false)
        .send()
        .await;
    let events = got.ok().and_then(|output| output.events).unwrap_or_default();
    events.iter().filter_map(|event| event.message()).map(shortened).collect()
}

fn shortened(line: &str) -> String {
    let line = line.trim_end();
    match line.char_indices().nth(LINE_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}
