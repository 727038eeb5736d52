//! A task as the controller sees it.

use std::collections::BTreeMap;

use seatrial_model::load_balancing::{TargetHealth, TargetReason, TargetState};
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{DeploymentId, RevisionId, TargetGroupArn, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::settings::Revision;

/// One task of the service, from the decision to start it until it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    /// Grows with every task of the service: the order of their starts.
    pub ordinal: u64,
    /// The deployment that started it.
    pub deployment: DeploymentId,
    pub revision: RevisionId,
    pub status: TaskStatus,
    pub created_at: Timestamp,
    pub running_since: Option<Timestamp>,
    pub container_health: HealthStatus,
    pub targets: BTreeMap<TargetGroupArn, Target>,
    /// Whether it has ever counted as healthy.
    pub once_healthy: bool,
    /// Whether it has been healthy after running long enough for its success to count ([`crate::Policy::stable_after_running`]).
    pub proven: bool,
    /// Whether it failed its health checks and is being replaced, and since when.
    pub condemned_at: Option<Timestamp>,
}

/// How far a task has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Start was ordered.
    Pending,
    Running,
    /// Out of rotation, its requests are ending; not signalled yet (I4).
    Deactivating(Leaving),
    /// Signalled.
    Stopping(Leaving),
}

/// Why and since when a task is leaving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    pub since: Timestamp,
    /// When its requests have had the longest deregistration delay.
    pub drained_by: Timestamp,
    pub reason: String,
    /// Whether the scheduler may take the task back before it is signalled: it leaves to make room, not because it failed or was
    /// stopped by a user.
    pub returnable: bool,
}

/// One registration of a task in a target group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub health: TargetHealth,
    pub drained: bool,
}

impl Target {
    pub(crate) fn new() -> Self {
        let health = TargetHealth::because(
            TargetState::Initial,
            TargetReason::RegistrationInProgress,
            "Target registration is in progress",
        );
        Target { health, drained: false }
    }

    /// Returns the target as it is when it is registered again: one that was still draining keeps its health.
    pub(crate) fn again(self) -> Self {
        if self.drained { Target::new() } else { self }
    }
}

impl Task {
    pub(crate) fn new(
        id: TaskId,
        ordinal: u64,
        deployment: DeploymentId,
        revision: RevisionId,
        now: Timestamp,
    ) -> Self {
        Task {
            id,
            ordinal,
            deployment,
            revision,
            status: TaskStatus::Pending,
            created_at: now,
            running_since: None,
            container_health: HealthStatus::Unknown,
            targets: BTreeMap::new(),
            once_healthy: false,
            proven: false,
            condemned_at: None,
        }
    }

    /// Tells whether the task counts as RUNNING or PENDING: ordered to start and not to leave.
    pub fn is_live(&self) -> bool {
        match self.status {
            TaskStatus::Pending | TaskStatus::Running => true,
            TaskStatus::Deactivating(_) | TaskStatus::Stopping(_) => false,
        }
    }

    pub fn is_running(&self) -> bool {
        self.status == TaskStatus::Running
    }

    pub(crate) fn leaving(&self) -> Option<&Leaving> {
        match &self.status {
            TaskStatus::Deactivating(leaving) | TaskStatus::Stopping(leaving) => Some(leaving),
            TaskStatus::Pending | TaskStatus::Running => None,
        }
    }

    /// Tells whether every target of the task is out of use, so that it may be signalled (I4).
    pub(crate) fn is_drained(&self) -> bool {
        self.targets.values().all(|target| target.drained)
    }

    /// Tells whether the task is in rotation wherever its revision wants it to be.
    pub(crate) fn has_healthy_targets(&self, revision: &Revision) -> bool {
        revision
            .target_groups
            .iter()
            .all(|group| self.targets.get(&group.arn).is_some_and(|target| target.health.is_healthy()))
    }

    /// Tells whether the task is out of rotation but not yet signalled, and could serve again.
    pub(crate) fn is_returnable(&self, revision: &Revision) -> bool {
        let TaskStatus::Deactivating(leaving) = &self.status else { return false };
        let ails = (revision.has_health_check && self.container_health == HealthStatus::Unhealthy)
            || self.targets.values().any(|target| target.health.state == TargetState::Unhealthy);
        leaving.returnable && self.once_healthy && !ails
    }
}
