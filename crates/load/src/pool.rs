//! The connections requests are sent on: at most so many, used again while the
//! server keeps them open, the one used last first.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as SyncMutex};
use std::time::{Duration, Instant};

use hyper::client::conn::http2::SendRequest;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::connection::{Dialer, Reuse, Sender};
use crate::failure::{Failure, FailureKind};
use crate::plan::Protocol;
use crate::request::Content;

/// Longest time a connection is kept without use. Shorter than the idle
/// timeouts common servers have (5 s is the shortest), so that the connection
/// is given up on this side, where it can do no harm.
const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// Longest wait for a connection to become ready again once its answer is
/// complete. It is only the wait for a local task; a server cannot prolong it.
const READY_WAIT: Duration = Duration::from_secs(1);

/// Requests at a time on one HTTP/2 connection: what servers allow at least (RFC 9113, 6.5.2).
const HTTP2_STREAMS: usize = 100;

/// The pool of connections.
#[derive(Debug)]
pub(crate) struct Pool {
    dialer: Arc<Dialer>,
    permits: Arc<Semaphore>,
    connections: Connections,
    opened: AtomicUsize,
}

#[derive(Debug)]
enum Connections {
    Http1 { idle: SyncMutex<Vec<Idle>> },
    Http2 { slots: Vec<Mutex<Option<SendRequest<Content>>>>, next: AtomicUsize },
}

#[derive(Debug)]
struct Idle {
    sender: Sender,
    since: Instant,
}

/// A connection lent for one request.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) sender: Sender,
    pub(crate) reuse: Reuse,
    permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(dialer: Arc<Dialer>, protocol: Protocol, most: NonZeroUsize) -> Self {
        let (connections, permits) = match protocol {
            Protocol::Http1 => (Connections::Http1 { idle: SyncMutex::default() }, most.get()),
            Protocol::Http2 => {
                let slots = (0..most.get()).map(|_| Mutex::default()).collect();
                let permits = most.get().saturating_mul(HTTP2_STREAMS);
                (Connections::Http2 { slots, next: AtomicUsize::new(0) }, permits)
            }
        };
        let permits = Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Pool { dialer, permits, connections, opened: AtomicUsize::new(0) }
    }

    /// Returns how many connections were opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed) as u64
    }

    /// Waits until a connection may be used, first come, first served.
    pub(crate) async fn permit(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Failure> {
        let permit = timeout_at(deadline.into(), Arc::clone(&self.permits).acquire_owned()).await;
        match permit {
            Ok(permit) => Ok(permit.expect("the semaphore is never closed")),
            Err(_elapsed) => {
                Err(Failure::new(FailureKind::ConnectionLimit, "all connections were busy until the timeout"))
            }
        }
    }

    /// Lends a connection: an idle one, or else a new one.
    pub(crate) async fn lend(&self, permit: OwnedSemaphorePermit, deadline: Instant) -> Result<Lease, Failure> {
        match &self.connections {
            Connections::Http1 { idle } => {
                if let Some(Idle { sender, since }) = take_idle(idle) {
                    return Ok(Lease { sender, reuse: Reuse::KeptAlive(since.elapsed()), permit });
                }
                let sender = self.open(deadline).await?;
                Ok(Lease { sender, reuse: Reuse::New, permit })
            }
            Connections::Http2 { slots, next } => {
                let slot = &slots[next.fetch_add(1, Ordering::Relaxed) % slots.len()];
                // Whoever comes first opens the connection, the others wait for it.
                let Ok(mut slot) = timeout_at(deadline.into(), slot.lock()).await else {
                    return Err(Failure::new(FailureKind::ConnectTimeout, "no connection in time"));
                };
                if let Some(sender) = slot.as_ref().filter(|sender| !sender.is_closed()) {
                    return Ok(Lease { sender: Sender::Http2(sender.clone()), reuse: Reuse::Shared, permit });
                }
                let sender = self.open(deadline).await?;
                if let Sender::Http2(sender) = &sender {
                    *slot = Some(sender.clone());
                }
                Ok(Lease { sender, reuse: Reuse::New, permit })
            }
        }
    }

    /// Takes back a connection whose answer is complete.
    pub(crate) async fn take_back(&self, mut lease: Lease) {
        match &self.connections {
            Connections::Http1 { idle } => {
                let ready = tokio::time::timeout(READY_WAIT, lease.sender.ready()).await;
                if matches!(ready, Ok(Ok(()))) {
                    let mut idle = idle.lock().expect("no holder of the idle connections panics");
                    idle.push(Idle { sender: lease.sender, since: Instant::now() });
                }
            }
            Connections::Http2 { .. } => {}
        }
        // Only now: whoever gets the permit finds the connection.
        drop(lease.permit);
    }

    async fn open(&self, deadline: Instant) -> Result<Sender, Failure> {
        let sender = self.dialer.open(deadline).await?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(sender)
    }
}

/// Takes the connection used last, dropping those that are of no more use.
fn take_idle(idle: &SyncMutex<Vec<Idle>>) -> Option<Idle> {
    let mut idle = idle.lock().expect("no holder of the idle connections panics");
    while let Some(connection) = idle.pop() {
        if connection.since.elapsed() >= IDLE_LIMIT {
            // All others have been idle even longer.
            idle.clear();
            return None;
        }
        if !connection.sender.is_closed() {
            return Some(connection);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::exchange;
    use crate::plan::{Length, LoadPlan};
    use crate::request::Template;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    async fn listen() -> (TcpListener, LoadPlan) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let target = format!("http://{}/", listener.local_addr().expect("an address"));
        let rate = "1".parse().expect("a rate");
        (listener, LoadPlan::new(target.parse().expect("a URL"), rate, Length::UntilStopped))
    }

    fn pool(plan: &LoadPlan, listener: &TcpListener, most: usize) -> Pool {
        let dialer = Dialer::new(plan, vec![listener.local_addr().expect("an address")]);
        Pool::new(Arc::new(dialer), plan.protocol, NonZeroUsize::new(most).expect("not zero"))
    }

    async fn lend(pool: &Pool) -> Lease {
        let permit = pool.permit(soon()).await.expect("a permit");
        pool.lend(permit, soon()).await.expect("a connection")
    }

    /// Sends a request on the connection, answers it at the other end, and gives the connection back.
    async fn use_once(pool: &Pool, plan: &LoadPlan, mut lease: Lease, server: &mut TcpStream) {
        let template = Template::new(plan, plan.target.path()).expect("valid");
        let answer = async {
            server.read_buf(&mut Vec::new()).await.expect("a request");
            server.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("sent");
        };
        let (head, ()) =
            tokio::join!(exchange::whole(&mut lease.sender, template.request(), lease.reuse, soon()), answer);
        head.expect("an answer");
        pool.take_back(lease).await;
    }

    #[tokio::test]
    async fn connection_is_used_again_until_the_server_closes_it() {
        let (listener, plan) = listen().await;
        let pool = pool(&plan, &listener, 5);
        let first = lend(&pool).await;
        assert_eq!(first.reuse, Reuse::New);
        let (mut server, _) = listener.accept().await.expect("a connection");
        use_once(&pool, &plan, first, &mut server).await;

        let second = lend(&pool).await;
        assert!(matches!(second.reuse, Reuse::KeptAlive(_)), "{:?}", second.reuse);
        use_once(&pool, &plan, second, &mut server).await;

        drop(server);
        let known = async {
            let Connections::Http1 { idle } = &pool.connections else { unreachable!("the plan says HTTP/1.1") };
            while !idle.lock().expect("no panic").iter().all(|idle| idle.sender.is_closed()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout_at(soon().into(), known).await.expect("the close is noticed");
        assert_eq!(lend(&pool).await.reuse, Reuse::New);
        assert_eq!(pool.opened(), 2);
    }

    #[tokio::test]
    async fn no_more_connections_than_allowed_are_lent() {
        let (listener, plan) = listen().await;
        let pool = pool(&plan, &listener, 2);
        let (first, _second) = (lend(&pool).await, lend(&pool).await);
        let refused = pool.permit(Instant::now() + Duration::from_millis(20)).await.expect_err("none is free");
        assert_eq!(refused.kind, FailureKind::ConnectionLimit);
        drop(first);
        lend(&pool).await;
    }
}
