//! An open-loop HTTP load generator with exact counts, made to prove that a
//! deployment drops nothing.
//!
//! * **Open loop.** Requests start when their time has come, whatever became of
//!   the earlier ones. When the limit of connections makes one wait, its
//!   latency still counts from its scheduled time (no coordinated omission).
//! * **Exact.** Every request sent is answered or failed, by kind, and the sum
//!   is checked. Nothing is ever retried: a retry would hide a drop.
//! * **Mixed.** Beside short requests: slow ones, WebSockets whose every
//!   message must be echoed, and streamed answers that must be whole.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use seatrial_load::{Length, LoadHandle, LoadPlan};
//!
//! let plan = LoadPlan::new("http://127.0.0.1:8080/".parse()?, "500".parse()?, Length::UntilStopped);
//! let load = LoadHandle::start(plan).await?;
//! // … deploy …
//! let report = load.stop().await;
//! assert_eq!(report.failed(), 0, "{}", report.render());
//! # Ok(())
//! # }
//! ```

mod args;
mod connection;
mod exchange;
mod failure;
mod handle;
mod latency;
mod pacer;
mod pending;
mod plan;
mod pool;
mod render;
mod report;
mod request;
mod run;
mod stop;
mod stream;
mod stream_check;
mod tally;
mod target;
mod values;
mod websocket;

pub use args::LoadArgs;
pub use failure::FailureKind;
pub use handle::{LoadError, LoadHandle, run};
pub use latency::Percentiles;
pub use plan::{Length, LoadPlan, Protocol, SlowRequests, Streams, WebSockets};
pub use report::{FailureSample, LatencyReport, LoadReport, RequestReport, StreamReport, WebSocketReport};
pub use target::Target;
pub use values::{Fraction, InvalidValue, Rate};
