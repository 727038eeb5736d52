//! A client of the demonstration service, plain enough to see what is on the wire.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use seatrial_demo::{Demo, DemoArgs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for anything that must happen.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Returns options that take a free port.
pub fn options() -> DemoArgs {
    DemoArgs { port: 0, ..DemoArgs::default() }
}

pub async fn start(args: DemoArgs) -> Demo {
    Demo::start(args).await.expect("the service starts")
}

/// A whole answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

/// An HTTP/1.1 connection kept alive.
pub struct Client(SendRequest<Empty<Bytes>>);

impl Client {
    pub async fn connect(demo: &Demo) -> Client {
        let stream = TcpStream::connect(demo.address()).await.expect("the port is open");
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.expect("a handshake of nothing");
        tokio::spawn(connection);
        Client(sender)
    }

    pub async fn try_get(&mut self, path: &str) -> hyper::Result<Answer> {
        self.0.ready().await?;
        let request = Request::get(path).header("host", "demo").body(Empty::new()).expect("a valid request");
        let (head, body) = self.0.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let body = String::from_utf8(body.to_vec()).expect("text");
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.try_get(path).await.expect("an answer")
    }

    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Answers to one request on a connection of its own.
pub async fn get(demo: &Demo, path: &str) -> Answer {
    Client::connect(demo).await.get(path).await
}

/// Polls until the condition holds.
pub async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, poll).await.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"));
}

/// Sends raw bytes and reads until the service closes the connection.
pub async fn exchange_bytes(demo: &Demo, request: &str) -> String {
    let mut stream = TcpStream::connect(demo.address()).await.expect("the port is open");
    stream.write_all(request.as_bytes()).await.expect("sent");
    rest(stream).await
}

/// Reads until the service closes the connection.
pub async fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer));
    read.await.expect("closed in time").expect("closed cleanly");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until the text has come.
pub async fn read_until(stream: &mut TcpStream, text: &str) {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(text) {
            let more = stream.read_buf(&mut read).await.expect("readable");
            assert!(more > 0, "closed after {:?}", String::from_utf8_lossy(&read));
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("answered in time");
}

/// Returns a connection on which this request is certainly in flight: it was
/// sent right behind another one whose answer has come.
pub async fn in_flight(demo: &Demo, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(demo.address()).await.expect("the port is open");
    let requests = format!("GET / HTTP/1.1\r\nHost: demo\r\n\r\nGET {path} HTTP/1.1\r\nHost: demo\r\n\r\n");
    stream.write_all(requests.as_bytes()).await.expect("sent");
    read_until(&mut stream, "version v1\n").await;
    stream
}
