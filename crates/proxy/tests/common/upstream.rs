//! Upstream servers that do exactly what a test says.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use super::client::find;

/// A server; dropped, it and its connections end.
pub struct Upstream {
    pub address: SocketAddr,
    pub connections: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection to an upstream server.
pub struct Served {
    pub stream: TcpStream,
    pub buffer: Vec<u8>,
}

/// A request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap()
    }

    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Upstream {
    /// Runs `serve` for each connection.
    pub async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(Served) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0".parse().unwrap(), serve).await
    }

    pub async fn start_at<F, S>(address: SocketAddr, serve: S) -> Self
    where
        S: Fn(Served) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let accept = async move {
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.unwrap();
                        stream.set_nodelay(true).unwrap();
                        counted.fetch_add(1, Ordering::Relaxed);
                        tasks.spawn(serve(Served { stream, buffer: Vec::new() }));
                    }
                    Some(_) = tasks.join_next() => {}
                }
            }
        };
        Upstream { address, connections, task: tokio::spawn(accept).abort_handle() }
    }

    /// Answers every request by the bytes `answer` returns; keeps connections.
    pub async fn answering(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::start(move |mut served| {
            let answer = Arc::clone(&answer);
            async move {
                while let Some(asked) = served.request().await {
                    if served.stream.write_all(&answer(&asked)).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Answers 200 with this text.
    pub async fn saying(text: &str) -> Self {
        let answer = ok(text);
        Self::answering(move |_| answer.clone()).await
    }
}

/// A plain answer.
pub fn ok(text: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()).into_bytes()
}

impl Served {
    /// Receives a request; `None` when the connection ends.
    pub async fn request(&mut self) -> Option<Asked> {
        let head = self.head().await?;
        let mut asked = Asked { head, body: Vec::new() };
        if asked.field("transfer-encoding").is_some() {
            while find(&self.buffer, b"0\r\n\r\n").is_none() {
                self.fill().await?;
            }
            let end = find(&self.buffer, b"0\r\n\r\n")? + 5;
            asked.body = self.buffer.drain(..end).collect();
        } else if let Some(length) = asked.field("content-length") {
            let length: usize = length.parse().unwrap();
            while self.buffer.len() < length {
                self.fill().await?;
            }
            asked.body = self.buffer.drain(..length).collect();
        }
        Some(asked)
    }

    pub async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                return Some(String::from_utf8(head[..end].to_vec()).unwrap());
            }
            self.fill().await?;
        }
    }

    pub async fn fill(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A proxy that has gone is for the test to notice.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }
}
