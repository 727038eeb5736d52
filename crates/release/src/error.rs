//! Why a command could not be carried out. A deployment that fails is no error: it is an outcome.

use std::time::Duration;

use crate::aws::CallError;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A call to AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What was asked for cannot be done in this state.
    #[error("{what}")]
    NotPossible { what: String, instead: String },
    /// Something other than a deployment took too long.
    #[error("waited {} s for {what}", .limit.as_secs())]
    TookTooLong { what: String, limit: Duration },
    /// An answer of AWS lacked something that it always has.
    #[error("AWS answered without {0}")]
    Incomplete(&'static str),
    /// Somebody asked to stop before the deployment began.
    #[error("stopped before {before}")]
    Interrupted { before: String },
}

impl ReleaseError {
    pub(crate) fn not_possible(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self::NotPossible { what: what.into(), instead: instead.into() }
    }

    /// What to do next.
    pub fn advice(&self) -> Option<String> {
        match self {
            ReleaseError::Call(error) => error.advice(),
            ReleaseError::NotPossible { instead, .. } => Some(instead.clone()),
            ReleaseError::TookTooLong { .. } => {
                Some("see `seatrial status` and `seatrial events`, then run the command again".into())
            }
            ReleaseError::Incomplete(_) => Some("check that the endpoint is really AWS or a Seatrial engine".into()),
            ReleaseError::Interrupted { .. } => Some("run the command again: it goes on where it stopped".into()),
        }
    }
}
