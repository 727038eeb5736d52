//! Plans, targets of every bad kind, and patience.

#![allow(dead_code, reason = "every test file uses a part of it")]

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use seatrial_demo::{Demo, DemoArgs};
use seatrial_load::{FailureKind, Length, LoadHandle, LoadPlan, LoadReport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest wait for anything that must happen.
pub const DEADLINE: Duration = Duration::from_secs(20);

pub async fn start_demo(args: DemoArgs) -> Demo {
    Demo::start(DemoArgs { port: 0, ..args }).await.expect("the service starts")
}

/// A plan of this many requests per second for a path of the address.
pub fn plan(address: SocketAddr, path: &str, rate: u32, length: Length) -> LoadPlan {
    let target = format!("http://{address}{path}").parse().expect("a URL");
    LoadPlan::new(target, rate.to_string().parse().expect("a rate"), length)
}

/// Makes the load, checks the sums of its report and returns it.
pub async fn load(plan: LoadPlan) -> LoadReport {
    let report = tokio::time::timeout(DEADLINE, seatrial_load::run(plan)).await.expect("ends in time");
    checked(report.expect("the load starts"))
}

/// Stops the load, checks the sums of its report and returns it.
pub async fn stop(load: LoadHandle) -> LoadReport {
    checked(tokio::time::timeout(DEADLINE, load.stop()).await.expect("ends in time"))
}

fn checked(report: LoadReport) -> LoadReport {
    let (requests, streams) = (&report.requests, &report.streams);
    assert_eq!(requests.sent, requests.answered + requests.failed);
    assert_eq!(requests.in_flight, 0);
    assert_eq!(streams.started, streams.completed + streams.failed + streams.abandoned);
    assert_eq!(report.failures.values().sum::<u64>(), report.failed());
    let errors = report.requests.by_status.get("5xx").copied().unwrap_or(0);
    assert!(report.failures.get(&FailureKind::Status5xx).copied().unwrap_or(0) >= errors);
    report
}

/// Waits until a report of the load under way satisfies the condition.
pub async fn until(load: &LoadHandle, what: &str, holds: impl Fn(&LoadReport) -> bool) {
    let poll = async {
        while !holds(&load.snapshot()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, poll).await;
    waited.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}\n{}", load.snapshot().render()));
}

/// Asserts that all failures of the report are of this kind and returns their number.
pub fn only(report: &LoadReport, kind: FailureKind) -> u64 {
    let kinds: Vec<_> = report.failures.keys().copied().collect();
    assert_eq!(kinds, [kind], "{}", report.render());
    report.failed()
}

pub fn at_most(connections: usize) -> NonZeroUsize {
    NonZeroUsize::new(connections).expect("not zero")
}

/// A server that treats every connection alike; dropping it ends it.
pub struct Server {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub async fn start<F: Future<Output = ()> + Send + 'static>(
        mut serve: impl FnMut(TcpStream) -> F + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                tokio::spawn(serve(stream));
            }
        });
        Server { address, task }
    }

    /// A server that answers every request with these bytes, then closes.
    pub async fn answering(answer: &'static [u8]) -> Server {
        Server::start(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(answer).await.expect("sent");
        })
        .await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads one request without a body; false when the connection ended instead.
pub async fn read_request(stream: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
    true
}
