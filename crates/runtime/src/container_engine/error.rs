//! What can go wrong with a container engine.

use std::path::PathBuf;
use std::time::Duration;

/// Why a request had no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The engine's own words.
    #[error("Error response from daemon: {message}")]
    Refused { status: u16, message: String },
    #[error("the container engine at {} cannot be reached: {source}", socket.display())]
    Unreachable { socket: PathBuf, source: std::io::Error },
    #[error("the container engine went away: {0}")]
    Broken(#[from] hyper::Error),
    #[error("the container engine did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the container engine answered what is not understood: {0}")]
    Garbled(String),
    #[error("every private IPv4 address is routed to somewhere already (see: ip route)")]
    NoSubnet,
    #[error("could not read {what}: {source}")]
    Unreadable { what: String, source: std::io::Error },
}

impl EngineError {
    /// Tells whether the engine was there and said no.
    pub fn is_refusal(&self) -> bool {
        matches!(self, EngineError::Refused { .. })
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            EngineError::Refused { status, .. } => Some(*status),
            EngineError::Unreachable { .. }
            | EngineError::Broken(_)
            | EngineError::Silent(_)
            | EngineError::Garbled(_)
            | EngineError::NoSubnet
            | EngineError::Unreadable { .. } => None,
        }
    }
}
