//! HTTP/2 on either side: clients with prior knowledge, HTTP/2 and gRPC targets, and every mixture.
#![allow(clippy::unwrap_used)]

mod common;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::fixture::{Fixture, limits, target};
use common::upstream::{Upstream, ok};
use common::{until, within};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use seatrial_model::load_balancing::ProtocolVersion;
use seatrial_ports::balancer::TargetIntent;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Body = UnsyncBoxBody<Bytes, Infallible>;
type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

fn text(text: impl Into<String>) -> Body {
    Full::new(Bytes::from(text.into())).boxed_unsync()
}

/// A body fed through a channel.
fn fed() -> (mpsc::Sender<Frame<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(4);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|frame| (Ok::<_, Infallible>(frame), receiver))
    });
    (sender, StreamBody::new(stream).boxed_unsync())
}

async fn http2_server(
    serve: impl Fn(Request<Incoming>) -> Answering + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            let serve = Arc::clone(&serve);
            let service = service_fn(move |request| {
                let answering = serve(request);
                async move { Ok::<_, Infallible>(answering.await) }
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(builder.serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, connections)
}

/// Answers with what it was asked; gRPC-like, with trailers.
fn echo(request: Request<Incoming>) -> Answering {
    Box::pin(async move {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let said = format!("{} {} {:?} {}", parts.method, parts.uri, parts.headers, String::from_utf8_lossy(&body));
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from(said))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
        Response::builder().header("content-type", "application/grpc").body(body).unwrap()
    })
}

async fn http2_client(address: SocketAddr) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn post(path: &str, body: Body) -> Request<Body> {
    Request::post(format!("http://app.test{path}")).header("te", "trailers").body(body).unwrap()
}

async fn whole(response: Response<Incoming>) -> (u16, String, Option<HeaderMap>) {
    let status = response.status().as_u16();
    let collected = within("the body", response.into_body().collect()).await.unwrap();
    let trailers = collected.trailers().cloned();
    (status, String::from_utf8(collected.to_bytes().to_vec()).unwrap(), trailers)
}

async fn fixture(target: SocketAddr, protocol: ProtocolVersion) -> Fixture {
    Fixture::with(&[target], limits(), |config| config.target_groups[0].protocol_version = protocol).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_calls_pass_with_their_trailers() {
    let (server, connections) = http2_server(echo).await;
    let fixture = fixture(server, ProtocolVersion::Grpc).await;
    let mut client = http2_client(fixture.address).await;
    for _ in 0..20 {
        let response = within("an answer", client.send_request(post("/pkg.Service/Call", text("ping")))).await.unwrap();
        let (status, said, trailers) = whole(response).await;
        assert_eq!((status, trailers.unwrap()["grpc-status"].to_str().unwrap()), (200, "0"));
        assert!(said.starts_with("POST http://app.test/pkg.Service/Call "), "{said}");
        assert!(said.contains(r#""te": "trailers""#) && said.contains(r#""x-forwarded-for": "127.0.0.1""#), "{said}");
        assert!(said.ends_with(" ping"), "{said}");
    }
    assert!(connections.load(Ordering::Relaxed) <= 2, "one connection a worker");
    let metrics = fixture.target_metrics(server);
    assert_eq!((metrics.requests, metrics.answers[2], metrics.in_flight), (20, 20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_flow_both_ways_at_once() {
    let (server, _) = http2_server(|request| {
        Box::pin(async move { Response::new(request.into_body().map_err(|_| unreachable!()).boxed_unsync()) })
    })
    .await;
    let fixture = fixture(server, ProtocolVersion::Http2).await;
    let mut client = http2_client(fixture.address).await;
    let (feed, body) = fed();
    let response = within("an answer", client.send_request(post("/", body))).await.unwrap();
    let mut echoed = response.into_body();
    for number in 0..50 {
        let piece = Bytes::from(format!("piece {number}"));
        feed.send(Frame::data(piece.clone())).await.unwrap();
        let frame = within("the echo", echoed.frame()).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    assert_eq!(fixture.target_metrics(server).in_flight, 1);
    drop(feed);
    let rest = within("the rest", echoed.collect()).await.expect("an orderly end");
    assert!(rest.to_bytes().is_empty());
    until("the request has ended", || fixture.target_metrics(server).in_flight == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_client_reaches_an_http1_target() {
    let upstream = Upstream::answering(|asked| ok(&format!("{}\n{}", asked.head, asked.text()))).await;
    let fixture = fixture(upstream.address, ProtocolVersion::Http1).await;
    let mut client = http2_client(fixture.address).await;
    let mut request = post("/path?query", text("body"));
    request.headers_mut().append("cookie", HeaderValue::from_static("a=1"));
    request.headers_mut().append("cookie", HeaderValue::from_static("b=2"));
    let (status, said, _) = whole(client.send_request(request).await.unwrap()).await;
    assert_eq!(status, 200);
    assert!(
        said.starts_with("POST /path?query HTTP/1.1\n") || said.starts_with("POST /path?query HTTP/1.1\r\n"),
        "{said}"
    );
    for line in ["host: app.test", "cookie: a=1; b=2", "x-forwarded-for: 127.0.0.1"] {
        assert!(said.contains(line), "{line:?} in {said}");
    }
    assert!(!said.contains("te: trailers") && said.ends_with("body"), "{said}");
    let many = (0..50).map(|number| client.send_request(post(&format!("/{number}"), text("x"))));
    for response in futures_util::future::join_all(many).await {
        assert_eq!(whole(response.unwrap()).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http1_client_reaches_an_http2_target() {
    let (server, _) = http2_server(echo).await;
    let fixture = fixture(server, ProtocolVersion::Http2).await;
    let mut client = fixture.client().await;
    for _ in 0..3 {
        let answer = client.get("/a").await;
        assert_eq!((answer.status, answer.field("transfer-encoding")), (200, Some("chunked")));
        assert!(answer.text().starts_with("GET http://test/a "), "{}", answer.text());
        assert!(!answer.text().contains("\"host\"") && !answer.text().contains("\"connection\""), "{}", answer.text());
        let answer = client.post("/b", "with a length").await;
        assert!(answer.text().contains(r#""content-length": "13""#), "{}", answer.text());
        assert!(answer.text().ends_with(" with a length"), "{}", answer.text());
        client
            .send("POST /c HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n")
            .await;
        assert_eq!(client.answer("POST").await.status, 100);
        client.send("4\r\nin c\r\n5\r\nhunks\r\n0\r\n\r\n").await;
        assert!(client.answer("POST").await.text().ends_with(" in chunks"));
    }
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.answer("GET").await;
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_passes_between_the_protocols() {
    const SIZE: usize = 3_000_000;
    let (server, _) = http2_server(|request| {
        Box::pin(async move {
            let size = request.into_body().collect().await.unwrap().to_bytes().len();
            Response::new(text("x".repeat(size)))
        })
    })
    .await;
    let fixture = fixture(server, ProtocolVersion::Http2).await;
    let answer = fixture.client().await.post("/", &"y".repeat(SIZE)).await;
    assert_eq!(answer.body.len(), SIZE);
    let mut client = http2_client(fixture.address).await;
    let response = client.send_request(post("/", text("y".repeat(SIZE)))).await.unwrap();
    assert_eq!(whole(response).await.1.len(), SIZE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_clients_are_answered_when_no_target_can_be_reached() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for protocol in [ProtocolVersion::Http1, ProtocolVersion::Http2] {
        let mut fixture = fixture(closed, protocol).await;
        let mut client = http2_client(fixture.address).await;
        assert_eq!(whole(client.send_request(post("/", text("x"))).await.unwrap()).await.0, 502);
        assert_eq!(fixture.client().await.get("/").await.status, 502);
        fixture.apply(|config| config.target_groups[0].targets.clear()).await;
        assert_eq!(whole(client.send_request(post("/", text("x"))).await.unwrap()).await.0, 503);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_says_goodbye_costs_no_call() {
    const CALLS: usize = 300;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    // Ends every connection gracefully after a few calls, as servers with a maximum connection age do.
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                let mut count = 0;
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    count += 1;
                    if count == 5 {
                        connection.graceful_shutdown();
                    }
                    tokio::spawn(async move {
                        let mut body = request.into_body();
                        while let Some(Ok(piece)) = body.data().await {
                            let _ = body.flow_control().release_capacity(piece.len());
                        }
                        if let Ok(mut stream) = respond.send_response(Response::new(()), false) {
                            let _ = stream.send_data(Bytes::from_static(b"fine"), true);
                        }
                    });
                }
            });
        }
    });
    let fixture = fixture(server, ProtocolVersion::Grpc).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let mut client = http2_client(fixture.address).await;
        calls.spawn(async move {
            for _ in 0..CALLS / 6 {
                let response = within("an answer", client.send_request(post("/", text("ping")))).await.unwrap();
                assert_eq!(whole(response).await.1, "fine");
            }
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(fixture.listener_metrics().balancer_answers, [0; 6]);
    assert_eq!(fixture.target_metrics(server).requests, CALLS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_target_keeps_its_streams_and_gets_no_new_one() {
    let (server, _) = http2_server(|request| {
        Box::pin(async move { Response::new(request.into_body().map_err(|_| unreachable!()).boxed_unsync()) })
    })
    .await;
    let mut fixture = fixture(server, ProtocolVersion::Grpc).await;
    let mut client = http2_client(fixture.address).await;
    let (feed, body) = fed();
    let mut echoed = within("an answer", client.send_request(post("/", body))).await.unwrap().into_body();
    fixture.apply(|config| config.target_groups[0].targets = vec![target(server, TargetIntent::Draining)]).await;
    feed.send(Frame::data(Bytes::from_static(b"still here"))).await.unwrap();
    assert_eq!(within("the echo", echoed.frame()).await.unwrap().unwrap().into_data().unwrap(), "still here");
    assert_eq!(whole(client.send_request(post("/", text("x"))).await.unwrap()).await.0, 503);
    assert!(!fixture.is_drained(server));
    drop(feed);
    let rest = within("the rest", echoed.collect()).await.expect("an orderly end");
    assert!(rest.to_bytes().is_empty());
    until("drained", || fixture.is_drained(server)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_given_up_by_its_client_frees_the_target() {
    let (server, _) = http2_server(|_| Box::pin(std::future::pending())).await;
    let fixture = fixture(server, ProtocolVersion::Http2).await;
    let mut client = http2_client(fixture.address).await;
    let call = tokio::time::timeout(Duration::from_millis(100), client.send_request(post("/", text("x")))).await;
    assert!(call.is_err(), "never answered");
    until("given up", || fixture.target_metrics(server).in_flight == 0).await;
    until("counted", || fixture.listener_metrics().clients_gone == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_listener_ends_http2_connections_after_their_streams() {
    let (server, _) = http2_server(echo).await;
    let mut fixture = fixture(server, ProtocolVersion::Http2).await;
    let mut client = http2_client(fixture.address).await;
    assert_eq!(whole(client.send_request(post("/", text("x"))).await.unwrap()).await.0, 200);
    fixture.apply(|config| config.listeners.clear()).await;
    until("the connection is closed", || client.is_closed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_mirrored_between_all_protocols_but_grpc() {
    use seatrial_model::{TargetGroupArn, TrafficPercent};
    use seatrial_ports::balancer::MirrorConfig;

    const REQUESTS: u64 = 5;
    let http1 = Upstream::saying("http1").await;
    let (http2, _) = http2_server(|request| {
        let marked = request.headers().get("x-seatrial-mirror").is_some();
        Box::pin(async move { Response::builder().status(if marked { 204 } else { 200 }).body(text("")).unwrap() })
    })
    .await;
    let table = [
        (ProtocolVersion::Http1, http1.address, REQUESTS, 0),
        (ProtocolVersion::Http2, http2, REQUESTS, REQUESTS),
        (ProtocolVersion::Grpc, http2, 0, 0),
    ];
    for (protocol, server, copied, mismatches) in table {
        let fixture = Fixture::with(&[server], limits(), |config| {
            let mut mirrored = common::fixture::group("copies", &[server]);
            mirrored.protocol_version = protocol;
            config.target_groups[0].protocol_version = protocol;
            config.target_groups.push(mirrored);
            config.listeners[0].default_mirror =
                Some(MirrorConfig { target_group: TargetGroupArn::new("copies"), percent: TrafficPercent::ALL });
        })
        .await;
        let mut client = http2_client(fixture.address).await;
        for _ in 0..REQUESTS {
            let get = Request::get("http://app.test/").header("x-seatrial-mirror", "true").body(text("")).unwrap();
            let response = within("an answer", client.send_request(get)).await.unwrap();
            assert_eq!(response.status(), 200, "the client's mark was removed");
            let sent = within("an answer", client.send_request(post("/", text("x")))).await.unwrap();
            assert_eq!(sent.status(), 200);
        }
        let mirrored = || fixture.plane.metrics().mirrors[0].clone();
        until("the copies to be compared", || mirrored().mismatches == mismatches).await;
        until("the copies to be answered", || mirrored().answers[2] == copied).await;
        assert_eq!((mirrored().requests, mirrored().dropped), (copied, 0), "{protocol:?}");
        // From HTTP/1 to the same target.
        let status = fixture.client().await.get("/").await.status;
        assert_eq!(status, 200);
        until("one copy more", || mirrored().answers[2] == copied + u64::from(copied > 0)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_of_a_client_is_ended_when_its_streams_are_over() {
    let upstream = Upstream::saying("fine").await;
    let fixture = Fixture::with(&[upstream.address], limits(), |config| {
        config.listeners[0].client_keep_alive = Duration::from_millis(200);
    })
    .await;
    let began = std::time::Instant::now();
    let mut client = http2_client(fixture.address).await;
    let mut answers = 0;
    while !client.is_closed() {
        let Ok(response) = within("an answer or the end", client.send_request(post("/", text("")))).await else {
            break;
        };
        assert_eq!(whole(response).await.0, 200);
        answers += 1;
    }
    assert!(began.elapsed() >= Duration::from_millis(200) && answers > 0, "{answers} answers in {:?}", began.elapsed());
}
