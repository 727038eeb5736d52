//! Bodies of any size pass through in constant memory, both ways, as fast as the slower side takes them.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::client::Client;
use common::process::{free_address, program};
use common::upstream::{Upstream, ok};
use common::{fixture, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SIZE: usize = 256 * 1024 * 1024;
/// What one connection may cost beside the process itself.
const GROWTH_MAX: u64 = 8 * 1024 * 1024;

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Process {
    /// The most memory it has ever had, in bytes.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_pass_both_ways_in_constant_memory() {
    let upstream = Upstream::start(|mut served| async move {
        let piece = vec![b'x'; 256 * 1024];
        while let Some(head) = served.head().await {
            if head.starts_with("POST") {
                let mut left = SIZE - served.buffer.len();
                served.buffer.clear();
                let mut into = vec![0; 256 * 1024];
                while left > 0 {
                    left -= served.stream.read(&mut into).await.unwrap();
                }
                served.send(ok("stored")).await;
            } else {
                served.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")).await;
                for _ in 0..SIZE / piece.len() {
                    if served.stream.write_all(&piece).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.json");
    let address = free_address();
    std::fs::write(&file, serde_json::to_vec(&fixture::config(address, &[upstream.address])).unwrap()).unwrap();
    let child = Command::new(program()).arg("--config").arg(&file).stderr(Stdio::null()).spawn().unwrap();
    let process = Process(child);
    until("it listens", || std::net::TcpStream::connect(address).is_ok()).await;
    let mut client = Client::connect(address).await;
    client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")).await;
    let piece = vec![b'y'; 256 * 1024];
    let before = process.peak();
    for _ in 0..SIZE / piece.len() {
        client.send(&piece).await;
    }
    assert_eq!(client.answer("POST").await.text(), "stored");
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut into = vec![0; 256 * 1024];
    // Nobody reads for a moment: the proxy must not collect what the target sends.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut read = 0;
    while read < SIZE {
        let count = within("more", client.stream.read(&mut into)).await.unwrap();
        assert!(count > 0, "the answer ended after {read} bytes");
        read += count;
    }
    let growth = process.peak() - before;
    assert!(growth < GROWTH_MAX, "memory grew by {growth} bytes");
}
