//! `logs`: what the containers of services wrote, from CloudWatch Logs, oldest first; following on demand.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use serde::Serialize;
use time::OffsetDateTime;

use crate::aws::{Connection, DoingExt};
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::log_tasks;
use crate::plan::Plan;

/// Most pages read of one log group at a time: CloudWatch gives up to 10,000 lines each.
const PAGES_MAX: usize = 20;

/// How far back a look reaches behind the newest line seen: lines of different tasks arrive out of order.
const OVERLAP: Duration = Duration::from_secs(10);

/// Code for a log group that does not exist.
pub(crate) const MISSING_GROUP: &str = "ResourceNotFoundException";

/// Which lines.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// How far back.
    pub since: Duration,
    /// Beginning of the id of the only task wanted.
    pub task: Option<String>,
    /// A CloudWatch Logs filter pattern.
    pub filter: Option<String>,
    pub following: Following,
}

/// Whether to go on with lines as they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    UntilInterrupted,
    Not,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    pub service: ServiceName,
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
    pub container: String,
    pub task: String,
    pub message: String,
}

/// Sends the lines of a plan's services to `sink`, in batches that are sorted by time.
pub async fn logs(
    connection: &Connection,
    plan: &Plan,
    query: &LogQuery,
    mut interrupt: Interrupt,
    mut sink: impl FnMut(LogLine),
) -> Result<(), ReleaseError> {
    let mut feeds: Vec<Feed> = Vec::new();
    for service in &plan.services {
        for group in &service.log_groups {
            feeds.push(Feed::new(&service.name, group, query));
        }
    }
    if feeds.is_empty() {
        return Err(ReleaseError::not_possible(
            "no service of this environment writes to CloudWatch Logs",
            "give its containers the awslogs log driver",
        ));
    }
    if let Some(wanted) = &query.task {
        log_tasks::require(connection, plan, wanted).await?;
    }
    loop {
        let mut lines = Vec::new();
        for feed in &mut feeds {
            lines.extend(feed.read(connection, query).await?);
        }
        lines.sort_by_key(|line| line.at);
        lines.into_iter().for_each(&mut sink);
        match query.following {
            Following::Not => return Ok(()),
            Following::UntilInterrupted if interrupt.sleep(connection.poll_interval()).await => return Ok(()),
            Following::UntilInterrupted => {}
        }
    }
}

/// One log group and how far it has been read.
struct Feed {
    service: ServiceName,
    group: String,
    /// Milliseconds since 1970 from which the next read starts.
    from: i64,
    /// Ids of lines at or after `from` that have been given out already.
    seen: BTreeSet<(i64, String)>,
}

impl Feed {
    fn new(service: &ServiceName, group: &str, query: &LogQuery) -> Self {
        let from = milliseconds(OffsetDateTime::now_utc() - query.since);
        Self { service: service.clone(), group: group.to_owned(), from, seen: BTreeSet::new() }
    }

    async fn read(&mut self, connection: &Connection, query: &LogQuery) -> Result<Vec<LogLine>, ReleaseError> {
        let mut events = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let filtered = connection
                .logs
                .filter_log_events()
                .log_group_name(&self.group)
                .start_time(self.from)
                .set_filter_pattern(query.filter.clone())
                .set_next_token(token)
                .send()
                .await;
            let output = match filtered.doing(|| format!("reading log group {}", self.group)) {
                Ok(output) => output,
                Err(error) if error.has_code(MISSING_GROUP) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            events.extend(output.events.unwrap_or_default());
            token = output.next_token;
            if token.is_none() {
                break;
            }
        }
        Ok(self.fresh(&events, query))
    }

    /// The lines not given out yet, and the place from which the next read starts.
    fn fresh(&mut self, events: &[FilteredLogEvent], query: &LogQuery) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for event in events {
            let at = event.timestamp().unwrap_or_default();
            let stream = event.log_stream_name().unwrap_or_default();
            let id = event
                .event_id()
                .map_or_else(|| format!("{stream}{}", event.message().unwrap_or_default()), ToOwned::to_owned);
            if self.seen.insert((at, id)) {
                lines.extend(self.line(at, stream, event.message().unwrap_or_default(), query));
            }
        }
        if let Some((newest, _)) = self.seen.last() {
            self.from = self.from.max(newest - i64::try_from(OVERLAP.as_millis()).unwrap_or(0));
            self.seen = self.seen.split_off(&(self.from, String::new()));
        }
        lines
    }

    fn line(&self, at: i64, stream: &str, message: &str, query: &LogQuery) -> Option<LogLine> {
        let (container, task) = parts(stream);
        if query.task.as_ref().is_some_and(|wanted| !task.starts_with(wanted.as_str())) {
            return None;
        }
        Some(LogLine {
            service: self.service.clone(),
            at: OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000).ok(),
            container: container.to_owned(),
            task: task.to_owned(),
            message: message.trim_end_matches(['\r', '\n']).to_owned(),
        })
    }
}

/// Container and task of a stream `prefix/container/task`.
pub(crate) fn parts(stream: &str) -> (&str, &str) {
    let mut parts = stream.rsplit('/');
    let task = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), task)
}

fn milliseconds(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, id: &str, message: &str) -> FilteredLogEvent {
        FilteredLogEvent::builder().timestamp(at).event_id(id).log_stream_name("ecs/web/0123").message(message).build()
    }

    #[test]
    fn a_line_is_given_out_once_even_when_it_is_read_twice() {
        let query = LogQuery {
            since: Duration::from_secs(60),
            task: None,
            filter: None,
            following: Following::UntilInterrupted,
        };
        let mut feed =
            Feed { service: "web".parse().expect("name"), group: "g".into(), from: 0, seen: BTreeSet::new() };
        let texts = |lines: Vec<LogLine>| lines.into_iter().map(|line| line.message).collect::<Vec<_>>();
        assert_eq!(texts(feed.fresh(&[event(20_000, "1", "a\n"), event(20_001, "2", "b")], &query)), ["a", "b"]);
        assert_eq!(feed.from, 10_001);
        let late_and_new =
            [event(15_000, "3", "late"), event(20_000, "1", "a"), event(20_001, "2", "b"), event(20_002, "4", "c")];
        assert_eq!(texts(feed.fresh(&late_and_new, &query)), ["late", "c"]);
    }

    #[test]
    fn lines_of_other_tasks_are_left_out_when_one_is_wanted() {
        let query = LogQuery {
            since: Duration::from_secs(60),
            task: Some("99".into()),
            filter: None,
            following: Following::Not,
        };
        let mut feed =
            Feed { service: "web".parse().expect("name"), group: "g".into(), from: 0, seen: BTreeSet::new() };
        assert_eq!(feed.fresh(&[event(1, "1", "a")], &query), []);
    }
}
