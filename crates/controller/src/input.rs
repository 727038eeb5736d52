//! What the controller is told: commands of the API, observations of the world, and that time has passed.

use std::time::Duration;

use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{HookId, ListenerRuleArn, ServiceDeploymentId, TargetGroupArn, TaskId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deployment::StopType;
use crate::rules::LiveRule;
use crate::settings::{Revision, Settings};

/// One input of [`crate::Controller::handle`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    Command(Command),
    Observation(Observation),
    /// An instant named by [`crate::Controller::wake_at`] has come.
    Tick,
    /// The control plane is back after it ended at any instant: what it ordered last may have been given only now.
    Restarted,
}

/// What a user asked for. The caller has checked it against the API's rules; one that no longer applies changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Update(Update),
    StopServiceDeployment {
        id: ServiceDeploymentId,
        stop_type: StopType,
    },
    /// ContinueServiceDeployment: answers a pause.
    ContinueServiceDeployment {
        id: ServiceDeploymentId,
        hook: HookId,
        action: PauseAction,
    },
    /// Ends the bake that the deployment is in: its time is over now, everything else still holds. An engine extension.
    SkipBake {
        id: ServiceDeploymentId,
    },
    /// StopTask on a task of the service.
    StopTask {
        task: TaskId,
        reason: String,
    },
    /// The deregistration delay of a target group was modified.
    SetDeregistrationDelay {
        target_group: TargetGroupArn,
        delay: Duration,
    },
    /// Ends the service: every task leaves, then the service is INACTIVE.
    Delete,
}

/// CreateService or UpdateService.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    pub settings: Settings,
    /// Present when the change starts a deployment.
    pub deploy: Option<Box<NewDeployment>>,
}

/// A deployment to start, with the ids drawn for it and the world as it is at its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDeployment {
    pub id: ServiceDeploymentId,
    pub revision: Revision,
    /// Every listener rule that the revision's routes name.
    pub rules: Vec<(ListenerRuleArn, LiveRule)>,
    /// Those of the deployment's alarms that are in ALARM.
    pub firing_alarms: Vec<String>,
}

/// `action` of ContinueServiceDeployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PauseAction {
    Continue,
    Rollback,
}

/// What was seen. About an unknown task it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Observation {
    /// Every container of the task has been started.
    TaskRunning { task: TaskId },
    /// The health of the task's containers.
    TaskHealth { task: TaskId, health: HealthStatus },
    /// The task is gone.
    TaskStopped { task: TaskId, cause: StopCause, reason: String },
    /// The balancer's view of one of the task's targets.
    TargetHealth { task: TaskId, target_group: TargetGroupArn, port: u16, health: TargetHealth },
    /// A deregistered target has no request in flight.
    TargetDrained { task: TaskId, target_group: TargetGroupArn },
    /// A listener rule that shares the service's traffic was changed or deleted by somebody.
    ListenerRule { rule: ListenerRuleArn, live: LiveRule },
    /// A function invoked for a hook has answered, or could not be invoked.
    HookAnswered { hook: HookId, attempt: u32, answer: HookAnswer },
    /// An alarm of the service's deployment has entered ALARM.
    AlarmFired { name: String },
}

/// What a function said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookAnswer {
    Succeeded,
    Failed,
    /// Ask again after `call_back`, with `details` merged over those given before.
    InProgress {
        call_back: Option<Duration>,
        details: Option<Value>,
    },
    /// It answered, but not as a hook has to; with what is wrong.
    Unreadable(String),
    /// It could not be invoked or ended without an answer; with why.
    NotInvoked(String),
}

/// Why a task is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCause {
    /// It ended by itself.
    Exited,
    /// It could not be started; another attempt may succeed.
    FailedToStart,
    /// It could not be started and no retry can change that.
    CannotStart,
    /// It was stopped by order.
    Ordered,
}
