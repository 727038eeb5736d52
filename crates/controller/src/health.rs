//! When a task counts as healthy, and when as failing (§1.2 of the ECS semantics).

use seatrial_model::load_balancing::TargetState;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{TargetGroupArn, Timestamp};

use crate::policy::Policy;
use crate::settings::{Revision, Settings};
use crate::task::Task;

/// Tells whether the task counts towards the minimum healthy count.
pub(crate) fn is_healthy(task: &Task, revision: &Revision, policy: &Policy, now: Timestamp) -> bool {
    if !task.is_running() {
        return false;
    }
    let containers_pass = !revision.has_health_check || task.container_health == HealthStatus::Healthy;
    if is_unchecked(revision) {
        return settled_at(task, policy).is_some_and(|at| at <= now);
    }
    containers_pass && task.has_healthy_targets(revision)
}

/// Tells whether nothing checks the revision's tasks.
pub(crate) fn is_unchecked(revision: &Revision) -> bool {
    revision.target_groups.is_empty() && !revision.has_health_check
}

/// Returns when a running task that nothing checks counts as healthy.
pub(crate) fn settled_at(task: &Task, policy: &Policy) -> Option<Timestamp> {
    task.running_since.map(|since| since + policy.healthy_after_running)
}

/// Returns from when on a running task's success counts, if it is healthy then.
pub(crate) fn proven_at(task: &Task, policy: &Policy) -> Option<Timestamp> {
    task.running_since.map(|since| since + policy.stable_after_running)
}

/// A check that a task fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FailingCheck {
    Containers,
    Target(TargetGroupArn),
}

impl FailingCheck {
    /// Returns the `stoppedReason` of a task that is stopped because of the check.
    pub fn stopped_reason(&self) -> String {
        match self {
            FailingCheck::Containers => "Task failed container health checks".to_owned(),
            FailingCheck::Target(group) => format!("Task failed ELB health checks in (target-group {group})"),
        }
    }
}

/// Returns the check of a running task that fails, its grace period aside.
pub(crate) fn failing_check(task: &Task, revision: &Revision) -> Option<FailingCheck> {
    if !task.is_running() {
        return None;
    }
    if revision.has_health_check && task.container_health == HealthStatus::Unhealthy {
        return Some(FailingCheck::Containers);
    }
    let unhealthy = task.targets.iter().find(|(_, target)| target.health.state == TargetState::Unhealthy);
    unhealthy.map(|(group, _)| FailingCheck::Target(group.clone()))
}

/// Returns the instant up to which failing checks of the task are ignored.
pub(crate) fn grace_ends(task: &Task, settings: &Settings) -> Timestamp {
    task.running_since.unwrap_or(task.created_at) + settings.health_check_grace_period
}
