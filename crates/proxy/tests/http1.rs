//! HTTP/1.1 through the proxy: every way a message can be framed, and what is changed on its way.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use common::client::Client;
use common::fixture::{Fixture, forward, limits};
use common::upstream::{Upstream, ok};
use common::{until, within};
use seatrial_model::load_balancing::{Action, FixedResponse, Redirect, RedirectStatus};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_forwarded_with_the_fields_a_load_balancer_adds() {
    let upstream = Upstream::answering(|asked| ok(&asked.head)).await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    client.send("GET /a/b?c=d HTTP/1.1\r\nhost: app.test:1\r\nX-Mine: 1\r\nConnection: x-hop\r\nX-Hop: no\r\nTE: gzip\r\n\r\n").await;
    let answer = client.answer("GET").await;
    let head = answer.text();
    assert!(
        head.starts_with("GET /a/b?c=d HTTP/1.1\r\nHost: app.test:1\r\nX-Mine: 1\r\nX-Forwarded-For: 127.0.0.1\r\n"),
        "{head}"
    );
    let port = fixture.address.port();
    assert!(
        head.contains(&format!("X-Forwarded-Proto: http\r\nX-Forwarded-Port: {port}\r\nX-Amzn-Trace-Id: Root=1-")),
        "{head}"
    );
    assert!(!head.contains("X-Hop") && !head.contains("TE:") && !head.contains("Connection"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_kept_on_both_sides() {
    let upstream = Upstream::saying("hello").await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    for _ in 0..50 {
        let answer = client.get("/").await;
        assert_eq!((answer.status, answer.text()), (200, "hello"));
        assert_eq!(answer.field("connection"), None);
    }
    assert_eq!(upstream.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let upstream = Upstream::answering(|asked| ok(&format!("{} {}", asked.path(), asked.text()))).await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    let mut bytes = String::new();
    for number in 0..20 {
        // Empty lines before a request are skipped, as RFC 9112 asks.
        bytes += &format!("\r\n\r\nGET /{number} HTTP/1.1\r\nHost: a\r\n\r\n");
        bytes += &format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{number:02}");
    }
    client.send(bytes).await;
    for number in 0..20 {
        assert_eq!(client.answer("GET").await.text(), format!("/{number} "));
        assert_eq!(client.answer("POST").await.text(), format!("/{number} {number:02}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn request_bodies_arrive_however_they_are_framed_and_cut() {
    let upstream = Upstream::answering(|asked| ok(&format!("{:?}", asked.text()))).await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let bodies = [
        ("Content-Length: 11", "hello world"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n"),
        ("Content-Length: 0", ""),
    ];
    for (framing, body) in bodies {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}");
        let mut client = fixture.client().await;
        for step in [request.len(), 1, 7] {
            for piece in request.as_bytes().chunks(step) {
                client.send(piece).await;
                tokio::task::yield_now().await;
            }
            // The helper upstream cuts a chunked body at its last chunk; trailers stay behind, so each gets a connection of its own.
            let sent = if body.contains("X-Sum") { None } else { Some(format!("{body:?}")) };
            match sent {
                Some(sent) => assert_eq!(client.answer("POST").await.text(), sent, "{framing} in steps of {step}"),
                None => break,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunked_requests_pass_with_their_trailers() {
    let upstream = Upstream::start(|mut served| async move {
        served.head().await;
        while common::client::find(&served.buffer, b"X-Sum: 1\r\n\r\n").is_none() {
            if served.fill().await.is_none() {
                return;
            }
        }
        let body = String::from_utf8(served.buffer.clone()).unwrap();
        served.send(ok(&body)).await;
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    let body = "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
    assert_eq!(client.answer("PUT").await.text(), body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_arrive_however_they_are_framed() {
    let upstream = Upstream::start(|mut served| async move {
        while let Some(asked) = served.request().await {
            let answer = match asked.path() {
                "/length" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                "/chunked" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                "/empty" => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                "/none" => "HTTP/1.1 204 No Content\r\n\r\n",
                "/same" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
                _ => "HTTP/1.1 200 OK\r\n\r\nhello",
            };
            if asked.method() == "HEAD" {
                served.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").await;
                continue;
            }
            // In two pieces, the second one byte long.
            let (most, last) = answer.split_at(answer.len() - 1);
            served.send(most).await;
            tokio::task::yield_now().await;
            served.send(last).await;
            if asked.path() == "/close" {
                return;
            }
        }
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    let table = [
        ("/length", 200, "hello"),
        ("/chunked", 200, "hello"),
        ("/empty", 200, ""),
        ("/none", 204, ""),
        ("/same", 304, ""),
        ("/close", 200, "hello"),
        ("/length", 200, "hello"),
    ];
    for (path, status, body) in table {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.text()), (status, body), "{path}");
    }
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer("HEAD").await.field("content-length"), Some("5"));
    assert_eq!(client.get("/length").await.text(), "hello", "one connection has carried all of it");

    for path in ["/length", "/chunked", "/close"] {
        let mut old = fixture.client().await;
        old.send(format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        let answer = old.answer("GET").await;
        assert_eq!((answer.status, answer.text()), (200, "hello"), "{path} to an HTTP/1.0 client");
        assert_eq!(answer.field("transfer-encoding"), None);
        assert!(old.is_closed().await);
    }
    let mut old = fixture.client().await;
    for _ in 0..3 {
        old.send("GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        assert_eq!(old.answer("GET").await.field("connection"), Some("keep-alive"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_cut_short_ends_the_clients_connection() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let upstream = Upstream::start(move |mut served| async move {
            served.request().await;
            served.send(answer).await;
        })
        .await;
        let fixture = Fixture::new(&[upstream.address]).await;
        let mut client = fixture.client().await;
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.try_answer("GET").await, None, "an incomplete answer must not look complete");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_waits_for_100_continue_gets_it_from_the_target() {
    let upstream = Upstream::start(|mut served| async move {
        loop {
            let Some(head) = served.head().await else { return };
            if head.starts_with("POST /no") {
                served.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await;
                return;
            }
            assert!(head.contains("Expect: 100-continue"), "{head}");
            served.send("HTTP/1.1 100 Continue\r\n\r\n").await;
            while served.buffer.len() < 4 {
                served.fill().await.unwrap();
            }
            let body: Vec<u8> = served.buffer.drain(..4).collect();
            served.send(ok(std::str::from_utf8(&body).unwrap())).await;
        }
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    for _ in 0..2 {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
        assert_eq!(client.answer("POST").await.status, 100);
        client.send("body").await;
        assert_eq!(client.answer("POST").await.text(), "body");
    }
    client.send("POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    let answer = client.answer("POST").await;
    assert_eq!((answer.status, answer.text()), (413, "no"));
    assert!(client.is_closed().await, "whether the body still comes is unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_interim_answers_pass_to_clients_that_know_them() {
    let upstream =
        Upstream::answering(|_| [&b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"[..], &ok("done")].concat()).await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    assert_eq!(client.get("/").await.status, 103);
    assert_eq!(client.answer("GET").await.text(), "done");
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer("GET").await.text(), "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let upstream = Upstream::start(|mut served| async move {
        served.head().await;
        served.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno").await;
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    for _ in 0..20 {
        let mut client = fixture.client().await;
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n").await;
        for _ in 0..10 {
            if client.stream.write_all(&[b'x'; 10_000]).await.is_err() {
                break;
            }
        }
        let answer = client.answer("POST").await;
        assert_eq!((answer.status, answer.text(), answer.field("connection")), (403, "no", Some("close")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways_at_once() {
    let upstream = Upstream::start(|mut served| async move {
        served.head().await;
        served.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        loop {
            let received = std::mem::take(&mut served.buffer);
            if !received.is_empty() {
                served.send(received.as_slice()).await;
                if received.ends_with(b"0\r\n\r\n") {
                    return;
                }
            } else if served.fill().await.is_none() {
                return;
            }
        }
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    assert_eq!(client.take(head.len()).await.unwrap(), head, "before a byte of the body has been sent");
    for _ in 0..10 {
        client.send("5\r\nhello\r\n").await;
        assert_eq!(client.take(10).await.unwrap(), b"5\r\nhello\r\n");
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.take(5).await.unwrap(), b"0\r\n\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_streams_as_it_comes() {
    let (more, wait) = tokio::sync::mpsc::channel::<()>(1);
    let wait = std::sync::Arc::new(tokio::sync::Mutex::new(wait));
    let upstream = Upstream::start(move |mut served| {
        let wait = std::sync::Arc::clone(&wait);
        async move {
            served.request().await;
            served.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await;
            for piece in ["a", "b", "c", "d", "e", "f"] {
                served.send(piece).await;
                wait.lock().await.recv().await;
            }
        }
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.take(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n".len()).await.unwrap();
    for piece in ["a", "b", "c", "d", "e", "f"] {
        assert_eq!(client.take(1).await.unwrap(), piece.as_bytes());
        let _ = more.send(()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_balancers_own_answers_are_elbs() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = Upstream::start(|mut served| async move {
        served.request().await;
        std::future::pending::<()>().await;
    })
    .await;
    let nonsense = Upstream::answering(|_| b"HELLO\r\n\r\n".to_vec()).await;
    let mut fixture = Fixture::with(&[], limits(), |_| {}).await;
    let mut client = fixture.client().await;
    let answer = client.get("/").await;
    assert_eq!((answer.status, answer.field("server")), (503, Some("seatrial")), "no target");
    assert!(answer.text().contains("<h1>503 Service Unavailable</h1>"));

    fixture.apply(|config| config.target_groups[0] = common::fixture::group("group", &[closed])).await;
    assert_eq!(client.get("/").await.status, 502, "connection refused");
    fixture.apply(|config| config.target_groups[0] = common::fixture::group("group", &[nonsense.address])).await;
    assert_eq!(client.get("/").await.status, 502, "no HTTP");
    fixture
        .apply(|config| {
            config.target_groups[0] = common::fixture::group("group", &[silent.address]);
            config.listeners[0].idle_timeout = Duration::from_millis(300);
        })
        .await;
    assert_eq!(client.get("/").await.status, 504, "no answer");
    let metrics = fixture.listener_metrics();
    assert_eq!((metrics.requests, metrics.balancer_502, metrics.balancer_503, metrics.balancer_504), (4, 2, 1, 1));
    assert_eq!(metrics.balancer_answers, [0, 0, 0, 0, 0, 4]);
    assert_eq!(metrics.connections, 1, "errors of a target do not cost the client its connection");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fixed_responses_and_redirects_need_no_target() {
    let fixture = Fixture::with(&[], limits(), |config| {
        let redirect = Redirect {
            protocol: "HTTPS".to_owned(),
            host: "#{host}".to_owned(),
            port: "443".to_owned(),
            path: "/#{path}".to_owned(),
            query: "#{query}".to_owned(),
            status_code: RedirectStatus::Permanent301,
        };
        config.listeners[0].default_action = Action::Redirect(redirect);
        let fixed = FixedResponse {
            status_code: 418,
            content_type: Some("text/plain".to_owned()),
            message_body: "short and stout".to_owned(),
        };
        let conditions = vec![seatrial_model::load_balancing::Condition::PathPattern(vec!["/teapot".to_owned()])];
        config.listeners[0].rules = vec![seatrial_ports::balancer::RuleConfig {
            arn: "rule".to_owned(),
            conditions,
            action: Action::FixedResponse(fixed),
            mirror: None,
        }];
    })
    .await;
    let mut client = fixture.client().await;
    let answer = client.get("/teapot").await;
    assert_eq!(
        (answer.status, answer.text(), answer.field("content-type")),
        (418, "short and stout", Some("text/plain"))
    );
    let answer = client.get("/a?b=c").await;
    assert_eq!((answer.status, answer.field("location")), (301, Some("https://test/a?b=c")));
    let answer = client.post("/teapot", "with a body").await;
    assert_eq!(answer.status, 418);
    client.send("HEAD /teapot HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer("HEAD").await.field("content-length"), Some("15"));
    assert_eq!(client.get("/teapot").await.status, 418);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_frees_its_target() {
    let upstream = Upstream::start(|mut served| async move {
        served.request().await;
        while served.fill().await.is_some() {}
    })
    .await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut client = fixture.client().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request is in flight", || fixture.target_metrics(upstream.address).in_flight == 1).await;
    drop(client);
    until("the request is given up", || fixture.target_metrics(upstream.address).in_flight == 0).await;
    until("the client is counted", || fixture.listener_metrics().clients_gone == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_listener_closes_while_its_requests_finish() {
    let (release, released) = tokio::sync::watch::channel(false);
    let upstream = Upstream::start(move |mut served| {
        let mut released = released.clone();
        async move {
            while served.request().await.is_some() {
                released.wait_for(|released| *released).await.unwrap();
                served.send(ok("late")).await;
            }
        }
    })
    .await;
    let mut fixture = Fixture::new(&[upstream.address]).await;
    let mut idle = fixture.client().await;
    let mut busy = fixture.client().await;
    busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the request is in flight", || fixture.target_metrics(upstream.address).in_flight == 1).await;
    until("both are connected", || fixture.listener_metrics().open_connections == 2).await;
    fixture.apply(|config| config.listeners.clear()).await;
    assert!(idle.is_closed().await, "an idle connection is closed");
    assert!(tokio::net::TcpStream::connect(fixture.address).await.is_err(), "the port is closed");
    release.send(true).unwrap();
    let answer = busy.answer("GET").await;
    assert_eq!((answer.text(), answer.field("connection")), ("late", Some("close")));
    assert!(busy.is_closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_takes_effect_for_the_next_request_of_an_open_connection() {
    let (one, two) = (Upstream::saying("one").await, Upstream::saying("two").await);
    let mut fixture = Fixture::with(&[one.address], limits(), |config| {
        config.target_groups.push(common::fixture::group("other", &[two.address]));
    })
    .await;
    let mut client: Client = fixture.client().await;
    for round in 0..50 {
        let (name, text) = if round % 2 == 0 { ("other", "two") } else { ("group", "one") };
        fixture.apply(|config| config.listeners[0].default_action = forward(&[(name, 1)])).await;
        assert_eq!(within("an answer", client.get("/")).await.text(), text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_data_plane_closes_everything() {
    let upstream = Upstream::saying("fine").await;
    let Fixture { plane, address, .. } = Fixture::new(&[upstream.address]).await;
    let mut client = Client::connect(address).await;
    assert_eq!(client.get("/").await.text(), "fine");
    drop(plane);
    assert!(client.is_closed().await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
