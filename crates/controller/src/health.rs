//! When a task counts as healthy, and when as failing (§1.2 of the ECS semantics).

use seatrial_model::Timestamp;
use seatrial_model::load_balancing::TargetState;
use seatrial_model::task_definition::HealthStatus;

use crate::policy::Policy;
use crate::settings::{Revision, Settings};
use crate::task::Task;

/// Tells whether the task counts towards the minimum healthy count.
pub(crate) fn is_healthy(task: &Task, revision: &Revision, policy: &Policy, now: Timestamp) -> bool {
    if !task.is_running() {
        return false;
    }
    let containers_pass = !revision.has_health_check || task.container_health == HealthStatus::Healthy;
    if revision.target_groups.is_empty() && !revision.has_health_check {
        return settled_at(task, policy).is_some_and(|at| at <= now);
    }
    containers_pass && task.has_healthy_targets(revision)
}

/// Returns when a running task that nothing checks counts as healthy.
pub(crate) fn settled_at(task: &Task, policy: &Policy) -> Option<Timestamp> {
    task.running_since.map(|since| since + policy.healthy_after_running)
}

/// Tells whether a check of a running task fails, its grace period aside.
pub(crate) fn fails_checks(task: &Task, revision: &Revision) -> bool {
    failing_check(task, revision).is_some()
}

/// Returns the `stoppedReason` of a task that is stopped because of a failing check.
pub(crate) fn failing_check(task: &Task, revision: &Revision) -> Option<String> {
    if !task.is_running() {
        return None;
    }
    if revision.has_health_check && task.container_health == HealthStatus::Unhealthy {
        return Some("Task failed container health checks".to_owned());
    }
    let unhealthy = task.targets.iter().find(|(_, target)| target.health.state == TargetState::Unhealthy);
    unhealthy.map(|(group, _)| format!("Task failed ELB health checks in (target-group {group})"))
}

/// Returns the instant up to which failing checks of the task are ignored.
pub(crate) fn grace_ends(task: &Task, settings: &Settings) -> Timestamp {
    task.running_since.unwrap_or(task.created_at) + settings.health_check_grace_period
}
