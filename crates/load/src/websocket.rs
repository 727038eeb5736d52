//! Keeps one WebSocket open, sends numbered messages on it and checks that each
//! comes back. A server may end it: with Close 1000 or 1001 once everything
//! sent is echoed. Any other end is a failure.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::failure::chain;
use crate::plan::WebSockets;
use crate::run::Run;
use crate::stop::Stop;

/// Longest wait for the server's side of the closing handshake.
const CLOSING_WAIT: Duration = Duration::from_secs(5);

/// Pause after a clean end, so that a server that closes every WebSocket at
/// once is not hammered.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);

/// Pause after a failure, for the same reason.
const FAILURE_PAUSE: Duration = Duration::from_millis(250);

type Socket = WebSocketStream<TcpStream>;

/// How one WebSocket ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByServer,
    ByStop,
}

/// One of the load's WebSockets, opened again whenever it ends.
pub(crate) struct Worker {
    run: Arc<Run>,
    websockets: WebSockets,
    name: String,
    stop: Stop,
    next_number: u64,
}

impl Worker {
    pub(crate) fn new(run: Arc<Run>, websockets: WebSockets, index: usize, stop: Stop) -> Self {
        Worker { run, websockets, name: format!("websocket {index}"), stop, next_number: 0 }
    }

    /// Runs until the load stops.
    pub(crate) async fn run(mut self) {
        while !self.stop.is_requested() {
            let pause = match self.one_socket().await {
                Ok(Ended::ByStop) => return,
                Ok(Ended::ByServer) => {
                    self.run.tally.websocket(|websockets| websockets.reconnects += 1);
                    RECONNECT_PAUSE
                }
                Err(detail) => {
                    self.run.tally.websocket_failed(&self.name, detail);
                    FAILURE_PAUSE
                }
            };
            self.stop.pause(pause).await;
        }
    }

    async fn one_socket(&mut self) -> Result<Ended, String> {
        let socket = self.open().await?;
        self.run.tally.websocket(|websockets| websockets.opened += 1);
        let session = Session {
            ticks: ticks(self.websockets.interval),
            patience: self.run.plan.timeout,
            waiting: VecDeque::new(),
            worker: self,
            socket,
        };
        session.run().await
    }

    async fn open(&self) -> Result<Socket, String> {
        let deadline = Instant::now() + self.run.plan.timeout;
        let stream = self.run.dialer.dial(deadline).await;
        let stream = stream.map_err(|failure| format!("cannot connect: {} ({})", failure.detail, failure.kind))?;
        let url = self.run.plan.target.url("ws", &self.websockets.path);
        let mut request = url.into_client_request().map_err(|error| format!("cannot open: {}", chain(&error)))?;
        request.headers_mut().extend(self.run.plan.headers.clone());
        match timeout_at(deadline.into(), client_async(request, stream)).await {
            Ok(Ok((socket, _response))) => Ok(socket),
            Ok(Err(error)) => Err(format!("cannot open: {}", chain(&error))),
            Err(_elapsed) => Err("cannot open: no answer in time".to_owned()),
        }
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    // A late message is followed by a full pause, never by a burst.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One open WebSocket.
struct Session<'a> {
    worker: &'a mut Worker,
    socket: Socket,
    ticks: Interval,
    patience: Duration,
    /// Messages not echoed yet, the oldest first, and until when they must be.
    waiting: VecDeque<(String, Instant)>,
}

impl Session<'_> {
    async fn run(mut self) -> Result<Ended, String> {
        let mut stopping = false;
        loop {
            if stopping && self.waiting.is_empty() {
                return self.close().await;
            }
            let echo_due = self.waiting.front().map(|(_, due)| *due);
            tokio::select! {
                biased;
                message = self.socket.next() => {
                    if let Some(ended) = self.receive(message).await? {
                        return Ok(ended);
                    }
                }
                () = self.worker.stop.requested(), if !stopping => stopping = true,
                _ = self.ticks.tick(), if !stopping => self.send().await?,
                () = sleep_until(echo_due.unwrap_or_else(Instant::now).into()), if echo_due.is_some() => {
                    return Err(self.lost(&format!("no echo within {:?}", self.patience)));
                }
            }
        }
    }

    async fn send(&mut self) -> Result<(), String> {
        let text = format!("{} message {}", self.worker.name, self.worker.next_number);
        self.worker.next_number += 1;
        self.waiting.push_back((text.clone(), Instant::now() + self.patience));
        self.worker.run.tally.websocket(|websockets| websockets.messages_sent += 1);
        match timeout(self.patience, self.socket.send(Message::text(text))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.lost(&chain(&error))),
            Err(_elapsed) => Err(self.lost("the connection takes no data")),
        }
    }

    async fn receive(&mut self, message: Option<Result<Message, Error>>) -> Result<Option<Ended>, String> {
        match message {
            Some(Ok(Message::Text(text))) => match self.waiting.pop_front() {
                Some((expected, _)) if text.as_str() == expected => {
                    self.worker.run.tally.websocket(|websockets| websockets.messages_echoed += 1);
                    Ok(None)
                }
                Some((expected, due)) => {
                    self.waiting.push_front((expected, due));
                    Err(self.lost(&format!("received {:?} instead", text.as_str())))
                }
                None => Err(format!("received {:?} without having sent anything", text.as_str())),
            },
            Some(Ok(Message::Binary(_))) => Err(self.lost("received bytes instead of text")),
            // The library answers pings by itself while the socket is read.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Ok(Message::Close(frame))) => self.closed_by_server(frame).await.map(Some),
            Some(Err(error)) => Err(self.lost(&chain(&error))),
            None => Err(self.lost("the connection ended")),
        }
    }

    async fn closed_by_server(&mut self, frame: Option<CloseFrame>) -> Result<Ended, String> {
        let code = frame.as_ref().map(|frame| frame.code);
        if !matches!(code, Some(CloseCode::Normal | CloseCode::Away)) {
            let shown = frame.map_or_else(|| "no code".to_owned(), |frame| frame.to_string());
            return Err(self.lost(&format!("closed by the server with {shown}")));
        }
        if !self.waiting.is_empty() {
            return Err(self.lost("closed by the server"));
        }
        // The answer to Close is ready; reading on sends it and sees the connection end.
        self.read_to_end().await;
        Ok(Ended::ByServer)
    }

    /// Closes the WebSocket from this side.
    async fn close(&mut self) -> Result<Ended, String> {
        let frame = CloseFrame { code: CloseCode::Normal, reason: "the load is over".into() };
        match timeout(CLOSING_WAIT, self.socket.close(Some(frame))).await {
            Ok(Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {}
            Ok(Err(error)) => return Err(format!("cannot close: {}", chain(&error))),
            Err(_elapsed) => return Err("cannot close: the connection takes no data".to_owned()),
        }
        if self.read_to_end().await { Ok(Ended::ByStop) } else { Err("no answer to Close".to_owned()) }
    }

    /// Reads until the connection has ended, for a limited time; tells whether
    /// the server sent a Close of its own.
    async fn read_to_end(&mut self) -> bool {
        let mut close_seen = false;
        let rest = async {
            while let Some(Ok(message)) = self.socket.next().await {
                close_seen |= message.is_close();
            }
        };
        // Over either way, and the connection is dropped.
        let _ = timeout(CLOSING_WAIT, rest).await;
        close_seen
    }

    /// Says what happened, and which messages are lost by it.
    fn lost(&self, what: &str) -> String {
        match (self.waiting.front(), self.waiting.len()) {
            (None, _) => what.to_owned(),
            (Some((first, _)), 1) => format!("{what}; {first} was not echoed"),
            (Some((first, _)), count) => format!("{what}; {count} messages from {first} on were not echoed"),
        }
    }
}
