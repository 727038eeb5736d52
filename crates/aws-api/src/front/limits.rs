//! Every limit of the front, with its reason.

use std::time::Duration;

/// The largest request body, encoded or decoded: four times the largest batch of log events (1 MiB), the biggest input of the
/// implemented services.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest request head. A session token of AWS has up to 4 KiB; no client of AWS comes near this.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// More headers than any AWS client sends (they send about 12).
const HEADERS_MAX: usize = 64;

/// How long a request head may take, and how long an idle connection is kept. Also what a slow-loris client costs at most.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a request body may take: [`BODY_BYTES_MAX`] at 140 kB/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take nothing of an answer that is waiting for it. Whoever only stands still must not keep a place for ever.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);

/// How many connections are served at once. A deployment uses fewer than ten; each costs at most a body and a head of memory. A new
/// one beyond them takes the place of an idle one.
const CONNECTIONS_MAX: usize = 512;

/// How many operations run at once, those of clients that went away included.
const OPERATIONS_MAX: usize = 256;

/// How long a client waits for an operation. None of them is long-running, so this is met only when the engine is stuck.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);

/// How long after an answer the rest of an unread request is thrown away, so that the client gets to read the answer.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// How much of an unread request is thrown away at most.
const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long running requests have after the front was asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The limits of a front. [`Limits::default`] is right for an engine; tests make them small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a body may be, as it is sent and as it is read after its encoding is undone.
    pub body_bytes: usize,
    pub head_bytes: usize,
    pub headers: usize,
    pub head_timeout: Duration,
    pub body_timeout: Duration,
    pub send_timeout: Duration,
    pub connections: usize,
    pub operations: usize,
    pub operation_timeout: Duration,
    pub linger_timeout: Duration,
    pub linger_bytes: usize,
    pub stop_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes: BODY_BYTES_MAX,
            head_bytes: HEAD_BYTES_MAX,
            headers: HEADERS_MAX,
            head_timeout: HEAD_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            send_timeout: SEND_TIMEOUT,
            connections: CONNECTIONS_MAX,
            operations: OPERATIONS_MAX,
            operation_timeout: OPERATION_TIMEOUT,
            linger_timeout: LINGER_TIMEOUT,
            linger_bytes: LINGER_BYTES_MAX,
            stop_timeout: STOP_TIMEOUT,
        }
    }
}
