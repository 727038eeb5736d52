//! Owns the proxy's side of the control socket.
//!
//! One engine at a time: a new connection ends the former one. While there is none the data plane goes on by itself; what changes
//! meanwhile is told to the next engine after its first configuration, since every configuration makes the data plane report everything.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use seatrial_ports::balancer::{BalancerConfig, BalancerReport};

use crate::control::build::build_of_this_program;
use crate::control::message::{ToEngine, ToProxy};
use crate::control::socket;
use crate::control::wire::{Receiver, Sender, split};
use crate::limits::{CONTROL_PROTOCOL, ORPHAN_TIME, REPORTS_QUEUED_MAX, RETIRE_POLL, RETIRE_TIME};
use crate::plane::control::{DataPlane, DataPlaneOptions};
use crate::plane::target::lock;

/// Messages for the engine that is connected, if one is.
#[derive(Debug, Default)]
struct Outbox {
    state: Mutex<Queue>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Counts connections; only the last one's messages are kept.
    session: u64,
    connected: bool,
    /// The engine has sent a configuration, so reports mean something to it.
    reports: bool,
    messages: VecDeque<(ToEngine, Option<OwnedFd>)>,
}

/// What a connection ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Disconnected,
    Retired,
    Stopped,
}

/// Serves engines on the control socket, one after the other, until one says that the proxy shall end.
pub(crate) fn serve(
    directory: PathBuf,
    exclusive: File,
    listener: UnixListener,
    options: DataPlaneOptions,
) -> io::Result<()> {
    let outbox = Arc::new(Outbox::default());
    let reports = {
        let outbox = Arc::clone(&outbox);
        Arc::new(move |generation, report| outbox.report(generation, report))
    };
    let plane = Arc::new(DataPlane::start(options, reports)?);
    let (ended, ends) = std::sync::mpsc::channel();
    let build = build_of_this_program();
    let accepting = {
        let (plane, outbox) = (Arc::clone(&plane), Arc::clone(&outbox));
        move || {
            for stream in listener.incoming().flatten() {
                let (plane, outbox, ended) = (Arc::clone(&plane), Arc::clone(&outbox), ended.clone());
                let talk = move || {
                    let result = converse(stream, build, &plane, &outbox);
                    // Nobody waits any more only when the process is ending.
                    let _ = ended.send(result);
                };
                if let Err(error) = thread::Builder::new().name("engine".to_owned()).spawn(talk) {
                    tracing::error!(%error, "could not serve a control connection");
                }
            }
        }
    };
    thread::Builder::new().name("accept".to_owned()).spawn(accepting)?;
    loop {
        let end = match ends.recv_timeout(ORPHAN_TIME) {
            Ok(end) => end,
            Err(RecvTimeoutError::Timeout) if !outbox.is_connected() && plane.sockets()?.is_empty() => return Ok(()),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        match end {
            Ok(Ended::Disconnected) => tracing::info!("the engine has disconnected; serving goes on"),
            Ok(Ended::Stopped) => return Ok(()),
            Ok(Ended::Retired) => {
                retire(&directory, exclusive, &plane, &outbox);
                return Ok(());
            }
            Err(error) => tracing::warn!(%error, "the control connection broke; serving goes on"),
        }
    }
}

/// Makes way for another proxy, and ends when the last connection has.
///
/// What is in flight here is not known to the next proxy: a target it reports as drained may still have a request of an old connection.
fn retire(directory: &std::path::Path, exclusive: File, plane: &DataPlane, outbox: &Outbox) {
    if let Err(error) = socket::remove(directory) {
        tracing::warn!(%error, "could not remove the control socket");
    }
    drop(exclusive);
    outbox.put(ToEngine::Retired, None);
    let began = Instant::now();
    plane.end_listeners();
    while plane.open_connections() > 0 && began.elapsed() < RETIRE_TIME {
        thread::sleep(RETIRE_POLL);
    }
}

/// Talks with one engine until the connection ends.
fn converse(stream: UnixStream, build: u64, plane: &DataPlane, outbox: &Arc<Outbox>) -> io::Result<Ended> {
    let (sender, mut receiver) = split(stream)?;
    let session = outbox.begin();
    let process_id = std::process::id();
    outbox.put(ToEngine::Hello { protocol: CONTROL_PROTOCOL, build, process_id }, None);
    let writing = {
        let outbox = Arc::clone(outbox);
        move || outbox.write(session, &sender)
    };
    thread::Builder::new().name("reports".to_owned()).spawn(writing)?;
    let ended = listen(session, &mut receiver, plane, outbox);
    if !matches!(ended, Ok(Ended::Retired)) {
        outbox.end(session);
    }
    ended
}

fn listen(session: u64, receiver: &mut Receiver, plane: &DataPlane, outbox: &Outbox) -> io::Result<Ended> {
    let mut sockets = BTreeMap::new();
    let mut newest: Option<u64> = None;
    while let Some(message) = receiver.receive::<ToProxy>()? {
        match message {
            ToProxy::Socket { address } => {
                sockets.insert(address, TcpListener::from(receiver.take_descriptor()?));
            }
            // The same generation may come again, with listeners that could not be opened before.
            ToProxy::Config(config) if newest.is_some_and(|newest| config.generation < newest) => {
                tracing::warn!(generation = config.generation, "an older configuration came late and is ignored");
            }
            ToProxy::Config(config) => {
                newest = Some(config.generation);
                apply(session, config, std::mem::take(&mut sockets), plane, outbox);
            }
            ToProxy::ReportMetrics => plane.report_metrics(),
            ToProxy::SendSockets => {
                for (address, socket) in plane.sockets()? {
                    outbox.put(ToEngine::Socket { address }, Some(socket.into()));
                }
                outbox.put(ToEngine::SocketsSent, None);
            }
            ToProxy::Retire => return Ok(Ended::Retired),
            ToProxy::Stop => return Ok(Ended::Stopped),
        }
    }
    Ok(Ended::Disconnected)
}

fn apply(
    session: u64,
    config: BalancerConfig,
    sockets: BTreeMap<std::net::SocketAddr, TcpListener>,
    plane: &DataPlane,
    outbox: &Outbox,
) {
    outbox.allow_reports(session);
    plane.apply(config, sockets);
}

impl Outbox {
    /// Begins a connection, which ends the former.
    fn begin(&self) -> u64 {
        let mut queue = lock(&self.state);
        let session = queue.session + 1;
        *queue = Queue { session, connected: true, ..Queue::default() };
        self.filled.notify_all();
        session
    }

    fn end(&self, session: u64) {
        let mut queue = lock(&self.state);
        if queue.session == session {
            *queue = Queue { session: session + 1, ..Queue::default() };
        }
        self.filled.notify_all();
    }

    fn is_connected(&self) -> bool {
        lock(&self.state).connected
    }

    fn allow_reports(&self, session: u64) {
        let mut queue = lock(&self.state);
        queue.reports |= queue.session == session;
    }

    fn report(&self, generation: u64, report: BalancerReport) {
        let mut queue = lock(&self.state);
        if !queue.reports {
            return;
        }
        if queue.messages.len() < REPORTS_QUEUED_MAX {
            queue.messages.push_back((ToEngine::Report { generation, report }, None));
        } else {
            // An engine that does not read would miss something: it has to connect and be told everything again.
            *queue = Queue { session: queue.session + 1, ..Queue::default() };
        }
        self.filled.notify_all();
    }

    fn put(&self, message: ToEngine, descriptor: Option<OwnedFd>) {
        lock(&self.state).messages.push_back((message, descriptor));
        self.filled.notify_all();
    }

    /// Writes the messages of one connection until it ends.
    fn write(&self, session: u64, sender: &Sender) {
        while let Some((message, descriptor)) = self.next(session) {
            if let Err(error) = sender.send(&message, descriptor.as_ref().map(AsFd::as_fd)) {
                tracing::info!(%error, "could not write to the engine");
                break;
            }
        }
        sender.close();
    }

    fn next(&self, session: u64) -> Option<(ToEngine, Option<OwnedFd>)> {
        let mut queue = lock(&self.state);
        loop {
            if queue.session != session {
                return None;
            }
            if let Some(message) = queue.messages.pop_front() {
                return Some(message);
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
