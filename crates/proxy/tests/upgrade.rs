//! WebSockets, and any other protocol a connection is upgraded to.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::fixture::{Fixture, target};
use common::upstream::Upstream;
use common::{until, within};
use futures_util::{SinkExt, StreamExt};
use seatrial_ports::balancer::TargetIntent;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

async fn websocket_echo() -> Upstream {
    Upstream::start(|served| async move {
        let Ok(mut socket) = tokio_tungstenite::accept_async(served.stream).await else { return };
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() || socket.send(message).await.is_err() {
                break;
            }
        }
        let _ = socket.close(None).await;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn websockets_echo_small_and_large_messages() {
    let upstream = websocket_echo().await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let url = format!("ws://{}/chat", fixture.address);
    let (mut socket, answer) = within("the handshake", tokio_tungstenite::connect_async(url)).await.unwrap();
    assert_eq!(answer.status(), 101);
    for size in [0, 1, 100, 70_000, 1_000_000] {
        let message = Message::binary(vec![7; size]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(within("the echo", socket.next()).await.unwrap().unwrap(), message);
    }
    let metrics = fixture.target_metrics(upstream.address);
    assert_eq!((metrics.in_flight, metrics.answers[1]), (1, 1), "an open tunnel is in flight");
    socket.close(None).await.unwrap();
    while let Some(Ok(_)) = within("the end", socket.next()).await {}
    until("the tunnel has ended", || fixture.target_metrics(upstream.address).in_flight == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_side_may_end_its_direction_first() {
    let upstream = Upstream::start(|mut served| async move {
        served.head().await;
        served.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nready").await;
        while served.fill().await.is_some() {}
        let received = String::from_utf8(std::mem::take(&mut served.buffer)).unwrap();
        served.send(format!("got {received}")).await;
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    // The first bytes come with the request.
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ").await;
    assert_eq!(client.answer("GET").await.status, 101);
    assert_eq!(client.take(5).await.unwrap(), b"ready");
    client.send("world").await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.take(15).await.unwrap(), b"got hello world");
    assert!(client.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_upgrade_is_an_ordinary_answer() {
    let upstream = Upstream::answering(|asked| {
        assert_eq!(asked.field("upgrade"), Some("echo"));
        b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nContent-Length: 2\r\n\r\nno".to_vec()
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n").await;
        let answer = client.answer("GET").await;
        assert_eq!((answer.status, answer.text(), answer.field("upgrade")), (426, "no", Some("other")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_target_is_drained_only_when_its_last_tunnel_has_ended() {
    let upstream = websocket_echo().await;
    let mut fixture = Fixture::new(&[upstream.address]).await;
    let url = format!("ws://{}/", fixture.address);
    let (mut socket, _) = within("the handshake", tokio_tungstenite::connect_async(url)).await.unwrap();
    fixture
        .apply(|config| config.target_groups[0].targets = vec![target(upstream.address, TargetIntent::Draining)])
        .await;
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(within("the echo", socket.next()).await.unwrap().unwrap(), Message::text("still here"));
    assert_eq!(fixture.client().await.get("/").await.status, 503, "no new request");
    assert!(!fixture.is_drained(upstream.address));
    drop(socket);
    until("drained", || fixture.is_drained(upstream.address)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_without_a_byte_ends_after_the_idle_timeout() {
    let upstream = websocket_echo().await;
    let fixture = Fixture::with(&[upstream.address], common::fixture::limits(), |config| {
        config.listeners[0].idle_timeout = Duration::from_millis(300);
    })
    .await;
    let url = format!("ws://{}/", fixture.address);
    let (mut socket, _) = within("the handshake", tokio_tungstenite::connect_async(url)).await.unwrap();
    let began = std::time::Instant::now();
    assert!(!matches!(within("the end", socket.next()).await, Some(Ok(_))));
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
}
