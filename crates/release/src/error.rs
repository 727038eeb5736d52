//! Why a command could not be carried out. A deployment that fails is no error: it is an outcome.

use std::time::Duration;

use crate::aws::CallError;
use crate::config::ConfigError;
use crate::firing::{FiringAlarm, in_words};
use crate::provision::ResourceChange;

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
    /// Infrastructure that holds data would be replaced or destroyed, and nobody has agreed to that.
    #[error("the infrastructure would lose what it holds: {}", addresses(.resources))]
    WouldLose { resources: Vec<ResourceChange> },
    /// The policy of the environment does not allow what the infrastructure would become.
    #[error("the policy refuses the plan of the infrastructure{}", after_colon(.said))]
    RefusedByPolicy { said: String },
    /// What the configuration says cannot be used with what the infrastructure has become.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
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
            ReleaseError::WouldLose { resources } => {
                let flags: Vec<String> =
                    resources.iter().map(|one| format!("--allow-replace '{}'", one.address)).collect();
                Some(format!("look at `seatrial infra plan`; if it is meant, add {}", flags.join(" ")))
            }
            ReleaseError::RefusedByPolicy { .. } => {
                Some("change the infrastructure code, or the policy (`infra: { terraform: { policy: … } }`)".into())
            }
            ReleaseError::Configuration(error) => error.instead().map(ToOwned::to_owned),
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

fn addresses(resources: &[ResourceChange]) -> String {
    let words = resources.iter().map(|one| format!("{} ({}) to {}", one.address, one.kind, one.action.word()));
    words.collect::<Vec<_>>().join(", ")
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}
