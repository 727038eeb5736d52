//! WebSockets and streamed answers: checked to the last message and byte.

mod common;

use std::time::Duration;

use common::{Server, at_most, only, plan, start_demo, stop, until};
use futures_util::{SinkExt, StreamExt};
use seatrial_demo::{Demo, DemoArgs};
use seatrial_load::{FailureKind, Length, LoadHandle, LoadPlan, LoadReport, SlowRequests, Streams, WebSockets};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

type Socket = WebSocketStream<TcpStream>;

fn websockets(count: usize, interval: Duration) -> Option<WebSockets> {
    let path = "/ws".parse().expect("a path");
    Some(WebSockets { count: at_most(count), path, interval })
}

/// Between messages when many are wanted.
const SHORT: Duration = Duration::from_millis(10);

/// Between messages when none may be under way while a server closes.
const LONG: Duration = Duration::from_secs(3600);

fn streams(count: usize, path: &str) -> Option<Streams> {
    Some(Streams { count: at_most(count), path: path.parse().expect("a path") })
}

fn quiet(address: std::net::SocketAddr) -> LoadPlan {
    plan(address, "/", 50, Length::UntilStopped)
}

async fn start(plan: LoadPlan) -> LoadHandle {
    LoadHandle::start(plan).await.expect("the load starts")
}

/// Restarts what ended, on the same port, and waits until it serves.
async fn restart(ended: Demo) -> Demo {
    let port = ended.address().port();
    ended.wait().await.expect("no error");
    Demo::start(DemoArgs { port, ..DemoArgs::default() }).await.expect("the port is free again")
}

#[tokio::test]
async fn websockets_stay_open_and_lose_nothing() {
    let demo = start_demo(DemoArgs::default()).await;
    let load = start(LoadPlan { websockets: websockets(3, SHORT), ..quiet(demo.address()) }).await;
    until(&load, "messages are echoed", |report| report.websockets.messages_echoed >= 60).await;
    let report = stop(load).await;
    assert_eq!(report.failed(), 0, "{}", report.render());
    assert_eq!((report.websockets.opened, report.websockets.reconnects), (3, 0));
    assert_eq!(report.websockets.messages_sent, report.websockets.messages_echoed);
}

#[tokio::test]
async fn websocket_closed_by_a_stopping_service_is_a_reconnect_without_loss() {
    let demo = start_demo(DemoArgs::default()).await;
    let load = start(LoadPlan { websockets: websockets(4, Duration::from_millis(200)), ..quiet(demo.address()) }).await;
    until(&load, "messages are echoed", |report| report.websockets.messages_echoed >= 4).await;
    demo.terminate();
    until(&load, "all are closed", |report| report.websockets.reconnects == 4).await;
    let _next = restart(demo).await;
    let echoed = load.snapshot().websockets.messages_echoed;
    until(&load, "they are back", |report| report.websockets.messages_echoed >= echoed + 4).await;
    let report = stop(load).await;
    assert_eq!(report.websockets.messages_sent, report.websockets.messages_echoed, "{}", report.render());
    let not_connected = |what: &str| what.starts_with("cannot connect") || what.starts_with("cannot open");
    for sample in report.samples.iter().filter(|sample| sample.kind == FailureKind::Websocket) {
        assert!(not_connected(&sample.detail), "more than the time without a service: {sample:?}");
    }
}

/// A server that takes WebSockets and treats them all alike.
async fn websocket_server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(Socket) -> F + Send + Sync + Copy + 'static,
) -> Server {
    Server::start(move |stream| async move {
        if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
            serve(socket).await;
        }
    })
    .await
}

/// Echoes one message, unless the client closes first.
async fn echo_one(socket: &mut Socket) {
    if let Some(Ok(message @ Message::Text(_))) = socket.next().await {
        socket.send(message).await.expect("sent");
    }
}

/// Closes the WebSocket, or answers the client's Close.
async fn close(mut socket: Socket, code: CloseCode) {
    // The client may be gone already.
    let _ = socket.close(Some(CloseFrame { code, reason: "bye".into() })).await;
    while let Some(Ok(_)) = socket.next().await {}
}

/// The load on such a server, until something noteworthy happened a few times.
async fn load_on(server: Server) -> LoadReport {
    let plan = LoadPlan {
        websockets: websockets(1, LONG),
        timeout: Duration::from_millis(300),
        ..plan(server.address, "/", 1, Length::UntilStopped)
    };
    let load = start(plan).await;
    until(&load, "something happens", |report| report.websockets.reconnects + report.websockets.failed >= 2).await;
    let mut report = stop(load).await;
    // The ordinary request of the plan finds no HTTP here.
    report.failures.retain(|kind, _| *kind == FailureKind::Websocket);
    report.samples.retain(|sample| sample.kind == FailureKind::Websocket);
    report
}

#[tokio::test]
async fn clean_closes_are_reconnects() {
    for code in [CloseCode::Normal, CloseCode::Away] {
        let server = websocket_server(move |mut socket| async move {
            echo_one(&mut socket).await;
            close(socket, code).await;
        })
        .await;
        let report = load_on(server).await;
        assert!(report.websockets.reconnects >= 2);
        assert_eq!(report.websockets.failed, 0, "{:?}", report.samples);
        assert_eq!(report.websockets.messages_sent, report.websockets.messages_echoed);
    }
}

async fn failure_detail(server: Server) -> String {
    let report = load_on(server).await;
    assert_eq!(report.websockets.reconnects, 0);
    report.samples[0].detail.clone()
}

#[tokio::test]
async fn close_with_another_code_is_a_failure() {
    let server = websocket_server(|mut socket| async move {
        echo_one(&mut socket).await;
        close(socket, CloseCode::Error).await;
    });
    assert_eq!(failure_detail(server.await).await, "closed by the server with bye (1011)");
}

#[tokio::test]
async fn close_without_the_echo_of_a_message_is_a_failure() {
    let server = websocket_server(|mut socket| async move {
        socket.next().await;
        close(socket, CloseCode::Away).await;
    });
    let detail = failure_detail(server.await).await;
    assert_eq!(detail, "closed by the server; websocket 0 message 0 was not echoed");
}

#[tokio::test]
async fn connection_that_ends_without_close_is_a_failure() {
    let server = websocket_server(|mut socket| async move { echo_one(&mut socket).await });
    assert!(failure_detail(server.await).await.contains("without closing handshake"));
}

#[tokio::test]
async fn missing_echo_is_a_failure_after_the_timeout() {
    let server = websocket_server(|mut socket| async move { while let Some(Ok(_)) = socket.next().await {} });
    let detail = failure_detail(server.await).await;
    assert_eq!(detail, "no echo within 300ms; websocket 0 message 0 was not echoed");
}

#[tokio::test]
async fn wrong_echo_is_a_failure() {
    let server = websocket_server(|mut socket| async move {
        socket.next().await;
        socket.send(Message::text("something else")).await.expect("sent");
        while let Some(Ok(_)) = socket.next().await {}
    });
    let detail = failure_detail(server.await).await;
    assert_eq!(detail, "received \"something else\" instead; websocket 0 message 0 was not echoed");
}

#[tokio::test]
async fn refused_websocket_is_a_failure_that_names_the_status() {
    let demo = start_demo(DemoArgs { error_rate: "1".parse().expect("a fraction"), ..DemoArgs::default() }).await;
    let load = start(LoadPlan { websockets: websockets(1, SHORT), ..quiet(demo.address()) }).await;
    until(&load, "it is refused", |report| report.websockets.failed >= 1).await;
    let report = stop(load).await;
    let sample = report.samples.iter().find(|sample| sample.kind == FailureKind::Websocket).expect("a sample");
    assert!(sample.detail.contains("500"), "{}", sample.detail);
}

#[tokio::test]
async fn streams_are_read_one_after_the_other_and_whole() {
    let demo = start_demo(DemoArgs::default()).await;
    let plan = LoadPlan { streams: streams(2, "/stream?chunks=5&interval_ms=5"), ..quiet(demo.address()) };
    let load = start(plan).await;
    until(&load, "streams are complete", |report| report.streams.completed >= 4).await;
    let report = stop(load).await;
    assert_eq!(report.failed(), 0, "{}", report.render());
    assert_eq!(report.streams.started, report.streams.completed);
    assert_eq!(report.streams.bytes % report.streams.completed, 0);
}

#[tokio::test]
async fn stream_cut_off_by_a_crash_is_a_failure() {
    let demo = start_demo(DemoArgs::default()).await;
    let plan = LoadPlan {
        streams: streams(2, "/stream?chunks=100000&interval_ms=1"),
        ..plan(demo.address(), "/", 1, Length::UntilStopped)
    };
    let load = start(plan).await;
    until(&load, "streams flow", |report| report.streams.bytes > 1000).await;
    drop(demo);
    until(&load, "they are cut off", |report| report.streams.failed >= 2).await;
    let report = stop(load).await;
    assert_eq!(report.failures[&FailureKind::BodyTruncated], 2, "{}", report.render());
}

#[tokio::test]
async fn stream_without_its_end_line_is_truncated_although_http_says_it_is_whole() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nConnection: close\r\n\r\nchunk 1/2 v1\n";
    let server = Server::answering(answer).await;
    let load = start(LoadPlan { streams: streams(1, "/stream"), ..quiet(server.address) }).await;
    until(&load, "it is noticed", |report| report.streams.failed >= 1).await;
    let report = stop(load).await;
    only(&report, FailureKind::BodyTruncated);
    assert_eq!(report.samples[0].detail, "the answer ended after chunk 1 of 2");
}

#[tokio::test]
async fn everything_together_runs_without_a_failure() {
    let demo = start_demo(DemoArgs::default()).await;
    let slow =
        SlowRequests { fraction: "0.01".parse().expect("a fraction"), path: "/slow?ms=300".parse().expect("a path") };
    let plan = LoadPlan {
        slow: Some(slow),
        websockets: websockets(5, SHORT),
        streams: streams(3, "/stream?chunks=10&interval_ms=10"),
        ..plan(demo.address(), "/", 500, Length::Duration(Duration::from_secs(1)))
    };
    let report = common::load(plan).await;
    assert_eq!(report.failed(), 0, "{}", report.render());
    assert_eq!(report.requests.answered, 500);
    assert_eq!(report.slow_latency.service.count, 5);
    assert!(report.streams.completed >= 3 && report.websockets.messages_echoed >= 5, "{}", report.render());
}
