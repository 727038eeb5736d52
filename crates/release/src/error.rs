//! Why a command could not be carried out. A deployment that fails is no error: it is an outcome.

use std::time::Duration;

use crate::aws::CallError;
use crate::firing::{FiringAlarm, in_words};

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A call to AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// What was asked for cannot be done in this state.
    #[error("{what}")]
    NotPossible { what: String, instead: String },
    /// Alarms that the deployment would watch are firing already.
    #[error("{}", in_words(.alarms))]
    Blocked { alarms: Vec<FiringAlarm> },
    /// Somebody else is at work on the environment, or has said that nobody is to be.
    #[error("the environment is locked by {held}")]
    Locked { held: String, instead: String },
    /// Nothing is released at this time.
    #[error("nothing is released to this environment {what}")]
    Frozen { what: String },
    /// Nobody has approved yet, and nobody waits for it.
    #[error("{what}")]
    AwaitsApproval { what: String, how: String },
    /// Somebody has said no.
    #[error("{by} has rejected this release{reason}")]
    Rejected { by: String, reason: String },
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
            ReleaseError::Blocked { .. } => Some(
                "find out why and deploy when it is over; to deploy the repair of just that, add --ignore-firing-alarms: \
                 ECS then watches no alarm during this deployment"
                    .into(),
            ),
            ReleaseError::Locked { instead, .. } => Some(instead.clone()),
            ReleaseError::Frozen { .. } => Some(
                "wait until it is over; if it cannot wait, add --break-freeze \"why\", which is written down".into(),
            ),
            ReleaseError::AwaitsApproval { how, .. } => {
                Some(format!("{how}; then run the same command again (--wait-for-approval 1h waits instead)"))
            }
            ReleaseError::Rejected { .. } => Some("change what they object to, and deploy again".into()),
            ReleaseError::TookTooLong { .. } => {
                Some("see `seatrial status` and `seatrial events`, then run the command again".into())
            }
            ReleaseError::Incomplete(_) => Some("check that the endpoint is really AWS or a Seatrial engine".into()),
            ReleaseError::Interrupted { .. } => Some("run the command again: it goes on where it stopped".into()),
        }
    }
}
