//! Owns one registration of one target as all threads share it: who is in (I4), what was counted, which connections wait to be reused.
//!
//! It lives as long as anyone uses it and survives every re-application of the configuration that still names it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::TargetMetrics;
use seatrial_routing::occupancy::{Admission, Emptied, Occupancy};
use tokio::sync::mpsc::UnboundedSender;

use crate::histogram::Histogram;
use crate::http2::client::Http2Slot;
use crate::plane::event::Event;
use crate::plane::idle::IdlePool;

/// What distinguishes one registration from every other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TargetKey {
    pub group: TargetGroupArn,
    pub target: TargetId,
    pub registration: u64,
}

/// One registration of one target.
#[derive(Debug)]
pub(crate) struct Target {
    pub key: TargetKey,
    /// What a stickiness cookie names it by.
    pub digest: u64,
    occupancy: AtomicU64,
    /// How many of those in are copies, which nobody waits for.
    copies: AtomicU64,
    counters: Counters,
    /// By worker; connections belong to the thread that opened them.
    idle: Box<[IdlePool]>,
    http2: Box<[Http2Slot]>,
    events: UnboundedSender<Event>,
    /// A refused connection has been told of and not yet acted upon.
    hinted: AtomicBool,
}

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    answers: [AtomicU64; 6],
    connection_errors: AtomicU64,
    latency: Histogram,
}

/// A request's place at a target. The target is not drained while one exists.
#[derive(Debug)]
pub(crate) struct InFlight {
    target: Arc<Target>,
}

impl Target {
    pub fn new(key: TargetKey, digest: u64, workers: usize, events: UnboundedSender<Event>) -> Arc<Self> {
        Arc::new(Target {
            key,
            digest,
            occupancy: AtomicU64::new(0),
            copies: AtomicU64::new(0),
            counters: Counters::default(),
            idle: (0..workers).map(|_| IdlePool::default()).collect(),
            http2: (0..workers).map(|_| Http2Slot::default()).collect(),
            events,
            hinted: AtomicBool::new(false),
        })
    }

    /// Takes a place for a request, unless the target is draining. See [`seatrial_routing::occupancy`] for why this cannot race.
    pub fn enter(self: &Arc<Self>) -> Option<InFlight> {
        let before = Occupancy::of(self.occupancy.fetch_add(1, Ordering::AcqRel));
        let place = InFlight { target: Arc::clone(self) };
        match before.entered() {
            Admission::Admitted => Some(place),
            // Dropping the place takes the step back, and notices if it was the last.
            Admission::Refused => None,
        }
    }

    /// Refuses new requests from now on; tells of it once the last one has left, which may be at once.
    pub fn drain(self: &Arc<Self>) {
        let before = Occupancy::of(self.occupancy.fetch_or(Occupancy::DRAINING, Ordering::AcqRel));
        self.close_idle();
        if before.drain_began() == Emptied::Drained {
            self.tell(Event::Emptied(Arc::clone(self)));
        }
    }

    /// Takes requests again.
    pub fn undrain(&self) {
        self.occupancy.fetch_and(!Occupancy::DRAINING, Ordering::AcqRel);
    }

    pub fn is_draining(&self) -> bool {
        Occupancy::of(self.occupancy.load(Ordering::Acquire)).is_draining()
    }

    pub fn in_flight(&self) -> u64 {
        Occupancy::of(self.occupancy.load(Ordering::Relaxed)).in_flight()
    }

    /// The idle HTTP/1 connections of one worker.
    pub fn idle(&self, worker: usize) -> &IdlePool {
        &self.idle[worker]
    }

    /// The HTTP/2 connection of one worker.
    pub fn http2(&self, worker: usize) -> &Http2Slot {
        &self.http2[worker]
    }

    /// Closes the connections nobody uses, so that a server waiting for its connections to end can end.
    pub fn close_idle(&self) {
        self.idle.iter().for_each(IdlePool::clear);
        self.http2.iter().for_each(Http2Slot::clear);
    }

    /// Closes idle connections that are too old or that the target has closed.
    pub fn reap_idle(&self) {
        self.idle.iter().for_each(IdlePool::reap);
    }

    pub fn count_request(&self) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_answer(&self, status: u16, latency: Duration) {
        self.counters.answers[class(status)].fetch_add(1, Ordering::Relaxed);
        self.counters.latency.record(latency);
    }

    pub fn count_connection_error(&self) {
        self.counters.connection_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells that it refused a connection, so that it is checked at once; once until that has been heard.
    pub fn hint_refused(self: &Arc<Self>) {
        if !self.hinted.swap(true, Ordering::Relaxed) {
            self.tell(Event::Refused(Arc::clone(self)));
        }
    }

    pub fn hint_heard(&self) {
        self.hinted.store(false, Ordering::Relaxed);
    }

    pub fn metrics(&self) -> TargetMetrics {
        TargetMetrics {
            target_group: self.key.group.clone(),
            target: self.key.target,
            registration: self.key.registration,
            requests: self.counters.requests.load(Ordering::Relaxed),
            answers: self.counters.answers.each_ref().map(|count| count.load(Ordering::Relaxed)),
            connection_errors: self.counters.connection_errors.load(Ordering::Relaxed),
            in_flight: self.in_flight().saturating_sub(self.copies.load(Ordering::Relaxed)),
            latency: self.counters.latency.buckets(),
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens only while the data plane ends.
        let _ = self.events.send(event);
    }
}

impl InFlight {
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let before = Occupancy::of(self.target.occupancy.fetch_sub(1, Ordering::AcqRel));
        if before.left() == Emptied::Drained {
            self.target.tell(Event::Emptied(Arc::clone(&self.target)));
        }
    }
}

/// A copy's place. The target is not drained while one exists; to whoever counts requests it is none.
#[derive(Debug)]
pub(crate) struct CopyPlace(InFlight);

impl CopyPlace {
    pub fn new(place: InFlight) -> Self {
        place.target.copies.fetch_add(1, Ordering::Relaxed);
        CopyPlace(place)
    }

    pub fn target(&self) -> &Arc<Target> {
        &self.0.target
    }
}

impl Drop for CopyPlace {
    fn drop(&mut self) {
        self.0.target.copies.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The class of a status code as an index; what is no status code counts as 5xx.
pub(crate) fn class(status: u16) -> usize {
    if (100..600).contains(&status) { usize::from(status / 100) } else { 5 }
}

/// Locks a mutex whose data stays right even if a holder panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
