//! What the controller answers: effects to execute and events to publish.

use std::fmt;

use seatrial_model::{
    DeploymentId, HookId, LifecycleStage, ListenerRuleArn, RevisionId, TargetGroupArn, TaskId, Timestamp,
    TrafficPercent,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// The rule forwards to these target groups with these weights; its conditions and stickiness stay.
    SetRuleWeights {
        rule: ListenerRuleArn,
        weights: Vec<(TargetGroupArn, u32)>,
    },
    /// A function is to be invoked for a hook; its answer is an observation.
    InvokeHook(Box<HookInvocation>),
}

/// What a function is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookInvocation {
    pub hook: HookId,
    /// Counts the invocations of one hook in one stage, from 1.
    pub attempt: u32,
    /// `hookTargetArn`.
    pub function: String,
    pub stage: LifecycleStage,
    pub target: RevisionId,
    pub source: Option<RevisionId>,
    /// The target's shares; in stages that move traffic.
    pub shares: Option<Shares>,
    pub details: Option<Value>,
}

/// A revision's shares of traffic; the rest is the source revision's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    pub test: TrafficPercent,
    pub production: TrafficPercent,
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
