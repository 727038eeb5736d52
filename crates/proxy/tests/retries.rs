//! No request fails because of a connection, or a target, that is not there any more.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::client::Client;
use common::fixture::Fixture;
use common::until;
use common::upstream::{Upstream, ok};

/// An upstream that closes each connection right after some number of answers, without a word.
async fn closing_after(count: usize, requests: Arc<AtomicUsize>) -> Upstream {
    Upstream::start(move |mut served| {
        let requests = Arc::clone(&requests);
        async move {
            for _ in 0..count {
                let Some(asked) = served.request().await else { return };
                requests.fetch_add(1, Ordering::Relaxed);
                served.send(ok(&format!("{}{}", asked.path(), asked.text()))).await;
            }
        }
    })
    .await
}

/// Sends requests on one connection and checks every answer.
async fn load(address: SocketAddr, name: usize, count: usize) {
    let mut client = Client::connect(address).await;
    for number in 0..count {
        let path = format!("/{name}/{number}");
        let (answer, expected) = match number % 4 {
            0 => (client.post(&path, "body").await, format!("{path}body")),
            1 => {
                client.send(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")).await;
                tokio::task::yield_now().await;
                client.send("late").await;
                (client.answer("POST").await, format!("{path}late"))
            }
            2 => {
                client.send(format!("PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nput")).await;
                (client.answer("PUT").await, format!("{path}put"))
            }
            _ => (client.get(&path).await, path.clone()),
        };
        assert_eq!((answer.status, answer.text()), (200, expected.as_str()), "request {number} of client {name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_closes_connections_between_requests_costs_no_request() {
    const CLIENTS: usize = 16;
    const REQUESTS: usize = 200;
    let requests = Arc::new(AtomicUsize::new(0));
    let first = closing_after(1, Arc::clone(&requests)).await;
    let third = closing_after(3, Arc::clone(&requests)).await;
    let seventh = closing_after(7, Arc::clone(&requests)).await;
    let fixture = Fixture::new(&[first.address, third.address, seventh.address]).await;
    let mut clients = tokio::task::JoinSet::new();
    for name in 0..CLIENTS {
        clients.spawn(load(fixture.address, name, REQUESTS));
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    assert_eq!(requests.load(Ordering::Relaxed), CLIENTS * REQUESTS, "each request was taken exactly once");
    let metrics = fixture.listener_metrics();
    assert_eq!((metrics.requests, metrics.balancer_answers), ((CLIENTS * REQUESTS) as u64, [0; 6]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_closed_while_idle_is_not_used() {
    let requests = Arc::new(AtomicUsize::new(0));
    let upstream = closing_after(1, Arc::clone(&requests)).await;
    let fixture = Fixture::new(&[upstream.address]).await;
    load(fixture.address, 0, 40).await;
    assert_eq!(requests.load(Ordering::Relaxed), 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_connection_sends_any_request_elsewhere() {
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let requests = Arc::new(AtomicUsize::new(0));
    let upstream = closing_after(usize::MAX, Arc::clone(&requests)).await;
    let fixture = Fixture::new(&[refusing, upstream.address]).await;
    load(fixture.address, 0, 40).await;
    assert_eq!(requests.load(Ordering::Relaxed), 40);
    let refused = fixture.target_metrics(refusing);
    assert!(refused.connection_errors > 0);
    assert_eq!((refused.requests, refused.in_flight), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_dies_with_a_request_costs_only_what_may_not_be_repeated() {
    let dying = Upstream::start(|mut served| async move {
        served.request().await;
        served.send("HTTP/1.1 200 O").await;
    })
    .await;
    let healthy = Upstream::saying("fine").await;
    let fixture = Fixture::new(&[dying.address, healthy.address]).await;
    let mut client = fixture.client().await;
    let mut failed = 0;
    for number in 0..20 {
        assert_eq!(client.get("/").await.text(), "fine", "request {number}");
        // Under way already when it is known that the body is not repeated.
        let answer = client.post("/", "once").await;
        assert!(matches!(answer.status, 200 | 502), "{}", answer.status);
        failed += u64::from(answer.status == 502);
    }
    assert!(failed > 0, "the dying target was asked");
    assert_eq!(fixture.listener_metrics().balancer_502, failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_restarts_costs_no_request() {
    let mut upstream = Upstream::saying("fine").await;
    let other = Upstream::saying("fine").await;
    let fixture = Fixture::new(&[upstream.address, other.address]).await;
    let mut client = fixture.client().await;
    for _ in 0..20 {
        for _ in 0..10 {
            assert_eq!(client.get("/").await.text(), "fine");
            assert_eq!(client.post("/", "x").await.text(), "fine");
        }
        let address = upstream.address;
        drop(upstream);
        assert_eq!(client.get("/").await.text(), "fine");
        assert_eq!(client.post("/", "x").await.text(), "fine");
        upstream = loop {
            // The port is free once the former server has ended.
            if std::net::TcpListener::bind(address).is_ok() {
                break Upstream::start_at(address, |mut served| async move {
                    while served.request().await.is_some() {
                        served.send(ok("fine")).await;
                    }
                })
                .await;
            }
            tokio::task::yield_now().await;
        };
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_to_a_dead_target_goes_elsewhere_as_nothing_was_sent() {
    let refusing = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::answering(|asked| ok(&asked.body.len().to_string())).await;
    let fixture = Fixture::new(&[refusing, upstream.address]).await;
    let body = "x".repeat(1_000_000);
    for _ in 0..6 {
        let mut client = fixture.client().await;
        assert_eq!(client.post("/", &body).await.text(), "1000000");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn posts_do_not_pile_up_idle_connections() {
    let upstream = Upstream::saying("fine").await;
    let open = Arc::clone(&upstream.connections);
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    for _ in 0..50 {
        assert_eq!(client.post("/", "x").await.status, 200);
    }
    assert_eq!(open.load(Ordering::Relaxed), 50, "a fresh connection for each");
    let sockets = || {
        let text = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
        let remote = format!("0100007F:{:04X}", upstream.address.port());
        text.lines().filter(|line| line.split_whitespace().nth(2) == Some(&remote) && line.contains(" 01 ")).count()
    };
    until("none is kept, though the target does not close them", || sockets() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_that_refuse_the_connection_are_passed_over_however_many_they_are() {
    let gone = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let upstream = Upstream::saying("fine").await;
    let mut targets: Vec<SocketAddr> = (0..9).map(|_| gone()).collect();
    targets.push(upstream.address);
    let fixture = Fixture::new(&targets).await;
    for _ in 0..20 {
        let mut client = fixture.client().await;
        assert_eq!(client.get("/").await.text(), "fine");
        assert_eq!(client.post("/", "x").await.text(), "fine", "nothing was sent before");
    }
}
