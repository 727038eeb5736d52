//! Where a line is: its instant, and which of its stream's lines of that instant it is. Places outlive the request, as tokens.

use seatrial_engine::logs::LogStream;
use seatrial_engine::{Engine, LogLine, RuntimeError};
use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The place of a line in its stream. Lines of a stream never go back in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Place {
    pub at: Timestamp,
    /// Counts the lines of the same millisecond from 0.
    pub ordinal: u64,
}

/// A line and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlacedLine {
    pub place: Place,
    pub message: String,
}

/// From where a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// At an instant, lines of that instant included.
    At(Timestamp),
    /// After a line.
    After(Place),
}

/// Some lines of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    pub lines: Vec<PlacedLine>,
    /// Whether the stream had no more at that moment.
    pub is_all: bool,
}

/// Reads lines of a stream, oldest first: about `wanted` of them, one at least if there is any.
pub(super) fn read(engine: &Engine, stream: &LogStream, begin: Begin, wanted: usize) -> Result<Lines, RuntimeError> {
    let since = match begin {
        Begin::At(at) => at,
        Begin::After(place) => place.at,
    };
    let mut limit = wanted.max(1);
    loop {
        let read = engine.log_lines(stream, since, limit)?;
        let is_all = read.len() < limit;
        let mut lines = placed(read);
        if let Begin::After(place) = begin {
            lines.retain(|line| line.place > place);
        }
        if is_all || !lines.is_empty() {
            return Ok(Lines { lines, is_all });
        }
        // Every line read was of one millisecond and given out before. A stream's files are bounded, so this ends.
        limit = limit.saturating_mul(2);
    }
}

/// Gives lines their places. The first line must be the first of its millisecond.
pub(super) fn placed(lines: Vec<LogLine>) -> Vec<PlacedLine> {
    let mut before: Option<Place> = None;
    lines
        .into_iter()
        .map(|line| {
            let ordinal = before.filter(|place| place.at == line.at).map_or(0, |place| place.ordinal + 1);
            let place = Place { at: line.at, ordinal };
            before = Some(place);
            PlacedLine { place, message: line.message }
        })
        .collect()
}
