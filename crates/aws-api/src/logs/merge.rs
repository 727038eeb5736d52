//! Several streams read as one, ordered by time, and by stream where times are equal.

use seatrial_engine::logs::LogStream;
use seatrial_engine::{Engine, RuntimeError};
use seatrial_model::{ContainerName, Timestamp};
use serde::{Deserialize, Serialize};

use super::place::{Begin, Place, PlacedLine, read};

/// The most lines held in memory for one look at the streams.
const LINES_MAX: usize = 20_000;
/// The fewest lines read of each stream in one look, so that many streams do not mean many looks.
const LINES_PER_STREAM_MIN: usize = 16;

/// The place of a line among the lines of all streams.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct MergedPlace {
    pub at: Timestamp,
    pub stream: String,
    /// Streams of several containers can have the same name.
    container: ContainerName,
    pub ordinal: u64,
}

/// A line of one of the streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MergedLine {
    pub place: MergedPlace,
    pub message: String,
}

/// The next lines of several streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    /// In order; later looks give later places only.
    pub lines: Vec<MergedLine>,
    /// Whether the streams had no more at that moment.
    pub is_all: bool,
}

/// Reads on after a place, or from an instant when there is none: about `wanted` lines of each stream.
pub(super) fn next(
    engine: &Engine,
    streams: &[LogStream],
    from: Timestamp,
    after: Option<&MergedPlace>,
    wanted: usize,
) -> Result<Batch, RuntimeError> {
    let wanted = wanted.min(LINES_MAX / streams.len().max(1)).max(LINES_PER_STREAM_MIN);
    let mut lines = Vec::new();
    // Streams that have more are known up to their last line read only; nobody's lines beyond the earliest such are sure to be next.
    let mut horizon: Option<MergedPlace> = None;
    for stream in streams {
        let found = read(engine, stream, begin(stream, from, after), wanted)?;
        let merged = found.lines.into_iter().map(|line| merged(stream, line));
        let first = lines.len();
        lines.extend(merged);
        if let Some(last) = lines[first..].last().filter(|_| !found.is_all) {
            let place = last.place.clone();
            horizon = Some(horizon.map_or(place.clone(), |horizon| horizon.min(place)));
        }
    }
    lines.sort_by(|a, b| a.place.cmp(&b.place));
    let is_all = horizon.is_none();
    if let Some(horizon) = horizon {
        lines.truncate(lines.partition_point(|line| line.place <= horizon));
    }
    Ok(Batch { lines, is_all })
}

fn begin(stream: &LogStream, from: Timestamp, after: Option<&MergedPlace>) -> Begin {
    let Some(after) = after.filter(|after| after.at >= from) else { return Begin::At(from) };
    let identity = (&stream.name, &stream.container);
    match identity.cmp(&(&after.stream, &after.container)) {
        std::cmp::Ordering::Less => Begin::After(Place { at: after.at, ordinal: u64::MAX }),
        std::cmp::Ordering::Equal => Begin::After(Place { at: after.at, ordinal: after.ordinal }),
        std::cmp::Ordering::Greater => Begin::At(after.at),
    }
}

fn merged(stream: &LogStream, line: PlacedLine) -> MergedLine {
    let place = MergedPlace {
        at: line.place.at,
        stream: stream.name.clone(),
        container: stream.container.clone(),
        ordinal: line.place.ordinal,
    };
    MergedLine { place, message: line.message }
}
