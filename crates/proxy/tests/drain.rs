//! I4, the proxy's half: after `Drained` no request is sent to a target, and none was in flight; and `Drained` comes.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::client::Client;
use common::fixture::{Fixture, group, limits};
use common::until;
use common::upstream::{Upstream, ok};
use seatrial_ports::balancer::{BalancerReport, TargetIntent};

/// An upstream that notices requests it should not get.
struct Watched {
    upstream: Upstream,
    gone: Arc<AtomicBool>,
    violations: Arc<AtomicUsize>,
}

async fn watched() -> Watched {
    let (gone, violations) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_gone, count) = (Arc::clone(&gone), Arc::clone(&violations));
    let upstream = Upstream::start(move |mut served| {
        let (is_gone, count) = (Arc::clone(&is_gone), Arc::clone(&count));
        async move {
            while let Some(asked) = served.request().await {
                if asked.path() == "/slow" {
                    tokio::time::sleep(std::time::Duration::from_millis(3)).await;
                }
                // Before the answer is sent the request is in flight, so the target cannot have been drained.
                count.fetch_add(usize::from(is_gone.load(Ordering::SeqCst)), Ordering::SeqCst);
                served.send(ok("fine")).await;
            }
        }
    })
    .await;
    Watched { upstream, gone, violations }
}

async fn load(address: SocketAddr, stop: Arc<AtomicBool>) -> usize {
    let mut client = Client::connect(address).await;
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let answer = match count % 3 {
            0 => client.get("/slow").await,
            1 => client.post("/", "body").await,
            _ => client.get("/").await,
        };
        assert_eq!(answer.status, 200);
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_request_reaches_a_drained_target_and_none_is_lost() {
    const ROUNDS: u64 = 60;
    let targets = [watched().await, watched().await, watched().await];
    let addresses = [0, 1, 2].map(|index: usize| targets[index].upstream.address);
    let mut fixture = Fixture::new(&addresses).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..12).map(|_| tokio::spawn(load(fixture.address, Arc::clone(&stop)))).collect();
    for round in 1..=ROUNDS {
        let leaving = (round % 3) as usize;
        let registration = fixture.config.target_groups[0].targets[leaving].registration;
        fixture.apply(|config| config.target_groups[0].targets[leaving].intent = TargetIntent::Draining).await;
        fixture
            .until_reported("drained", |report| {
                matches!(report, BalancerReport::Drained { registration: drained, .. } if *drained == registration)
            })
            .await;
        targets[leaving].gone.store(true, Ordering::SeqCst);
        fixture.apply(|config| drop(config.target_groups[0].targets.remove(leaving))).await;
        targets[leaving].gone.store(false, Ordering::SeqCst);
        // Back, as a new registration.
        let mut back = common::fixture::target(addresses[leaving], TargetIntent::Registered);
        back.registration = 1_000_000 + round;
        fixture.apply(|config| config.target_groups[0].targets.insert(leaving, back)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut requests = 0;
    for client in clients {
        requests += client.await.unwrap();
    }
    let violations: usize = targets.iter().map(|target| target.violations.load(Ordering::SeqCst)).sum();
    assert_eq!(violations, 0, "requests at targets that were reported as drained");
    assert!(requests > 100, "{requests} requests");
    assert_eq!(fixture.listener_metrics().balancer_answers, [0; 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_target_is_drained_at_once_and_a_streaming_one_at_the_end_of_its_answer() {
    let (finish, finished) = tokio::sync::watch::channel(false);
    let streaming = Upstream::start(move |mut served| {
        let mut finished = finished.clone();
        async move {
            served.request().await;
            served.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await;
            finished.wait_for(|finished| *finished).await.unwrap();
            served.send("1\r\nb\r\n0\r\n\r\n").await;
        }
    })
    .await;
    let idle = Upstream::saying("idle").await;
    let mut fixture = Fixture::with(&[], limits(), |config| {
        config.target_groups[0] = group("group", &[streaming.address]);
    })
    .await;
    let mut client = fixture.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("in flight", || fixture.target_metrics(streaming.address).in_flight == 1).await;
    fixture
        .apply(|config| {
            let targets = &mut config.target_groups[0].targets;
            targets.push(common::fixture::target(idle.address, TargetIntent::Registered));
            targets.iter_mut().for_each(|target| target.intent = TargetIntent::Draining);
        })
        .await;
    until("the idle one is drained", || fixture.is_drained(idle.address)).await;
    assert!(!fixture.is_drained(streaming.address));
    finish.send(true).unwrap();
    assert_eq!(client.answer("GET").await.text(), "ab");
    until("the streaming one is drained", || fixture.is_drained(streaming.address)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_to_a_draining_target_are_closed() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let upstream = Upstream::start(move |mut served| {
        let ended = ended.clone();
        async move {
            while served.request().await.is_some() {
                served.send(ok("fine")).await;
            }
            ended.send(()).unwrap();
        }
    })
    .await;
    let mut fixture = Fixture::new(&[upstream.address]).await;
    assert_eq!(fixture.client().await.get("/").await.status, 200);
    fixture.apply(|config| config.target_groups[0].targets[0].intent = TargetIntent::Draining).await;
    common::within("the connection's end", ends.recv()).await.unwrap();
}
