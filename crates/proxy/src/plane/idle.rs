//! Owns the idle HTTP/1 connections of one worker to one target, the most recently used first.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::limits::{IDLE_PER_TARGET_MAX, IDLE_UPSTREAM_TIME, PARTING_MAX, PARTING_TIME};
use crate::plane::target::lock;

/// Connections waiting for their next request. Only their own worker uses them; others at most close them.
#[derive(Debug, Default)]
pub(crate) struct IdlePool {
    connections: Mutex<Vec<Idle>>,
    /// Connections the target has been asked to close.
    parting: Mutex<VecDeque<Idle>>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl IdlePool {
    /// Takes a connection that, as far as is known, the target has neither closed nor written to.
    pub fn take(&self) -> Option<TcpStream> {
        let mut connections = lock(&self.connections);
        while let Some(idle) = connections.pop() {
            if is_quiet(&idle.stream) {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keeps a connection for the next request, unless there are enough.
    pub fn put(&self, stream: TcpStream, since: Instant) {
        let mut connections = lock(&self.connections);
        if connections.len() < IDLE_PER_TARGET_MAX {
            connections.push(Idle { stream, since });
        }
    }

    /// Leaves a connection for the target to close, which it has been asked to: whoever closes first keeps the port for a while. One that
    /// does not is closed after a moment.
    pub fn part(&self, stream: TcpStream, since: Instant) {
        let mut parting = lock(&self.parting);
        if parting.len() >= PARTING_MAX {
            parting.pop_front();
        }
        parting.push_back(Idle { stream, since });
    }

    /// Closes the connection that has waited longest, because another one is opened instead of using one of these.
    pub fn shed(&self) {
        let mut connections = lock(&self.connections);
        if !connections.is_empty() {
            connections.remove(0);
        }
    }

    pub fn clear(&self) {
        let connections = std::mem::take(&mut *lock(&self.connections));
        drop(connections);
        lock(&self.parting).clear();
    }

    pub fn reap(&self) {
        let now = Instant::now();
        let is_within = |idle: &Idle, time| now.saturating_duration_since(idle.since) < time;
        lock(&self.connections).retain(|idle| is_within(idle, IDLE_UPSTREAM_TIME) && is_quiet(&idle.stream));
        lock(&self.parting).retain(|idle| is_within(idle, PARTING_TIME) && is_quiet(&idle.stream));
    }
}

/// Whether nothing can be read, not even the end. Costs a system call only if the kernel has reported something.
fn is_quiet(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}
