//! Ending what outlives the engine's own process: its data plane and its tasks.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use seatrial_model::TaskId;
use seatrial_ports::runtime::{Runtime, TaskPhase};
use seatrial_proxy::end_proxy;
use seatrial_runtime::{ContainerEngineOptions, ProcessRuntime};
use seatrial_store::DirectoryLock;

use super::Home;
use super::host::supervisor_command;

/// How long the data plane may take to end.
const PROXY_LIMIT: Duration = Duration::from_secs(10);
/// How long tasks may take to end: the longest stop timeout of ECS is two minutes, after which they are killed.
const TASKS_LIMIT: Duration = Duration::from_secs(135);

/// The pause between two looks at supervisors that are about to end.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);

/// Ends the data plane, then every task with its stop timeout; returns how many tasks there were. The engine must be gone; none can
/// be started meanwhile. `containers` is the socket of the container engine, where one was named.
pub fn end_tasks_and_traffic(home: &Home, containers: Option<&Path>, progress: impl Fn(&str)) -> Result<usize> {
    let _alone = DirectoryLock::acquire(&home.store()).context("another engine is being started")?;
    if !end_proxy(&home.proxy(), PROXY_LIMIT).context("could not end the data plane")? {
        bail!(
            "the data plane did not end within {} s; its log is in {}",
            PROXY_LIMIT.as_secs(),
            home.proxy().display()
        );
    }
    let tasks = end_tasks(home, &progress)?;
    let containers = ContainerEngineOptions { socket: containers.map(Path::to_owned), publish: false };
    if let Err(why) = ProcessRuntime::remove_containers(home.path(), &containers) {
        progress(&format!("the network of containers may be left in the container engine: {why}"));
    }
    Ok(tasks)
}

fn end_tasks(home: &Home, progress: impl Fn(&str)) -> Result<usize> {
    let (sender, reports) = channel();
    // Reports that come after the last task has ended interest nobody.
    let forward = Arc::new(move |report| drop(sender.send(report)));
    let runtime = ProcessRuntime::open(home.path(), supervisor_command()?, forward)?;
    let living = ProcessRuntime::supervised(home.path())?;
    let mut waiting: BTreeSet<TaskId> = runtime.adopt()?.into_iter().collect();
    for task in &waiting {
        runtime.stop(task);
    }
    let mut told = BTreeSet::new();
    let deadline = Instant::now() + TASKS_LIMIT;
    while !waiting.is_empty() {
        let report = match reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(report) => report,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let tasks: Vec<String> = waiting.iter().map(ToString::to_string).collect();
                bail!("these tasks did not end within {} s: {}", TASKS_LIMIT.as_secs(), tasks.join(", "));
            }
        };
        match report.phase {
            TaskPhase::Stopping if waiting.contains(&report.task) && told.insert(report.task.clone()) => {
                progress(&format!("stopping task {}", report.task));
            }
            TaskPhase::Stopped => drop(waiting.remove(&report.task)),
            TaskPhase::Activating | TaskPhase::Running | TaskPhase::Stopping => {}
        }
    }
    drop(runtime);
    while let Some(task) = ProcessRuntime::supervised(home.path())?.first() {
        if Instant::now() > deadline {
            bail!("the supervisor of task {task} did not end within {} s", TASKS_LIMIT.as_secs());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(living.len())
}
