//! The WebSocket echo at `/ws`, and its clean end: after the stop signal a
//! connection waits a moment for one more message, echoes it and everything
//! else that has arrived, and sends Close 1001 right behind. A client that
//! sends at intervals thereby never has a message under way when it is told
//! to go.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, Sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::app::App;
use crate::body::DemoBody;
use crate::phase::{Phase, Phases};
use crate::route::{Origin, text};

/// Largest message echoed: an echo holds it in memory.
const MAX_MESSAGE: usize = 1 << 20;

/// Longest wait for the client's side of the closing handshake.
const CLOSING_WAIT: Duration = Duration::from_secs(5);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Answers the opening handshake and leaves the echo running behind it.
pub(crate) fn accept(app: &Arc<App>, origin: &Origin, mut request: Request<Incoming>) -> Response<DemoBody> {
    let Some(key) = handshake_key(&request) else {
        return text(StatusCode::UPGRADE_REQUIRED, "this path speaks WebSocket (version 13, over HTTP/1.1)\n");
    };
    if app.phases.now() != Phase::Serving {
        return text(StatusCode::SERVICE_UNAVAILABLE, "the service is stopping\n");
    }
    let accept = derive_accept_key(key.as_bytes());
    let held = (origin.hold)(app);
    let upgrade = hyper::upgrade::on(&mut request);
    let app = Arc::clone(app);
    tokio::spawn(async move {
        let mut phases = app.phases.clone();
        tokio::select! {
            ended = serve(&app, upgrade) => {
                if let Err(error) = ended {
                    app.log.error(format_args!("WebSocket: {error}"));
                }
            }
            () = phases.reached(Phase::Cut) => {}
        }
        drop(held);
    });
    let mut response = Response::new(DemoBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(&accept).expect("base64 is a valid header"));
    response
}

/// Returns the handshake's key, if the request is an opening handshake (RFC 6455, 4.2.1).
fn handshake_key(request: &Request<Incoming>) -> Option<HeaderValue> {
    let headers = request.headers();
    let opens = request.method() == Method::GET
        && request.version() == Version::HTTP_11
        && has_token(headers, &UPGRADE, "websocket")
        && has_token(headers, &CONNECTION, "upgrade")
        && headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    opens.then(|| headers.get(SEC_WEBSOCKET_KEY).cloned()).flatten()
}

fn has_token(headers: &HeaderMap, name: &http::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(token))
}

async fn serve(app: &App, upgrade: OnUpgrade) -> Result<(), Error> {
    let upgraded = match upgrade.await {
        Ok(upgraded) => TokioIo::new(upgraded),
        Err(_connection_ended_before) => return Ok(()),
    };
    let limits = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    let mut socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, Some(limits)).await;
    match echo_until_stop(&mut socket, app.phases.clone(), app.args.websocket_linger).await? {
        Ended::ByClient => Ok(()),
        Ended::ByStop => close(&mut socket).await,
    }
}

enum Ended {
    ByClient,
    ByStop,
}

/// Echoes messages until the client closes, or until the stop signal and what
/// follows it (see the top of this file).
async fn echo_until_stop(socket: &mut Socket, mut phases: Phases, linger: Duration) -> Result<Ended, Error> {
    let mut last_call: Option<Pin<Box<Sleep>>> = None;
    loop {
        let message = tokio::select! {
            biased;
            message = socket.next() => message,
            () = phases.reached(Phase::Draining), if last_call.is_none() => {
                last_call = Some(Box::pin(tokio::time::sleep_until(Instant::now() + linger)));
                continue;
            }
            () = passed(&mut last_call) => return Ok(Ended::ByStop),
        };
        if !echo(socket, message).await? {
            return Ok(Ended::ByClient);
        }
        if last_call.is_some() {
            while let Some(message) = socket.next().now_or_never() {
                if !echo(socket, message).await? {
                    return Ok(Ended::ByClient);
                }
            }
            return Ok(Ended::ByStop);
        }
    }
}

async fn passed(last_call: &mut Option<Pin<Box<Sleep>>>) {
    match last_call {
        Some(sleep) => sleep.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Echoes one message; false when the client is gone or going.
async fn echo(socket: &mut Socket, message: Option<Result<Message, Error>>) -> Result<bool, Error> {
    match message {
        Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => {
            socket.send(message).await?;
            Ok(true)
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
            // The library has the pong ready; it leaves with the flush.
            socket.flush().await?;
            Ok(true)
        }
        Some(Ok(Message::Close(_))) => {
            // The same for the answer to Close, and then the connection ends.
            drain(socket).await;
            Ok(false)
        }
        Some(Err(Error::ConnectionClosed)) | None => Ok(false),
        Some(Err(error)) => Err(error),
    }
}

/// Sends Close 1001 and waits for the client's side of the handshake.
async fn close(socket: &mut Socket) -> Result<(), Error> {
    let going_away = CloseFrame { code: CloseCode::Away, reason: "the service is stopping".into() };
    socket.close(Some(going_away)).await?;
    drain(socket).await;
    Ok(())
}

/// Reads until the connection ends, for a limited time.
async fn drain(socket: &mut Socket) {
    let rest = async { while let Some(Ok(_)) = socket.next().await {} };
    // Whether the client answers or not, the connection is over after this.
    let _ = tokio::time::timeout(CLOSING_WAIT, rest).await;
}
