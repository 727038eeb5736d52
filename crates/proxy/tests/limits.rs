//! What a client may not do: trickle, flood, or send too much.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::client::Client;
use common::fixture::{Fixture, limits};
use common::until;
use common::upstream::Upstream;
use seatrial_proxy::Limits;
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_trickles_is_cut_off_however_busily() {
    let upstream = Upstream::saying("fine").await;
    let limits = Limits { head_time: Duration::from_millis(300), ..limits() };
    let fixture = Fixture::with(&[upstream.address], limits, |_| {}).await;
    let mut slow = fixture.client().await;
    let began = Instant::now();
    slow.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
    while began.elapsed() < Duration::from_millis(250) {
        slow.send("X: y\r\n").await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(fixture.client().await.get("/").await.status, 200, "others are served meanwhile");
    }
    assert_eq!(slow.answer("GET").await.status, 408);
    assert!(slow.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_come_is_given_up() {
    let upstream = Upstream::saying("fine").await;
    let fixture = Fixture::with(&[upstream.address], limits(), |config| {
        config.listeners[0].idle_timeout = Duration::from_millis(200);
    })
    .await;
    let mut client = fixture.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab").await;
    assert_eq!(client.answer("POST").await.status, 408);
    assert!(client.is_closed().await);
    until("the target is free", || fixture.target_metrics(upstream.address).in_flight == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed_after_the_idle_timeout_without_a_word() {
    let upstream = Upstream::saying("fine").await;
    let fixture = Fixture::with(&[upstream.address], limits(), |config| {
        config.listeners[0].idle_timeout = Duration::from_millis(200);
    })
    .await;
    let mut fresh = fixture.client().await;
    let mut used = fixture.client().await;
    assert_eq!(used.get("/").await.status, 200);
    let began = Instant::now();
    assert!(used.is_closed().await && fresh.is_closed().await);
    assert!(began.elapsed() >= Duration::from_millis(150));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_beyond_the_limits_are_refused() {
    let upstream = Upstream::saying("fine").await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let field = |size: usize| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(size));
    let table = [
        (field(60_000), 200),
        (field(70_000), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(98)), 200),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200)), 431),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(16_000)), 200),
        (format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(17_000)), 414),
    ];
    for (request, status) in table {
        let mut client = fixture.client().await;
        client.send(&request).await;
        assert_eq!(client.answer("GET").await.status, status, "{} bytes", request.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_speaks_tls_is_told_at_once() {
    let fixture = Fixture::new(&[]).await;
    let mut client = fixture.client().await;
    client.send([0x16, 0x03, 0x01, 0x02, 0x00]).await;
    assert_eq!(client.answer("GET").await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_with_an_endless_head_is_given_up() {
    let upstream = Upstream::start(|mut served| async move {
        served.request().await;
        served.send("HTTP/1.1 200 OK\r\n").await;
        while served.stream.write_all(&b"X: y\r\n".repeat(1000)).await.is_ok() {}
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    assert_eq!(fixture.client().await.get("/").await.status, 502);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_the_limit_of_connections_clients_wait_and_are_not_refused() {
    let upstream = Upstream::saying("fine").await;
    let limits = Limits { connections: 8, ..limits() };
    let fixture = Fixture::with(&[upstream.address], limits, |_| {}).await;
    let mut held = Vec::new();
    for _ in 0..8 {
        let mut client = fixture.client().await;
        assert_eq!(client.get("/").await.status, 200);
        held.push(client);
    }
    let mut waiting: Vec<Client> = Vec::new();
    for _ in 0..8 {
        let mut client = fixture.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        waiting.push(client);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(fixture.listener_metrics().open_connections <= 9, "one may slip through per worker");
    drop(held);
    for client in &mut waiting {
        assert_eq!(client.answer("GET").await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_idle_connections_leave_the_proxy_serving() {
    thousands(2_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs 20,000 descriptors"]
async fn ten_thousand_connections_leave_the_proxy_serving() {
    thousands(9_900).await;
}

async fn thousands(count: usize) {
    let nofile = rustix::process::Resource::Nofile;
    let limit = rustix::process::getrlimit(nofile);
    rustix::process::setrlimit(nofile, rustix::process::Rlimit { current: limit.maximum, ..limit }).unwrap();
    let upstream = Upstream::saying("fine").await;
    let limits = Limits { connections: 20_000, ..limits() };
    let fixture = Fixture::with(&[upstream.address], limits, |_| {}).await;
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(fixture.client().await);
    }
    let open = count as u64;
    until("all are served", || fixture.listener_metrics().open_connections == open).await;
    for client in clients.iter_mut().step_by(50) {
        assert_eq!(client.get("/").await.status, 200);
    }
    drop(clients);
    until("all are gone", || fixture.listener_metrics().open_connections == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_old_is_closed_after_its_next_answer() {
    let upstream = Upstream::saying("fine").await;
    let fixture = Fixture::with(&[upstream.address], limits(), |config| {
        config.listeners[0].client_keep_alive = Duration::from_millis(300);
    })
    .await;
    let began = Instant::now();
    let mut client = fixture.client().await;
    let mut answers = 0;
    loop {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.text()), (200, "fine"));
        answers += 1;
        if answer.field("connection") == Some("close") {
            break;
        }
    }
    assert!(began.elapsed() >= Duration::from_millis(300) && answers > 1, "{answers} answers in {:?}", began.elapsed());
    assert!(client.is_closed().await);
}
