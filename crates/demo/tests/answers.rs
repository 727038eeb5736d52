//! What the service answers, path by path.

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Client, eventually, exchange_bytes, get, options, read_until, start};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use seatrial_demo::{DemoArgs, Health};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

#[tokio::test]
async fn every_answer_names_the_version() {
    let demo = start(DemoArgs { version: "v42".parse().expect("a version"), ..options() }).await;
    let mut client = Client::connect(&demo).await;
    for (path, status) in [("/", 200), ("/health/ready", 200), ("/status/418", 418), ("/nowhere", 404), ("/ws", 426)] {
        let answer = client.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.headers["x-demo-version"], "v42", "{path}");
    }
    assert_eq!(client.get("/").await.body, "Hello from the demo service, version v42\n");
}

#[tokio::test]
async fn bytes_come_in_the_number_asked_for() {
    let demo = start(options()).await;
    for count in [0, 1, 200_000] {
        let answer = get(&demo, &format!("/bytes?n={count}")).await;
        assert_eq!(answer.body.len(), count);
        assert_eq!(answer.headers["content-length"], count.to_string());
    }
}

#[tokio::test]
async fn numbers_out_of_range_are_refused_with_the_range() {
    let demo = start(options()).await;
    for path in ["/bytes?n=-1", "/slow?ms=x", "/burn?ms=10001", "/stream?chunks=1e9", "/stream?interval_ms=999999"] {
        let answer = get(&demo, path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.body.contains("must be a whole number from 0 to"), "{}", answer.body);
    }
    assert_eq!(get(&demo, "/status/99").await.status, 400);
}

#[tokio::test]
async fn a_burn_costs_the_processor_time_that_was_asked_for() {
    let demo = start(options()).await;
    let spent = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).expect("less than a second"))
    };
    let before = spent();
    let answer = get(&demo, "/burn?ms=60").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "Hello from the demo service, version v1\n"));
    let cost = spent() - before;
    assert!(cost >= Duration::from_millis(60), "{cost:?}");
}

#[tokio::test]
async fn headers_are_shown_as_they_arrived() {
    let demo = start(options()).await;
    let request = "GET /headers?a=b HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 192.0.2.1\r\n\
                   X-Forwarded-For: 192.0.2.2\r\nConnection: close\r\n\r\n";
    let answer = exchange_bytes(&demo, request).await;
    let (_, json) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let shown: serde_json::Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(shown["host"], "shop.example");
    assert_eq!(shown["x-forwarded-for"], "192.0.2.1, 192.0.2.2");
    assert_eq!(shown[":path"], "/headers?a=b");
    assert_eq!(shown[":version"], "HTTP/1.1");
    assert!(shown[":peer"].as_str().is_some_and(|peer| peer.starts_with("127.0.0.1:")), "{json}");
}

#[tokio::test]
async fn stream_ends_with_a_line_that_counts_what_came_before() {
    let demo = start(options()).await;
    let began = Instant::now();
    let body = get(&demo, "/stream?chunks=3&interval_ms=20").await.body;
    assert!(began.elapsed() >= Duration::from_millis(40), "the lines came without pauses");
    let lines = "chunk 1/3 v1\nchunk 2/3 v1\nchunk 3/3 v1\n";
    assert_eq!(body, format!("{lines}end chunks=3 bytes={}\n", lines.len()));
    assert_eq!(get(&demo, "/stream?chunks=0").await.body, "end chunks=0 bytes=0\n");
}

#[tokio::test]
async fn echo_answers_while_the_request_is_still_being_sent() {
    let demo = start(options()).await;
    let mut stream = TcpStream::connect(demo.address()).await.expect("the port is open");
    let head = b"POST /echo HTTP/1.1\r\nHost: demo\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
    stream.write_all(head).await.expect("sent");
    read_until(&mut stream, "first").await;
    stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").await.expect("sent");
    read_until(&mut stream, "second\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn body_nobody_asked_for_does_not_cost_the_connection() {
    let demo = start(options()).await;
    let mut stream = TcpStream::connect(demo.address()).await.expect("the port is open");
    for _ in 0..2 {
        stream.write_all(b"POST / HTTP/1.1\r\nHost: demo\r\nContent-Length: 100000\r\n\r\n").await.expect("sent");
        tokio::task::yield_now().await;
        stream.write_all(&[b'x'; 100_000]).await.expect("sent");
        read_until(&mut stream, "version v1\n").await;
    }
}

#[tokio::test]
async fn http2_with_prior_knowledge_works_on_the_same_port() {
    let demo = start(options()).await;
    assert_eq!(get(&demo, "/").await.status, 200);
    let stream = TcpStream::connect(demo.address()).await.expect("the port is open");
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = Request::post(demo.url("/echo")).body(Full::new(Bytes::from_static(b"over HTTP/2")));
    let answer = sender.send_request(request.expect("a valid request")).await.expect("an answer");
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(answer.headers()["x-demo-version"], "v1");
    assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "over HTTP/2");
}

#[tokio::test]
async fn unhealthy_service_fails_its_checks_and_answers_everything_else() {
    let demo = start(DemoArgs { health: Health::Unhealthy, ..options() }).await;
    assert_eq!(get(&demo, "/health/ready").await.status, 503);
    assert_eq!(get(&demo, "/health/live").await.status, 503);
    assert_eq!(get(&demo, "/").await.status, 200);
}

#[tokio::test]
async fn health_ends_after_the_ordered_time() {
    let while_healthy = Duration::from_millis(300);
    let demo = start(DemoArgs { health: Health::HealthyFor(while_healthy), ..options() }).await;
    assert_eq!(get(&demo, "/health/ready").await.status, 200);
    eventually("checks fail", async || get(&demo, "/health/ready").await.status == 503).await;
}

#[tokio::test]
async fn health_paths_can_be_chosen() {
    let demo = start(DemoArgs { health_paths: vec!["/up".to_owned()], ..options() }).await;
    assert_eq!(get(&demo, "/up").await.body, "ok\n");
    assert_eq!(get(&demo, "/health/ready").await.status, 404);
}

#[tokio::test]
async fn error_rate_spares_health_checks() {
    let demo = start(DemoArgs { error_rate: "0.5".parse().expect("a fraction"), ..options() }).await;
    let mut client = Client::connect(&demo).await;
    let mut failed = 0;
    for _ in 0..10 {
        failed += u32::from(client.get("/").await.status == 500);
        assert_eq!(client.get("/health/ready").await.status, 200);
    }
    assert_eq!(failed, 5);
}

#[tokio::test]
async fn latency_holds_back_the_answer() {
    let demo = start(DemoArgs { latency: Duration::from_millis(50), ..options() }).await;
    let began = Instant::now();
    get(&demo, "/").await;
    assert!(began.elapsed() >= Duration::from_millis(50));
    let began = Instant::now();
    get(&demo, "/slow?ms=30").await;
    assert!(began.elapsed() >= Duration::from_millis(80), "the wait of /slow comes on top");
}

#[tokio::test]
async fn malformed_request_is_answered_with_400() {
    let demo = start(options()).await;
    assert!(exchange_bytes(&demo, "GET / HTTP/1.1\r\nno colon here\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    assert_eq!(get(&demo, "/").await.status, 200);
}

#[tokio::test]
async fn boot_delay_holds_back_the_port() {
    let began = Instant::now();
    let demo = start(DemoArgs { boot_delay: Duration::from_millis(80), ..options() }).await;
    assert!(began.elapsed() >= Duration::from_millis(80));
    assert_eq!(get(&demo, "/").await.status, 200);
}
