//! The engine's side: orders go to supervisors, their reports come back, and a restarted engine finds both.
//!
//! Each task has one follower, an asynchronous task of the runtime's own small executor; that keeps the orders of a task in sequence
//! and lets tasks go on independently. Nothing here decides about a task: a lost supervisor is all it judges for itself.

mod container_engines;
mod delivery;
mod follower;
mod launcher;
mod lost;
mod port_finder;
mod situation;
mod synthesis;
mod tracked;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seatrial_model::{ContainerName, TaskId, Timestamp};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::{ContainerAddress, LogLine, Runtime, RuntimeError, TaskReports};

use crate::clock::wall_now;
use crate::container_engine::ContainerEngineOptions;
use crate::directory::{TaskDirectory, TasksDirectory};
use crate::lock::TaskLock;
use crate::log;
use container_engines::{ContainerEngines, remove_all};
use follower::Follower;
use port_finder::PortFinder;
use tracked::Tracked;

/// Threads for reading and writing task files: an fsync each at most, so a few overlap well and more would only queue at the disk.
const FILE_THREADS_MAX: usize = 4;

/// How long the removal of containers and network may take.
const REMOVAL_LIMIT: Duration = Duration::from_secs(20);

/// How to start the process that becomes a supervisor. The task's directory is added as the last argument.
#[derive(Clone, Debug)]
pub struct SupervisorCommand {
    /// An absolute path.
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
}

/// Runs tasks as processes of this machine or in containers, each under a supervisor that outlives the engine.
///
/// Reports are delivered on the runtime's own threads, those of one task in order. Dropping the runtime ends reporting and leaves
/// every task running.
pub struct ProcessRuntime {
    shared: Arc<Shared>,
    /// Present until the runtime is dropped.
    executor: Option<tokio::runtime::Runtime>,
    ports: PortFinder,
}

/// What all followers need.
struct Shared {
    directory: TasksDirectory,
    supervisor: SupervisorCommand,
    reports: TaskReports,
    containers: ContainerEngines,
    tasks: Mutex<BTreeMap<TaskId, Arc<Tracked>>>,
}

impl ProcessRuntime {
    /// Opens the runtime of a data directory, creating `<home>/tasks` unless it is there. One engine at a time may.
    pub fn open(home: &Path, supervisor: SupervisorCommand, reports: TaskReports) -> Result<Self, RuntimeError> {
        ProcessRuntime::open_with(home, supervisor, ContainerEngineOptions::default(), reports)
    }

    /// The same, with a say in which container engine runs tasks in containers. It is looked for when one first wants it.
    pub fn open_with(
        home: &Path,
        supervisor: SupervisorCommand,
        container_engine: ContainerEngineOptions,
        reports: TaskReports,
    ) -> Result<Self, RuntimeError> {
        let directory = TasksDirectory::open(home).map_err(failed("create the directory of tasks"))?;
        let executor = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(FILE_THREADS_MAX)
            .thread_name("task-runtime")
            .enable_all()
            .build()
            .map_err(failed("start the threads of the runtime"))?;
        let tasks = directory.clone();
        let is_over = Arc::new(move |task: &TaskId| !is_supervised(&tasks.task(task)));
        let own = std::path::absolute(home).map_err(failed("find the data directory"))?;
        let containers = ContainerEngines::new(container_engine, own, is_over);
        let shared = Arc::new(Shared { directory, supervisor, reports, containers, tasks: Mutex::default() });
        Ok(ProcessRuntime { shared, executor: Some(executor), ports: PortFinder::new() })
    }

    /// Removes what a home has in its container engine, now that its tasks have ended; nothing where it never had any. The text of the error
    /// says why something may be left.
    pub fn remove_containers(home: &Path, container_engine: &ContainerEngineOptions) -> Result<(), String> {
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let executor = executor.map_err(|error| error.to_string())?;
        let home = std::path::absolute(home).map_err(|error| error.to_string())?;
        executor.block_on(async {
            match tokio::time::timeout(REMOVAL_LIMIT, remove_all(container_engine, &home)).await {
                Ok(removed) => removed,
                Err(_) => Err(format!("it did not answer within {} s", REMOVAL_LIMIT.as_secs())),
            }
        })
    }

    /// Lists the tasks that have a supervisor. One outlives the end of its task by a moment, until that has been heard.
    pub fn supervised(home: &Path) -> Result<Vec<TaskId>, RuntimeError> {
        let directory = TasksDirectory::open(home).map_err(failed("create the directory of tasks"))?;
        let tasks = directory.tasks().map_err(failed("list the tasks"))?;
        Ok(tasks.into_iter().filter(|task| is_supervised(&directory.task(task))).collect())
    }

    fn executor(&self) -> &tokio::runtime::Runtime {
        self.executor.as_ref().expect("it is taken by drop alone")
    }

    /// Follows a task that is not being followed yet.
    fn follow(&self, tracked: Arc<Tracked>, launch: Option<TaskLaunch>) {
        let follower = Follower::new(Arc::clone(&self.shared), tracked);
        self.executor().spawn(follower.run(launch));
    }

    /// Says again how a task is. Not on the caller's thread, which may hold what the receiver needs.
    fn report_again(&self, tracked: Arc<Tracked>) {
        let shared = Arc::clone(&self.shared);
        self.executor().spawn(async move { tracked.report_again(&shared.reports) });
    }
}

impl Shared {
    fn tasks(&self) -> MutexGuard<'_, BTreeMap<TaskId, Arc<Tracked>>> {
        // Nothing that can panic happens while the map is being changed.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tracked(&self, task: &TaskId) -> Option<Arc<Tracked>> {
        self.tasks().get(task).cloned()
    }

    /// Registers a task; tells whether it is new.
    fn track(&self, task: &TaskId) -> (Arc<Tracked>, Novelty) {
        let mut tasks = self.tasks();
        if let Some(tracked) = tasks.get(task) {
            return (Arc::clone(tracked), Novelty::Known);
        }
        let tracked = Arc::new(Tracked::new(task.clone(), self.directory.task(task)));
        tasks.insert(task.clone(), Arc::clone(&tracked));
        (tracked, Novelty::New)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Novelty {
    New,
    Known,
}

impl Runtime for ProcessRuntime {
    fn start(&self, mut launch: TaskLaunch) {
        let (tracked, novelty) = self.shared.track(&launch.task);
        tracked.offer_secrets(std::mem::take(&mut launch.secrets));
        match novelty {
            Novelty::New => self.follow(tracked, Some(launch)),
            Novelty::Known => self.report_again(tracked),
        }
    }

    fn stop(&self, task: &TaskId) {
        let Some(tracked) = self.shared.tracked(task) else {
            let report = synthesis::unknown(task, wall_now());
            let reports = Arc::clone(&self.shared.reports);
            self.executor().spawn(async move { reports(report) });
            return;
        };
        tracked.order_stop();
        if tracked.is_stopped() {
            self.report_again(tracked);
        }
    }

    fn adopt(&self) -> Result<Vec<TaskId>, RuntimeError> {
        let mut adopted = Vec::new();
        for task in self.shared.directory.tasks().map_err(failed("list the tasks of a former engine"))? {
            if !self.shared.directory.task(&task).launch_file().exists() {
                // The former engine got as far as making the directory. It will be asked to start the task again, or never.
                self.shared.directory.remove(&task).map_err(failed("remove a directory without a task"))?;
                continue;
            }
            if let (tracked, Novelty::New) = self.shared.track(&task) {
                self.follow(tracked, None);
            }
            adopted.push(task);
        }
        Ok(adopted)
    }

    fn forget(&self, task: &TaskId) {
        let shared = Arc::clone(&self.shared);
        let task = task.clone();
        self.executor().spawn_blocking(move || shared.forget(&task));
    }

    fn free_port(&self, taken: &dyn Fn(u16) -> bool) -> Result<u16, RuntimeError> {
        self.ports.find(taken)
    }

    fn container_address(&self, taken: &dyn Fn(IpAddr) -> bool) -> Result<ContainerAddress, RuntimeError> {
        self.shared.containers.address(self.executor().handle(), taken)
    }

    fn logs(
        &self,
        task: &TaskId,
        container: &ContainerName,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<LogLine>, RuntimeError> {
        let directory = self.shared.logs_directory(task, container)?;
        log::read_since(&directory, since, limit).map_err(failed("read the log of a container"))
    }

    fn log_tail(&self, task: &TaskId, container: &ContainerName, limit: usize) -> Result<Vec<LogLine>, RuntimeError> {
        let directory = self.shared.logs_directory(task, container)?;
        log::read_tail(&directory, limit).map_err(failed("read the log of a container"))
    }
}

impl Shared {
    fn logs_directory(&self, task: &TaskId, container: &ContainerName) -> Result<PathBuf, RuntimeError> {
        let directory = self.directory.task(task);
        // A task that has just been started may have no files yet, and a container that wrote nothing never has.
        if self.tracked(task).is_none() {
            std::fs::metadata(directory.path()).map_err(failed("find the files of the task"))?;
        }
        Ok(directory.logs(container))
    }

    fn forget(&self, task: &TaskId) {
        if self.tracked(task).is_some_and(|tracked| !tracked.is_stopped()) || self.is_supervised(task) {
            tracing::warn!(%task, "a task that has not stopped is not forgotten");
            return;
        }
        self.tasks().remove(task);
        lost::remove_containers(&self.directory.task(task), task);
        if let Err(error) = self.directory.remove(task) {
            tracing::warn!(%task, %error, "could not remove the files of a task");
        }
    }

    /// Tells whether a task nobody follows has a supervisor all the same.
    fn is_supervised(&self, task: &TaskId) -> bool {
        self.tracked(task).is_none() && is_supervised(&self.directory.task(task))
    }
}

fn is_supervised(directory: &TaskDirectory) -> bool {
    directory.lock_file().exists() && matches!(TaskLock::try_acquire(directory), Ok(None))
}

impl Drop for ProcessRuntime {
    fn drop(&mut self) {
        if let Some(executor) = self.executor.take() {
            // Without waiting: this may be a thread of another executor, which must not be blocked.
            executor.shutdown_background();
        }
    }
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> RuntimeError {
    move |source| RuntimeError::Io { action: action.to_owned(), source }
}
