//! FilterLogEvents: the events of a log group's streams, interleaved by time. What `aws logs tail` asks, again and again.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::logs::{self, LogStream};
use seatrial_engine::{Engine, Refusal};
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer::{Budget, group_name, instant, invalid, invalid_token, limit, readable_from, unreadable};
use super::merge::{MergedLine, MergedPlace, next};
use super::pattern::Pattern;
use super::streams::not_found;
use crate::operations::OperationError;

/// The most events of one answer.
const EVENTS_MAX: usize = 10_000;
/// The most streams a request can name.
const STREAM_NAMES_MAX: usize = 100;
/// The lines looked at for one answer: a pattern that hardly ever matches gives an empty page with a token, as in CloudWatch Logs.
const SCANNED_MAX: usize = 200_000;
/// How many times more lines each further look of one search reads.
const LOOK_GROWTH: usize = 4;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterLogEvents {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

pub(super) fn filter(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: FilterLogEvents = input.read()?;
    let group = group_name(request.log_group_name.clone(), request.log_group_identifier.clone())?;
    let limit = limit(request.limit, EVENTS_MAX)?;
    let pattern = Pattern::parse(request.filter_pattern.as_deref().unwrap_or_default())?;
    let end = instant("endTime", request.end_time)?;
    let from = readable_from(engine, &group, instant("startTime", request.start_time)?)?;
    let listing = listing(&group, &request);
    let after: Option<MergedPlace> = match &request.next_token {
        Some(token) => Some(listing.open(token).map_err(|_| invalid_token())?),
        None => None,
    };
    let since = after.as_ref().map_or(from, |place| from.max(place.at));
    let mut streams = chosen(engine, &group, &request)?;
    streams.retain(|stream| {
        stream.ended_at.is_none_or(|ended| ended >= since) && end.is_none_or(|end| stream.created_at <= end)
    });
    let search = Search { streams, from, end, pattern, limit };
    let found = search.run(engine, after)?;
    let mut answer = json!({
        "events": found.events.iter().map(show).collect::<Vec<_>>(),
        "searchedLogStreams": [],
    });
    if let Some(place) = found.more_after {
        answer["nextToken"] = json!(listing.seal(&place));
    }
    Ok(answer)
}

/// A search, whichever page of it.
struct Search {
    streams: Vec<LogStream>,
    from: Timestamp,
    /// Events of this instant are given out.
    end: Option<Timestamp>,
    pattern: Pattern,
    limit: usize,
}

struct Found {
    events: Vec<MergedLine>,
    /// The last line looked at, unless there was none after it.
    more_after: Option<MergedPlace>,
}

impl Search {
    fn run(&self, engine: &Engine, mut after: Option<MergedPlace>) -> Result<Found, OperationError> {
        let (mut events, mut budget, mut scanned) = (Vec::new(), Budget::default(), 0);
        // One line more than asked for tells whether there are any; where a pattern matches rarely, looks get longer.
        let mut wanted = self.limit + 1;
        loop {
            let batch = next(engine, &self.streams, self.from, after.as_ref(), wanted);
            let batch = batch.map_err(|error| unreadable(&error))?;
            wanted = wanted.saturating_mul(LOOK_GROWTH);
            for line in batch.lines {
                if self.end.is_some_and(|end| line.place.at > end) {
                    return Ok(Found { events, more_after: None });
                }
                scanned += 1;
                if self.pattern.matches(&line.message) {
                    if events.len() >= self.limit || !budget.take(&line.message) {
                        return Ok(Found { events, more_after: after });
                    }
                    after = Some(line.place.clone());
                    events.push(line);
                } else {
                    after = Some(line.place);
                }
            }
            if batch.is_all {
                return Ok(Found { events, more_after: None });
            }
            if scanned >= SCANNED_MAX {
                return Ok(Found { events, more_after: after });
            }
        }
    }
}

fn chosen(engine: &Engine, group: &str, request: &FilterLogEvents) -> Result<Vec<LogStream>, Refusal> {
    let names = request.log_stream_names.as_deref().unwrap_or_default();
    if names.len() > STREAM_NAMES_MAX {
        return Err(invalid(format!("At most {STREAM_NAMES_MAX} log streams can be named.")));
    }
    let prefix = request.log_stream_name_prefix.as_deref();
    if prefix.is_some() && !names.is_empty() {
        return Err(invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters."));
    }
    let mut streams = engine.read(|state| logs::streams(state, group));
    if names.iter().any(|name| !streams.iter().any(|stream| stream.name == *name)) {
        return Err(not_found());
    }
    streams.retain(|stream| {
        (names.is_empty() || names.contains(&stream.name))
            && prefix.is_none_or(|prefix| stream.name.starts_with(prefix))
    });
    Ok(streams)
}

/// Binds a token to everything that decides which events there are, so that it cannot wander to another search.
fn listing(group: &str, request: &FilterLogEvents) -> Listing {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let (start, end) = (number(request.start_time), number(request.end_time));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (prefix, pattern) = (text(&request.log_stream_name_prefix), text(&request.filter_pattern));
    let names = request.log_stream_names.iter().flatten().map(String::as_str);
    Listing::new("FilterLogEvents", [group, &start, &end, &prefix, &pattern].into_iter().chain(names))
}

fn show(event: &MergedLine) -> Value {
    let millis = event.place.at.as_millis();
    json!({
        "logStreamName": event.place.stream,
        "timestamp": millis,
        "message": event.message,
        "ingestionTime": millis,
        "eventId": event_id(event),
    })
}

/// Returns 56 digits, as CloudWatch Logs does: the same for the same event, in the order of time.
fn event_id(event: &MergedLine) -> String {
    let place = &event.place;
    let digest = Sha256::digest(place.stream.as_bytes());
    let stream = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{:016}{stream:020}{:020}", place.at.as_millis(), place.ordinal)
}
