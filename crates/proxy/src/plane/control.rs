//! Owns the data plane as a whole, and the one thread that changes what workers read: configurations, health, drains.
//!
//! Everything that changes state arrives here as a command or an event and is handled to its end before the next; workers only ever
//! read snapshots. So a report is always about the state after the last configuration applied.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use seatrial_ports::balancer::{BalancerConfig, BalancerMetrics, BalancerReport};
use seatrial_routing::PinPolicy;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::Clock;
use crate::limits::{COPIES_MAX, Limits, METRICS_INTERVAL, REAP_INTERVAL};
use crate::panic::AbortOnPanic;
use crate::plane::event::Event;
use crate::plane::state::State;
use crate::worker::shared::Worker;
use crate::worker::thread;

/// How a data plane runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataPlaneOptions {
    /// Threads that serve requests, at least 1.
    pub workers: usize,
    pub limits: Limits,
    /// How long `AWSALBTG` binds a client to its target group.
    pub pin_policy: PinPolicy,
}

/// A report, and the generation of the configuration it is about.
pub type TaggedReports = Arc<dyn Fn(u64, BalancerReport) + Send + Sync>;

/// A running data plane. Dropped, it ends, and every connection with it.
#[derive(Debug)]
pub struct DataPlane {
    commands: Option<UnboundedSender<Command>>,
    open_connections: Arc<[AtomicUsize]>,
    threads: Vec<JoinHandle<()>>,
}

pub(crate) enum Command {
    Apply(BalancerConfig, BTreeMap<SocketAddr, TcpListener>),
    ReportMetrics,
    Metrics(mpsc::Sender<BalancerMetrics>),
    Sockets(mpsc::Sender<io::Result<BTreeMap<SocketAddr, TcpListener>>>),
    EndListeners,
}

impl DataPlane {
    /// Starts the threads. Reports come from the control thread and must not block.
    pub fn start(options: DataPlaneOptions, reports: TaggedReports) -> io::Result<Self> {
        let clock = Clock::start();
        let count = options.workers.max(1);
        let open: Arc<[AtomicUsize]> = (0..count).map(|_| AtomicUsize::new(0)).collect();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..count).map(|_| unbounded_channel()).unzip();
        let senders: Arc<[_]> = senders.into();
        let mut threads = Vec::new();
        for (index, commands) in receivers.into_iter().enumerate() {
            let copies = Arc::new(Semaphore::new(COPIES_MAX));
            let worker = Worker { index, clock, limits: options.limits, open: Arc::clone(&open), copies };
            threads.push(thread::spawn(Arc::new(worker), commands, Arc::clone(&senders))?);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (commands, inbox) = unbounded_channel();
        let (events, incidents) = unbounded_channel();
        let state = State::new(clock, senders, events, reports, options.pin_policy);
        let control = move || {
            let _guard = AbortOnPanic;
            runtime.block_on(run(state, inbox, incidents));
        };
        threads.push(std::thread::Builder::new().name("control".to_owned()).spawn(control)?);
        Ok(DataPlane { commands: Some(commands), open_connections: open, threads })
    }

    /// Puts a configuration into effect; `sockets` are listening sockets it needs beside those already given.
    ///
    /// Every state is reported afterwards, changed or not, then `Applied`.
    pub fn apply(&self, config: BalancerConfig, sockets: BTreeMap<SocketAddr, TcpListener>) {
        self.command(Command::Apply(config, sockets));
    }

    /// Asks for a report of metrics now.
    pub fn report_metrics(&self) {
        self.command(Command::ReportMetrics);
    }

    /// Reads the metrics.
    pub fn metrics(&self) -> BalancerMetrics {
        let (reply, metrics) = mpsc::channel();
        self.command(Command::Metrics(reply));
        metrics.recv().unwrap_or_default()
    }

    /// Duplicates the listening sockets.
    pub fn sockets(&self) -> io::Result<BTreeMap<SocketAddr, TcpListener>> {
        let (reply, sockets) = mpsc::channel();
        self.command(Command::Sockets(reply));
        sockets.recv().map_err(io::Error::other)?
    }

    /// Stops listening. Every connection ends with its next answer, or soon if it asks for none.
    pub fn end_listeners(&self) {
        self.command(Command::EndListeners);
    }

    /// Counts the connections of clients.
    pub fn open_connections(&self) -> usize {
        self.open_connections.iter().map(|open| open.load(Ordering::Relaxed)).sum()
    }

    fn command(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // The thread lives as long as this handle.
            let _ = commands.send(command);
        }
    }
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.commands = None;
        for thread in self.threads.drain(..) {
            // They end the process when they panic.
            let _ = thread.join();
        }
    }
}

async fn run(mut state: State, mut commands: UnboundedReceiver<Command>, mut events: UnboundedReceiver<Event>) {
    let mut metrics = interval(METRICS_INTERVAL);
    let mut reap = interval(REAP_INTERVAL);
    metrics.set_missed_tick_behavior(MissedTickBehavior::Delay);
    reap.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => return,
                Some(Command::Apply(config, sockets)) => state.apply(config, sockets).await,
                Some(Command::ReportMetrics) => state.report_metrics(),
                Some(Command::Metrics(reply)) => drop(reply.send(state.metrics())),
                Some(Command::EndListeners) => state.end_listeners().await,
                Some(Command::Sockets(reply)) => drop(reply.send(state.sockets())),
            },
            event = events.recv() => {
                if let Some(event) = event {
                    state.handle(event);
                }
            }
            _ = metrics.tick() => state.report_metrics(),
            _ = reap.tick() => state.reap_idle(),
        }
    }
}
