//! Sockets and connections: accepting within a limit, serving HTTP/1.1, closing so that answers are read, stopping.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, timeout};

use super::Front;
use super::exchange::answer;
use super::limits::Limits;
use super::room::{Leaving, Place, Room, Seat};
use super::sending::Sending;

/// How long to leave the listener alone when the process has no file descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Front {
    /// Serves the listener until `stop` resolves, then lets running requests end for a short while.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: impl Future<Output = ()>) {
        let room = Room::new(self.limits.connections);
        let (stopping, _) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => match room.place() {
                        Place::Inside(slot) => {
                            connections.spawn(self.clone().serve_in(room.seat(), slot, stream, stopping.subscribe()));
                        }
                        Place::InsideSoon(leaving) => {
                            let (room, stopping) = (room.clone(), stopping.subscribe());
                            connections.spawn(self.clone().serve_soon(room, leaving, stream, stopping));
                            // Lets the one that was asked to go do so, before others are.
                            yield_now().await;
                        }
                        Place::AtTheDoor(slot) => {
                            refuse(&stream);
                            connections.spawn(see_off(stream, slot, self.limits));
                        }
                        Place::None => refuse(&stream),
                    },
                    Err(error) => pause(&error).await,
                },
            }
        }
        drop(listener);
        stopping.send_replace(());
        self.wait_for_end(connections).await;
    }

    async fn wait_for_end(&self, mut connections: JoinSet<()>) {
        let all_idle = async {
            while connections.join_next().await.is_some() {}
            let permits = u32::try_from(self.limits.operations).unwrap_or(u32::MAX);
            let _idle = self.running.acquire_many(permits).await;
        };
        if timeout(self.limits.stop_timeout, all_idle).await.is_err() {
            tracing::warn!(open = connections.len(), "stopping with requests still running");
        }
    }

    /// Serves a connection as soon as an idle one has made room for it.
    async fn serve_soon(
        self: Arc<Self>,
        room: Room,
        leaving: Leaving,
        stream: TcpStream,
        stopping: watch::Receiver<()>,
    ) {
        if let Some(slot) = room.slot_of(leaving).await {
            self.serve_in(room.seat(), slot, stream, stopping).await;
        }
    }

    /// Serves a connection to its end.
    async fn serve_in(
        self: Arc<Self>,
        seat: Seat,
        _slot: OwnedSemaphorePermit,
        stream: TcpStream,
        mut stopping: watch::Receiver<()>,
    ) {
        let limits = self.limits;
        set_options(&stream, &limits);
        let (seat, cut_short) = (Arc::new(seat), Arc::new(AtomicBool::new(false)));
        let service = service_fn({
            let (seat, cut_short) = (Arc::clone(&seat), Arc::clone(&cut_short));
            move |request| {
                seat.set_busy();
                let (front, seat, cut_short) = (Arc::clone(&self), Arc::clone(&seat), Arc::clone(&cut_short));
                Box::pin(async move {
                    let response = answer(front, request).await;
                    cut_short.store(response.headers().contains_key(CONNECTION), Ordering::Relaxed);
                    // Some bodies are long, and their connections are not to be taken for idle ones.
                    Ok::<_, Infallible>(response.map(|body| Sending::new(body, seat)))
                })
            }
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // A client may say that it has nothing more to send and still want its answer.
            .half_close(true)
            .header_read_timeout(limits.head_timeout)
            .max_headers(limits.headers)
            .max_header_size(limits.head_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let mut is_stopping = false;
        let served = loop {
            tokio::select! {
                // A request that has arrived counts before anything that would end the connection.
                biased;
                served = poll_fn(|context| connection.poll_without_shutdown(context)) => break served,
                _ = stopping.changed(), if !is_stopping => {
                    is_stopping = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
                () = seat.asked_to_leave() => {
                    if !seat.has_request() {
                        break Ok(());
                    }
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
        };
        if let Err(error) = served {
            tracing::debug!(%error, "connection ended early");
            // hyper has answered a head it cannot parse, while more of it may be on its way.
            cut_short.fetch_or(error.is_parse(), Ordering::Relaxed);
        }
        if cut_short.load(Ordering::Relaxed) {
            seat.set_busy();
            linger(connection.into_parts().io.into_inner(), &limits).await;
        }
    }
}

/// Sets what the kernel is to do by itself. Without it the connection works all the same, only less well.
fn set_options(stream: &TcpStream, limits: &Limits) {
    let set = stream.set_nodelay(true);
    // Ends the connection when the client takes nothing for so long; no timer of ours sees whether it does.
    let set = set.and_then(|()| SockRef::from(stream).set_tcp_user_timeout(Some(limits.send_timeout)));
    if let Err(error) = set {
        tracing::debug!(%error, "an option of a connection could not be set");
    }
}

/// Lets a refused client read why.
async fn see_off(stream: TcpStream, _place: OwnedSemaphorePermit, limits: Limits) {
    linger(stream, &limits).await;
}

/// Ends our side, then throws away the part of a request that was answered without being read: closing at once would reset the
/// connection and could destroy the answer before the client reads it.
async fn linger(mut stream: TcpStream, limits: &Limits) {
    let discard = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; 16 * 1024];
        let mut left = limits.linger_bytes;
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                length => left = left.saturating_sub(length),
            }
        }
        Ok::<(), io::Error>(())
    };
    // An error or the end of the time both mean that the client had its chance.
    let _ = timeout(limits.linger_timeout, discard).await;
}

/// Tells a connection beyond the limit to come back; SDKs do. The send buffer of a new socket is empty, so this does not wait.
fn refuse(stream: &TcpStream) {
    const BODY: &str =
        r#"{"__type":"ServiceUnavailableException","message":"This engine has too many connections; try again."}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-errortype: \
         ServiceUnavailableException\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    if let Err(error) = stream.try_write(answer.as_bytes()) {
        tracing::debug!(%error, "a connection beyond the limit could not be told so");
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    sleep(ACCEPT_PAUSE).await;
}
