//! The canonical wording of service events and reasons: the tokens that clients match.

use std::fmt::Write;

use seatrial_model::{
    DeploymentId, HookId, LifecycleStage, ServiceName, TargetGroupArn, TaskId, TimeoutAction, TrafficPercent,
};

use crate::rules::Weights;

pub(crate) fn in_progress(deployment: DeploymentId) -> String {
    format!("ECS deployment {deployment} in progress.")
}

pub(crate) fn completed(deployment: DeploymentId) -> String {
    format!("ECS deployment {deployment} completed.")
}

pub(crate) const TASKS_FAILED_TO_START: &str = "ECS deployment circuit breaker: tasks failed to start.";
pub(crate) const THRESHOLD_EXCEEDED: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
pub(crate) const THRESHOLD_EXCEEDED_STOPPED: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
pub(crate) const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";
pub(crate) const SUPERSEDED: &str = "Service deployment stopped because a newer service deployment was started.";
pub(crate) const DELETED: &str = "Service deployment stopped because the service was deleted.";
pub(crate) const STOPPED_BY_USER: &str = "Service deployment stopped by StopServiceDeployment.";
pub(crate) const ROLLED_BACK_BY_USER: &str = "Service deployment rolled back by StopServiceDeployment.";
pub(crate) const ROLLBACK_TASKS_FAILED: &str =
    "The rollback failed because tasks of the previous service revision failed to start; their start is tried again.";

/// What has made a deployment roll back, at the head of the rollback's `rolloutStateReason`.
pub(crate) const CIRCUIT_BREAKER: &str = "ECS deployment circuit breaker";
pub(crate) const FAILED_FAST: &str = "ECS deployment failed fast";
pub(crate) const STOPPED: &str = "ECS deployment stopped";
pub(crate) const FAILED: &str = "ECS deployment failed";
pub(crate) const ALARMS: &str = "ECS deployment alarms";

pub(crate) const ALARMS_DETECTED: &str = "ECS deployment failed: alarm(s) detected.";
pub(crate) const TARGET_LOST: &str =
    "the target service revision has no healthy task left while it is given production traffic.";
pub(crate) const DEPLOYMENT_TOOK_TOO_LONG: &str = "the deployment took longer than a service deployment may.";
pub(crate) const ROLLBACK_WITHOUT_RULE: &str =
    "The rollback failed because the production listener rule no longer exists. Every task was kept.";

pub(crate) fn stage_took_too_long(stage: LifecycleStage) -> String {
    format!("{} took longer than a lifecycle stage may.", stage.as_str())
}

pub(crate) fn weights(weights: &Weights) -> String {
    let parts: Vec<String> = weights.iter().map(|(group, weight)| format!("{group} with weight {weight}")).collect();
    parts.join(" and ")
}

/// Names the deployment that had completed, not the new one that brings its revision back (OBS-14).
pub(crate) fn rolling_back_to(because: &str, former: DeploymentId) -> String {
    format!("{because}: rolling back to deploymentId {former}.")
}

pub(crate) fn scaling(deployment: DeploymentId) -> String {
    format!("Scaling activity initiated by (deployment {deployment})")
}

pub(crate) fn deleting(service: &ServiceName) -> String {
    format!("Scaling activity initiated by (service {service})")
}

/// Builds service events, each beginning with `(service NAME)`.
pub(crate) struct Wording<'a>(pub &'a ServiceName);

impl Wording<'_> {
    fn says(&self, rest: &str) -> String {
        format!("(service {}) {rest}", self.0)
    }

    pub fn steady(&self) -> String {
        self.says("has reached a steady state.")
    }

    pub fn started(&self, tasks: &[TaskId], replaced: u32) -> String {
        let mut text = self.says(&format!("has started {} tasks:{}.", tasks.len(), list(tasks)));
        if replaced > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, " Amazon ECS replaced {replaced} tasks due to an unhealthy status.");
        }
        text
    }

    pub fn returned(&self, tasks: &[TaskId]) -> String {
        self.says(&format!("has returned {} tasks to service:{}.", tasks.len(), list(tasks)))
    }

    pub fn stopped_running(&self, tasks: &[TaskId]) -> String {
        self.says(&format!("has stopped {} running tasks:{}.", tasks.len(), list(tasks)))
    }

    pub fn stopped_pending(&self, count: usize) -> String {
        self.says(&format!("stopped {count} pending tasks."))
    }

    pub fn registered(&self, count: usize, group: &TargetGroupArn) -> String {
        self.says(&format!("registered {count} targets in (target-group {group})"))
    }

    pub fn deregistered(&self, count: usize, group: &TargetGroupArn) -> String {
        self.says(&format!("deregistered {count} targets in (target-group {group})"))
    }

    pub fn draining(&self, count: usize, deployment: DeploymentId) -> String {
        format!("(service {}, taskSet {deployment}) has begun draining connections on {count} tasks.", self.0)
    }

    pub fn completed(&self, deployment: DeploymentId) -> String {
        self.says(&format!("(deployment {deployment}) deployment completed."))
    }

    pub fn failed(&self, deployment: DeploymentId, why: &str) -> String {
        self.says(&format!("(deployment {deployment}) deployment failed: {why}"))
    }

    pub fn rolling_back(&self, deployment: DeploymentId) -> String {
        self.says(&format!("rolling back to deployment {deployment}."))
    }

    pub fn entered_stage(&self, deployment: DeploymentId, stage: LifecycleStage, share: TrafficPercent) -> String {
        let stage_name = stage.as_str();
        let detail = if stage == LifecycleStage::ProductionTrafficShift {
            format!(": it is given {share} of production traffic")
        } else {
            String::new()
        };
        self.says(&format!("(deployment {deployment}) has entered lifecycle stage {stage_name}{detail}."))
    }

    pub fn stepped_back(&self, deployment: DeploymentId, left: TrafficPercent) -> String {
        self.says(&format!("(deployment {deployment}) gives its production traffic back in steps: {left} is left."))
    }

    pub fn skipped_bake(&self, deployment: DeploymentId) -> String {
        self.says(&format!("(deployment {deployment}) has been told to end its bake time now."))
    }

    pub fn paused(&self, stage: LifecycleStage, hook: &HookId, on_timeout: TimeoutAction) -> String {
        let (stage, action) = (stage.as_str(), on_timeout.as_str());
        self.says(&format!("is paused at {stage} until hook {hook} is continued; {action} when its time is over."))
    }

    pub fn unhealthy_target(&self, task: &TaskId, port: u16, group: &TargetGroupArn, reason: &str) -> String {
        self.says(&format!(
            "(task {task}) (port {port}) is unhealthy in (target-group {group}) due to (reason {reason})."
        ))
    }

    pub fn unhealthy_containers(&self, task: &TaskId) -> String {
        self.says(&format!("(task {task}) failed container health checks."))
    }

    pub fn impaired(&self) -> String {
        self.says("is unable to consistently start tasks successfully.")
    }

    pub fn not_placed(&self, reason: &str) -> String {
        self.says(&format!("was unable to place a task. Reason: {reason}."))
    }

    pub fn deadlocked(&self) -> String {
        self.says(
            "was unable to stop or start tasks during a deployment because of the service deployment configuration. \
             Update the minimumHealthyPercent or maximumPercent value and try again.",
        )
    }
}

fn list(tasks: &[TaskId]) -> String {
    tasks.iter().fold(String::new(), |mut text, task| {
        let _ = write!(text, " (task {task})");
        text
    })
}
