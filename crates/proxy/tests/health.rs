//! Health checks against real servers.
#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::fixture::{Fixture, forward, group, health_check, limits};
use common::until;
use common::upstream::{Upstream, ok};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use seatrial_model::load_balancing::{CodeSet, Matcher, ProtocolVersion, TargetHealth, TargetReason, TargetState};
use seatrial_ports::balancer::{BalancerConfig, BalancerReport, TargetIntent};

/// A server that is healthy while told so.
struct Moody {
    upstream: Upstream,
    healthy: Arc<AtomicBool>,
    checks: Arc<AtomicUsize>,
}

async fn moody(healthy: bool) -> Moody {
    let (healthy, checks) = (Arc::new(AtomicBool::new(healthy)), Arc::new(AtomicUsize::new(0)));
    let (mood, count) = (Arc::clone(&healthy), Arc::clone(&checks));
    let upstream = Upstream::answering(move |asked| {
        if asked.path() != "/health" {
            return ok("fine");
        }
        count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(asked.field("user-agent"), Some("ELB-HealthChecker/2.0"));
        if mood.load(Ordering::SeqCst) {
            ok("healthy")
        } else {
            b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
        }
    })
    .await;
    Moody { upstream, healthy, checks }
}

fn checked(config: &mut BalancerConfig) {
    config.target_groups[0].health_check = health_check(true);
}

fn healths(fixture: &Fixture) -> Vec<TargetHealth> {
    let reports = fixture.reports.lock().unwrap();
    let healths = reports.iter().filter_map(|report| match report {
        BalancerReport::Health { health, .. } => Some(health.clone()),
        _ => None,
    });
    let mut healths: Vec<_> = healths.collect();
    healths.dedup();
    healths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_target_is_healthy_as_soon_as_its_port_opens() {
    let address: SocketAddr = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fixture = Fixture::with(&[address], limits(), |config| {
        config.target_groups[0].health_check = health_check(true);
        config.target_groups[0].health_check.interval = Duration::from_secs(30);
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(fixture.state(address), Some(TargetState::Initial));
    let began = Instant::now();
    let _upstream = Upstream::start_at(address, |mut served| async move {
        while served.request().await.is_some() {
            served.send(ok("healthy")).await;
        }
    })
    .await;
    fixture.until_state(address, TargetState::Healthy).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}, an interval is 30 s");
    let reasons: Vec<_> = healths(&fixture).iter().map(|health| health.reason.map(TargetReason::as_str)).collect();
    assert_eq!(reasons, [Some("Elb.RegistrationInProgress"), Some("Elb.InitialHealthChecking"), None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_goes_and_comes_back_by_its_thresholds() {
    let server = moody(true).await;
    let address = server.upstream.address;
    let fixture = Fixture::with(&[address], limits(), checked).await;
    fixture.until_state(address, TargetState::Healthy).await;
    server.healthy.store(false, Ordering::SeqCst);
    fixture.until_state(address, TargetState::Unhealthy).await;
    let unhealthy = healths(&fixture).pop().unwrap();
    assert_eq!(unhealthy.reason, Some(TargetReason::ResponseCodeMismatch));
    assert_eq!(unhealthy.description.as_deref(), Some("Health checks failed with these codes: [503]"));
    assert_eq!(fixture.client().await.get("/").await.status, 200, "with no healthy target, all are used");
    let checks = server.checks.load(Ordering::SeqCst);
    server.healthy.store(true, Ordering::SeqCst);
    fixture.until_state(address, TargetState::Healthy).await;
    assert!(server.checks.load(Ordering::SeqCst) >= checks + 2, "two passes are needed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_target_times_out_and_a_closed_one_fails() {
    let silent = Upstream::start(|mut served| async move { while served.fill().await.is_some() {} }).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let fixture = Fixture::with(&[silent.address, closed], limits(), |config| {
        checked(config);
        config.target_groups[0].health_check.timeout = Duration::from_millis(50);
    })
    .await;
    fixture.until_state(silent.address, TargetState::Unhealthy).await;
    fixture.until_state(closed, TargetState::Unhealthy).await;
    let reasons: Vec<_> =
        healths(&fixture).into_iter().filter(|health| health.state == TargetState::Unhealthy).collect();
    let described = |reason, text: &str| TargetHealth::because(TargetState::Unhealthy, reason, text);
    assert!(reasons.contains(&described(TargetReason::Timeout, "Request timed out")), "{reasons:?}");
    assert!(reasons.contains(&described(TargetReason::FailedHealthChecks, "Health checks failed")), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_targets_are_preferred() {
    let (good, bad) = (moody(true).await, moody(false).await);
    let fixture = Fixture::with(&[good.upstream.address, bad.upstream.address], limits(), checked).await;
    fixture.until_state(good.upstream.address, TargetState::Healthy).await;
    let mut client = fixture.client().await;
    for _ in 0..20 {
        client.get("/").await;
    }
    assert_eq!(fixture.target_metrics(good.upstream.address).requests, 20);
    assert_eq!(fixture.target_metrics(bad.upstream.address).requests, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_no_rule_names_is_not_checked_until_one_does_even_with_weight_zero() {
    let server = moody(true).await;
    let address = server.upstream.address;
    let mut fixture = Fixture::with(&[], limits(), |config| {
        let mut spare = group("spare", &[address]);
        spare.health_check = health_check(true);
        config.target_groups.push(spare);
    })
    .await;
    assert_eq!(fixture.state(address), Some(TargetState::Unused));
    assert_eq!(healths(&fixture)[0].reason, Some(TargetReason::NotInUse));
    fixture.apply(|config| config.listeners[0].default_action = forward(&[("group", 1), ("spare", 0)])).await;
    fixture.until_state(address, TargetState::Healthy).await;
    fixture.apply(|config| config.listeners[0].default_action = forward(&[("group", 1)])).await;
    fixture.until_state(address, TargetState::Unused).await;
    fixture.apply(|config| config.target_groups[1].targets[0].intent = TargetIntent::Draining).await;
    fixture.until_state(address, TargetState::Draining).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_data_plane_begins_where_the_last_one_stood() {
    let server = moody(true).await;
    let address = server.upstream.address;
    let fixture = Fixture::with(&[address], limits(), |config| {
        checked(config);
        config.target_groups[0].health_check.interval = Duration::from_secs(30);
        config.target_groups[0].targets[0].last_health = Some(TargetHealth::healthy());
    })
    .await;
    assert_eq!(healths(&fixture), [TargetHealth::healthy()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_refused_on_live_traffic_brings_the_next_check_forward() {
    let dying = moody(true).await;
    let other = moody(true).await;
    let addresses = [dying.upstream.address, other.upstream.address];
    let fixture = Fixture::with(&addresses, limits(), |config| {
        checked(config);
        config.target_groups[0].health_check.interval = Duration::from_secs(300);
    })
    .await;
    for address in addresses {
        fixture.until_state(address, TargetState::Healthy).await;
    }
    drop(dying.upstream);
    let mut client = fixture.client().await;
    let began = Instant::now();
    while fixture.state(addresses[0]) != Some(TargetState::Unhealthy) {
        assert_eq!(client.get("/").await.status, 200, "and no request fails meanwhile");
        assert!(began.elapsed() < common::PATIENCE, "the dead target is noticed long before the interval of 300 s");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_has_to_settle_is_healthy_only_after_that_time() {
    let server = moody(true).await;
    let address = server.upstream.address;
    let began = Instant::now();
    let fixture = Fixture::with(&[address], limits(), |config| {
        checked(config);
        config.target_groups[0].settle_time = Duration::from_millis(400);
    })
    .await;
    fixture.until_state(address, TargetState::Healthy).await;
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert!(server.checks.load(Ordering::SeqCst) >= 3);
}

/// An HTTP/2 server that answers like a gRPC one with this status.
async fn grpc_server(status: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| async move {
                if request.method() == "GET" {
                    let body = Full::new(Bytes::from("fine")).boxed_unsync();
                    return Ok::<_, Infallible>(http::Response::new(body));
                }
                let mut trailers = http::HeaderMap::new();
                trailers.insert("grpc-status", http::HeaderValue::from_static(status));
                let frames = [
                    Ok::<_, Infallible>(http_body::Frame::data(Bytes::from_static(&[0, 0, 0, 0, 0]))),
                    Ok(http_body::Frame::trailers(trailers)),
                ];
                let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
                Ok(http::Response::builder().header("content-type", "application/grpc").body(body).unwrap())
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_and_grpc_targets_are_asked_in_their_own_protocol() {
    let (serving, failing) = (grpc_server("12").await, grpc_server("14").await);
    let fixture = Fixture::with(&[serving, failing], limits(), |config| {
        checked(config);
        let group = &mut config.target_groups[0];
        group.protocol_version = ProtocolVersion::Grpc;
        group.health_check.path = "/AWS.ALB/healthcheck".to_owned();
        group.health_check.matcher = Matcher::Grpc(CodeSet::parse("12", 0, 99).unwrap());
    })
    .await;
    fixture.until_state(serving, TargetState::Healthy).await;
    fixture.until_state(failing, TargetState::Unhealthy).await;
    let said = healths(&fixture).into_iter().find(|health| health.state == TargetState::Unhealthy).unwrap();
    assert_eq!(said.description.as_deref(), Some("Health checks failed with these codes: [14]"));

    let plain = grpc_server("0").await;
    let fixture = Fixture::with(&[plain], limits(), |config| {
        checked(config);
        config.target_groups[0].protocol_version = ProtocolVersion::Http2;
    })
    .await;
    fixture.until_state(plain, TargetState::Healthy).await;
    until("checks go on", || fixture.state(plain) == Some(TargetState::Healthy)).await;
}
