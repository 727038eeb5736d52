//! What the controller answers: effects to execute and events to publish.

use std::fmt;

use seatrial_model::{DeploymentId, RevisionId, TargetGroupArn, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::deployment::ServiceDeployment;

/// The answer to one input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// In order of execution. Executing one twice is harmless.
    pub effects: Vec<Effect>,
    pub events: Vec<Event>,
}

/// Something the caller must do, after the step is durable (I5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    StartTask {
        task: TaskId,
        deployment: DeploymentId,
        revision: RevisionId,
    },
    /// The task's desired status becomes STOPPED; it is not signalled yet.
    DeactivateTask {
        task: TaskId,
        code: StopCode,
        reason: String,
    },
    /// A deactivated task is wanted again: its desired status becomes RUNNING. Its targets are registered again right after; one that was
    /// still draining keeps the health it had and takes requests at once.
    ReactivateTask {
        task: TaskId,
    },
    RegisterTarget {
        task: TaskId,
        target_group: TargetGroupArn,
    },
    DeregisterTarget {
        task: TaskId,
        target_group: TargetGroupArn,
    },
    /// SIGTERM, then SIGKILL after the stop timeout.
    StopTask {
        task: TaskId,
    },
}

/// The `stopCode` of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCode {
    TaskFailedToStart,
    EssentialContainerExited,
    UserInitiated,
    ServiceSchedulerInitiated,
}

impl StopCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            StopCode::TaskFailedToStart => "TaskFailedToStart",
            StopCode::EssentialContainerExited => "EssentialContainerExited",
            StopCode::UserInitiated => "UserInitiated",
            StopCode::ServiceSchedulerInitiated => "ServiceSchedulerInitiated",
        }
    }
}

impl fmt::Display for StopCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that happened and is worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A service event with the canonical wording.
    Service { at: Timestamp, message: String },
    /// A service deployment began, changed its status or ended.
    ServiceDeployment(Box<ServiceDeployment>),
    /// The service has no task left and is INACTIVE.
    ServiceInactive { at: Timestamp },
}
