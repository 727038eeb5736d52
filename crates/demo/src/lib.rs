//! The demonstration service used by examples, tests and benchmarks.
//!
//! One small HTTP service whose every misbehaviour can be ordered by a flag or
//! an environment variable: slow boots, failing health checks, crashes, errors,
//! a deaf ear for SIGTERM. It speaks HTTP/1.1 and, with prior knowledge,
//! HTTP/2 without TLS on one port, and stops the way a good service should:
//! what is in flight is finished, then the process ends.
//!
//! | path | answer |
//! |---|---|
//! | `/` | one line of text naming the version |
//! | `/health/ready`, `/health/live` | 200 or 503, as ordered by `--health` |
//! | `/burn?ms=N` | one line after a processor has been busy for N milliseconds |
//! | `/bytes?n=N` | N bytes |
//! | `/echo` | the request's body, streamed back |
//! | `/headers` | the request's headers as JSON, `:method`, `:path`, `:version` and `:peer` beside them |
//! | `/slow?ms=N` | one line after N milliseconds |
//! | `/status/{code}` | that status |
//! | `/stream?chunks=N&interval_ms=M` | N lines, M milliseconds apart, and a last line that proves the answer is whole |
//! | `/ws` | WebSocket echo |
//!
//! Every answer carries the header `x-demo-version`.
//!
//! This crate writes to standard output on its own account (it is a service,
//! not a part of the tool), and it never ends the process: [`serve`] returns a
//! [`DemoExit`] and the caller exits with [`DemoExit::code`].

mod app;
mod args;
mod body;
mod burn;
mod connection;
mod exit;
mod faults;
mod gauge;
mod life;
mod log;
mod phase;
mod route;
mod server;
mod signals;
mod values;
mod websocket;

pub use args::DemoArgs;
pub use body::STREAM_END;
pub use exit::{DemoError, DemoExit};
pub use life::{Demo, serve};
pub use values::{Fraction, Health, InvalidValue, VersionName};
