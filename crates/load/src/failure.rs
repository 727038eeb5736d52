//! The kinds of failure, and how an error of the protocol library becomes one.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::Serialize;

use crate::connection::Reuse;

/// A connection that was used before and breaks this soon after a request was
/// written, without one byte of an answer, was probably closed by the server
/// while it was idle. Longer than a loopback or data-centre round trip, shorter
/// than a request that is really being worked on.
const KEEP_ALIVE_RACE_WINDOW: Duration = Duration::from_millis(50);

/// A wait for a connection that is worth mentioning.
const NOTABLE_WAIT: Duration = Duration::from_millis(10);

/// What became of a request that was not answered as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Nothing listens at the address.
    ConnectRefused,
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// No connection for another reason, such as no file descriptors left.
    ConnectFailed,
    /// All connections were busy for as long as a request may take: the
    /// generator's own limit, not necessarily the target's fault.
    ConnectionLimit,
    /// The connection was reset before the answer began.
    Reset,
    /// The connection was closed before the answer began.
    ClosedBeforeAnswer,
    /// A kept-alive connection turned out to be closed by the server just when
    /// it was used again. Allowed by HTTP/1.1, and a failure nevertheless: this
    /// generator does not retry.
    KeepAliveRace,
    /// The answer began and did not end.
    BodyTruncated,
    /// The answer was not complete in time.
    Timeout,
    /// The answer was complete, with a status of 500 or above.
    #[serde(rename = "status_5xx")]
    Status5xx,
    /// What came was not a valid answer.
    ProtocolError,
    /// A WebSocket could not be opened, lost a message or did not end cleanly.
    Websocket,
}

impl FailureKind {
    /// Returns the name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            FailureKind::ConnectRefused => "connect_refused",
            FailureKind::ConnectTimeout => "connect_timeout",
            FailureKind::ConnectFailed => "connect_failed",
            FailureKind::ConnectionLimit => "connection_limit",
            FailureKind::Reset => "reset",
            FailureKind::ClosedBeforeAnswer => "closed_before_answer",
            FailureKind::KeepAliveRace => "keep_alive_race",
            FailureKind::BodyTruncated => "body_truncated",
            FailureKind::Timeout => "timeout",
            FailureKind::Status5xx => "status_5xx",
            FailureKind::ProtocolError => "protocol_error",
            FailureKind::Websocket => "websocket",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One failure: its kind and what happened in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Failure { kind, detail: detail.into() }
    }

    /// Adds how long the request waited before it got a connection, if that was long.
    pub(crate) fn after_waiting(mut self, waited: Duration) -> Self {
        if waited >= NOTABLE_WAIT {
            self.detail.push_str(&format!(", having waited {} ms for its turn", waited.as_millis()));
        }
        self
    }

    /// A connection that could not be opened.
    pub(crate) fn connecting(error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => FailureKind::ConnectRefused,
            io::ErrorKind::TimedOut => FailureKind::ConnectTimeout,
            io::ErrorKind::ConnectionReset => FailureKind::Reset,
            _ => FailureKind::ConnectFailed,
        };
        Failure::new(kind, error.to_string())
    }

    /// An error before the head of an answer was complete, this long after the
    /// request was handed to the connection.
    pub(crate) fn before_head(error: &hyper::Error, reuse: Reuse, waited: Duration) -> Self {
        let kind = match (Cause::of(error), reuse) {
            (Cause::Unprocessed, Reuse::KeptAlive(_) | Reuse::Shared) => FailureKind::KeepAliveRace,
            (Cause::Reset | Cause::Closed, Reuse::KeptAlive(_)) if waited < KEEP_ALIVE_RACE_WINDOW => {
                FailureKind::KeepAliveRace
            }
            (Cause::Reset, _) => FailureKind::Reset,
            (Cause::Closed | Cause::Unprocessed, _) => FailureKind::ClosedBeforeAnswer,
            (Cause::Protocol, _) => FailureKind::ProtocolError,
        };
        let connection = match reuse {
            Reuse::New => "on a new connection".to_owned(),
            Reuse::KeptAlive(idle) => format!("on a connection kept alive, idle for {} ms", idle.as_millis()),
            Reuse::Shared => "on a shared connection".to_owned(),
        };
        Failure::new(kind, format!("{}, after {} ms {connection}", chain(error), waited.as_millis()))
    }

    /// An error within the body of an answer.
    pub(crate) fn in_body(error: &hyper::Error, received: u64) -> Self {
        let kind = match Cause::of(error) {
            Cause::Reset | Cause::Closed | Cause::Unprocessed => FailureKind::BodyTruncated,
            Cause::Protocol => FailureKind::ProtocolError,
        };
        Failure::new(kind, format!("{} after {received} bytes of the body", chain(error)))
    }
}

/// Why the protocol library gave up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Reset,
    Closed,
    /// The request was not written, or the server said that it did nothing about it (RFC 9113, 8.7).
    Unprocessed,
    Protocol,
}

impl Cause {
    fn of(error: &hyper::Error) -> Cause {
        if let Some(error) = find::<h2::Error>(error) {
            return Cause::of_http2(error);
        }
        if let Some(error) = find::<io::Error>(error) {
            return Cause::of_io(error);
        }
        if error.is_canceled() {
            return Cause::Unprocessed;
        }
        if error.is_incomplete_message() || error.is_closed() {
            return Cause::Closed;
        }
        Cause::Protocol
    }

    fn of_http2(error: &h2::Error) -> Cause {
        match (error.get_io(), error.reason()) {
            (Some(error), _) => Cause::of_io(error),
            (None, Some(h2::Reason::REFUSED_STREAM)) => Cause::Unprocessed,
            (None, Some(h2::Reason::NO_ERROR)) if error.is_go_away() => Cause::Unprocessed,
            (None, _) if error.is_reset() => Cause::Reset,
            (None, _) => Cause::Protocol,
        }
    }

    fn of_io(error: &io::Error) -> Cause {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
                Cause::Reset
            }
            io::ErrorKind::UnexpectedEof | io::ErrorKind::NotConnected => Cause::Closed,
            _ => Cause::Protocol,
        }
    }
}

fn find<E: Error + 'static>(error: &hyper::Error) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}

/// Renders an error with its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in causes(error) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_reports_and_in_json_are_the_same() {
        for kind in [FailureKind::Status5xx, FailureKind::KeepAliveRace, FailureKind::Websocket] {
            let json = serde_json::to_value(kind).expect("serializable");
            assert_eq!(json, kind.as_str());
        }
    }
}
