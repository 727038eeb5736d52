//! Owns one listener as all threads share it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use seatrial_ports::balancer::ListenerMetrics;
use tokio::sync::Notify;

use crate::plane::routes::Routes;
use crate::plane::target::class;

/// A listener and what its requests are decided by.
#[derive(Debug)]
pub(crate) struct Listener {
    pub arn: String,
    pub address: SocketAddr,
    /// `X-Forwarded-Proto` and `X-Forwarded-Port` as whole lines.
    pub forwarded_lines: Vec<u8>,
    /// Address and port as a `Host`.
    pub host: String,
    pub routes: ArcSwap<Routes>,
    pub counters: Counters,
    ending: AtomicBool,
    ended: Arc<Notify>,
    closing: AtomicBool,
    closed: Arc<Notify>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    connections: AtomicU64,
    open_connections: AtomicU64,
    balancer_answers: [AtomicU64; 6],
    balancer_502: AtomicU64,
    balancer_503: AtomicU64,
    balancer_504: AtomicU64,
    clients_gone: AtomicU64,
}

impl Listener {
    pub fn new(arn: String, address: SocketAddr, routes: Routes) -> Self {
        Listener {
            arn,
            address,
            forwarded_lines: format!("X-Forwarded-Proto: http\r\nX-Forwarded-Port: {}\r\n", address.port())
                .into_bytes(),
            host: address.to_string(),
            routes: ArcSwap::from_pointee(routes),
            counters: Counters::default(),
            ending: AtomicBool::new(false),
            ended: Arc::new(Notify::new()),
            closing: AtomicBool::new(false),
            closed: Arc::new(Notify::new()),
        }
    }

    /// Stops accepting and makes every further answer the last of its connection; idle connections stay until [`Listener::close`].
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Ends, and closes idle connections at once.
    pub fn close(&self) {
        self.end();
        self.closing.store(true, Ordering::Release);
        self.closed.notify_waiters();
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    /// Notifies of the end.
    pub fn ended(&self) -> &Arc<Notify> {
        &self.ended
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Notifies of the closing.
    pub fn closed(&self) -> &Arc<Notify> {
        &self.closed
    }
}

impl Counters {
    pub fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an answer the balancer made itself.
    pub fn count_answer(&self, status: u16) {
        self.balancer_answers[class(status)].fetch_add(1, Ordering::Relaxed);
        match status {
            502 => self.balancer_502.fetch_add(1, Ordering::Relaxed),
            503 => self.balancer_503.fetch_add(1, Ordering::Relaxed),
            504 => self.balancer_504.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// Counts a request whose client left before it was answered; ELB logs it as 460.
    pub fn count_client_gone(&self) {
        self.clients_gone.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open_connections.fetch_add(1, Ordering::Relaxed);
    }

    pub fn count_closed(&self) {
        self.open_connections.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn metrics(&self) -> ListenerMetrics {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ListenerMetrics {
            requests: read(&self.requests),
            connections: read(&self.connections),
            open_connections: read(&self.open_connections),
            balancer_answers: self.balancer_answers.each_ref().map(read),
            balancer_502: read(&self.balancer_502),
            balancer_503: read(&self.balancer_503),
            balancer_504: read(&self.balancer_504),
            clients_gone: read(&self.clients_gone),
        }
    }
}
