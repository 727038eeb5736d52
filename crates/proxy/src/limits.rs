//! Owns every limit of the data plane with its reason. Those a test has to shorten are fields of [`Limits`].

use std::time::Duration;

/// The limits of a running data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From a request's first byte to the end of its head. A client that trickles its head ("slow loris") is cut off, however
    /// busily it trickles; ten seconds is ample on the worst of networks.
    pub head_time: Duration,
    /// To connect to a target; ELB waits as long.
    pub connect_time: Duration,
    /// Clients served at once; further ones wait in the kernel's backlog.
    pub connections: usize,
    /// A copy of a request ends after this, answered or not: a drain waits for it as long, and five seconds are more than a version in
    /// trial should take for what its predecessor answers sooner.
    pub copy_time: Duration,
}

impl Limits {
    /// The limits for a process that may open `descriptors` files. A connection to a client costs one descriptor, and one to a target
    /// is shared by many clients; a quarter is kept for targets, health checks and the control socket.
    pub fn for_descriptors(descriptors: u64) -> Self {
        let connections = usize::try_from(descriptors / 4 * 3).unwrap_or(CONNECTIONS_MAX).clamp(1, CONNECTIONS_MAX);
        let ten_seconds = Duration::from_secs(10);
        let copy_time = Duration::from_secs(5);
        Limits { head_time: ten_seconds, connect_time: ten_seconds, connections, copy_time }
    }
}

/// Clients served at once, whatever the descriptor limit: each may hold two buffers.
pub const CONNECTIONS_MAX: usize = 65_536;

/// A connection's buffer. Bodies pass through it piece by piece; larger ones save system calls but cost memory per client.
pub const BUFFER_SIZE: usize = 16 * 1024;
/// Buffers a worker keeps for reuse instead of freeing (4 MiB).
pub const BUFFERS_KEPT: usize = 256;
/// The longest head of a request or an answer, as with ELB.
pub const HEAD_SIZE_MAX: usize = 64 * 1024;
/// The longest request target, as with ELB's request line.
pub const TARGET_SIZE_MAX: usize = 16 * 1024;
/// The most header fields of one message; the usual limit of servers.
pub const HEADERS_MAX: usize = 100;
/// Extensions of one chunk; nothing in use has any.
pub const CHUNK_EXTENSION_MAX: usize = 256;
/// The trailer section of a chunked body.
pub const TRAILERS_SIZE_MAX: usize = 8 * 1024;

/// How often one request is sent at most: to the chosen target, and where it is safe to others. Bounds the work a dying service causes;
/// a target that refuses the connection is passed over without counting.
pub const ATTEMPTS_MAX: usize = 4;
/// How often a choice is repeated because the chosen target began to drain meanwhile; each time a newer configuration is in effect.
pub const CHOICES_MAX: usize = 8;
/// Idle connections kept to one target by one worker; more are closed rather than kept.
pub const IDLE_PER_TARGET_MAX: usize = 512;
/// For how long a connection to a target is kept idle. Most servers close theirs after 5 to 75 s.
pub const IDLE_UPSTREAM_TIME: Duration = Duration::from_secs(60);

/// Connections left for the target to close, by worker and target, and for how long: it does so within a round trip.
pub const PARTING_MAX: usize = 64;
pub const PARTING_TIME: Duration = Duration::from_secs(1);

/// Copies of requests under way at once on one worker; above that none are made. Each holds a descriptor and a buffer, and a target that
/// answers none of them must not take more than that from the clients' share.
pub const COPIES_MAX: usize = 128;
/// The part of the answer to a copy that is read so that its connection can be used again; beyond that a new one is cheaper.
pub const COPY_BODY_MAX: usize = 1024 * 1024;

/// How long accepting pauses after the process has run out of descriptors or reached the limit of connections.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// A worker hands new connections over once it has this many more than the idlest one.
pub const IMBALANCE_MAX: usize = 2;

/// After the balancer's own answer: how much of the rest of the request is read and dropped, and for how long, so that the client gets
/// to read the answer before the connection is reset.
pub const LINGER_BYTES_MAX: usize = 1024 * 1024;
pub const LINGER_TIME: Duration = Duration::from_secs(2);

/// For how long the client may go on in a tunnel whose target has ended: for what is under way, since nobody answers it any more.
pub const TUNNEL_END_TIME: Duration = Duration::from_secs(1);

/// Between two reports of metrics.
pub const METRICS_INTERVAL: Duration = Duration::from_secs(1);
/// Between two looks through the idle connections to targets.
pub const REAP_INTERVAL: Duration = Duration::from_secs(1);

/// Requests a client may have open at once on one HTTP/2 connection; as with ELB.
pub const HTTP2_STREAMS_MAX: u32 = 128;
/// The flow-control windows of HTTP/2 connections: memory a peer may make us hold.
pub const HTTP2_STREAM_WINDOW: u32 = 256 * 1024;
pub const HTTP2_CONNECTION_WINDOW: u32 = 1024 * 1024;
/// The part of a body that is remembered so that a request refused by an HTTP/2 target can be sent again.
pub const REPLAY_SIZE_MAX: usize = 64 * 1024;
/// Pieces of a body under way between an HTTP/1 client and an HTTP/2 target.
pub const BRIDGE_PIECES_MAX: usize = 2;

/// Listening backlog: connections that wait while the proxy is being replaced. The kernel cuts it to `net.core.somaxconn`.
pub const LISTEN_BACKLOG: i32 = 4096;
/// The largest message on the control socket; ten thousand targets with their histograms take a tenth of it.
pub const CONTROL_MESSAGE_MAX: usize = 256 * 1024 * 1024;
/// The version of the control socket's messages. An engine replaces a proxy that speaks another one.
pub const CONTROL_PROTOCOL: u32 = 1;
/// For the first word of a proxy that has been connected to, or was just started; a loaded machine needs a moment.
pub const PROXY_START_TIME: Duration = Duration::from_secs(10);
/// Between attempts to connect to a proxy that was just started.
pub const PROXY_CONNECT_RETRY: Duration = Duration::from_millis(3);
/// Before a proxy that ended right after its start is started again; doubled up to the longest. One that ran is restarted at once.
pub const PROXY_RESTART_PAUSE: Duration = Duration::from_millis(50);
pub const PROXY_RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// A proxy that ran this long did not end because of its start.
pub const PROXY_SETTLED_TIME: Duration = Duration::from_secs(2);
/// A proxy reports metrics every second; one that has said nothing for this long is connected to again, and replaced if it does not
/// greet within [`PROXY_START_TIME`]. Also how long it may take to read what it is told.
pub const PROXY_SILENCE_TIME: Duration = Duration::from_secs(15);
/// Between attempts to open a listener whose port is in use.
pub const BIND_RETRY: Duration = Duration::from_secs(1);
/// For how long a replaced proxy may go on with the connections it has.
pub const RETIRE_TIME: Duration = Duration::from_secs(3600);
/// For how long idle connections of a replaced proxy may ask once more. A client that is at work does within this; to it the change is
/// an ordinary `Connection: close`.
pub const RETIRE_IDLE_TIME: Duration = Duration::from_secs(2);
/// A proxy without engine and without listeners ends after this: nobody needs it, and perhaps nobody can reach it any more.
pub const ORPHAN_TIME: Duration = Duration::from_secs(60);
/// Between two looks whether a replaced proxy still has connections.
pub const RETIRE_POLL: Duration = Duration::from_millis(50);
/// Reports waiting for the engine to read them; metrics are left out first, the rest is repeated at the next connection.
pub const REPORTS_QUEUED_MAX: usize = 65_536;
