//! Random traffic from fixed seeds: every framing on both sides, cut anywhere, arrives whole; and no bytes make the proxy fail.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::client::Client;
use common::fixture::{Fixture, limits};
use common::upstream::{Served, Upstream, ok};
use seatrial_proxy::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % below as u64) as usize
    }

    /// Mostly small, sometimes larger than any buffer.
    fn size(&mut self) -> usize {
        let most = [1, 10, 1000, 20_000, 150_000][self.roll(5)];
        self.roll(most + 1)
    }

    fn body(&mut self) -> Vec<u8> {
        let (size, seed) = (self.size(), self.roll(256) as u8);
        (0..size).map(|index| (index as u8).wrapping_mul(31).wrapping_add(seed)).collect()
    }

    fn chunked(&mut self, body: &[u8]) -> Vec<u8> {
        let mut coded = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            let length = 1 + self.roll(rest.len());
            let extension = ["", ";x", ";a=\"b\"", " "][self.roll(4)];
            coded.extend_from_slice(format!("{length:x}{extension}\r\n").as_bytes());
            coded.extend_from_slice(&rest[..length]);
            coded.extend_from_slice(b"\r\n");
            rest = &rest[length..];
        }
        coded.extend_from_slice(["0\r\n\r\n", "00\r\nX-Trailer: y\r\n\r\n"][self.roll(2)].as_bytes());
        coded
    }

    /// Writes in pieces of random sizes.
    async fn write(&mut self, stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = (1 + self.size()).min(rest.len());
            stream.write_all(&rest[..length]).await?;
            rest = &rest[length..];
            if self.roll(3) == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }
}

/// Reads a chunked body to its end.
async fn unchunk(served: &mut Served) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = line(served).await?;
        let digits: String = line.chars().take_while(char::is_ascii_hexdigit).collect();
        let length = usize::from_str_radix(&digits, 16).unwrap();
        if length == 0 {
            while !self::line(served).await?.is_empty() {}
            return Some(body);
        }
        while served.buffer.len() < length + 2 {
            served.fill().await?;
        }
        body.extend(served.buffer.drain(..length));
        served.buffer.drain(..2);
    }
}

async fn line(served: &mut Served) -> Option<String> {
    loop {
        if let Some(end) = common::client::find(&served.buffer, b"\r\n") {
            let line: Vec<u8> = served.buffer.drain(..end + 2).collect();
            return Some(String::from_utf8(line[..end].to_vec()).unwrap());
        }
        served.fill().await?;
    }
}

/// Sends every body back, framed at random.
async fn echo(mut served: Served, seed: u64) {
    let mut dice = Dice(seed);
    while let Some(head) = served.head().await {
        let body = if head.contains("Transfer-Encoding: chunked") {
            unchunk(&mut served).await
        } else {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap_or("0");
            let length: usize = length.parse().unwrap();
            while served.buffer.len() < length {
                if served.fill().await.is_none() {
                    return;
                }
            }
            Some(served.buffer.drain(..length).collect())
        };
        let Some(body) = body else { return };
        let close = dice.roll(8) == 0;
        let (mut answer, ends) = match dice.roll(3) {
            0 => (format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len()).into_bytes(), close),
            1 => (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n".to_vec(), close),
            _ => (b"HTTP/1.1 200 OK\r\n".to_vec(), true),
        };
        if close && dice.roll(2) == 0 {
            answer.extend_from_slice(b"Connection: close\r\n");
        }
        let is_chunked = answer.windows(7).any(|window| window == b"chunked");
        answer.extend_from_slice(b"\r\n");
        let coded = if is_chunked { dice.chunked(&body) } else { body };
        answer.extend(coded);
        if dice.write(&mut served.stream, &answer).await.is_err() || ends {
            return;
        }
    }
}

async fn converse(address: std::net::SocketAddr, seed: u64, count: usize) {
    let mut dice = Dice(seed);
    let mut client = Client::connect(address).await;
    for number in 0..count {
        let body = dice.body();
        let method = ["POST", "PUT", "GET"][dice.roll(3)];
        let mut request = format!("{method} /{number} HTTP/1.1\r\nHost: a\r\n").into_bytes();
        if body.is_empty() && dice.roll(2) == 0 {
            request.extend_from_slice(b"\r\n");
        } else if dice.roll(2) == 0 {
            request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            request.extend_from_slice(&body);
        } else {
            request.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            request.extend(dice.chunked(&body));
        }
        dice.write(&mut client.stream, &request).await.unwrap();
        let answer = client.answer(method).await;
        assert_eq!(answer.status, 200, "request {number} of seed {seed}");
        assert!(answer.body == body, "request {number} of seed {seed}: {} of {} bytes", answer.body.len(), body.len());
        if answer.field("connection") == Some("close") {
            client = Client::connect(address).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_arrive_whole_however_they_are_framed_and_cut() {
    let count = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::start(move |served| echo(served, count.fetch_add(1, Ordering::Relaxed) as u64)).await;
    let fixture = Fixture::new(&[upstream.address]).await;
    let mut clients = tokio::task::JoinSet::new();
    for seed in 0..16 {
        clients.spawn(converse(fixture.address, seed * 7919, 60));
    }
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    let metrics = fixture.target_metrics(upstream.address);
    assert_eq!((metrics.requests, metrics.answers[2], metrics.in_flight), (960, 960, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_make_the_proxy_fail() {
    let panics = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&panics);
    std::panic::set_hook(Box::new(move |panic| {
        count.fetch_add(1, Ordering::SeqCst);
        eprintln!("{panic}");
    }));
    let upstream = Upstream::start(|mut served| async move {
        // As careless as a server can be: answers whatever comes.
        while served.fill().await.is_some() {
            served.buffer.clear();
            served.send(ok("fine")).await;
        }
    })
    .await;
    let limits = Limits { head_time: Duration::from_millis(50), ..limits() };
    let fixture = Fixture::with(&[upstream.address], limits, |config| {
        config.listeners[0].idle_timeout = Duration::from_millis(50);
    })
    .await;
    let samples = [
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nX-Forwarded-For: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n0123456789",
        "PUT /?a=b HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: z\r\n\r\n",
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x01\x02\x03",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x05\x01\x05\0\0\0\x01\x02\x04\x06\x07\x08",
    ];
    let address = fixture.address;
    let mut senders = tokio::task::JoinSet::new();
    for seed in 0..400u64 {
        let mut bytes = samples[seed as usize % samples.len()].as_bytes().to_vec();
        senders.spawn(async move {
            let mut dice = Dice(seed);
            for _ in 0..=dice.roll(4) {
                let at = dice.roll(bytes.len());
                match dice.roll(4) {
                    0 => bytes[at] = dice.roll(256) as u8,
                    1 if bytes.len() > 1 => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"\r\n\0 :;,0f\xff"[dice.roll(10)]),
                    _ => bytes.truncate(at + 1),
                }
            }
            let mut stream = TcpStream::connect(address).await.unwrap();
            // The proxy may well close before everything is sent.
            let _ = dice.write(&mut stream, &bytes).await;
            let ended = async { while matches!(stream.read(&mut [0; 4096]).await, Ok(count) if count > 0) {} };
            common::within("the connection's end", ended).await;
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    assert_eq!(fixture.client().await.get("/").await.text(), "fine");
    common::until("nothing is in flight", || fixture.target_metrics(upstream.address).in_flight == 0).await;
    assert_eq!(panics.load(Ordering::SeqCst), 0);
}
