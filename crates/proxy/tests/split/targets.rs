//! Targets that answer with the name of their group and their place in it.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// How many targets each group has.
pub const TARGETS: usize = 2;

/// The targets of one group; they end when this is dropped.
pub struct Targets {
    pub addresses: Vec<SocketAddr>,
    tasks: Vec<AbortHandle>,
}

impl Drop for Targets {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Targets {
    /// Starts the targets of a group.
    pub async fn start(group: &str) -> Self {
        let mut targets = Targets { addresses: Vec::new(), tasks: Vec::new() };
        for place in 0..TARGETS {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            targets.addresses.push(listener.local_addr().expect("a bound socket has an address"));
            let body = format!("{group} {place}");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            targets.tasks.push(tokio::spawn(accept(listener, answer.into())).abort_handle());
        }
        targets
    }
}

async fn accept(listener: TcpListener, answer: Vec<u8>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { return };
                connections.spawn(serve(stream, answer.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers requests without a body until the connection ends.
async fn serve(mut stream: TcpStream, answer: Vec<u8>) {
    let _ = stream.set_nodelay(true);
    let mut asked = Vec::with_capacity(4096);
    while matches!(stream.read_buf(&mut asked).await, Ok(1..)) {
        while let Some(end) = asked.windows(4).position(|window| window == b"\r\n\r\n") {
            asked.drain(..end + 4);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}
