//! Running tasks: what the engine orders and what it is told.
//!
//! Orders are idempotent by task id and return at once; outcomes arrive as [`TaskReport`]s. A report describes the whole task, never a
//! difference, so a repeated or skipped one does no harm; a later `sequence` replaces an earlier one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use seatrial_model::image::Digest;
use seatrial_model::task_definition::{HealthStatus, TaskDefinition};
use seatrial_model::{ContainerName, SecretText, TaskId, TimeScale, Timestamp};
use serde::{Deserialize, Serialize};

/// Everything needed to start one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskLaunch {
    pub task: TaskId,
    pub definition: TaskDefinition,
    #[serde(default)]
    pub runtime: TaskRuntime,
    /// The address the task's ports are reached at: in containers an address that [`Runtime::container_address`] has found, or the
    /// loopback address, at which the ports are then published.
    pub address: IpAddr,
    pub ports: Vec<PortAssignment>,
    /// Added to every container's environment, below its own variables.
    pub environment: BTreeMap<String, String>,
    /// Shortens health-check intervals, start periods and restart periods, never stop timeouts.
    pub time_scale: TimeScale,
    /// The images that containers are started from; those without one are programs of this machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<ContainerName, LaunchImage>,
    /// Never part of what is written down of a launch.
    #[serde(skip)]
    pub secrets: LaunchSecrets,
}

/// What a task is run with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskRuntime {
    /// Processes of this machine, those of an image in a root of their own.
    #[default]
    Process,
    /// Containers of a container engine. An image that is not in [`TaskLaunch::images`] is pulled by its name.
    Container,
}

/// Where a task in containers can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerAddress {
    /// At an address of its own, and the ports its containers listen on.
    Own(IpAddr),
    /// This machine cannot reach the addresses of containers: at the loopback address, and ports of this machine.
    Published,
}

/// The image of a container, as far as the machine can have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LaunchImage {
    /// An image, or an index of images, whose contents the image registry of this machine keeps.
    Stored(Digest),
    /// It cannot be had; the text is the task's `stoppedReason`.
    Missing(String),
}

/// What came of pulling the values that containers ask for in `secrets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchSecrets {
    /// The values by container and variable.
    Pulled(BTreeMap<ContainerName, BTreeMap<String, SecretText>>),
    /// Some cannot be had; the text says which and why. A task that was started before runs on.
    Missing(String),
}

impl Default for LaunchSecrets {
    fn default() -> Self {
        LaunchSecrets::Pulled(BTreeMap::new())
    }
}

/// The host port given to one port mapping. The first of a container is also its `PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortAssignment {
    pub container: ContainerName,
    pub container_port: u16,
    pub host_port: u16,
}

/// How far a task has come, as far as the machine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TaskPhase {
    /// The supervisor exists; not every container has been started.
    Activating,
    /// Every container has been started (or has completed, where that is allowed).
    Running,
    /// SIGTERM has been sent.
    Stopping,
    /// Every container has ended.
    Stopped,
}

/// The state of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    pub task: TaskId,
    /// Grows with each report of the same task.
    pub sequence: u64,
    pub phase: TaskPhase,
    pub health: HealthStatus,
    pub containers: Vec<ContainerReport>,
    pub started_at: Option<Timestamp>,
    pub stopping_at: Option<Timestamp>,
    pub execution_stopped_at: Option<Timestamp>,
    pub end: Option<TaskEnd>,
    pub usage: Option<Usage>,
}

/// Why a task is ending or has ended by itself; absent when it was ordered to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnd {
    pub cause: EndCause,
    /// The `stoppedReason`, in ECS's words.
    pub reason: String,
}

/// The kinds of ends the machine can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndCause {
    /// An essential container ended after the task was running.
    EssentialContainerExited,
    /// The task could not start; trying again may help.
    FailedToStart,
    /// The task could not start and no retry can change that: command not found, image missing, bind refused.
    CannotStart,
    /// The supervisor is gone without a last word (killed, or the machine restarted).
    Lost,
}

/// The state of one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerReport {
    pub name: ContainerName,
    pub status: ContainerStatus,
    pub health: HealthStatus,
    /// The exit code, or 128 + signal.
    pub exit_code: Option<i32>,
    /// What ECS shows as the container's `reason`, for example `OutOfMemoryError: …`.
    pub reason: Option<String>,
    pub process_id: Option<u32>,
    /// The last output of a failed health check, cut short.
    pub health_output: Option<String>,
    /// How often it was started again by its restart policy.
    #[serde(default)]
    pub restart_count: u32,
}

/// `containers[].lastStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ContainerStatus {
    Pending,
    Running,
    Stopped,
}

/// Processor and memory readings of a task's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Which reading of the task this is: a report says the last one again when there is none newer.
    #[serde(default)]
    pub reading: u64,
    /// User and system time used so far by the task's processes, ended ones included.
    pub cpu_time: Duration,
    /// Resident memory in bytes.
    pub memory: u64,
}

/// One line a container wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub at: Timestamp,
    pub message: String,
}

/// Why an order could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    #[error("no free port between {first} and {last}")]
    NoFreePort { first: u16, last: u16 },
    /// The text says what was looked for and what to do.
    #[error("no container engine: {0}")]
    NoContainerEngine(String),
    #[error("could not {action}")]
    Io {
        action: String,
        #[source]
        source: std::io::Error,
    },
}

/// Where reports go. Called from the runtime's own threads; must not block.
pub type TaskReports = Arc<dyn Fn(TaskReport) + Send + Sync>;

/// Runs tasks.
pub trait Runtime: Send + Sync {
    /// Starts a task, unless it was started before; then its state is reported again. Never fails: a task that cannot start is
    /// reported as stopped with its reason.
    fn start(&self, launch: TaskLaunch);

    /// Sends SIGTERM to the task's containers in reverse order of dependency, SIGKILL after each one's stop timeout. Repeating it is
    /// harmless; for an unknown task a stopped report is sent.
    fn stop(&self, task: &TaskId);

    /// Finds the tasks a former engine left running and reports the state of each; called once, before the first order.
    fn adopt(&self) -> Result<Vec<TaskId>, RuntimeError>;

    /// Forgets a stopped task and removes its files.
    fn forget(&self, task: &TaskId);

    /// Finds a host port that nothing listens on and that is not among `taken`.
    fn free_port(&self, taken: &dyn Fn(u16) -> bool) -> Result<u16, RuntimeError>;

    /// Finds where a task in containers can be reached: an address that none of `taken` is.
    fn container_address(&self, taken: &dyn Fn(IpAddr) -> bool) -> Result<ContainerAddress, RuntimeError>;

    /// Reads at most `limit` of a container's log lines written at or after `since`, oldest first.
    fn logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogLine>, RuntimeError>;

    /// Reads the newest `limit` of a container's log lines, oldest first: what to show when the container has ended.
    fn log_tail(&self, task: &TaskId, container: &ContainerName, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        let mut lines = self.logs(task, container, Timestamp::EPOCH, usize::MAX)?;
        let surplus = lines.len().saturating_sub(limit);
        Ok(lines.split_off(surplus))
    }
}
