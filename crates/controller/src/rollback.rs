//! Failing a deployment: back to the last completed revision, or a halt where there is no way back (I7, I8).

use seatrial_model::{DeploymentId, RevisionId, Timestamp};

use crate::controller::Controller;
use crate::deployment::{Deployment, MonitorStatus, Rollback, RolloutState, ServiceDeploymentStatus};
use crate::rules::Fault;
use crate::step::Step;
use crate::wording;

/// Why a deployment has failed, in the words of each place that tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    rolls_back: bool,
    trips_breaker: bool,
    /// After `deployment failed:` in the service event.
    event: String,
    rollout_state_reason: String,
    /// Before `rolling back to deploymentId …` in the rollback's own `rolloutStateReason`.
    rolling_back_because: &'static str,
    /// `statusReason` when it is rolled back, and when it is not.
    rolled_back_reason: String,
    stopped_reason: String,
}

impl Failure {
    pub fn threshold(rolls_back: bool) -> Self {
        Failure {
            rolls_back,
            trips_breaker: true,
            event: "tasks failed to start.".to_owned(),
            rollout_state_reason: wording::TASKS_FAILED_TO_START.to_owned(),
            rolling_back_because: wording::CIRCUIT_BREAKER,
            rolled_back_reason: wording::THRESHOLD_EXCEEDED.to_owned(),
            stopped_reason: wording::THRESHOLD_EXCEEDED_STOPPED.to_owned(),
        }
    }

    pub fn hopeless(rolls_back: bool, reason: &str) -> Self {
        Failure {
            rolls_back,
            trips_breaker: true,
            event: format!("no retry can start its tasks: {reason}."),
            rollout_state_reason: format!("ECS deployment failed fast: no retry can start its tasks: {reason}"),
            rolling_back_because: wording::FAILED_FAST,
            rolled_back_reason: format!(
                "Service deployment rolled back because no retry can start its tasks: {reason}"
            ),
            stopped_reason: format!("Service deployment stopped because no retry can start its tasks: {reason}"),
        }
    }

    pub fn stopped_by_user() -> Self {
        Failure {
            rolls_back: true,
            trips_breaker: false,
            event: "stopped by StopServiceDeployment.".to_owned(),
            rollout_state_reason: "ECS deployment stopped by StopServiceDeployment.".to_owned(),
            rolling_back_because: wording::STOPPED,
            rolled_back_reason: wording::ROLLED_BACK_BY_USER.to_owned(),
            stopped_reason: wording::STOPPED_BY_USER.to_owned(),
        }
    }
}

impl Failure {
    /// A failure of a deployment that shifts traffic; `why` completes "Service deployment rolled back because".
    pub fn because(why: &str) -> Self {
        let reason = format!("Service deployment rolled back because {why}");
        Failure {
            rolls_back: true,
            trips_breaker: false,
            event: reason.clone(),
            rollout_state_reason: format!("ECS deployment failed: {why}"),
            rolling_back_because: wording::FAILED,
            stopped_reason: format!("Service deployment stopped because {why}"),
            rolled_back_reason: reason,
        }
    }

    pub fn networking(fault: &Fault) -> Self {
        Failure::because(&format!("of invalid networking configuration{}", fault.reason()))
    }

    pub fn alarms(triggered: &[String], rolls_back: bool) -> Self {
        let names = triggered.join(", ");
        Failure {
            rolls_back,
            trips_breaker: false,
            event: format!("alarm(s) detected: {names}."),
            rollout_state_reason: wording::ALARMS_DETECTED.to_owned(),
            rolling_back_because: wording::ALARMS,
            rolled_back_reason: format!("Service deployment rolled back because alarms were triggered: [{names}]"),
            stopped_reason: format!("Service deployment stopped because alarms were triggered: [{names}]"),
        }
    }
}

/// Fails the running service deployment.
pub(crate) fn fail(controller: &mut Controller, now: Timestamp, failure: &Failure, step: &mut Step) {
    let Some(failed) = controller.deployments.first_mut() else { return };
    failed.rollout_state = RolloutState::Failed;
    failed.rollout_state_reason.clone_from(&failure.rollout_state_reason);
    let (failed_id, failed_revision) = (failed.id, failed.revision);
    controller.says(now, step, |words| words.failed(failed_id, &failure.event));
    let Some(deployment) = controller.service_deployment.as_mut() else { return };
    if failure.trips_breaker && deployment.circuit_breaker == MonitorStatus::Monitoring {
        deployment.circuit_breaker = MonitorStatus::Triggered;
    }
    if !failure.rolls_back {
        let reason = Some(failure.stopped_reason.clone());
        controller.end_service_deployment(now, ServiceDeploymentStatus::Stopped, reason, step);
        return;
    }
    deployment.status = ServiceDeploymentStatus::RollbackInProgress;
    deployment.status_reason = Some(failure.rolled_back_reason.clone());
    let source = deployment.shift.as_ref().and_then(|shift| shift.source);
    match source.or(controller.last_completed).filter(|candidate| *candidate != failed_revision) {
        Some(candidate) => begin(controller, now, failure, candidate, step),
        None => {
            controller.tell_service_deployment(step);
            let reason = Some(wording::NO_CANDIDATE.to_owned());
            controller.end_service_deployment(now, ServiceDeploymentStatus::RollbackFailed, reason, step);
        }
    }
}

/// Makes the candidate the PRIMARY again, in a deployment of its own. It is no candidate for another rollback until it has completed.
fn begin(controller: &mut Controller, now: Timestamp, failure: &Failure, candidate: RevisionId, step: &mut Step) {
    controller.last_completed = None;
    let ordinal = controller.draw_ordinal();
    let id = controller.seed.deployment(ordinal);
    if let Some(deployment) = controller.service_deployment.as_mut() {
        let reason = failure.rolled_back_reason.clone();
        deployment.deployment = id;
        deployment.rollback = Some(Rollback { reason, started_at: now, revision: candidate });
    }
    let former = DeploymentId::new(candidate);
    let reason = wording::rolling_back_to(failure.rolling_back_because, former);
    controller.begin_primary(Deployment::new(id, candidate, reason, now));
    controller.says(now, step, |words| words.rolling_back(former));
    controller.tell_service_deployment(step);
}

/// Halts the running service deployment where it is: nothing more is started for it, nothing is taken back.
pub(crate) fn halt(controller: &mut Controller, now: Timestamp, reason: &str, step: &mut Step) {
    if let Some(primary) = controller.deployments.first_mut() {
        primary.rollout_state = RolloutState::Failed;
        primary.rollout_state_reason = reason.to_owned();
    }
    controller.end_service_deployment(now, ServiceDeploymentStatus::Stopped, Some(reason.to_owned()), step);
}

/// Declares a rollback failed whose own tasks keep failing. The scheduler goes on trying: there is nothing better to run.
pub(crate) fn give_up(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let reason = Some(wording::ROLLBACK_TASKS_FAILED.to_owned());
    controller.end_service_deployment(now, ServiceDeploymentStatus::RollbackFailed, reason, step);
}
