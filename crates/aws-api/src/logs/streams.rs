//! DescribeLogStreams.

use std::cmp::Reverse;

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::{Listing, Page};
use seatrial_engine::logs::{self, LogStream, find_group, group_arn};
use seatrial_engine::{Engine, Refusal, RuntimeError};
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{group_name, invalid, invalid_token, limit, unreadable};
use crate::operations::OperationError;

/// The largest page of log streams.
const PAGE_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeLogStreams {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OrderBy {
    Name,
    LastEvent,
}

pub(super) fn not_found() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeLogStreams = input.read()?;
    let group = group_name(request.log_group_name, request.log_group_identifier)?;
    let size = limit(request.limit, PAGE_MAX)?;
    let order = match request.order_by.as_deref() {
        None | Some("LogStreamName") => OrderBy::Name,
        Some("LastEventTime") => OrderBy::LastEvent,
        Some(_) => return Err(invalid("orderBy must be LogStreamName or LastEventTime.").into()),
    };
    let prefix = request.log_stream_name_prefix.as_deref();
    if order == OrderBy::LastEvent && prefix.is_some() {
        return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix.").into());
    }
    let mut streams = engine.read(|state| {
        find_group(state, &group)?;
        Ok::<_, Refusal>(logs::streams(state, &group))
    })?;
    streams.retain(|stream| prefix.is_none_or(|prefix| stream.name.starts_with(prefix)));
    streams.dedup_by(|later, earlier| later.name == earlier.name);
    let keyed = keyed(engine, streams, order).map_err(|error| unreadable(&error))?;
    let direction = if request.descending { "descending" } else { "ascending" };
    let order = match order {
        OrderBy::Name => "name",
        OrderBy::LastEvent => "last event",
    };
    let listing = Listing::new("DescribeLogStreams", [group.as_str(), prefix.unwrap_or_default(), order, direction]);
    let token = request.next_token.as_deref();
    let page: Page<(StreamKey, LogStream)> = if request.descending {
        listing.page(keyed.into_iter().rev(), |(key, _)| Reverse(key.clone()), token, size)
    } else {
        listing.page(keyed, |(key, _)| key.clone(), token, size)
    }
    .map_err(|_| invalid_token())?;
    let arn = engine.read(|state| group_arn(&state.scope, &group));
    let show = |(_, stream): &(StreamKey, LogStream)| show(engine, arn.as_str(), stream);
    let shown = page.items.iter().map(show).collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(&error))?;
    let mut answer = json!({ "logStreams": shown });
    if let Some(token) = page.next_token {
        answer["nextToken"] = json!(token);
    }
    Ok(answer)
}

/// The instant of the last event, where that orders the streams, and the name.
type StreamKey = (Timestamp, String);

fn keyed(
    engine: &Engine,
    streams: Vec<LogStream>,
    order: OrderBy,
) -> Result<Vec<(StreamKey, LogStream)>, RuntimeError> {
    let key = |stream: LogStream| {
        let last = match order {
            OrderBy::Name => None,
            OrderBy::LastEvent => engine.log_tail(&stream, 1)?.last().map(|line| line.at),
        };
        Ok(((last.unwrap_or(Timestamp::EPOCH), stream.name.clone()), stream))
    };
    let mut keyed = streams.into_iter().map(key).collect::<Result<Vec<_>, RuntimeError>>()?;
    keyed.sort();
    Ok(keyed)
}

fn show(engine: &Engine, group_arn: &str, stream: &LogStream) -> Result<Value, RuntimeError> {
    let mut shown = json!({
        "logStreamName": stream.name,
        "creationTime": stream.created_at.as_millis(),
        "arn": format!("{group_arn}:log-stream:{}", stream.name),
        "storedBytes": 0,
    });
    let first = engine.log_lines(stream, Timestamp::EPOCH, 1)?;
    if let (Some(first), Some(last)) = (first.first(), engine.log_tail(stream, 1)?.last()) {
        shown["firstEventTimestamp"] = json!(first.at.as_millis());
        shown["lastEventTimestamp"] = json!(last.at.as_millis());
        shown["lastIngestionTime"] = json!(last.at.as_millis());
    }
    Ok(shown)
}
