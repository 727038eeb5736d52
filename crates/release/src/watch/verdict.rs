//! How a deployment ended, and what that means for whoever asked for it. Pure.

use std::time::Duration;

use aws_sdk_ecs::types::{ServiceDeployment, ServiceDeploymentStatus};
use serde::{Deserialize, Serialize};

use crate::aws::times::{between, timestamp};

/// How ECS ended a service deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Successful,
    RolledBack,
    RollbackFailed,
    /// Without a rollback: switched off, or replaced by a newer deployment.
    Stopped,
}

/// What became of what somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything was as configured already.
    NothingToDo,
    /// The wanted version serves alone.
    Deployed,
    /// The deployment was started and not waited for.
    Started,
    /// The deployment has come as far as it was to be waited for; ECS goes on.
    Reached,
    /// Watching was interrupted; ECS goes on.
    Interrupted,
    /// The deployment is paused and waits for a decision.
    Paused,
    /// The deployment failed; the service is back on its previous version.
    RolledBack,
    /// The deployment was not over in time.
    TimedOut,
    /// The deployment failed and was left as it was.
    Failed,
    /// The deployment failed and so did the way back.
    RollbackFailed,
}

impl Verdict {
    /// Whether the wish came true, as far as it was waited for.
    pub fn is_success(self) -> bool {
        match self {
            Verdict::NothingToDo | Verdict::Deployed | Verdict::Started | Verdict::Reached => true,
            Verdict::Interrupted
            | Verdict::Paused
            | Verdict::RolledBack
            | Verdict::TimedOut
            | Verdict::Failed
            | Verdict::RollbackFailed => false,
        }
    }

    /// The worst of several, which is the verdict on all of them together.
    pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
        verdicts.into_iter().max().unwrap_or(Verdict::NothingToDo)
    }
}

/// Why watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ended(Ending),
    /// Time was up; how the deployment ended after that, when it did.
    TimedOut(Option<Ending>),
    Interrupted,
    Paused,
    /// It has come as far as it was to be watched.
    Reached,
    /// The new version did not pass its checks and is left where it is.
    Unverified,
}

/// What a watched deployment was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// A new version was wanted.
    Deploy,
    /// The running deployment was to be undone, so that its rollback is the success.
    Undo,
}

/// How a service deployment ended; none while it goes on.
pub(crate) fn ending(deployment: &ServiceDeployment) -> Option<Ending> {
    match deployment.status()? {
        ServiceDeploymentStatus::Successful => Some(Ending::Successful),
        ServiceDeploymentStatus::RollbackSuccessful => Some(Ending::RolledBack),
        ServiceDeploymentStatus::RollbackFailed => Some(Ending::RollbackFailed),
        ServiceDeploymentStatus::Stopped => Some(Ending::Stopped),
        _ => None,
    }
}

/// ECS's reason for a rollback that had nowhere to go.
const NO_CANDIDATE: &str = "No rollback candidate";

/// Whether a failed deployment had no earlier version to go back to, as is the case with a service's first one.
pub(crate) fn had_nowhere_to_go(deployment: &ServiceDeployment) -> bool {
    deployment.status_reason().is_some_and(|reason| reason.contains(NO_CANDIDATE))
}

/// How long a service deployment took by ECS's own clock, a rollback included; none while it goes on.
pub(crate) fn length(deployment: &ServiceDeployment) -> Option<Duration> {
    let end = timestamp(deployment.finished_at()).or_else(|| timestamp(deployment.stopped_at()))?;
    between(timestamp(deployment.created_at())?, end)
}

/// The verdict on a watched deployment.
pub(crate) fn verdict(end: End, purpose: Purpose) -> Verdict {
    match (end, purpose) {
        (End::Interrupted, _) => Verdict::Interrupted,
        (End::Paused, _) => Verdict::Paused,
        (End::Reached, _) => Verdict::Reached,
        (End::Unverified, _) => Verdict::Failed,
        (End::TimedOut(Some(Ending::RollbackFailed)), _) => Verdict::RollbackFailed,
        // It finished between our clock and the request to stop it.
        (End::TimedOut(Some(Ending::Successful)), Purpose::Deploy) => Verdict::Deployed,
        (End::TimedOut(_), _) => Verdict::TimedOut,
        (End::Ended(Ending::Successful), Purpose::Deploy) => Verdict::Deployed,
        (End::Ended(Ending::RolledBack), Purpose::Deploy) => Verdict::RolledBack,
        (End::Ended(Ending::RolledBack), Purpose::Undo) => Verdict::Deployed,
        // It was completed before it could be stopped, so the version to be undone is in place.
        (End::Ended(Ending::Successful), Purpose::Undo) => Verdict::Failed,
        (End::Ended(Ending::Stopped), _) => Verdict::Failed,
        (End::Ended(Ending::RollbackFailed), _) => Verdict::RollbackFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminal_states_end_a_deployment() {
        use ServiceDeploymentStatus as Status;
        let cases = [
            (Status::Pending, None),
            (Status::InProgress, None),
            (Status::StopRequested, None),
            (Status::RollbackRequested, None),
            (Status::RollbackInProgress, None),
            (Status::Successful, Some(Ending::Successful)),
            (Status::Stopped, Some(Ending::Stopped)),
            (Status::RollbackSuccessful, Some(Ending::RolledBack)),
            (Status::RollbackFailed, Some(Ending::RollbackFailed)),
        ];
        for (status, expected) in cases {
            let deployment = ServiceDeployment::builder().status(status.clone()).build();
            assert_eq!(ending(&deployment), expected, "{status}");
        }
    }

    #[test]
    fn only_a_missing_candidate_means_that_there_was_nowhere_to_go() {
        let failed = |reason: &str| ServiceDeployment::builder().status_reason(reason).build();
        assert!(had_nowhere_to_go(&failed("No rollback candidate was found to run the rollback.")));
        assert!(!had_nowhere_to_go(&failed("The deployment circuit breaker was triggered during the rollback.")));
        assert!(!had_nowhere_to_go(&ServiceDeployment::builder().build()));
    }

    #[test]
    fn the_same_end_is_judged_by_what_was_wanted() {
        let cases = [
            (End::Ended(Ending::Successful), Purpose::Deploy, Verdict::Deployed),
            (End::Ended(Ending::RolledBack), Purpose::Deploy, Verdict::RolledBack),
            (End::Ended(Ending::RolledBack), Purpose::Undo, Verdict::Deployed),
            (End::Ended(Ending::Successful), Purpose::Undo, Verdict::Failed),
            (End::Ended(Ending::Stopped), Purpose::Deploy, Verdict::Failed),
            (End::Ended(Ending::RollbackFailed), Purpose::Deploy, Verdict::RollbackFailed),
            (End::TimedOut(None), Purpose::Deploy, Verdict::TimedOut),
            (End::TimedOut(Some(Ending::RolledBack)), Purpose::Deploy, Verdict::TimedOut),
            (End::TimedOut(Some(Ending::RollbackFailed)), Purpose::Deploy, Verdict::RollbackFailed),
            (End::Interrupted, Purpose::Deploy, Verdict::Interrupted),
            (End::Paused, Purpose::Deploy, Verdict::Paused),
            (End::Reached, Purpose::Deploy, Verdict::Reached),
            (End::Unverified, Purpose::Deploy, Verdict::Failed),
        ];
        for (end, purpose, expected) in cases {
            assert_eq!(verdict(end, purpose), expected, "{end:?} {purpose:?}");
        }
    }

    #[test]
    fn the_worst_verdict_speaks_for_all() {
        assert_eq!(Verdict::worst([Verdict::Deployed, Verdict::RolledBack, Verdict::NothingToDo]), Verdict::RolledBack);
        assert_eq!(Verdict::worst([Verdict::Failed, Verdict::RollbackFailed]), Verdict::RollbackFailed);
        assert_eq!(Verdict::worst([]), Verdict::NothingToDo);
    }
}
