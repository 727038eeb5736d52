//! A runtime whose tasks do what the test says.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

use seatrial_model::task_definition::HealthStatus;
use seatrial_model::{ContainerName, TaskId, Timestamp};
use seatrial_ports::Runtime;
use seatrial_ports::runtime::{ContainerAddress, LogLine, RuntimeError, TaskEnd, TaskLaunch, TaskPhase, TaskReport};

use super::{CurrentInbox, lock};

/// The first host port it gives away.
const FIRST_PORT: u16 = 40_000;

/// What the engine ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeOrder {
    Start(Box<TaskLaunch>),
    Stop(TaskId),
    Forget(TaskId),
}

pub struct FakeRuntime {
    orders: Mutex<Vec<RuntimeOrder>>,
    /// Tasks a former engine left behind.
    left_behind: Mutex<Vec<TaskId>>,
    logs: Mutex<BTreeMap<(TaskId, ContainerName), Vec<LogLine>>>,
    /// Those that containers can have; without any there is no container engine.
    addresses: Mutex<Vec<IpAddr>>,
    next_port: AtomicU16,
    sequence: AtomicU64,
    inbox: CurrentInbox,
}

impl FakeRuntime {
    pub fn new(inbox: CurrentInbox) -> Self {
        FakeRuntime {
            orders: Mutex::default(),
            left_behind: Mutex::default(),
            logs: Mutex::default(),
            addresses: Mutex::default(),
            next_port: AtomicU16::new(FIRST_PORT),
            sequence: AtomicU64::new(1),
            inbox,
        }
    }

    /// Has a container engine from now on, whose containers can have these addresses.
    pub fn have_addresses(&self, addresses: impl IntoIterator<Item = IpAddr>) {
        *lock(&self.addresses) = addresses.into_iter().collect();
    }

    pub fn orders(&self) -> Vec<RuntimeOrder> {
        lock(&self.orders).clone()
    }

    /// Returns what was ordered to start, in that order.
    pub fn launches(&self) -> Vec<TaskLaunch> {
        let starts = self.orders().into_iter().filter_map(|order| match order {
            RuntimeOrder::Start(launch) => Some(*launch),
            RuntimeOrder::Stop(_) | RuntimeOrder::Forget(_) => None,
        });
        starts.collect()
    }

    /// Returns the tasks that were ordered to start, in that order, each once.
    pub fn started(&self) -> Vec<TaskId> {
        let mut started = Vec::new();
        for order in lock(&self.orders).iter() {
            match order {
                RuntimeOrder::Start(launch) if !started.contains(&launch.task) => started.push(launch.task.clone()),
                RuntimeOrder::Start(_) | RuntimeOrder::Stop(_) | RuntimeOrder::Forget(_) => {}
            }
        }
        started
    }

    /// Makes the next engine find a task running.
    pub fn leave_behind(&self, task: TaskId) {
        lock(&self.left_behind).push(task);
    }

    /// Adds a line to the log of a task's container. Lines must come in order of time.
    pub fn write(&self, task: &TaskId, container: &str, at: Timestamp, message: &str) {
        let container = ContainerName::parse(container).expect("a container name");
        let line = LogLine { at, message: message.to_owned() };
        lock(&self.logs).entry((task.clone(), container)).or_default().push(line);
    }

    /// Reports that every container of a task runs.
    pub fn report_running(&self, task: &TaskId, at: Timestamp) {
        self.report(TaskReport { started_at: Some(at), ..self.blank(task, TaskPhase::Running) });
    }

    /// Reports that a task has stopped, by itself when an end is given.
    pub fn report_stopped(&self, task: &TaskId, at: Timestamp, end: Option<TaskEnd>) {
        let execution_stopped_at = Some(at);
        self.report(TaskReport { execution_stopped_at, end, ..self.blank(task, TaskPhase::Stopped) });
    }

    pub fn report(&self, report: TaskReport) {
        lock(&self.inbox).task(report);
    }

    fn blank(&self, task: &TaskId, phase: TaskPhase) -> TaskReport {
        TaskReport {
            task: task.clone(),
            sequence: self.sequence.fetch_add(1, Ordering::SeqCst),
            phase,
            health: HealthStatus::Unknown,
            containers: Vec::new(),
            started_at: None,
            stopping_at: None,
            execution_stopped_at: None,
            end: None,
            usage: None,
        }
    }
}

impl Runtime for FakeRuntime {
    fn start(&self, launch: TaskLaunch) {
        lock(&self.orders).push(RuntimeOrder::Start(Box::new(launch)));
    }

    fn stop(&self, task: &TaskId) {
        lock(&self.orders).push(RuntimeOrder::Stop(task.clone()));
    }

    fn adopt(&self) -> Result<Vec<TaskId>, RuntimeError> {
        Ok(std::mem::take(&mut *lock(&self.left_behind)))
    }

    fn forget(&self, task: &TaskId) {
        lock(&self.orders).push(RuntimeOrder::Forget(task.clone()));
    }

    fn free_port(&self, taken: &dyn Fn(u16) -> bool) -> Result<u16, RuntimeError> {
        loop {
            let port = self.next_port.fetch_add(1, Ordering::SeqCst);
            if !taken(port) {
                return Ok(port);
            }
        }
    }

    fn container_address(&self, taken: &dyn Fn(IpAddr) -> bool) -> Result<ContainerAddress, RuntimeError> {
        let addresses = lock(&self.addresses);
        let free = addresses.iter().find(|address| !taken(**address));
        free.map(|address| ContainerAddress::Own(*address))
            .ok_or_else(|| RuntimeError::NoContainerEngine("start one and try again".to_owned()))
    }

    fn logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogLine>, RuntimeError> {
        let logs = lock(&self.logs);
        let lines = logs.get(&(task.clone(), container.clone())).into_iter().flatten();
        Ok(lines.filter(|line| line.at >= since).take(limit).cloned().collect())
    }
}
