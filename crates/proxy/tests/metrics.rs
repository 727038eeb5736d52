//! What is counted is exact: nothing is lost between threads, and an answer that a client has seen is counted.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::client::Client;
use common::fixture::{Fixture, GROUP};
use common::upstream::{Upstream, ok};
use seatrial_ports::balancer::BalancerReport;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_is_counted_once_where_it_was_answered() {
    const CLIENTS: u64 = 8;
    const REQUESTS: u64 = 250;
    let answer = |asked: &common::upstream::Asked| match asked.path() {
        "/missing" => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/broken" => b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("fine"),
    };
    let (one, two) = (Upstream::answering(answer).await, Upstream::answering(answer).await);
    let fixture = Fixture::new(&[one.address, two.address]).await;
    let address = fixture.address;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(async move {
                let mut client = Client::connect(address).await;
                for number in 0..REQUESTS {
                    client.get(["/", "/missing", "/broken", "/", "/"][(number % 5) as usize]).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let metrics = fixture.plane.metrics();
    let listener = &metrics.listeners["listener"];
    assert_eq!((listener.requests, listener.connections), (CLIENTS * REQUESTS, CLIENTS));
    assert_eq!(listener.balancer_answers, [0; 6]);
    let total =
        |count: fn(&seatrial_ports::balancer::TargetMetrics) -> u64| metrics.targets.iter().map(count).sum::<u64>();
    let fifth = CLIENTS * REQUESTS / 5;
    assert_eq!(total(|target| target.requests), 5 * fifth);
    assert_eq!(total(|target| target.answers[2]), 3 * fifth);
    assert_eq!(total(|target| target.answers[4]), fifth);
    assert_eq!(total(|target| target.answers[5]), fifth);
    assert_eq!(total(|target| target.in_flight), 0);
    assert_eq!(total(|target| target.latency.iter().map(|(_, count)| count).sum()), 5 * fifth);
    let shares: Vec<_> = metrics.targets.iter().map(|target| target.requests).collect();
    assert_eq!(shares, [CLIENTS * REQUESTS / 2; 2], "round robin is even across workers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latency_is_the_time_to_the_answer() {
    let upstream = Upstream::start(|mut served| async move {
        while served.request().await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            served.send(ok("fine")).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    fixture.client().await.get("/").await;
    let latency = fixture.target_metrics(upstream.address).latency;
    assert_eq!(latency.len(), 1);
    assert!((50_000..1_000_000).contains(&latency[0].0), "{latency:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_survive_configurations_and_end_with_the_registration() {
    let upstream = Upstream::saying("fine").await;
    let mut fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    for round in 1..=5 {
        client.get("/").await;
        fixture.apply(|config| config.target_groups[0].slow_start = Duration::from_secs(30 + round)).await;
        assert_eq!(fixture.target_metrics(upstream.address).requests, round);
        assert_eq!(fixture.listener_metrics().requests, round);
    }
    fixture.apply(|config| config.target_groups[0].targets[0].registration = 7).await;
    let metrics = fixture.plane.metrics();
    let by_registration: Vec<_> = metrics.targets.iter().map(|target| (target.registration, target.requests)).collect();
    assert_eq!(
        by_registration,
        [(7, 0), (u64::from(upstream.address.port()), 5)],
        "the last counts are told once more"
    );
    assert_eq!(metrics.targets[0].target_group.as_str(), GROUP);
    let told = |report: &BalancerReport| matches!(report, BalancerReport::Metrics(metrics) if metrics.targets.len() == 1 && metrics.targets[0].registration == 7);
    fixture.until_reported("metrics of the new registration alone", told).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_reported_every_second_and_when_asked() {
    let fixture = Fixture::new(&[]).await;
    let count =
        || fixture.reports.lock().unwrap().iter().filter(|report| matches!(report, BalancerReport::Metrics(_))).count();
    let before = count();
    for _ in 0..10 {
        fixture.plane.report_metrics();
    }
    common::until("ten reports at once", || count() >= before + 10).await;
    common::until("and one more by itself", || count() >= before + 11).await;
}
