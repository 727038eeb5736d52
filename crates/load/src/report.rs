//! What became of a load, exactly.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::failure::FailureKind;
use crate::latency::Percentiles;

/// The result of a load. Times are in milliseconds or, with `_us`, in
/// microseconds.
///
/// A final report satisfies `requests.sent == requests.answered +
/// requests.failed`, `streams.started == streams.completed + streams.failed +
/// streams.abandoned`, and `failures` sums up to [`LoadReport::failed`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LoadReport {
    /// Where the requests went.
    pub target: String,
    /// Requests per second, as planned.
    pub rate: f64,
    /// Time from the start of the load to this report.
    pub elapsed_ms: u64,
    /// The requests, ordinary and slow ones.
    pub requests: RequestReport,
    /// Latency of ordinary requests that were answered.
    pub latency: LatencyReport,
    /// Latency of slow requests that were answered.
    pub slow_latency: LatencyReport,
    /// How late the generator itself started requests. Above a few milliseconds
    /// the machine is too busy for the rate, and latencies say less about the target.
    pub generator_lag: Percentiles,
    /// The WebSockets.
    pub websockets: WebSocketReport,
    /// The streamed answers.
    pub streams: StreamReport,
    /// All failures by kind.
    pub failures: BTreeMap<FailureKind, u64>,
    /// The first few failures of each kind, in the order they happened.
    pub samples: Vec<FailureSample>,
}

/// What became of the requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RequestReport {
    /// Requests started.
    pub sent: u64,
    /// Requests with a complete answer and a status below 500.
    pub answered: u64,
    /// All others that came to an end.
    pub failed: u64,
    /// Requests still waiting for their end; 0 in a final report.
    pub in_flight: u64,
    /// Complete answers by the class of their status, `2xx` to `5xx`.
    pub by_status: BTreeMap<String, u64>,
    /// Complete answers by the value of the version header; `(none)` without it.
    pub by_version: BTreeMap<String, u64>,
    /// Connections opened for requests.
    pub connections_opened: u64,
}

/// Latency measured in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LatencyReport {
    /// From when a connection was free (opening one is included) to the end of the answer.
    pub service: Percentiles,
    /// From when the request was scheduled to the end of the answer: what a
    /// user feels when the target stalls.
    pub corrected: Percentiles,
}

/// What became of the WebSockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct WebSocketReport {
    /// WebSockets opened, reopened ones included.
    pub opened: u64,
    /// Messages sent.
    pub messages_sent: u64,
    /// Messages that came back as they were sent. The rest was lost with a
    /// failed WebSocket, or is still under way in a report that is not final.
    pub messages_echoed: u64,
    /// WebSockets the server closed cleanly (1000 or 1001, nothing lost), and
    /// that were opened again.
    pub reconnects: u64,
    /// WebSockets that could not be opened or did not end cleanly.
    pub failed: u64,
}

/// What became of the streamed answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct StreamReport {
    /// Streams requested.
    pub started: u64,
    /// Streams that were whole.
    pub completed: u64,
    /// Streams that were not.
    pub failed: u64,
    /// Streams the generator gave up at its end, without fault up to there.
    pub abandoned: u64,
    /// Bytes of bodies received.
    pub bytes: u64,
}

/// One failure that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureSample {
    /// Time from the start of the load to the end of the request.
    pub at_ms: u64,
    /// The kind of failure.
    pub kind: FailureKind,
    /// What was tried, for example a path.
    pub what: String,
    /// What happened.
    pub detail: String,
}

impl LoadReport {
    /// Returns the number of failures of all kinds: requests, WebSockets and streams.
    pub fn failed(&self) -> u64 {
        self.requests.failed + self.websockets.failed + self.streams.failed
    }
}
