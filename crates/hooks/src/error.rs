//! Why an invocation has no answer, in words for whoever reads a deployment's events: what happened, and what to do.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use http::{StatusCode, Uri};

use crate::function_map::MapError;
use crate::function_name::InvalidFunction;
use crate::output::{ANSWER_BYTES_MAX, Tail};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error(transparent)]
    Target(#[from] InvalidFunction),
    #[error(transparent)]
    Map(#[from] MapError),
    #[error("{0} hooks are running or waiting already; invoke this one again when some have ended")]
    TooMany(usize),
    #[error("could not start the command {} (is it there, and executable?)", program.display())]
    Start {
        program: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the command ended with {status} instead of an answer; its standard error ends with: {standard_error}")]
    Ended { status: ExitStatus, standard_error: Tail },
    #[error("the command lost its process")]
    Lost(#[source] std::io::Error),
    #[error(
        "the function took longer than its {} and was ended; raise its `timeout` (up to 15m), or let it answer IN_PROGRESS and be \
         asked again",
        seconds(*.limit)
    )]
    TimedOut { limit: Duration },
    #[error(
        "the command took longer than its {} and was killed; raise its `timeout` (up to 15m), or let it answer IN_PROGRESS and be \
         asked again; its standard error ends with: {standard_error}",
        seconds(*.limit)
    )]
    Killed { limit: Duration, standard_error: Tail },
    #[error("the function answered with more than {ANSWER_BYTES_MAX} bytes; let it answer with the hook's status only")]
    TooLong,
    #[error(
        "the command did not print JSON as its output or its last line, but: {printed}; its standard error ends with: {standard_error}"
    )]
    NotJson {
        printed: Tail,
        standard_error: Tail,
        #[source]
        source: serde_json::Error,
    },
    #[error("{address} did not answer with JSON, but: {body}")]
    BodyNotJson {
        address: Uri,
        body: Tail,
        #[source]
        source: serde_json::Error,
    },
    #[error("{address} answered {status} instead of 2xx: {body}")]
    Status { address: Uri, status: StatusCode, body: Tail },
    #[error("the function at {address} failed ({kind}): {body}")]
    FunctionError { address: Uri, kind: String, body: Tail },
    #[error("could not prepare TLS for {address}")]
    Tls {
        address: Uri,
        #[source]
        source: std::io::Error,
    },
    #[error("could not ask {address} (does it listen?)")]
    Unreachable {
        address: Uri,
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    #[error("could not run the invocation")]
    Internal(#[source] tokio::task::JoinError),
}

impl InvokeError {
    /// Returns the whole story, causes included.
    pub fn tell(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}
