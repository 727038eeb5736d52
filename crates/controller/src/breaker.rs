//! The deployment circuit breaker: counts failed tasks of the running deployment and trips at the threshold (§2 of the semantics).

use seatrial_model::{RevisionId, Timestamp};

use crate::controller::Controller;
use crate::deployment::{CircuitBreakerStatus, ServiceDeploymentStatus};
use crate::input::StopCause;
use crate::rollback::{self, Failure};
use crate::settings::FailFast;
use crate::step::Step;
use crate::task::Task;

/// Counts a task that failed: it ended by itself, could not start, or failed its health checks.
pub(crate) fn count_failure(controller: &mut Controller, task: &Task) {
    if let Some(entry) = controller.deployments.iter_mut().find(|entry| entry.revision == task.revision) {
        entry.failed_tasks = entry.failed_tasks.saturating_add(1);
    }
    let carried = controller.primary().map(|entry| entry.revision);
    if let Some(deployment) = &mut controller.service_deployment
        && !deployment.status.is_terminal()
        && carried == Some(task.revision)
    {
        deployment.failure_count = deployment.failure_count.saturating_add(1);
    }
}

/// Notes the first time a task is healthy: consecutive counts start anew.
pub(crate) fn task_became_healthy(controller: &mut Controller, revision: RevisionId) {
    let resets = controller.settings.deployment.circuit_breaker.reset_on_healthy_task;
    if let Some(entry) = controller.deployments.iter_mut().find(|entry| entry.revision == revision) {
        entry.failed_tasks = 0;
        if resets {
            entry.throttle.clear();
        }
    }
    if let Some(deployment) = &mut controller.service_deployment
        && !deployment.status.is_terminal()
        && controller.deployments.first().is_some_and(|entry| entry.revision == revision)
    {
        deployment.target_was_healthy |= deployment.target == revision;
        if resets {
            deployment.failure_count = 0;
        }
    }
}

/// Trips when the failure count has reached the threshold.
pub(crate) fn judge(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let breaker = controller.settings.deployment.circuit_breaker;
    let Some(threshold) = breaker.threshold.failures(controller.settings.desired_count) else { return };
    let Some(deployment) = controller.service_deployment.as_ref().filter(|d| d.failure_count >= threshold) else {
        return;
    };
    match deployment.status {
        ServiceDeploymentStatus::InProgress if deployment.circuit_breaker == CircuitBreakerStatus::Monitoring => {
            rollback::fail(controller, now, &Failure::threshold(breaker.rollback), step);
        }
        ServiceDeploymentStatus::RollbackInProgress => rollback::give_up(controller, now),
        ServiceDeploymentStatus::InProgress
        | ServiceDeploymentStatus::Pending
        | ServiceDeploymentStatus::StopRequested
        | ServiceDeploymentStatus::Stopped
        | ServiceDeploymentStatus::Successful
        | ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackSuccessful
        | ServiceDeploymentStatus::RollbackFailed => {}
    }
}

/// Fails the deployment at the first cause that no retry can heal, unless a task of the revision has already been healthy.
pub(crate) fn fail_fast(
    controller: &mut Controller,
    now: Timestamp,
    task: &Task,
    cause: StopCause,
    reason: &str,
    step: &mut Step,
) {
    let hopeless = cause == StopCause::CannotStart && controller.settings.fail_fast == FailFast::On;
    let breaker = controller.settings.deployment.circuit_breaker;
    let concerned = controller.service_deployment.as_ref().is_some_and(|deployment| {
        deployment.status == ServiceDeploymentStatus::InProgress
            && deployment.target == task.revision
            && !deployment.target_was_healthy
    });
    if hopeless && concerned {
        let rolls_back = breaker.rollback || !breaker.enable;
        rollback::fail(controller, now, &Failure::hopeless(rolls_back, reason), step);
    }
}
