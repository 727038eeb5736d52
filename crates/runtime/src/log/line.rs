//! The form of one line in a log file.

use seatrial_model::Timestamp;
use seatrial_ports::runtime::LogLine;

/// Where a container wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

impl Stream {
    const fn letter(self) -> u8 {
        match self {
            Stream::Output => b'o',
            Stream::Error => b'e',
        }
    }
}

/// Appends a line, its end included.
pub(super) fn render(at: Timestamp, stream: Stream, message: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(at.as_millis().to_string().as_bytes());
    into.extend_from_slice(&[b' ', stream.letter(), b' ']);
    into.extend_from_slice(message);
    into.push(b'\n');
}

/// Reads the time of a line; none when it is not one of ours, which only a damaged file makes happen.
pub(super) fn time(line: &[u8]) -> Option<Timestamp> {
    let digits = line.split(|byte| *byte == b' ').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok().map(Timestamp::from_millis)
}

/// Reads a line without its end.
pub(super) fn parse(line: &[u8]) -> Option<LogLine> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let at = time(parts.next()?)?;
    parts.next()?;
    Some(LogLine { at, message: String::from_utf8_lossy(parts.next()?).into_owned() })
}
