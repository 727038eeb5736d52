//! Owns copies of requests: each is sent beside its original to a target of another group, and what comes back is compared and thrown
//! away.
//!
//! A copy is a task of its own on the original's worker. The original never waits for it and cannot fail by it: all it does is start the
//! task and, once it has its own answer, put status and latency into a channel. A request that is not copied does neither.
//!
//! A copy has a place at its target, so that a task is signalled only when its copies have ended too (I4), but it ends after
//! [`Limits::copy_time`](crate::limits::Limits::copy_time) whatever happens. It is counted here alone: the counters of targets and
//! listeners are of requests that somebody waits for.

pub(crate) mod counters;
mod parts;
mod raw;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use seatrial_model::load_balancing::ProtocolVersion;
use seatrial_routing::mirror::is_safe;
use seatrial_routing::{Mirror, RequestFacts};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::http1::fields::Framing;
use crate::http1::plan::Request;
use crate::mirror::counters::CopyCounters;
use crate::plane::routes::{Group, Routes};
use crate::plane::target::CopyPlace;
use crate::random::random_bits;
use crate::worker::shared::Worker;

/// Marks a copy. What a client sends under this name is removed, so that a target can rely on it.
pub(crate) const MIRROR_FIELD: &str = "X-Seatrial-Mirror";
const MIRROR_LINE: &[u8] = b"X-Seatrial-Mirror: true\r\n\r\n";

/// A request that was drawn to be copied, and where to.
#[derive(Debug)]
pub(crate) struct Mirroring {
    group: Arc<Group>,
    counters: Arc<CopyCounters>,
}

/// The original's end of a comparison; dropped without an answer, there is none.
#[derive(Debug)]
pub(crate) struct Original(oneshot::Sender<Outcome>);

/// An answer, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub status: u16,
    /// From the first attempt to send the request to the head of the answer.
    pub latency: Duration,
}

impl Original {
    /// Tells the copy what the original was answered.
    pub fn answered(self, status: u16, latency: Duration) {
        // The copy may have run out of time.
        let _ = self.0.send(Outcome { status, latency });
    }
}

impl Mirroring {
    /// Draws whether a request that goes to the group at position `chosen` is copied.
    pub fn draw(mirror: &Mirror<usize>, routes: &Routes, chosen: usize, facts: &dyn RequestFacts) -> Option<Self> {
        if mirror.group == chosen || !is_safe(facts.method()) || !mirror.takes(random_bits()) {
            return None;
        }
        let (group, original) = (&routes.groups[mirror.group], &routes.groups[chosen]);
        let counters = group.copies.as_ref()?;
        match (original.protocol, group.protocol) {
            (ProtocolVersion::Http1, ProtocolVersion::Http1) | (ProtocolVersion::Http2, ProtocolVersion::Http2) => {
                Some(Mirroring { group: Arc::clone(group), counters: Arc::clone(counters) })
            }
            // A request is written for the protocol of its original's target, and gRPC has no safe methods.
            (ProtocolVersion::Http1 | ProtocolVersion::Http2 | ProtocolVersion::Grpc, _) => None,
        }
    }

    /// Copies a request of HTTP/1 whose head for the target is `head`; only one that is nothing but its head.
    pub fn copy_head(self, head: &[u8], request: Request, worker: &Arc<Worker>) -> Option<Original> {
        if request.framing != Framing::None || request.upgrade {
            return None;
        }
        let mut marked = Vec::with_capacity(head.len() + MIRROR_LINE.len());
        marked.extend_from_slice(head.strip_suffix(b"\r\n").unwrap_or(head));
        marked.extend_from_slice(MIRROR_LINE);
        self.start(worker, move |errand| async move { raw::send(&errand, &marked, request.asked).await })
    }

    /// Copies a request in hyper's form that has no body and was prepared for its original's target.
    pub fn copy_parts(self, parts: &Parts, worker: &Arc<Worker>) -> Option<Original> {
        let (mut parts, protocol) = (parts.clone(), self.group.protocol);
        parts.headers.insert(MIRROR_FIELD, http::HeaderValue::from_static("true"));
        self.start(worker, move |errand| async move { parts::send(&errand, protocol, &parts).await })
    }

    fn start<F>(self, worker: &Arc<Worker>, send: impl FnOnce(Errand) -> F) -> Option<Original>
    where
        F: Future<Output = Option<Outcome>> + Send + 'static,
    {
        let permit = Arc::clone(&worker.copies).try_acquire_owned().ok();
        let admitted = permit.and_then(|permit| Some((permit, self.group.place_for_copy(worker.clock.now())?)));
        let Some((permit, place)) = admitted else {
            self.counters.count_dropped();
            return None;
        };
        self.counters.count_request();
        let deadline = Instant::now() + worker.limits.copy_time;
        let (original, told) = oneshot::channel();
        let sent = send(Errand { place, worker: Arc::clone(worker), deadline });
        let counters = self.counters;
        tokio::spawn(async move {
            let copy = sent.await;
            counters.count_answer(copy.map(|outcome| outcome.status));
            // An original that takes longer than a copy may is not compared; one that has been answered is found here at once.
            if let Ok(Ok(original)) = timeout_at(deadline, told).await {
                counters.compare(original, copy);
            }
            drop(permit);
        });
        Some(Original(original))
    }
}

/// A copy on its way: its place at the target, which it gives up when it ends.
struct Errand {
    place: CopyPlace,
    worker: Arc<Worker>,
    deadline: Instant,
}
