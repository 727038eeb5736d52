//! Follows one task from the order to start it, or from its discovery, to its end.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use seatrial_model::task_definition::TaskDefinition;
use seatrial_ports::runtime::{EndCause, RuntimeError, TaskEnd, TaskPhase};
use seatrial_ports::{TaskLaunch, TaskReport, TaskRuntime};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio::task::spawn_blocking;

use super::launcher::{self, Started};
use super::situation::Situation;
use super::tracked::Tracked;
use super::{Shared, delivery, lost, synthesis};
use crate::clock::wall_now;
use crate::control::{self, Order, REPORT_BYTES_MAX};
use crate::directory::TaskDirectory;
use crate::files::{self, Durability};
use crate::lock::TaskLock;
use crate::saved_state::SavedState;

/// The pause before connecting again to a supervisor that lives and does not answer, at first: it is probably about to listen.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(2);

/// The same pause at last, doubled each time: it is probably stuck, and nothing is urgent any more.
const RETRY_DELAY_MAX: Duration = Duration::from_millis(200);

/// How long a supervisor that has closed its connection may take to end, before it is assumed to have other reasons.
const EXIT_WAIT: Duration = Duration::from_secs(2);

/// How often the files of a task may be unreadable before the task is given up: two seconds' worth of [`RETRY_DELAY_MAX`].
const UNREADABLE_MAX: u32 = 10;

/// The follower of one task.
pub(super) struct Follower {
    shared: Arc<Shared>,
    tracked: Arc<Tracked>,
    supervisor: Option<Child>,
    exit: Option<ExitStatus>,
    witness: lost::Witness,
    unreadable: u32,
    retry_delay: Duration,
}

/// Why a connection ended.
enum Parting {
    TaskStopped,
    Closed,
}

impl Follower {
    pub fn new(shared: Arc<Shared>, tracked: Arc<Tracked>) -> Self {
        Follower {
            shared,
            tracked,
            supervisor: None,
            exit: None,
            witness: lost::Witness::FoundGone,
            unreadable: 0,
            retry_delay: RETRY_DELAY_MIN,
        }
    }

    pub async fn run(mut self, launch: Option<TaskLaunch>) {
        if let Some(launch) = launch
            && let Err(reason) = self.record(launch).await
        {
            self.finish_unstarted(Some(TaskEnd { cause: EndCause::FailedToStart, reason })).await;
            return;
        }
        while self.step().await == Going::On {}
        self.await_exit().await;
    }

    /// Does what the situation of the task asks for.
    async fn step(&mut self) -> Going {
        let directory = self.tracked.directory.clone();
        match blocking(move || Situation::find(&directory)).await {
            Ok(Situation::Stopped(report)) => {
                self.tracked.deliver(&self.shared.reports, *report);
                Going::Done
            }
            Ok(Situation::Supervised) => self.reconnect().await,
            Ok(Situation::NeverStarted) => self.launch().await,
            Ok(Situation::Abandoned(lock, saved)) => {
                self.declare_lost(lock, saved).await;
                Going::Done
            }
            Err(error) => self.cope_with(error).await,
        }
    }

    async fn record(&self, launch: TaskLaunch) -> Result<(), String> {
        let directory = self.tracked.directory.clone();
        // A task that has been recorded is where it is.
        let place = match launch.runtime {
            TaskRuntime::Container if !directory.launch_file().exists() => {
                let place = self.shared.containers.place().await;
                Some(place.map_err(|why| {
                    let error = RuntimeError::NoContainerEngine(why);
                    format!("CannotStartContainerError: {error}")
                })?)
            }
            TaskRuntime::Container | TaskRuntime::Process => None,
        };
        let recorded = blocking(move || launcher::record(&directory, &launch, place.as_ref())).await;
        recorded.map_err(|error| {
            let path = self.tracked.directory.path().display().to_string();
            format!("ResourceInitializationError: could not write to {path}: {error}")
        })
    }

    /// Starts the supervisor, once. One that ends without having saved a state could not do its work at all.
    async fn launch(&mut self) -> Going {
        if self.tracked.is_ordered_to_stop() {
            self.finish_unstarted(None).await;
            return Going::Done;
        }
        if self.supervisor.is_some() || self.exit.is_some() {
            let reason = format!("Task failed to start: its supervisor {}", self.last_words().await);
            self.finish_unstarted(Some(TaskEnd { cause: EndCause::FailedToStart, reason })).await;
            return Going::Done;
        }
        let delivery = match delivery::wait_for(&self.tracked, self.definition().await).await {
            Ok(delivery) => delivery,
            Err(end) => {
                self.finish_unstarted(end).await;
                return Going::Done;
            }
        };
        match launcher::spawn(&self.tracked.directory, &self.shared.supervisor) {
            Ok(Started { process, mut connection }) => {
                self.supervisor = Some(process);
                // A supervisor that does not read is about to be found gone.
                let _ = connection.write_all(&delivery).await;
                self.attend(connection).await
            }
            Err(error) => {
                let program = self.shared.supervisor.program.display();
                let reason = format!("Task failed to start: could not run {program}: {error}");
                self.finish_unstarted(Some(TaskEnd { cause: EndCause::FailedToStart, reason })).await;
                Going::Done
            }
        }
    }

    async fn reconnect(&mut self) -> Going {
        match launcher::connect(&self.tracked.directory).await {
            Ok(connection) => self.attend(connection).await,
            Err(_) => {
                self.pause().await;
                Going::On
            }
        }
    }

    /// Listens to a supervisor until it has no more to say.
    async fn attend(&mut self, connection: UnixStream) -> Going {
        self.tracked.drop_secrets();
        match self.listen(connection).await {
            Parting::TaskStopped => return Going::Done,
            Parting::Closed => {}
        }
        self.await_exit().await;
        self.pause().await;
        Going::On
    }

    async fn listen(&mut self, connection: UnixStream) -> Parting {
        let (reader, mut writer) = connection.into_split();
        let mut reader = BufReader::new(reader);
        let mut stops = self.tracked.stops();
        let stop = control::line(&Order::Stop);
        // A supervisor that cannot be written to is about to be found gone by the reading side.
        if *stops.borrow_and_update() > 0 {
            let _ = writer.write_all(&stop).await;
        }
        let mut line = Vec::new();
        loop {
            let room = (REPORT_BYTES_MAX - line.len()) as u64;
            let mut limited = (&mut reader).take(room);
            tokio::select! {
                read = limited.read_until(b'\n', &mut line) => {
                    if !matches!(read, Ok(length) if length > 0) || !line.ends_with(b"\n") {
                        return Parting::Closed;
                    }
                    if self.hear(&line) == Some(TaskPhase::Stopped) {
                        return Parting::TaskStopped;
                    }
                    line.clear();
                }
                changed = stops.changed() => {
                    if changed.is_ok() {
                        let _ = writer.write_all(&stop).await;
                    }
                }
            }
        }
    }

    /// Passes a report on and returns its phase. A line that is no report comes from a supervisor of another version; it says nothing.
    fn hear(&mut self, line: &[u8]) -> Option<TaskPhase> {
        let report: TaskReport = serde_json::from_slice(line).ok()?;
        self.witness = lost::Witness::SawItLive;
        self.retry_delay = RETRY_DELAY_MIN;
        let phase = report.phase;
        self.tracked.deliver(&self.shared.reports, report);
        Some(phase)
    }

    async fn await_exit(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            match tokio::time::timeout(EXIT_WAIT, supervisor.wait()).await {
                Ok(status) => self.exit = status.ok(),
                Err(_) => self.supervisor = Some(supervisor),
            }
        }
    }

    async fn pause(&mut self) {
        tokio::time::sleep(self.retry_delay).await;
        self.retry_delay = (self.retry_delay * 2).min(RETRY_DELAY_MAX);
    }

    async fn cope_with(&mut self, error: io::Error) -> Going {
        self.unreadable += 1;
        if self.unreadable < UNREADABLE_MAX {
            tokio::time::sleep(RETRY_DELAY_MAX).await;
            return Going::On;
        }
        let reason = format!("Task lost: its files cannot be read: {error}");
        let end = Some(TaskEnd { cause: EndCause::Lost, reason });
        let report = synthesis::never_ran(&self.tracked.task, None, wall_now(), end);
        self.tracked.deliver(&self.shared.reports, report);
        Going::Done
    }

    /// Ends a task that has no process and will have none.
    async fn finish_unstarted(&self, end: Option<TaskEnd>) {
        let directory = self.tracked.directory.clone();
        let task = self.tracked.task.clone();
        let report = spawn_blocking(move || {
            let definition = read_definition(&directory);
            let report = synthesis::never_ran(&task, definition.as_ref(), wall_now(), end);
            save(&directory, &report);
            report
        });
        if let Ok(report) = report.await {
            self.tracked.deliver(&self.shared.reports, report);
        }
    }

    async fn declare_lost(&self, lock: TaskLock, saved: Option<Box<SavedState>>) {
        let case = lost::Case {
            task: self.tracked.task.clone(),
            directory: self.tracked.directory.clone(),
            saved: saved.map(|saved| *saved),
            last_sequence: self.tracked.last_sequence(),
            exit: self.exit,
            witness: self.witness,
        };
        let report = spawn_blocking(move || {
            let report = lost::declare(case);
            drop(lock);
            report
        });
        if let Ok(report) = report.await {
            self.tracked.deliver(&self.shared.reports, report);
        }
    }

    async fn definition(&self) -> Option<TaskDefinition> {
        let directory = self.tracked.directory.clone();
        spawn_blocking(move || read_definition(&directory)).await.ok().flatten()
    }

    /// Says how the supervisor ended, with the last line it wrote.
    async fn last_words(&self) -> String {
        let log = self.tracked.directory.supervisor_log();
        let text = blocking(move || std::fs::read_to_string(log)).await.unwrap_or_default();
        let line = text.lines().last().map(|line| format!(": {line}")).unwrap_or_default();
        match self.exit {
            Some(status) => format!("ended ({status}){line}"),
            None => format!("does not answer{line}"),
        }
    }
}

/// Whether there is more to follow.
#[derive(PartialEq, Eq)]
enum Going {
    On,
    Done,
}

fn read_definition(directory: &TaskDirectory) -> Option<TaskDefinition> {
    let launch: Option<TaskLaunch> = files::read_json(&directory.launch_file()).ok()?;
    launch.map(|launch| launch.definition)
}

/// Saves a last report in the place of a supervisor. When that fails, the task will be judged again by the next engine.
fn save(directory: &TaskDirectory, report: &TaskReport) {
    let state = SavedState { report: report.clone(), groups: Vec::new(), boot: String::new() };
    if let Ok(Some(_lock)) = TaskLock::try_acquire(directory)
        && let Err(error) = state.write(directory, Durability::Machine)
    {
        tracing::warn!(task = %report.task, %error, "could not save the end of a task");
    }
}

/// Runs something that touches the disk on a thread for such things.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    match spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}
