//! The deployment circuit breaker: counts failed tasks of the running deployment and trips at the threshold (§2 of the semantics).

use seatrial_model::{RevisionId, Timestamp};

use crate::controller::Controller;
use crate::deployment::{MonitorStatus, ServiceDeploymentStatus};
use crate::input::StopCause;
use crate::rollback::{self, Failure};
use crate::settings::FailFast;
use crate::step::Step;

/// Counts a task that failed: it ended by itself, could not start, or failed its health checks.
pub(crate) fn count_failure(controller: &mut Controller, revision: RevisionId) {
    if let Some(entry) = controller.deployments.iter_mut().find(|entry| entry.revision == revision) {
        entry.failed_tasks = entry.failed_tasks.saturating_add(1);
    }
    if let Some(deployment) = &mut controller.service_deployment
        && deployment.status == ServiceDeploymentStatus::InProgress
        && deployment.target == revision
    {
        deployment.failure_count = deployment.failure_count.saturating_add(1);
    }
}

/// Notes that the service deployment's target can be healthy: from now on no failure is hopeless.
pub(crate) fn task_became_healthy(controller: &mut Controller, revision: RevisionId) {
    if let Some(deployment) = &mut controller.service_deployment
        && deployment.target == revision
        && !deployment.status.is_terminal()
    {
        deployment.target_was_healthy = true;
    }
}

/// Forgives what failed before: consecutive counts start anew when a task has proven itself.
///
/// ECS forgives as soon as a task is healthy, but it also needs the better part of a minute to start one. Where a task is healthy within
/// a tenth of a second, a version that crashes soon after would be forgiven for ever, so the task has to live on for a while
/// ([`crate::Policy::stable_after_running`]; zero is ECS's rule to the letter).
pub(crate) fn task_proved_itself(controller: &mut Controller, revision: RevisionId) {
    if let Some(entry) = controller.deployments.iter_mut().find(|entry| entry.revision == revision) {
        entry.failed_tasks = 0;
        entry.throttle.clear();
    }
    if let Some(deployment) = &mut controller.service_deployment
        && deployment.status == ServiceDeploymentStatus::InProgress
        && deployment.target == revision
        && controller.settings.deployment.circuit_breaker.reset_on_healthy_task
    {
        deployment.failure_count = 0;
    }
}

/// Trips when the failure count has reached the threshold; gives a rollback up whose own tasks fail as often.
pub(crate) fn judge(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let breaker = controller.settings.deployment.circuit_breaker;
    let Some(threshold) = breaker.threshold.failures(controller.settings.desired_count) else { return };
    let Some(deployment) = controller.service_deployment.as_ref() else { return };
    match deployment.status {
        ServiceDeploymentStatus::InProgress => {
            let monitoring = deployment.circuit_breaker == MonitorStatus::Monitoring;
            if monitoring && deployment.failure_count >= threshold {
                rollback::fail(controller, now, &Failure::threshold(breaker.rollback), step);
            }
        }
        ServiceDeploymentStatus::RollbackInProgress => {
            if controller.primary().is_some_and(|entry| entry.failed_tasks >= threshold) {
                rollback::give_up(controller, now, step);
            }
        }
        ServiceDeploymentStatus::Pending
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
    revision: RevisionId,
    cause: StopCause,
    reason: &str,
    step: &mut Step,
) {
    let hopeless = cause == StopCause::CannotStart && controller.settings.fail_fast == FailFast::On;
    let breaker = controller.settings.deployment.circuit_breaker;
    let concerned = controller.service_deployment.as_ref().is_some_and(|deployment| {
        deployment.status == ServiceDeploymentStatus::InProgress
            && deployment.target == revision
            && !deployment.target_was_healthy
    });
    if hopeless && concerned {
        let rolls_back = breaker.rollback || !breaker.enable;
        rollback::fail(controller, now, &Failure::hopeless(rolls_back, reason), step);
    }
}
