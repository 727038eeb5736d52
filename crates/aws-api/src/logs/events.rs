//! GetLogEvents: one stream, forwards and backwards. At either end the token given is the token that asked, as clients expect.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::Engine;
use seatrial_engine::logs::{self, LogStream};
use seatrial_model::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Budget, group_name, instant, invalid_token, limit, readable_from, unreadable};
use super::place::{Begin, Place, PlacedLine, placed, read};
use super::streams::not_found;
use crate::operations::OperationError;

/// The most events of one answer.
const EVENTS_MAX: usize = 10_000;

/// What begins a token that leads to later events, and one that leads to earlier ones.
const FORWARD: &str = "f/";
const BACKWARD: &str = "b/";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GetLogEvents {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    next_token: Option<String>,
    limit: Option<i64>,
    #[serde(default)]
    start_from_head: bool,
}

/// Which events are asked for. A place may be none: of a stream that had no events yet.
#[derive(Clone, Copy, Debug)]
enum Direction {
    /// The earliest after a place.
    Forward(Option<Place>),
    /// The latest before a place.
    Backward(Option<Place>),
}

pub(super) fn get(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: GetLogEvents = input.read()?;
    let group = group_name(request.log_group_name, request.log_group_identifier)?;
    let limit = limit(request.limit, EVENTS_MAX)?;
    let from = readable_from(engine, &group, instant("startTime", request.start_time)?)?;
    let end = instant("endTime", request.end_time)?;
    let name = &request.log_stream_name;
    let stream = engine.read(|state| logs::streams(state, &group).into_iter().find(|stream| stream.name == *name));
    let stream = stream.ok_or_else(not_found)?;
    let listing = Listing::new("GetLogEvents", [group.as_str(), name]);
    let direction = match &request.next_token {
        Some(token) => direction(&listing, token)?,
        None if request.start_from_head => Direction::Forward(None),
        None => Direction::Backward(None),
    };
    let events = match direction {
        Direction::Forward(after) => forward(engine, &stream, from, end, after, limit)?,
        Direction::Backward(before) => backward(engine, &stream, from, end, before, limit)?,
    };
    // Where there is nothing to give, both tokens lead on from where this request stood.
    let here = match direction {
        Direction::Forward(place) | Direction::Backward(place) => place,
    };
    let last = events.last().map(|event| event.place).or(here);
    let first = events.first().map(|event| event.place).or(here);
    Ok(json!({
        "events": events.iter().map(show).collect::<Vec<_>>(),
        "nextForwardToken": format!("{FORWARD}{}", listing.seal(&last)),
        "nextBackwardToken": format!("{BACKWARD}{}", listing.seal(&first)),
    }))
}

fn direction(listing: &Listing, token: &str) -> Result<Direction, OperationError> {
    let open = |sealed: &str| listing.open(sealed).map_err(|_| invalid_token());
    if let Some(sealed) = token.strip_prefix(FORWARD) {
        Ok(Direction::Forward(open(sealed)?))
    } else if let Some(sealed) = token.strip_prefix(BACKWARD) {
        Ok(Direction::Backward(open(sealed)?))
    } else {
        Err(invalid_token().into())
    }
}

fn forward(
    engine: &Engine,
    stream: &LogStream,
    from: Timestamp,
    end: Option<Timestamp>,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<PlacedLine>, OperationError> {
    let mut begin = match after {
        Some(place) if place.at >= from => Begin::After(place),
        Some(_) | None => Begin::At(from),
    };
    let (mut events, mut budget) = (Vec::new(), Budget::default());
    loop {
        let found = read(engine, stream, begin, limit).map_err(|error| unreadable(&error))?;
        for line in found.lines {
            let is_past = end.is_some_and(|end| line.place.at >= end);
            if is_past || events.len() >= limit || !budget.take(&line.message) {
                return Ok(events);
            }
            begin = Begin::After(line.place);
            events.push(line);
        }
        if found.is_all {
            return Ok(events);
        }
    }
}

/// Reads the whole stream where the end is not simply its newest line: its files are bounded.
fn backward(
    engine: &Engine,
    stream: &LogStream,
    from: Timestamp,
    end: Option<Timestamp>,
    before: Option<Place>,
    limit: usize,
) -> Result<Vec<PlacedLine>, OperationError> {
    let lines = engine.log_lines(stream, from, usize::MAX).map_err(|error| unreadable(&error))?;
    let mut lines = placed(lines);
    lines.retain(|line| end.is_none_or(|end| line.place.at < end) && before.is_none_or(|before| line.place < before));
    let mut budget = Budget::default();
    let taken = lines.iter().rev().take(limit).take_while(|line| budget.take(&line.message)).count();
    Ok(lines.split_off(lines.len() - taken))
}

fn show(event: &PlacedLine) -> Value {
    let millis = event.place.at.as_millis();
    json!({ "timestamp": millis, "message": event.message, "ingestionTime": millis })
}
