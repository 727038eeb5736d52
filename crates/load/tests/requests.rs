//! Requests: every one is counted once, as what it became.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Server, at_most, load, only, plan, read_request, start_demo, stop, until};
use seatrial_demo::{DemoArgs, DemoExit};
use seatrial_load::{FailureKind, Length, LoadHandle, LoadPlan, Protocol, SlowRequests};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

#[tokio::test]
async fn every_request_is_answered_and_counted_by_version() {
    let demo = start_demo(DemoArgs { version: "v7".parse().expect("a version"), ..DemoArgs::default() }).await;
    let report = load(plan(demo.address(), "/", 1000, Length::Requests(300))).await;
    assert_eq!(report.failed(), 0, "{}", report.render());
    assert_eq!((report.requests.sent, report.requests.answered), (300, 300));
    assert_eq!(report.requests.by_version, [("v7".to_owned(), 300)].into());
    assert_eq!(report.requests.by_status, [("2xx".to_owned(), 300)].into());
    assert_eq!(report.latency.service.count, 300);
    assert!(report.requests.connections_opened < 300, "connections are kept alive");
}

#[tokio::test]
async fn a_duration_makes_rate_times_duration_requests() {
    let demo = start_demo(DemoArgs::default()).await;
    let report = load(plan(demo.address(), "/", 200, Length::Duration(Duration::from_millis(250)))).await;
    assert_eq!(report.requests.sent, 50);
    assert_eq!(report.failed(), 0, "{}", report.render());
}

#[tokio::test]
async fn http2_is_spoken_by_prior_knowledge() {
    let demo = start_demo(DemoArgs::default()).await;
    let plan = LoadPlan {
        protocol: Protocol::Http2,
        max_connections: at_most(2),
        ..plan(demo.address(), "/", 1000, Length::Requests(200))
    };
    let report = load(plan).await;
    assert_eq!(report.requests.answered, 200, "{}", report.render());
    assert_eq!(report.requests.connections_opened, 2);
}

#[tokio::test]
async fn slow_requests_are_mixed_in_and_timed_apart() {
    let demo = start_demo(DemoArgs::default()).await;
    let slow =
        SlowRequests { fraction: "0.1".parse().expect("a fraction"), path: "/slow?ms=100".parse().expect("a path") };
    let plan = LoadPlan { slow: Some(slow), ..plan(demo.address(), "/", 500, Length::Requests(100)) };
    let report = load(plan).await;
    assert_eq!(report.requests.answered, 100, "{}", report.render());
    assert_eq!((report.latency.service.count, report.slow_latency.service.count), (90, 10));
    assert!(report.slow_latency.service.p50_us >= 100_000);
}

#[tokio::test]
async fn answers_with_5xx_are_failures() {
    let demo = start_demo(DemoArgs { error_rate: "0.25".parse().expect("a fraction"), ..DemoArgs::default() }).await;
    let report = load(plan(demo.address(), "/", 1000, Length::Requests(100))).await;
    assert_eq!(only(&report, FailureKind::Status5xx), 25);
    assert_eq!(report.requests.by_status, [("2xx".to_owned(), 75), ("5xx".to_owned(), 25)].into());
    assert_eq!(report.requests.by_version["v1"], 100);
}

#[tokio::test]
async fn answers_with_4xx_are_answers() {
    let demo = start_demo(DemoArgs::default()).await;
    let report = load(plan(demo.address(), "/nowhere", 1000, Length::Requests(20))).await;
    assert_eq!(report.requests.by_status, [("4xx".to_owned(), 20)].into());
    assert_eq!((report.requests.answered, report.failed()), (20, 0));
}

#[tokio::test]
async fn crash_of_the_target_loses_exactly_the_requests_it_did_not_answer() {
    let demo = start_demo(DemoArgs { crash_after_requests: Some(50), ..DemoArgs::default() }).await;
    let address = demo.address();
    let exit = tokio::spawn(demo.wait());
    let report = load(plan(address, "/", 500, Length::Requests(100))).await;
    assert_eq!(exit.await.expect("no panic").expect("no error"), DemoExit::Ordered(1));
    assert_eq!((report.requests.answered, report.requests.failed), (50, 50), "{}", report.render());
    assert!(report.failures[&FailureKind::ConnectRefused] >= 40, "{}", report.render());
    assert!(report.failures.len() >= 2, "the dropped request has a kind of its own: {}", report.render());
}

#[tokio::test]
async fn nobody_listening_is_connect_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let report = load(plan(address, "/", 1000, Length::Requests(20))).await;
    assert_eq!(only(&report, FailureKind::ConnectRefused), 20);
    assert_eq!(report.samples.len(), 5, "only the first few are kept");
}

#[tokio::test]
async fn connection_closed_before_the_answer_is_a_failure_and_never_retried() {
    let requests = Arc::new(AtomicUsize::new(0));
    let server = Server::start({
        let requests = Arc::clone(&requests);
        move |mut stream| {
            let requests = Arc::clone(&requests);
            async move {
                read_request(&mut stream).await;
                requests.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let report = load(plan(server.address, "/", 1000, Length::Requests(20))).await;
    assert_eq!(only(&report, FailureKind::ClosedBeforeAnswer), 20);
    assert_eq!(requests.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn connection_reset_before_the_answer_is_a_reset() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.set_zero_linger().expect("the socket is open");
    })
    .await;
    let report = load(plan(server.address, "/", 1000, Length::Requests(20))).await;
    assert_eq!(only(&report, FailureKind::Reset), 20);
}

#[tokio::test]
async fn kept_alive_connection_that_closes_on_reuse_is_a_race_and_never_retried() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(OK).await.expect("sent");
        read_request(&mut stream).await;
    })
    .await;
    // One connection at a time: every second request meets a used one.
    let plan = LoadPlan { max_connections: at_most(1), ..plan(server.address, "/", 1000, Length::Requests(20)) };
    let report = load(plan).await;
    assert_eq!(only(&report, FailureKind::KeepAliveRace), 10);
    assert_eq!(report.requests.answered, 10);
    assert_eq!(report.requests.connections_opened, 10);
}

#[tokio::test]
async fn kept_alive_connection_that_breaks_while_the_request_is_worked_on_is_no_race() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(OK).await.expect("sent");
        read_request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    })
    .await;
    let plan = LoadPlan { max_connections: at_most(1), ..plan(server.address, "/", 1000, Length::Requests(2)) };
    assert_eq!(only(&load(plan).await, FailureKind::ClosedBeforeAnswer), 1);
}

#[tokio::test]
async fn connection_closed_as_announced_is_no_failure() {
    let server = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n").await;
    let plan = LoadPlan { max_connections: at_most(1), ..plan(server.address, "/", 1000, Length::Requests(20)) };
    let report = load(plan).await;
    assert_eq!(report.requests.answered, 20, "{}", report.render());
    assert_eq!(report.requests.by_version, [("(none)".to_owned(), 20)].into());
    assert_eq!(report.requests.connections_opened, 20);
}

#[tokio::test]
async fn answer_that_ends_early_is_truncated() {
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this".as_slice(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n".as_slice(),
    ] {
        let server = Server::answering(answer).await;
        let report = load(plan(server.address, "/", 1000, Length::Requests(10))).await;
        assert_eq!(only(&report, FailureKind::BodyTruncated), 10);
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let server = Server::answering(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let report = load(plan(server.address, "/", 1000, Length::Requests(10))).await;
    assert_eq!(only(&report, FailureKind::ProtocolError), 10);
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout() {
    let server = Server::start(|mut stream| async move { while read_request(&mut stream).await {} }).await;
    let timeout = Duration::from_millis(200);
    let plan = LoadPlan { timeout, ..plan(server.address, "/", 1000, Length::Requests(5)) };
    assert_eq!(only(&load(plan).await, FailureKind::Timeout), 5);
}

#[tokio::test]
async fn corrected_latency_shows_what_a_stall_does_to_those_who_wait() {
    // The first request takes half a second, and there is one connection only.
    let stall = Duration::from_millis(500);
    let server = Server::start(move |mut stream| async move {
        let mut pause = stall;
        while read_request(&mut stream).await {
            tokio::time::sleep(std::mem::take(&mut pause)).await;
            stream.write_all(OK).await.expect("sent");
        }
    })
    .await;
    let plan = LoadPlan { max_connections: at_most(1), ..plan(server.address, "/", 200, Length::Requests(200)) };
    let report = load(plan).await;
    assert_eq!(report.requests.answered, 200, "{}", report.render());
    let (service, corrected) = (report.latency.service, report.latency.corrected);
    assert!(service.max_us >= 500_000, "one request took the stall: {service:?}");
    assert!(service.p90_us < 100_000, "and hardly any other was slow once it was sent: {service:?}");
    assert!(corrected.p90_us >= 250_000, "but many waited for their turn: {corrected:?}");
}

#[tokio::test]
async fn early_stop_accounts_for_every_request_in_flight() {
    let demo = start_demo(DemoArgs::default()).await;
    let plan = plan(demo.address(), "/slow?ms=200", 300, Length::UntilStopped);
    let load = LoadHandle::start(plan).await.expect("the load starts");
    until(&load, "requests are in flight", |report| report.requests.in_flight > 20).await;
    let report = stop(load).await;
    assert!(report.requests.answered > 20);
    assert_eq!(report.failed(), 0, "{}", report.render());
}

#[tokio::test]
async fn load_finishes_by_itself_when_its_plan_ends() {
    let demo = start_demo(DemoArgs::default()).await;
    let mut load = LoadHandle::start(plan(demo.address(), "/", 1000, Length::Requests(10))).await.expect("starts");
    tokio::time::timeout(common::DEADLINE, load.finished()).await.expect("finishes");
    load.finished().await;
    assert_eq!(stop(load).await.requests.answered, 10);
}

#[tokio::test]
async fn host_that_cannot_be_resolved_is_an_error_that_names_it() {
    let target = "http://no-such-host.invalid/".parse().expect("a URL");
    let plan = LoadPlan::new(target, "1".parse().expect("a rate"), Length::Requests(1));
    let error = LoadHandle::start(plan).await.expect_err("cannot be resolved");
    assert_eq!(error.to_string(), "cannot resolve the host 'no-such-host.invalid'");
}

#[tokio::test]
async fn report_reads_well_and_is_json() {
    let demo = start_demo(DemoArgs { error_rate: "0.5".parse().expect("a fraction"), ..DemoArgs::default() }).await;
    let report = load(plan(demo.address(), "/", 1000, Length::Requests(10))).await;
    let text = report.render();
    for part in ["sent 10, answered 5, failed 5", "2xx 5, 5xx 5", "v1 10", "5  status_5xx", "/: status 500"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["requests"]["answered"], 5);
    assert_eq!(json["failures"]["status_5xx"], 5);
    assert_eq!(json["samples"][0]["kind"], "status_5xx");
}
