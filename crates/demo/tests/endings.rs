//! How the service ends: cleanly on a stop signal, or by a crash that was ordered.

mod common;

use std::time::{Duration, Instant};

use common::{Client, DEADLINE, eventually, get, in_flight, options, rest, start};
use futures_util::{SinkExt, StreamExt};
use seatrial_demo::{Demo, DemoArgs, DemoExit};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

async fn ended(demo: Demo) -> DemoExit {
    tokio::time::timeout(DEADLINE, demo.wait()).await.expect("ends in time").expect("no error")
}

#[tokio::test]
async fn idle_service_stops_at_once() {
    let demo = start(options()).await;
    let mut idle = Client::connect(&demo).await;
    idle.get("/").await;
    let address = demo.address();
    let began = Instant::now();
    demo.terminate();
    assert_eq!(ended(demo).await, DemoExit::Drained);
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    eventually("the idle connection is closed", async || idle.is_closed()).await;
    assert!(TcpStream::connect(address).await.is_err(), "the port is still open");
}

#[tokio::test]
async fn stop_signal_lets_requests_in_flight_finish_and_closes_their_connections() {
    let demo = start(options()).await;
    let stream = in_flight(&demo, "/slow?ms=200").await;
    demo.terminate();
    let answer = rest(stream).await;
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.ends_with("version v1\n"), "{answer}");
    assert_eq!(ended(demo).await, DemoExit::Drained);
}

#[tokio::test]
async fn stream_is_whole_although_the_service_stops_meanwhile() {
    let demo = start(options()).await;
    let stream = in_flight(&demo, "/stream?chunks=10&interval_ms=20").await;
    demo.terminate();
    let answer = rest(stream).await;
    assert!(answer.ends_with("end chunks=10 bytes=141\n\r\n0\r\n\r\n"), "{answer}");
    assert_eq!(ended(demo).await, DemoExit::Drained);
}

#[tokio::test]
async fn new_connection_is_served_once_while_older_requests_finish() {
    let demo = start(options()).await;
    let older = in_flight(&demo, "/slow?ms=500").await;
    demo.terminate();
    eventually("health checks say so", async || get(&demo, "/health/ready").await.status == 503).await;
    let answer = get(&demo, "/").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["connection"], "close");
    assert!(rest(older).await.ends_with("version v1\n"));
    assert_eq!(ended(demo).await, DemoExit::Drained);
}

#[tokio::test]
async fn port_is_closed_once_the_older_requests_are_finished() {
    let demo = start(options()).await;
    let older = in_flight(&demo, "/slow?ms=300").await;
    demo.terminate();
    eventually("health checks say so", async || get(&demo, "/health/ready").await.status == 503).await;
    let mut late = Client::connect(&demo).await;
    let last = tokio::spawn(async move { late.get("/slow?ms=1000").await });
    rest(older).await;
    eventually("the port is closed", async || TcpStream::connect(demo.address()).await.is_err()).await;
    assert!(!last.is_finished(), "the port was open until the end");
    assert_eq!(last.await.expect("no panic").status, 200);
    assert_eq!(ended(demo).await, DemoExit::Drained);
}

#[tokio::test]
async fn stopping_service_takes_no_websockets() {
    let demo = start(options()).await;
    let older = in_flight(&demo, "/slow?ms=500").await;
    demo.terminate();
    eventually("health checks say so", async || get(&demo, "/health/ready").await.status == 503).await;
    let url = format!("ws://{}/ws", demo.address());
    match tokio_tungstenite::connect_async(url).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 503),
        other => panic!("expected a refusal, got {other:?}"),
    }
    rest(older).await;
}

#[tokio::test]
async fn drain_time_bounds_the_stop() {
    let demo = start(DemoArgs { drain: Duration::from_millis(100), ..options() }).await;
    let stream = in_flight(&demo, "/slow?ms=60000").await;
    demo.terminate();
    assert_eq!(rest(stream).await, "", "the request was answered");
    assert_eq!(ended(demo).await, DemoExit::DrainTimeOver(1));
    assert_eq!(DemoExit::DrainTimeOver(1).code(), 0);
}

#[tokio::test]
async fn half_sent_request_does_not_hold_up_the_stop_beyond_the_drain_time() {
    let demo = start(DemoArgs { drain: Duration::from_millis(100), ..options() }).await;
    let mut stream = TcpStream::connect(demo.address()).await.expect("the port is open");
    stream.write_all(b"GET / HTTP/1.1\r\nHo").await.expect("sent");
    assert_eq!(get(&demo, "/").await.status, 200);
    demo.terminate();
    ended(demo).await;
}

#[tokio::test]
async fn ordered_crash_drops_what_is_in_flight() {
    let args = DemoArgs { exit_after: Some(Duration::from_millis(100)), exit_code: 7, ..options() };
    let demo = start(args).await;
    let mut client = Client::connect(&demo).await;
    let answer = tokio::time::timeout(DEADLINE, client.try_get("/slow?ms=60000")).await.expect("dropped");
    assert!(answer.is_err(), "the request was answered");
    assert_eq!(ended(demo).await, DemoExit::Ordered(7));
}

#[tokio::test]
async fn crash_after_requests_gives_the_next_one_no_answer() {
    let demo = start(DemoArgs { crash_after_requests: Some(2), exit_code: 3, ..options() }).await;
    let mut client = Client::connect(&demo).await;
    assert_eq!(client.get("/").await.status, 200);
    assert_eq!(client.get("/health/ready").await.status, 200, "health checks are not counted");
    assert_eq!(client.get("/").await.status, 200);
    assert!(client.try_get("/").await.is_err());
    assert_eq!(ended(demo).await, DemoExit::Ordered(3));
}

#[tokio::test]
async fn dropped_service_cuts_everything_off() {
    let demo = start(options()).await;
    let mut client = Client::connect(&demo).await;
    client.get("/").await;
    drop(demo);
    eventually("the connection is closed", async || client.is_closed()).await;
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open_websocket(demo: &Demo) -> Socket {
    let url = format!("ws://{}/ws", demo.address());
    tokio_tungstenite::connect_async(url).await.expect("a WebSocket").0
}

async fn next(socket: &mut Socket) -> Message {
    let message = tokio::time::timeout(DEADLINE, socket.next()).await.expect("a message in time");
    message.expect("not the end").expect("no error")
}

fn close_code(message: Message) -> CloseCode {
    match message {
        Message::Close(Some(frame)) => frame.code,
        other => panic!("expected a close frame, got {other:?}"),
    }
}

#[tokio::test]
async fn websocket_echoes_text_bytes_and_pings() {
    let demo = start(options()).await;
    let mut socket = open_websocket(&demo).await;
    for message in [Message::text("hello"), Message::binary(vec![0, 159, 146])] {
        socket.send(message.clone()).await.expect("sent");
        assert_eq!(next(&mut socket).await, message);
    }
    socket.send(Message::Ping("are you there".into())).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::Pong("are you there".into()));
    socket.close(None).await.expect("sent");
    assert!(matches!(next(&mut socket).await, Message::Close(_)));
}

#[tokio::test]
async fn stopping_websocket_echoes_one_more_message_and_closes_right_behind() {
    let demo = start(DemoArgs { websocket_linger: DEADLINE, ..options() }).await;
    let mut socket = open_websocket(&demo).await;
    socket.send(Message::text("before")).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::text("before"));
    demo.terminate();
    socket.send(Message::text("after")).await.expect("sent");
    assert_eq!(next(&mut socket).await, Message::text("after"));
    assert_eq!(close_code(next(&mut socket).await), CloseCode::Away);
    assert!(socket.next().await.is_none_or(|end| end.is_err()), "the connection goes on");
    assert_eq!(ended(demo).await, DemoExit::Drained);
}

#[tokio::test]
async fn stopping_websocket_without_messages_closes_after_the_linger() {
    let demo = start(DemoArgs { websocket_linger: Duration::from_millis(50), ..options() }).await;
    let mut socket = open_websocket(&demo).await;
    demo.terminate();
    assert_eq!(close_code(next(&mut socket).await), CloseCode::Away);
    assert!(socket.next().await.is_none_or(|end| end.is_err()), "the connection goes on");
    assert_eq!(ended(demo).await, DemoExit::Drained);
}
