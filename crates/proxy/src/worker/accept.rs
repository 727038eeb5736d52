//! Owns accepting connections on one worker and giving each to a worker that has few.
//!
//! Every worker accepts from the same socket, so a connection is usually served where it was accepted. Where that would leave workers
//! unevenly loaded, as with a burst of long-lived connections, it is handed over. At the limit of connections, or out of descriptors,
//! accepting pauses and clients wait in the kernel's backlog.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;

use crate::limits::{ACCEPT_PAUSE, IMBALANCE_MAX};
use crate::plane::listener::Listener;
use crate::worker::shared::Worker;
use crate::worker::thread::{WorkerCommand, serve};

/// Accepts until the listener ends.
pub(crate) async fn accept(
    listener: Arc<Listener>,
    socket: std::net::TcpListener,
    worker: Arc<Worker>,
    workers: Arc<[UnboundedSender<WorkerCommand>]>,
) {
    let mut ended = std::pin::pin!(Arc::clone(listener.ended()).notified_owned());
    ended.as_mut().enable();
    let socket = match socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket)) {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(listener = listener.arn, %error, "could not watch a listening socket");
            return;
        }
    };
    let mut trouble = None;
    while !listener.is_ending() {
        let accepted = tokio::select! {
            () = ended.as_mut() => return,
            accepted = accept_one(&socket, &listener, &worker, &workers) => accepted,
        };
        let kind = accepted.as_ref().err().map(io::Error::kind);
        match accepted {
            Err(error) if trouble != kind => {
                tracing::warn!(listener = listener.arn, %error, "accepting connections pauses until there are fewer");
            }
            Err(_) | Ok(()) => {}
        }
        trouble = kind;
    }
}

async fn accept_one(
    socket: &TcpListener,
    listener: &Arc<Listener>,
    worker: &Arc<Worker>,
    workers: &[UnboundedSender<WorkerCommand>],
) -> io::Result<()> {
    let open: usize = worker.open.iter().map(|open| open.load(Ordering::Relaxed)).sum();
    if open >= worker.limits.connections {
        sleep(ACCEPT_PAUSE).await;
        return Ok(());
    }
    match socket.accept().await {
        Ok((stream, peer)) => assign(stream, peer, listener, worker, workers),
        Err(error) if is_of_one_connection(&error) => {}
        Err(error) => {
            sleep(ACCEPT_PAUSE).await;
            return Err(error);
        }
    }
    Ok(())
}

/// Errors of a connection that ended while it waited.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn assign(
    stream: TcpStream,
    peer: SocketAddr,
    listener: &Arc<Listener>,
    worker: &Arc<Worker>,
    workers: &[UnboundedSender<WorkerCommand>],
) {
    let open = |index: usize| worker.open[index].load(Ordering::Relaxed);
    let idlest = (0..workers.len()).min_by_key(|index| open(*index)).unwrap_or(worker.index);
    let chosen = if open(worker.index) > open(idlest) + IMBALANCE_MAX { idlest } else { worker.index };
    // A connection that has ended meanwhile is noticed when it is read from.
    let _ = stream.set_nodelay(true);
    // Counted here rather than there, so that a burst is spread by what has been assigned, not by what has begun.
    worker.open[chosen].fetch_add(1, Ordering::Relaxed);
    listener.counters.count_opened();
    let listener = Arc::clone(listener);
    if chosen == worker.index {
        serve(Ok(stream), peer, listener, Arc::clone(worker));
    } else {
        let stream = stream.into_std();
        // A worker that is gone has taken the data plane with it.
        let _ = workers[chosen].send(WorkerCommand::Serve { stream, peer, listener });
    }
}
