//! Copies of requests: which are made, what their target sees, and that whatever becomes of one, its original does not notice.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::fixture::{Fixture, GROUP, group, health_check, limits, target};
use common::until;
use common::upstream::{Asked, Upstream, ok};
use seatrial_model::load_balancing::TargetState;
use seatrial_model::{TargetGroupArn, TrafficPercent};
use seatrial_ports::balancer::{MirrorConfig, MirrorMetrics, TargetIntent};
use seatrial_proxy::Limits;

const COPIES: &str = "copies";
/// Long enough for any copy that is answered at all.
const COPY_TIME: Duration = Duration::from_secs(15);
/// For copies that are not.
const SHORT_COPY_TIME: Duration = Duration::from_millis(300);

fn mirror(tenths: u16) -> Option<MirrorConfig> {
    Some(MirrorConfig { target_group: TargetGroupArn::new(COPIES), percent: TrafficPercent::from_tenths(tenths) })
}

async fn mirrored(original: SocketAddr, copy: SocketAddr, tenths: u16, copy_time: Duration) -> Fixture {
    Fixture::with(&[original], Limits { copy_time, ..limits() }, |config| {
        config.target_groups.push(group(COPIES, &[copy]));
        config.listeners[0].default_mirror = mirror(tenths);
    })
    .await
}

fn copies(fixture: &Fixture) -> MirrorMetrics {
    let metrics = fixture.plane.metrics();
    metrics.mirrors.into_iter().find(|mirror| mirror.target_group.as_str() == COPIES).expect("there is a mirror")
}

/// Copies that have ended, one way or the other.
fn ended(copies: &MirrorMetrics) -> u64 {
    copies.answers.iter().sum::<u64>() + copies.unanswered
}

/// A server that remembers what it was asked.
async fn remembering() -> (Upstream, Arc<Mutex<Vec<Asked>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let upstream = Upstream::answering(move |asked| {
        seen.lock().unwrap().push(asked.clone());
        ok("copied")
    })
    .await;
    (upstream, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_share_is_exact_and_nobody_but_the_mirror_counts_it() {
    const REQUESTS: u64 = 20_000;
    for tenths in [1, 100, 500, 1000] {
        let (original, copy) = (Upstream::saying("original").await, Upstream::saying("copy").await);
        let fixture = mirrored(original.address, copy.address, tenths, COPY_TIME).await;
        let mut client = fixture.client().await;
        for _ in 0..REQUESTS {
            assert_eq!(client.get("/").await.text(), "original");
        }
        until("every copy to end", || ended(&copies(&fixture)) == copies(&fixture).requests).await;
        let counted = copies(&fixture);
        let share = f64::from(tenths) / 1000.0;
        let made = counted.requests + counted.dropped;
        // Five standard deviations: one false alarm in two million.
        let slack = 5.0 * (share * (1.0 - share) * REQUESTS as f64).sqrt();
        assert!((made as f64 - share * REQUESTS as f64).abs() <= slack, "{made} of {REQUESTS} at {tenths} tenths");
        assert_eq!((counted.answers[2], counted.mismatches, counted.unanswered), (counted.requests, 0, 0));
        until("every pair to be compared", || {
            let counted = copies(&fixture);
            let count = |buckets: &[(u64, u64)]| buckets.iter().map(|(_, count)| count).sum::<u64>();
            (count(&counted.latency), count(&counted.original_latency)) == (counted.requests, counted.requests)
        })
        .await;
        let seen = fixture.target_metrics(copy.address);
        assert_eq!((seen.requests, seen.answers, seen.connection_errors, seen.latency), (0, [0; 6], 0, vec![]));
        assert_eq!(fixture.target_metrics(original.address).requests, REQUESTS);
        assert_eq!(fixture.listener_metrics().requests, REQUESTS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_its_original_with_a_mark_that_no_client_can_set() {
    let ((original, originals), (copy, seen)) = (remembering().await, remembering().await);
    let fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    let mut client = fixture.client().await;
    let fields =
        "Host: app.test\r\nCookie: session=1\r\nAuthorization: Bearer x\r\nx-seatrial-mirror: true\r\nX-Own: y\r\n";
    for request_line in ["GET /a?b=c HTTP/1.1", "HEAD /a HTTP/1.1", "OPTIONS * HTTP/1.1"] {
        client.send(format!("{request_line}\r\n{fields}\r\n")).await;
        client.answer(request_line.split(' ').next().unwrap()).await;
    }
    until("three copies", || seen.lock().unwrap().len() == 3).await;
    let (originals, copies) = (originals.lock().unwrap(), seen.lock().unwrap());
    for original in originals.iter() {
        let expected = format!("{}\r\nX-Seatrial-Mirror: true", original.head);
        assert!(copies.iter().any(|copy| copy.head == expected && copy.body.is_empty()), "{expected}\nin {copies:?}");
        assert_eq!(original.field("x-seatrial-mirror"), None);
        assert_eq!(original.field("x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(original.field("authorization"), Some("Bearer x"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_change_something_or_has_a_body_is_never_copied() {
    let (original, (copy, seen)) = (Upstream::saying("original").await, remembering().await);
    let fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    let mut client = fixture.client().await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")).await;
        assert_eq!(client.answer(method).await.text(), "original");
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        assert_eq!(client.answer(method).await.text(), "original");
    }
    for fields in [
        "Content-Length: 2\r\n\r\nab",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}")).await;
        assert_eq!(client.answer("GET").await.text(), "original");
    }
    client.get("/last").await;
    until("a copy", || !seen.lock().unwrap().is_empty()).await;
    let paths: Vec<String> = seen.lock().unwrap().iter().map(|asked| asked.path().to_owned()).collect();
    assert_eq!(paths, ["/last"]);
    assert_eq!(copies(&fixture).requests, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mirror_nothing_is_copied_and_one_that_ends_ends_at_once() {
    let (original, (copy, seen)) = (Upstream::saying("original").await, remembering().await);
    let mut fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    let mut client = fixture.client().await;
    client.get("/before").await;
    until("a copy", || seen.lock().unwrap().len() == 1).await;
    fixture.apply(|config| config.listeners[0].default_mirror = None).await;
    client.get("/after").await;
    assert_eq!(copies(&fixture).requests, 1, "its counters stay as long as the target group");
    fixture.apply(|config| config.listeners[0].default_mirror = mirror(1000)).await;
    client.get("/again").await;
    until("another copy", || seen.lock().unwrap().len() == 2).await;
    fixture.apply(|config| drop(config.target_groups.pop())).await;
    assert_eq!(client.get("/gone").await.text(), "original");
    let none = Fixture::new(&[original.address]).await;
    none.client().await.get("/").await;
    assert!(none.plane.metrics().mirrors.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_goes_to_the_mirrors_own_group_is_not_copied() {
    let (original, (copy, seen)) = (Upstream::saying("original").await, remembering().await);
    let mut fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    let all = common::fixture::forward(&[(GROUP, 0), (COPIES, 1)]);
    fixture.apply(|config| config.listeners[0].default_action = all).await;
    assert_eq!(fixture.client().await.get("/").await.text(), "copied");
    assert_eq!((seen.lock().unwrap().len(), copies(&fixture).requests), (1, 0));
}

/// What a target may do to a copy, and how that is counted: answers 2xx, answers 5xx, none, mismatches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_copys_target_does_its_original_is_answered_as_ever() {
    const REQUESTS: u64 = 40;
    let huge = || Upstream::answering(|_| [ok(&"x".repeat(3_000_000))].concat());
    let failing = || Upstream::answering(|_| b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n".to_vec());
    let senseless = || Upstream::answering(|_| b"SMTP ready\r\n\r\n".to_vec());
    let hanging = || Upstream::start(|mut served| async move { while served.request().await.is_some() {} });
    let stalling = || {
        Upstream::start(|mut served| async move {
            while served.request().await.is_some() {
                served.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
            }
        })
    };
    let closing = || {
        Upstream::start(|mut served| async move {
            served.request().await;
        })
    };
    let table = [
        ("huge", huge().await, [REQUESTS, 0, 0, 0]),
        ("failing", failing().await, [0, REQUESTS, 0, REQUESTS]),
        ("senseless", senseless().await, [0, 0, REQUESTS, REQUESTS]),
        ("hanging", hanging().await, [0, 0, REQUESTS, REQUESTS]),
        ("stalling in its body", stalling().await, [REQUESTS, 0, 0, 0]),
        ("closing", closing().await, [0, 0, REQUESTS, REQUESTS]),
    ];
    for (what, copy, expected) in table {
        check_original(what, copy.address, REQUESTS, expected).await;
    }
    let refusing = Upstream::saying("gone").await.address;
    check_original("refusing", refusing, REQUESTS, [0, 0, REQUESTS, REQUESTS]).await;
}

async fn check_original(what: &str, copy: SocketAddr, requests: u64, expected: [u64; 4]) {
    let original = Upstream::saying("original").await;
    let fixture = mirrored(original.address, copy, 1000, SHORT_COPY_TIME).await;
    let mut client = fixture.client().await;
    let mut longest = Duration::ZERO;
    for _ in 0..requests {
        let began = Instant::now();
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.text()), (200, "original"), "{what}");
        longest = longest.max(began.elapsed());
    }
    println!("{what}: the slowest original took {longest:?}");
    until(&format!("{what}: every copy to end"), || ended(&copies(&fixture)) == requests).await;
    until(&format!("{what}: every pair to be compared"), || {
        let counted = copies(&fixture);
        [counted.answers[2], counted.answers[5], counted.unanswered, counted.mismatches] == expected
    })
    .await;
    let seen = fixture.target_metrics(copy);
    assert_eq!((seen.requests, seen.connection_errors, seen.in_flight), (0, 0, 0), "{what}");
    assert_eq!(fixture.listener_metrics().balancer_answers, [0; 6], "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_original_that_is_never_answered_is_not_compared() {
    let original = Upstream::start(|mut served| async move {
        served.request().await;
    })
    .await;
    let copy = Upstream::saying("copy").await;
    let fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    assert_eq!(fixture.client().await.get("/").await.status, 502);
    until("the copy to be answered", || copies(&fixture).answers[2] == 1).await;
    assert_eq!((copies(&fixture).mismatches, copies(&fixture).latency), (0, vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_under_way_are_bounded_and_those_above_are_dropped() {
    const REQUESTS: u64 = 600;
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let hanging = Upstream::start(move |mut served| {
        count.fetch_add(1, Ordering::SeqCst);
        async move { while served.request().await.is_some() {} }
    })
    .await;
    let original = Upstream::saying("original").await;
    let fixture = mirrored(original.address, hanging.address, 1000, COPY_TIME).await;
    let mut client = fixture.client().await;
    for _ in 0..REQUESTS {
        assert_eq!(client.get("/").await.status, 200);
    }
    let counted = copies(&fixture);
    assert_eq!(counted.requests + counted.dropped, REQUESTS);
    assert_eq!(counted.requests, 128, "one client is one worker's");
    until("every copy at the target", || open.load(Ordering::SeqCst) == 128).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_waits_for_copies_but_no_longer_than_they_may_last() {
    let original = Upstream::saying("original").await;
    let hanging = Upstream::start(|mut served| async move { while served.request().await.is_some() {} }).await;
    let mut fixture = mirrored(original.address, hanging.address, 1000, Duration::from_secs(2)).await;
    let mut client = fixture.client().await;
    let began = Instant::now();
    client.get("/").await;
    assert_eq!(copies(&fixture).requests, 1);
    fixture.apply(|config| config.target_groups[1].targets[0].intent = TargetIntent::Draining).await;
    assert!(!fixture.is_drained(hanging.address), "its copy is under way");
    assert_eq!(fixture.target_metrics(hanging.address).in_flight, 0, "which is no request that somebody waits for");
    client.get("/").await;
    assert_eq!((copies(&fixture).requests, copies(&fixture).dropped), (1, 1), "a leaving target gets no further one");
    until("the target to be drained", || fixture.is_drained(hanging.address)).await;
    let took = began.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(10)).contains(&took), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_healthy_target_copies_are_dropped() {
    let (original, (copy, seen)) = (Upstream::saying("original").await, remembering().await);
    let mut fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    fixture
        .apply(|config| {
            let checked = &mut config.target_groups[1];
            checked.health_check = health_check(true);
            // Nothing listens on the health check's port.
            checked.health_check.port = Some(1);
            checked.targets = vec![target(copy.address, TargetIntent::Registered)];
            checked.targets[0].registration = 7;
        })
        .await;
    fixture.until_state(copy.address, TargetState::Unhealthy).await;
    assert_eq!(fixture.client().await.get("/").await.text(), "original");
    assert_eq!((copies(&fixture).dropped, seen.lock().unwrap().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_used_again_and_a_stale_one_is_replaced() {
    let original = Upstream::saying("original").await;
    // Closes behind every third answer, without saying so before.
    let copy = Upstream::start(|mut served| async move {
        for _ in 0..3 {
            if served.request().await.is_none() {
                return;
            }
            served.send(ok("copy")).await;
        }
    })
    .await;
    let fixture = mirrored(original.address, copy.address, 1000, COPY_TIME).await;
    let mut client = fixture.client().await;
    for round in 1..=60 {
        client.get("/").await;
        until("the copy to end", || ended(&copies(&fixture)) == round).await;
    }
    assert_eq!((copies(&fixture).unanswered, copies(&fixture).answers[2]), (0, 60));
    let opened = copy.connections.load(Ordering::Relaxed);
    assert!((20..=40).contains(&opened), "{opened} connections for 60 copies");
}
