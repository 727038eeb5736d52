//! Owns a worker's thread: a single-threaded runtime that accepts and serves connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender};

use crate::http1::connection::Connection;
use crate::panic::AbortOnPanic;
use crate::plane::listener::Listener;
use crate::worker::accept::accept;
use crate::worker::shared::Worker;

/// What a worker is told to do.
#[derive(Debug)]
pub(crate) enum WorkerCommand {
    /// Accept on a socket until the listener ends; the token is dropped when accepting has ended.
    Listen { listener: Arc<Listener>, socket: TcpListener, token: Sender<()> },
    /// Serve a connection that another worker accepted.
    Serve { stream: io::Result<std::net::TcpStream>, peer: SocketAddr, listener: Arc<Listener> },
    /// End, and every connection with it.
    Stop,
}

/// Starts a worker.
pub(crate) fn spawn(
    worker: Arc<Worker>,
    commands: UnboundedReceiver<WorkerCommand>,
    workers: Arc<[UnboundedSender<WorkerCommand>]>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let name = format!("worker-{}", worker.index);
    std::thread::Builder::new().name(name).spawn(move || {
        let _guard = AbortOnPanic;
        runtime.block_on(run(worker, commands, workers));
    })
}

async fn run(
    worker: Arc<Worker>,
    mut commands: UnboundedReceiver<WorkerCommand>,
    workers: Arc<[UnboundedSender<WorkerCommand>]>,
) {
    while let Some(command) = commands.recv().await {
        match command {
            WorkerCommand::Listen { listener, socket, token } => {
                let (worker, workers) = (Arc::clone(&worker), Arc::clone(&workers));
                tokio::spawn(async move {
                    accept(listener, socket, worker, workers).await;
                    drop(token);
                });
            }
            WorkerCommand::Serve { stream, peer, listener } => {
                serve(stream.and_then(TcpStream::from_std), peer, listener, Arc::clone(&worker));
            }
            WorkerCommand::Stop => return,
        }
    }
}

/// A connection that has been counted as open.
struct Opened {
    listener: Arc<Listener>,
    worker: Arc<Worker>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.worker.open[self.worker.index].fetch_sub(1, Ordering::Relaxed);
        self.listener.counters.count_closed();
    }
}

/// Serves a connection, which has been counted, on this thread.
pub(crate) fn serve(stream: io::Result<TcpStream>, peer: SocketAddr, listener: Arc<Listener>, worker: Arc<Worker>) {
    let opened = Opened { listener: Arc::clone(&listener), worker: Arc::clone(&worker) };
    match stream {
        Ok(stream) => {
            let connection = Connection::new(stream, peer, listener, worker);
            tokio::spawn(async move {
                connection.serve().await;
                drop(opened);
            });
        }
        Err(error) => tracing::warn!(%error, "could not watch a connection"),
    }
}
