//! Deployments and service deployments: the two views ECS gives of one change.
//!
//! `deployments[]` of a service has an entry for each revision that has tasks; a *service deployment* is the whole story of one
//! change, a rollback included.

use std::time::Duration;

use seatrial_model::{DeploymentId, RevisionId, ServiceDeploymentId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::shift::Shift;
use crate::throttle::Throttle;

/// An entry of `services[].deployments[]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: DeploymentId,
    pub revision: RevisionId,
    /// How many tasks the scheduler currently wants of this entry.
    pub desired_count: u32,
    /// Tasks that failed since one last proved itself.
    pub failed_tasks: u32,
    /// Tasks given up for failing their health checks whose replacements have not been started yet.
    pub unhealthy_to_replace: u32,
    pub rollout_state: RolloutState,
    pub rollout_state_reason: String,
    pub throttle: Throttle,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Deployment {
    pub(crate) fn new(id: DeploymentId, revision: RevisionId, reason: String, now: Timestamp) -> Self {
        Deployment {
            id,
            revision,
            desired_count: 0,
            failed_tasks: 0,
            unhealthy_to_replace: 0,
            rollout_state: RolloutState::InProgress,
            rollout_state_reason: reason,
            throttle: Throttle::default(),
            created_at: now,
            updated_at: now,
        }
    }
}

/// `rolloutState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    InProgress,
    Completed,
    Failed,
}

impl RolloutState {
    pub const fn as_str(self) -> &'static str {
        match self {
            RolloutState::InProgress => "IN_PROGRESS",
            RolloutState::Completed => "COMPLETED",
            RolloutState::Failed => "FAILED",
        }
    }
}

/// A service deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    pub id: ServiceDeploymentId,
    pub status: ServiceDeploymentStatus,
    pub status_reason: Option<String>,
    /// The deployment that carries it, changed by a rollback.
    pub deployment: DeploymentId,
    pub target: RevisionId,
    /// The revisions that had tasks when it began, with their task counts.
    pub sources: Vec<RevisionCounts>,
    /// The target's task counts; they no longer change when the service deployment has ended.
    pub target_counts: TaskCounts,
    pub created_at: Timestamp,
    pub started_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub circuit_breaker: MonitorStatus,
    pub failure_count: u32,
    /// Whether a task of the target has ever been healthy.
    pub target_was_healthy: bool,
    /// The failure count that trips, as of the last change.
    pub threshold: Option<u32>,
    pub rollback: Option<Rollback>,
    /// How far traffic has come; none for ROLLING.
    #[serde(default)]
    pub shift: Option<Shift>,
    #[serde(default)]
    pub alarms: WatchedAlarms,
    /// How long a ROLLING deployment is watched once its new revision stands alone, and since when it has.
    #[serde(default)]
    pub bake_time: Duration,
    #[serde(default)]
    pub baking_since: Option<Timestamp>,
    /// Whether somebody has ended the present bake before its time.
    #[serde(default)]
    pub bake_skipped: bool,
}

/// `alarms` of a service deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedAlarms {
    pub status: MonitorStatus,
    pub names: Vec<String>,
    pub triggered: Vec<String>,
    /// Whether a firing alarm rolls the deployment back, or only stops it.
    pub rollback: bool,
}

/// A revision and how many tasks it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionCounts {
    pub revision: RevisionId,
    pub counts: TaskCounts,
}

/// Task counts of one revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    pub requested: u32,
    pub running: u32,
    pub pending: u32,
}

/// `rollback` of a service deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    pub reason: String,
    pub started_at: Timestamp,
    pub revision: RevisionId,
}

/// `status` of a service deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceDeploymentStatus {
    Pending,
    InProgress,
    StopRequested,
    Stopped,
    Successful,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl ServiceDeploymentStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ServiceDeploymentStatus::Pending => "PENDING",
            ServiceDeploymentStatus::InProgress => "IN_PROGRESS",
            ServiceDeploymentStatus::StopRequested => "STOP_REQUESTED",
            ServiceDeploymentStatus::Stopped => "STOPPED",
            ServiceDeploymentStatus::Successful => "SUCCESSFUL",
            ServiceDeploymentStatus::RollbackRequested => "ROLLBACK_REQUESTED",
            ServiceDeploymentStatus::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            ServiceDeploymentStatus::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            ServiceDeploymentStatus::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    pub const fn is_terminal(self) -> bool {
        match self {
            ServiceDeploymentStatus::Stopped
            | ServiceDeploymentStatus::Successful
            | ServiceDeploymentStatus::RollbackSuccessful
            | ServiceDeploymentStatus::RollbackFailed => true,
            ServiceDeploymentStatus::Pending
            | ServiceDeploymentStatus::InProgress
            | ServiceDeploymentStatus::StopRequested
            | ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackInProgress => false,
        }
    }
}

/// `deploymentCircuitBreaker.status` and `alarms.status` of a service deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MonitorStatus {
    #[default]
    Disabled,
    Monitoring,
    MonitoringComplete,
    Triggered,
}

impl MonitorStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            MonitorStatus::Disabled => "DISABLED",
            MonitorStatus::Monitoring => "MONITORING",
            MonitorStatus::MonitoringComplete => "MONITORING_COMPLETE",
            MonitorStatus::Triggered => "TRIGGERED",
        }
    }
}

/// `stopType` of StopServiceDeployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StopType {
    /// Back to the last completed deployment.
    Rollback,
    /// Halts where it is. AWS names it without describing it; this is our reading.
    Abort,
}

impl ServiceDeployment {
    /// Ends it in a terminal status.
    pub(crate) fn end(&mut self, status: ServiceDeploymentStatus, reason: Option<String>, now: Timestamp) {
        self.status = status;
        self.status_reason = reason;
        self.updated_at = now;
        self.finished_at = Some(now);
        if status == ServiceDeploymentStatus::Stopped {
            self.stopped_at = Some(now);
        }
        for monitor in [&mut self.circuit_breaker, &mut self.alarms.status] {
            if *monitor == MonitorStatus::Monitoring {
                *monitor = MonitorStatus::MonitoringComplete;
            }
        }
    }
}
