//! What the controller is told: commands of the API, observations of the world, and that time has passed.

use std::time::Duration;

use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{ServiceDeploymentId, TargetGroupArn, TaskId};
use serde::{Deserialize, Serialize};

use crate::deployment::StopType;
use crate::settings::{Revision, Settings};

/// One input of [`crate::Controller::handle`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    Command(Command),
    Observation(Observation),
    /// An instant named by [`crate::Controller::wake_at`] has come.
    Tick,
}

/// What a user asked for. The caller has checked it against the API's rules; one that no longer applies changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Update(Update),
    StopServiceDeployment {
        id: ServiceDeploymentId,
        stop_type: StopType,
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
    /// Present when the change starts a deployment, with the ids drawn for it.
    pub deploy: Option<(ServiceDeploymentId, Revision)>,
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
