//! Counts what becomes of everything that is sent. Whatever is begun here is
//! settled exactly once, by its guard (see `pending`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, StatusCode};
use tokio::sync::Notify;

use crate::failure::{Failure, FailureKind};
use crate::latency::Latencies;
use crate::pending::{PendingRequest, PendingStream};
use crate::report::{FailureSample, LatencyReport, LoadReport, RequestReport, StreamReport, WebSocketReport};

/// Failures kept with their details, per kind: enough to see what happened.
const MAX_SAMPLES_PER_KIND: usize = 5;

/// Versions counted by name: more of them mean that the header is no version.
const MAX_VERSIONS: usize = 64;

/// Whether a request was meant to be slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    Ordinary,
    Slow,
}

/// A complete answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) speed: Speed,
    pub(crate) path: &'a str,
    /// From when a connection was free.
    pub(crate) service: Duration,
    /// From when the request was scheduled.
    pub(crate) corrected: Duration,
}

/// The counts of one load.
#[derive(Debug)]
pub(crate) struct Tally {
    began: Instant,
    version_header: HeaderName,
    counts: Mutex<Counts>,
    settled: Notify,
}

#[derive(Debug)]
pub(crate) struct Counts {
    /// The final report is made; what comes later is not counted.
    pub(crate) closed: bool,
    pub(crate) requests: RequestReport,
    pub(crate) streams: StreamReport,
    websockets: WebSocketReport,
    ordinary: Timing,
    slow: Timing,
    lag: Latencies,
    failures: BTreeMap<FailureKind, u64>,
    samples: Vec<FailureSample>,
}

#[derive(Debug)]
struct Timing {
    service: Latencies,
    corrected: Latencies,
}

impl Timing {
    fn new() -> Self {
        Timing { service: Latencies::new(), corrected: Latencies::new() }
    }

    fn report(&self) -> LatencyReport {
        LatencyReport { service: self.service.percentiles(), corrected: self.corrected.percentiles() }
    }
}

impl Tally {
    pub(crate) fn new(version_header: HeaderName) -> Arc<Self> {
        let counts = Counts {
            closed: false,
            requests: RequestReport::default(),
            streams: StreamReport::default(),
            websockets: WebSocketReport::default(),
            ordinary: Timing::new(),
            slow: Timing::new(),
            lag: Latencies::new(),
            failures: BTreeMap::new(),
            samples: Vec::new(),
        };
        Arc::new(Tally { began: Instant::now(), version_header, counts: Mutex::new(counts), settled: Notify::new() })
    }

    /// Returns when the load began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Counts a request as sent, started this long after it was due.
    pub(crate) fn send(self: &Arc<Self>, lag: Duration) -> PendingRequest {
        let mut counts = self.counts();
        counts.requests.sent += 1;
        counts.requests.in_flight += 1;
        counts.lag.record(lag);
        PendingRequest::new(Arc::clone(self))
    }

    /// Returns how many requests are not settled.
    pub(crate) fn in_flight(&self) -> u64 {
        self.counts().requests.in_flight
    }

    /// Tells who waits that a request was settled and none is left.
    pub(crate) fn none_in_flight(&self) {
        self.settled.notify_waiters();
    }

    /// Waits until every request is settled.
    pub(crate) async fn all_settled(&self) {
        loop {
            let settled = self.settled.notified();
            tokio::pin!(settled);
            settled.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            settled.await;
        }
    }

    /// Counts a streamed answer as begun.
    pub(crate) fn start_stream(self: &Arc<Self>) -> PendingStream {
        self.counts().streams.started += 1;
        PendingStream::new(Arc::clone(self))
    }

    /// Counts an event of the WebSockets.
    pub(crate) fn websocket(&self, count: impl FnOnce(&mut WebSocketReport)) {
        let mut counts = self.counts();
        if !counts.closed {
            count(&mut counts.websockets);
        }
    }

    /// Counts a WebSocket that did not end as it should.
    pub(crate) fn websocket_failed(&self, what: &str, detail: String) {
        let mut counts = self.counts();
        if !counts.closed {
            counts.websockets.failed += 1;
            self.note(&mut counts, what, Failure::new(FailureKind::Websocket, detail));
        }
    }

    /// Reports what was counted until now.
    pub(crate) fn report(&self, target: String, rate: f64, connections_opened: u64) -> LoadReport {
        let counts = self.counts();
        let requests = &counts.requests;
        assert_eq!(requests.sent, requests.answered + requests.failed + requests.in_flight, "a request was miscounted");
        LoadReport {
            target,
            rate,
            elapsed_ms: self.began.elapsed().as_millis() as u64,
            requests: RequestReport { connections_opened, ..requests.clone() },
            latency: counts.ordinary.report(),
            slow_latency: counts.slow.report(),
            generator_lag: counts.lag.percentiles(),
            websockets: counts.websockets,
            streams: counts.streams,
            failures: counts.failures.clone(),
            samples: counts.samples.clone(),
        }
    }

    /// Ends the count: requests that are not settled by now have failed, and
    /// nothing that happens later is counted.
    pub(crate) fn close(&self) {
        let mut counts = self.counts();
        for _ in 0..counts.requests.in_flight {
            let failure = Failure::new(FailureKind::Timeout, "no end within the final wait");
            self.fail_request(&mut counts, "request", failure);
        }
        counts.closed = true;
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no holder of the counts panics")
    }

    pub(crate) fn note(&self, counts: &mut Counts, what: &str, failure: Failure) {
        let Failure { kind, detail } = failure;
        let count = counts.failures.entry(kind).or_default();
        *count += 1;
        if *count <= MAX_SAMPLES_PER_KIND as u64 {
            let at_ms = self.began.elapsed().as_millis() as u64;
            counts.samples.push(FailureSample { at_ms, kind, what: what.to_owned(), detail });
        }
    }

    pub(crate) fn fail_request(&self, counts: &mut Counts, what: &str, failure: Failure) {
        counts.requests.in_flight -= 1;
        counts.requests.failed += 1;
        self.note(counts, what, failure);
    }

    pub(crate) fn count_answer(&self, counts: &mut Counts, answer: &Answer<'_>) {
        *counts.requests.by_status.entry(format!("{}xx", answer.status.as_u16() / 100)).or_default() += 1;
        self.count_version(&mut counts.requests.by_version, answer.headers);
        if answer.status.is_server_error() {
            let failure = Failure::new(FailureKind::Status5xx, format!("status {}", answer.status.as_u16()));
            self.fail_request(counts, answer.path, failure);
            return;
        }
        counts.requests.in_flight -= 1;
        counts.requests.answered += 1;
        let timing = match answer.speed {
            Speed::Ordinary => &mut counts.ordinary,
            Speed::Slow => &mut counts.slow,
        };
        timing.service.record(answer.service);
        timing.corrected.record(answer.corrected);
    }

    fn count_version(&self, by_version: &mut BTreeMap<String, u64>, headers: &HeaderMap) {
        let version = headers
            .get(&self.version_header)
            .map_or("(none)".into(), |value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(count) = by_version.get_mut(version.as_ref()) {
            *count += 1;
        } else if by_version.len() < MAX_VERSIONS {
            by_version.insert(version.into_owned(), 1);
        } else {
            *by_version.entry("(other)".to_owned()).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn tally() -> Arc<Tally> {
        Tally::new(HeaderName::from_static("x-demo-version"))
    }

    fn report(tally: &Tally) -> LoadReport {
        tally.report("http://127.0.0.1/".to_owned(), 1.0, 0)
    }

    fn answer(tally: &Arc<Tally>, status: StatusCode, version: &str) {
        let version = HeaderValue::from_str(version).expect("a valid header");
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-demo-version"), version)]);
        let (service, corrected) = (Duration::from_millis(1), Duration::from_millis(2));
        let speed = Speed::Ordinary;
        tally.send(Duration::ZERO).answered(&Answer {
            status,
            headers: &headers,
            speed,
            path: "/",
            service,
            corrected,
        });
    }

    #[test]
    fn dropped_request_has_failed_and_dropped_stream_is_abandoned() {
        let tally = tally();
        drop(tally.send(Duration::ZERO));
        drop(tally.start_stream());
        let report = report(&tally);
        assert_eq!((report.requests.sent, report.requests.failed, report.streams.abandoned), (1, 1, 1));
        assert_eq!(report.failed(), 1);
    }

    #[test]
    fn closing_fails_what_is_in_flight_and_counts_nothing_later() {
        let tally = tally();
        let late = tally.send(Duration::ZERO);
        tally.close();
        late.failed("/", Failure::new(FailureKind::Reset, "too late"));
        tally.websocket_failed("websocket 0", "too late".to_owned());
        let report = report(&tally);
        assert_eq!(report.failures, [(FailureKind::Timeout, 1)].into());
        assert_eq!((report.requests.sent, report.requests.failed, report.requests.in_flight), (1, 1, 0));
    }

    #[test]
    fn samples_and_versions_are_bounded_and_the_counts_exact() {
        let tally = tally();
        for number in 0..1000 {
            answer(&tally, StatusCode::BAD_GATEWAY, &format!("v{number}"));
        }
        let report = report(&tally);
        assert_eq!(report.failures, [(FailureKind::Status5xx, 1000)].into());
        assert_eq!(report.samples.len(), MAX_SAMPLES_PER_KIND);
        assert_eq!(report.requests.by_version.len(), MAX_VERSIONS + 1);
        assert_eq!(report.requests.by_version.values().sum::<u64>(), 1000);
    }
}
