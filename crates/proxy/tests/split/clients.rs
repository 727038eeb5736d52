//! Clients that ask through the proxy and note which target group answered.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{FIRST, SECOND};

/// Connections at once.
pub const CONNECTIONS: usize = 8;
/// Requests in one burst of a pipelining client.
pub const BURST: usize = 10;
/// Every how many new clients one comes back with its cookies.
pub const RETURNING: usize = 4;
/// No answer takes longer, however loaded the machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The target group and the place in it.
    pub target: String,
    /// What a client sends back as `Cookie`.
    pub cookies: String,
}

impl Answer {
    /// Whether the second group answered.
    pub fn is_second(&self) -> bool {
        match self.target.split(' ').next() {
            Some(FIRST) => false,
            Some(SECOND) => true,
            other => panic!("no target group is called {other:?}"),
        }
    }
}

/// A client with a connection.
pub struct Visitor {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Visitor {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = within(TcpStream::connect(address)).await.expect("a connection");
        stream.set_nodelay(true).expect("a connected socket takes the option");
        Visitor { stream, input: Vec::with_capacity(4096) }
    }

    /// Asks once, with these cookies if there are any.
    pub async fn ask(&mut self, cookies: &str) -> Answer {
        self.send(1, cookies).await;
        self.answer().await
    }

    /// Sends requests in one piece without waiting for answers.
    pub async fn send(&mut self, count: usize, cookies: &str) {
        let cookies = if cookies.is_empty() { String::new() } else { format!("Cookie: {cookies}\r\n") };
        let requests = format!("GET / HTTP/1.1\r\nHost: test\r\n{cookies}\r\n").repeat(count);
        within(self.stream.write_all(requests.as_bytes())).await.expect("a connection that takes requests");
    }

    /// Receives the next answer.
    pub async fn answer(&mut self) -> Answer {
        let head_end = self.find(b"\r\n\r\n").await + 4;
        let head = std::str::from_utf8(&self.input[..head_end]).expect("a head of ASCII characters");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let field = |name: &'static str| head.split("\r\n").filter_map(move |line| line.strip_prefix(name));
        let length: usize = field("Content-Length: ").next().and_then(|text| text.parse().ok()).expect("a length");
        let cookies: Vec<_> = field("Set-Cookie: ").filter_map(|cookie| cookie.split(';').next()).collect();
        let cookies = cookies.join("; ");
        while self.input.len() < head_end + length {
            self.fill().await;
        }
        let target = String::from_utf8_lossy(&self.input[head_end..head_end + length]).into_owned();
        self.input.drain(..head_end + length);
        Answer { target, cookies }
    }

    /// Resets the connection, so that no port is kept waiting for stray segments.
    pub fn hang_up(self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO))
            .expect("a connected socket takes the option");
    }

    async fn find(&mut self, wanted: &[u8]) -> usize {
        loop {
            if let Some(at) = self.input.windows(wanted.len()).position(|window| window == wanted) {
                return at;
            }
            self.fill().await;
        }
    }

    async fn fill(&mut self) {
        let count = within(self.stream.read_buf(&mut self.input)).await.expect("a connection that answers");
        assert!(count > 0, "the connection was closed before the answer");
    }
}

/// What the new clients of a sticky listener saw.
#[derive(Debug, Default)]
pub struct Sticky {
    /// Which group each new client got.
    pub new: Vec<bool>,
    /// Clients that came back with their cookies.
    pub returned: usize,
    /// Those that did not find their target again.
    pub strayed: usize,
}

/// Asks on kept-alive connections, on half of them in bursts; returns the answers connection by connection.
pub async fn kept_alive(address: SocketAddr, count: usize) -> Vec<bool> {
    let seen = on_connections(count, move |connection, count| async move {
        let mut visitor = Visitor::connect(address).await;
        let burst = if connection % 2 == 0 { 1 } else { BURST };
        let mut seen = Vec::with_capacity(count);
        while seen.len() < count {
            let burst = burst.min(count - seen.len());
            visitor.send(burst, "").await;
            for _ in 0..burst {
                seen.push(visitor.answer().await.is_second());
            }
        }
        seen
    });
    seen.await.concat()
}

/// Asks each time on a fresh connection.
pub async fn fresh(address: SocketAddr, count: usize) -> Vec<bool> {
    let seen = on_connections(count, move |_, count| async move {
        let mut seen = Vec::with_capacity(count);
        for _ in 0..count {
            let mut visitor = Visitor::connect(address).await;
            seen.push(visitor.ask("").await.is_second());
            visitor.hang_up();
        }
        seen
    });
    seen.await.concat()
}

/// Asks as ever new clients of a listener with both kinds of stickiness; some come back with their cookies.
pub async fn sticky(address: SocketAddr, count: usize) -> Sticky {
    let seen = on_connections(count, move |_, count| async move {
        let mut visitor = Visitor::connect(address).await;
        let mut seen = Sticky::default();
        for number in 0..count {
            let first = visitor.ask("").await;
            seen.new.push(first.is_second());
            if number % RETURNING == 0 {
                assert!(first.cookies.contains("AWSALBTG=") && first.cookies.contains("AWSALB="), "{first:?}");
                seen.returned += 1;
                seen.strayed += usize::from(visitor.ask(&first.cookies).await.target != first.target);
            }
        }
        seen
    });
    seen.await.into_iter().fold(Sticky::default(), |mut all, seen| {
        all.new.extend(seen.new);
        (all.returned, all.strayed) = (all.returned + seen.returned, all.strayed + seen.strayed);
        all
    })
}

/// Spreads `count` requests over some connections at once; returns what each saw, in order.
async fn on_connections<S, F>(count: usize, ask: impl Fn(usize, usize) -> F) -> Vec<S>
where
    S: Send + 'static,
    F: Future<Output = S> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let asking = ask(connection, count / CONNECTIONS + usize::from(connection < count % CONNECTIONS));
        tasks.spawn(async move { (connection, asking.await) });
    }
    let mut seen = tasks.join_all().await;
    seen.sort_by_key(|(connection, _)| *connection);
    seen.into_iter().map(|(_, seen)| seen).collect()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("a proxy that answers in time")
}
