//! What was begun and is not settled yet: guards that see to it that everything
//! is counted exactly once, by their methods or by being dropped.

use std::sync::Arc;

use crate::failure::{Failure, FailureKind};
use crate::tally::{Answer, Counts, Tally};

/// A request that was counted as sent and not yet as anything else.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    tally: Arc<Tally>,
    settled: bool,
}

impl PendingRequest {
    pub(crate) fn new(tally: Arc<Tally>) -> Self {
        PendingRequest { tally, settled: false }
    }

    /// Counts the request's complete answer.
    pub(crate) fn answered(mut self, answer: &Answer<'_>) {
        self.settle(|tally, counts| tally.count_answer(counts, answer));
    }

    /// Counts the request as failed.
    pub(crate) fn failed(mut self, path: &str, failure: Failure) {
        self.settle(|tally, counts| tally.fail_request(counts, path, failure));
    }

    fn settle(&mut self, count: impl FnOnce(&Tally, &mut Counts)) {
        self.settled = true;
        let mut counts = self.tally.counts();
        if counts.closed {
            return;
        }
        count(&self.tally, &mut counts);
        if counts.requests.in_flight == 0 {
            self.tally.none_in_flight();
        }
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        if !self.settled {
            let failure = Failure::new(FailureKind::ProtocolError, "given up by the generator itself");
            self.settle(|tally, counts| tally.fail_request(counts, "request", failure));
        }
    }
}

/// A streamed answer that was counted as begun and not yet as anything else.
#[derive(Debug)]
pub(crate) struct PendingStream {
    tally: Arc<Tally>,
    settled: bool,
}

impl PendingStream {
    pub(crate) fn new(tally: Arc<Tally>) -> Self {
        PendingStream { tally, settled: false }
    }

    /// Counts bytes of the body.
    pub(crate) fn received(&self, bytes: u64) {
        let mut counts = self.tally.counts();
        if !counts.closed {
            counts.streams.bytes += bytes;
        }
    }

    /// Counts the stream as whole.
    pub(crate) fn completed(mut self) {
        self.settle(|_, counts| counts.streams.completed += 1);
    }

    /// Counts the stream as failed.
    pub(crate) fn failed(mut self, path: &str, failure: Failure) {
        self.settle(|tally, counts| {
            counts.streams.failed += 1;
            tally.note(counts, path, failure);
        });
    }

    fn settle(&mut self, count: impl FnOnce(&Tally, &mut Counts)) {
        self.settled = true;
        let mut counts = self.tally.counts();
        if !counts.closed {
            count(&self.tally, &mut counts);
        }
    }
}

impl Drop for PendingStream {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(|_, counts| counts.streams.abandoned += 1);
        }
    }
}
