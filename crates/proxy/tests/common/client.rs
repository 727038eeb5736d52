//! An HTTP/1 client that shows exactly what came.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

pub struct Client {
    pub stream: TcpStream,
    buffer: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Status line and header fields, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields(name).into_iter().next()
    }

    pub fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within("sending", self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await;
        self.answer("GET").await
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Answer {
        let length = body.len();
        self.send(format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}")).await;
        self.answer("POST").await
    }

    /// Receives an answer, which must come.
    pub async fn answer(&mut self, method: &str) -> Answer {
        self.try_answer(method).await.expect("an answer")
    }

    /// Receives an answer; `None` if the connection ends first.
    pub async fn try_answer(&mut self, method: &str) -> Option<Answer> {
        within("an answer", self.receive(method)).await
    }

    /// Whether the connection has been closed, with nothing more on it.
    pub async fn is_closed(&mut self) -> bool {
        self.buffer.is_empty() && matches!(within("the end", self.stream.read(&mut [0; 1])).await, Ok(0) | Err(_))
    }

    async fn receive(&mut self, method: &str) -> Option<Answer> {
        let head = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                break String::from_utf8(head[..end].to_vec()).unwrap();
            }
            self.fill().await?;
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Some(answer);
        }
        if answer.field("transfer-encoding") == Some("chunked") {
            answer.body = self.chunks().await?;
        } else if let Some(length) = answer.field("content-length") {
            let length: usize = length.parse().unwrap();
            answer.body = self.take(length).await?;
        } else {
            while self.fill().await.is_some() {}
            answer.body = std::mem::take(&mut self.buffer);
        }
        Some(answer)
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let length = usize::from_str_radix(line.split(';').next().unwrap().trim(), 16).unwrap();
            if length == 0 {
                while !self.line().await?.is_empty() {}
                return Some(body);
            }
            body.extend(self.take(length).await?);
            assert_eq!(self.line().await?, "");
        }
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return Some(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            self.fill().await?;
        }
    }

    pub async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Some(self.buffer.drain(..length).collect())
    }

    async fn fill(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
