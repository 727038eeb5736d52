//! Addresses as functions, asked on a small server of real sockets.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use support::Hooks;

/// A server that takes one connection, keeps the request it gets, and writes the given bytes.
struct Server {
    address: SocketAddr,
    served: JoinHandle<String>,
}

impl Server {
    fn start(answer: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, answer) = (listener.local_addr().expect("an address"), answer.to_owned());
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let request = read_request(&mut stream);
            // The client may have gone already.
            let _ = stream.write_all(answer.as_bytes());
            request
        });
        Server { address, served }
    }

    fn answering(status: &str, headers: &str, body: &str) -> Self {
        Server::start(&format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
    }

    fn hooks(&self, timeout: &str) -> Hooks {
        let url = format!("http://{}/2015-03-31/functions/function/invocations?q=1", self.address);
        Hooks::new(&json!({"functions": {"check": {"url": url, "timeout": timeout}}}).to_string())
    }

    fn request(self) -> String {
        self.served.join().expect("the server does not panic")
    }
}

/// Reads a request with a `content-length` body.
fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).expect("a readable connection") {
            0 => return text,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    }
}

#[tokio::test]
async fn an_address_gets_the_request_and_its_body_is_the_answer() {
    let server = Server::answering("200 OK", "", "{\n\"hookStatus\": \"SUCCEEDED\"}");
    let answer = server.hooks("15m").answer(json!({"lifecycleStage": "PRE_SCALE_UP"})).await;
    assert_eq!(answer, json!({"hookStatus": "SUCCEEDED"}));
    let request = server.request();
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("POST /2015-03-31/functions/function/invocations?q=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json") && head.contains("host: 127.0.0.1:"), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body, json!({"lifecycleStage": "PRE_SCALE_UP"}));
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_with_its_cause() {
    for (status, headers, body, expected) in [
        ("503 Service Unavailable", "", "try later", "answered 503 Service Unavailable instead of 2xx: try later"),
        ("302 Found", "location: http://127.0.0.1:1/\r\n", "", "answered 302 Found instead of 2xx: (nothing)"),
        ("200 OK", "", "SUCCEEDED", "did not answer with JSON, but: SUCCEEDED: expected value at line 1"),
        (
            "200 OK",
            "x-amz-function-error: Unhandled\r\n",
            "{\"errorMessage\":\"no\"}",
            "failed (Unhandled): {\"errorMessage\"",
        ),
    ] {
        let server = Server::answering(status, headers, body);
        let text = server.hooks("15m").failure().await;
        assert!(text.contains(expected) && text.contains(&server.address.to_string()), "{text}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let server = Server::answering("200 OK", "", &"x".repeat(300_000));
    let text = server.hooks("15m").failure().await;
    assert!(text.contains("answered with more than 262144 bytes"), "{text}");
}

#[tokio::test]
async fn an_address_that_takes_too_long_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let text =
        Hooks::new(&json!({"functions": {"check": {"url": url, "timeout": "100ms"}}}).to_string()).failure().await;
    assert!(text.starts_with("the function took longer than its 0.1 s and was ended"), "{text}");
}

#[tokio::test]
async fn an_address_nobody_listens_on_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let text = Hooks::new(&format!("functions: {{ check: {{ url: 'http://{address}/' }} }}")).failure().await;
    assert!(text.starts_with(&format!("could not ask http://{address}/ (does it listen?)")), "{text}");
    assert!(text.contains("refused"), "{text}");
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_told() {
    let server = Server::start("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
    let text = server.hooks("15m").failure().await;
    assert!(text.starts_with("could not ask http://"), "{text}");
}

#[tokio::test]
async fn an_https_address_is_spoken_to_in_tls_only() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let served = std::thread::spawn(move || {
        let mut first = [0; 1];
        let (mut stream, _) = listener.accept().expect("a connection");
        stream.read_exact(&mut first).expect("a byte");
        first[0]
    });
    let text = Hooks::new(&format!("functions: {{ check: {{ url: 'https://{address}/' }} }}")).failure().await;
    if text.starts_with("could not prepare TLS") {
        // A machine without certificates; nothing was sent.
        drop(TcpStream::connect(address));
        return;
    }
    assert!(text.starts_with(&format!("could not ask https://{address}/")), "{text}");
    assert_eq!(served.join().expect("the server does not panic"), 0x16, "a TLS handshake");
}
