//! The supervisor: one process per task that owns the task's processes, their output and their ends.
//!
//! It is a single thread around one `poll`: pipes, sockets and signals wake it, [`machine`] decides, and this file and its children do.
//! It needs no engine once it runs, and ends when no process of its task is left. When it is killed, the kernel kills its containers.

mod check;
mod containers;
mod environment;
mod event_loop;
mod evidence;
mod family;
mod image;
mod machine;
mod memory;
mod output;
mod prepared;
mod program;
mod publisher;
mod running;
mod server;
mod signals;
mod unpacking;
mod user;

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::LaunchSecrets;

use crate::directory::TaskDirectory;
use crate::files;
use crate::lock::TaskLock;
use crate::saved_state::SavedState;
use crate::secret_delivery::{self, DELIVERY_LIMIT};
use crate::shim::{self, Shim};
use crate::sys;

pub(crate) use environment::{INHERITED, TASK_VARIABLE};
pub(crate) use image::resolve;
pub(crate) use machine::Refusal;
pub(crate) use running::REASON_OUT_OF_MEMORY;

/// How long a supervisor waits for the lock: an engine that looks whether somebody has it holds it for microseconds itself.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// How often it tries meanwhile.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Why a task could not be supervised. It is the supervisor's last word, written to its standard error.
#[derive(Debug, thiserror::Error)]
enum SuperviseError {
    #[error("could not {action}: {source}")]
    Io { action: &'static str, source: io::Error },
    #[error("{0} holds no launch.json")]
    NothingToLaunch(String),
    #[error("{0} holds no containers.json, which names the container engine")]
    NoContainerEngine(String),
}

/// Runs the task whose files are in `directory`, until no process of it is left.
///
/// This is the whole of the hidden command `seatrial supervise DIRECTORY`, which engines start. The process becomes a session of its
/// own, changes into the directory and must have a single thread. A task that is being supervised or has been run is left alone.
/// Supervisors of tasks in containers start the same command for their shims, with a word in the place of the directory.
pub fn supervise_main(directory: &Path) -> ExitCode {
    if let Some(shim) = Shim::named(directory) {
        return shim::run(shim);
    }
    match supervise(directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn supervise(directory: &Path) -> Result<(), SuperviseError> {
    // Refused when this is a session's leader already, which is just as well.
    let _ = rustix::process::setsid();
    let directory = TaskDirectory::at(directory).map_err(failed("find the task's directory"))?;
    std::env::set_current_dir(directory.path()).map_err(failed("change into the task's directory"))?;
    let Some(_lock) = acquire_lock(&directory)? else { return Ok(()) };
    if SavedState::read(&directory).map_err(failed("read state.json"))?.is_some() {
        return Ok(());
    }
    let launch: Option<TaskLaunch> = files::read_json(&directory.launch_file()).map_err(failed("read launch.json"))?;
    let Some(mut launch) = launch else {
        return Err(SuperviseError::NothingToLaunch(directory.path().display().to_string()));
    };
    if secret_delivery::is_wanted(&launch.definition) {
        let values = receive_secrets().map_err(failed("take the values of secrets from the engine"))?;
        launch.secrets = LaunchSecrets::Pulled(values);
    }
    sys::become_subreaper().map_err(failed("become the parent of orphans"))?;
    event_loop::EventLoop::new(launch, directory)?.run()
}

/// Reads the values of secrets from the connection that is this process's standard input. Without them the task is not begun: an engine
/// that starts again brings them with another supervisor.
fn receive_secrets() -> io::Result<secret_delivery::Values> {
    let mut connection = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    connection.set_read_timeout(Some(DELIVERY_LIMIT))?;
    secret_delivery::unpack(&mut connection)
}

fn acquire_lock(directory: &TaskDirectory) -> Result<Option<TaskLock>, SuperviseError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let lock = TaskLock::try_acquire(directory).map_err(failed("lock the task"))?;
        if lock.is_some() || Instant::now() >= deadline {
            return Ok(lock);
        }
        std::thread::sleep(LOCK_RETRY_INTERVAL);
    }
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> SuperviseError {
    move |source| SuperviseError::Io { action, source }
}
