//! Owns the thread that keeps a proxy running and in line with what the engine wants.
//!
//! It is idle unless something arrives: an order of the engine, a message of the proxy, or the end of the connection to it, which is how
//! a dead proxy is noticed, within microseconds. Everything the proxy has to know is sent again to each new one: sockets, configuration,
//! last known health. So a restart needs no special case.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{io, thread};

use seatrial_ports::balancer::{BalancerConfig, BalancerReport, BalancerReports};

use crate::balancer::desired::Desired;
use crate::balancer::handle::ProxySettings;
use crate::balancer::known::Known;
use crate::balancer::session::{self, Session};
use crate::control::message::{ToEngine, ToProxy};
use crate::control::wire;
use crate::limits::{
    BIND_RETRY, PROXY_RESTART_PAUSE, PROXY_RESTART_PAUSE_MAX, PROXY_SETTLED_TIME, PROXY_SILENCE_TIME, REAP_INTERVAL,
};

/// What arrives at the supervisor.
pub(super) enum Order {
    Apply(BalancerConfig),
    ReportMetrics,
    /// End the proxy.
    Stop,
    /// Let the proxy go on by itself.
    Leave,
    /// A message of the proxy, and which connection it came on.
    Said(u64, ToEngine),
    /// A connection has ended.
    Ended(u64),
}

pub(super) struct Supervisor {
    settings: ProxySettings,
    reports: BalancerReports,
    orders: Sender<Order>,
    process_id: Arc<AtomicU32>,
    desired: Desired,
    known: Known,
    connection: Option<Connection>,
    /// Processes started here that have not been seen to end.
    children: Vec<Child>,
    /// Counts connections.
    count: u64,
    pause: Duration,
    retry_at: Instant,
}

struct Connection {
    number: u64,
    sender: wire::Sender,
    child: Option<Child>,
    began: Instant,
    /// The addresses whose sockets it has.
    sockets: Vec<SocketAddr>,
    /// When it last said something; absent until it has been told a configuration, before which it has nothing to say.
    heard_at: Option<Instant>,
}

impl Supervisor {
    pub fn new(
        settings: ProxySettings,
        reports: BalancerReports,
        orders: Sender<Order>,
        process_id: Arc<AtomicU32>,
    ) -> Self {
        Supervisor {
            settings,
            reports,
            orders,
            process_id,
            desired: Desired::default(),
            known: Known::default(),
            connection: None,
            children: Vec::new(),
            count: 0,
            pause: Duration::ZERO,
            retry_at: Instant::now(),
        }
    }

    /// Runs until it is told to stop or to leave.
    pub fn run(mut self, inbox: &Receiver<Order>) {
        loop {
            self.children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
            if self.connection.is_none() && Instant::now() >= self.retry_at {
                self.connect();
            }
            let order = match self.patience() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(patience) => inbox.recv_timeout(patience),
            };
            match order {
                Ok(Order::Apply(config)) => self.apply(config),
                Ok(Order::ReportMetrics) => self.tell(&ToProxy::ReportMetrics),
                Ok(Order::Said(number, message)) if self.is_present(number) => self.heard(message),
                Ok(Order::Ended(number)) if self.is_present(number) => self.lost(),
                Ok(Order::Said(..) | Order::Ended(_)) => {}
                Ok(Order::Stop) => return self.stop(),
                Ok(Order::Leave) | Err(RecvTimeoutError::Disconnected) => return self.leave(),
                Err(RecvTimeoutError::Timeout) => {
                    self.end_silence();
                    if self.desired.has_problems() && self.desired.open_missing() {
                        self.push();
                    }
                }
            }
        }
    }

    /// How long to wait for the next order at most.
    fn patience(&self) -> Option<Duration> {
        let until_retry = self.connection.is_none().then(|| self.retry_at.saturating_duration_since(Instant::now()));
        let until_reap = (!self.children.is_empty()).then_some(REAP_INTERVAL);
        let until_bind = self.desired.has_problems().then_some(BIND_RETRY);
        let heard_at = self.connection.as_ref().and_then(|connection| connection.heard_at);
        let until_silence = heard_at.map(|heard_at| PROXY_SILENCE_TIME.saturating_sub(heard_at.elapsed()));
        [until_silence, until_retry, until_reap, until_bind].into_iter().flatten().min()
    }

    fn apply(&mut self, config: BalancerConfig) {
        if !self.desired.take(config) {
            return;
        }
        if let Some(config) = self.desired.config() {
            self.known.configure(config);
        }
        self.push();
    }

    /// Sends the present configuration and the sockets it needs, and reports the listeners it cannot have.
    fn push(&mut self) {
        for (arn, problem) in self.desired.impossible() {
            (self.reports)(BalancerReport::Listener { arn, outcome: Err(problem) });
        }
        let Some(mut config) = self.desired.possible() else { return };
        self.known.complete(&mut config);
        let Some(connection) = &mut self.connection else { return };
        if let Err(error) = connection.push(&self.desired, config) {
            tracing::warn!(%error, "could not tell the proxy its configuration");
            connection.sender.close();
        }
    }

    fn connect(&mut self) {
        match session::open(&self.settings).and_then(|session| self.begin(session)) {
            Ok(()) => self.push(),
            Err(error) => {
                tracing::error!(%error, "could not start the proxy");
                self.slow_down();
            }
        }
    }

    fn begin(&mut self, session: Session) -> io::Result<()> {
        let Session { sender, mut receiver, process_id, child, sockets, has_sockets } = session;
        self.count += 1;
        let (number, orders) = (self.count, self.orders.clone());
        let read = move || {
            while let Ok(Some(message)) = receiver.receive::<ToEngine>() {
                if orders.send(Order::Said(number, message)).is_err() {
                    return;
                }
            }
            // Nobody waits any more once the supervisor has ended.
            let _ = orders.send(Order::Ended(number));
        };
        thread::Builder::new().name("proxy".to_owned()).spawn(read)?;
        let present = if has_sockets { sockets.keys().copied().collect() } else { Vec::new() };
        self.desired.adopt(sockets);
        self.connection =
            Some(Connection { number, sender, child, began: Instant::now(), sockets: present, heard_at: None });
        self.process_id.store(process_id, Ordering::Release);
        tracing::info!(process_id, "connected to the proxy");
        Ok(())
    }

    fn heard(&mut self, message: ToEngine) {
        if let Some(connection) = &mut self.connection {
            connection.heard_at = connection.heard_at.map(|_| Instant::now());
        }
        match message {
            // What is about an older configuration will be said again about the newer one.
            ToEngine::Report { generation, .. }
                if self.desired.generation().is_none_or(|newest| generation < newest) => {}
            ToEngine::Report { report, .. } => {
                if matches!(report, BalancerReport::Applied { .. }) {
                    self.desired.close_unwanted();
                }
                if self.known.is_news(&report) {
                    (self.reports)(report);
                }
            }
            ToEngine::Hello { .. } | ToEngine::Socket { .. } | ToEngine::SocketsSent | ToEngine::Retired => {}
        }
    }

    /// Gives up a connection on which the proxy has said nothing for too long.
    fn end_silence(&mut self) {
        let heard_at = self.connection.as_ref().and_then(|connection| connection.heard_at);
        if heard_at.is_some_and(|heard_at| heard_at.elapsed() >= PROXY_SILENCE_TIME) {
            tracing::warn!("the proxy has been silent for too long");
            self.lost();
        }
    }

    /// The proxy has died, or closed the connection: reaches it again, or starts another, at once if it had been running well.
    fn lost(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        connection.sender.close();
        self.process_id.store(0, Ordering::Release);
        let ran = connection.began.elapsed();
        tracing::warn!(after = ?ran, "the connection to the proxy has ended");
        self.children.extend(connection.child);
        if ran < PROXY_SETTLED_TIME {
            self.slow_down();
        } else {
            self.pause = Duration::ZERO;
            self.retry_at = Instant::now();
        }
    }

    /// Pauses before the next attempt; not before the first.
    fn slow_down(&mut self) {
        self.retry_at = Instant::now() + self.pause;
        self.pause = (self.pause * 2).clamp(PROXY_RESTART_PAUSE, PROXY_RESTART_PAUSE_MAX);
    }

    fn stop(mut self) {
        let Some(connection) = self.connection.take() else { return };
        if connection.sender.send(&ToProxy::Stop, None).is_err() {
            connection.sender.close();
        }
        if let Some(mut child) = connection.child {
            return wait(&mut child);
        }
        // Not our child: its end is the end of its lock.
        let began = Instant::now();
        while began.elapsed() < PROXY_SETTLED_TIME
            && let Ok(None) = crate::control::socket::lock(&self.settings.directory)
        {
            thread::sleep(crate::limits::PROXY_CONNECT_RETRY);
        }
    }

    fn leave(self) {
        if let Some(connection) = self.connection {
            connection.sender.close();
        }
    }

    fn tell(&self, message: &ToProxy) {
        if let Some(connection) = &self.connection
            && let Err(error) = connection.sender.send(message, None)
        {
            tracing::warn!(%error, "could not reach the proxy");
            connection.sender.close();
        }
    }

    fn is_present(&self, number: u64) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.number == number)
    }
}

impl Connection {
    fn push(&mut self, desired: &Desired, config: BalancerConfig) -> io::Result<()> {
        // With this configuration the proxy closes every socket that it does not name.
        let is_named = |address: &SocketAddr| config.listeners.iter().any(|listener| listener.address == *address);
        self.sockets.retain(is_named);
        for (address, socket) in desired.sockets() {
            if is_named(address) && !self.sockets.contains(address) {
                self.sender.send(&ToProxy::Socket { address: *address }, Some(socket.as_fd()))?;
                self.sockets.push(*address);
            }
        }
        self.heard_at.get_or_insert_with(Instant::now);
        self.sender.send(&ToProxy::Config(config), None)
    }
}

/// Waits, within reason, for a process that has been told to end.
fn wait(child: &mut Child) {
    let began = Instant::now();
    while began.elapsed() < PROXY_SETTLED_TIME {
        match child.try_wait() {
            Ok(None) => thread::sleep(Duration::from_millis(1)),
            Ok(Some(_)) | Err(_) => return,
        }
    }
}
