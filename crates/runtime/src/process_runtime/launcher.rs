//! Starts supervisors.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use seatrial_ports::TaskLaunch;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::SupervisorCommand;
use crate::container_engine::ContainerPlace;
use crate::directory::TaskDirectory;
use crate::files::{self, Durability, FILE_MODE};
use crate::supervisor::INHERITED;

/// What says where the credentials of registries are, which a pull may need; none of these is a secret, and no container sees them.
const OF_CREDENTIALS: [&str; 8] = [
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
];

/// A supervisor that has just been started, and the connection it was born with.
pub(super) struct Started {
    pub process: Child,
    pub connection: UnixStream,
}

/// Writes down what is to be launched, and in which container engine, unless it was before: then that is what counts.
///
/// The file is synced, its directory is not. When the machine takes the directory along, nothing of the task was left running either,
/// and the order is given again.
pub(super) fn record(directory: &TaskDirectory, launch: &TaskLaunch, place: Option<&ContainerPlace>) -> io::Result<()> {
    directory.create()?;
    if directory.launch_file().exists() {
        return Ok(());
    }
    if let Some(place) = place {
        files::write_json(&directory.containers_file(), place, Durability::Machine)?;
    }
    files::write_json(&directory.launch_file(), launch, Durability::Machine)
}

/// Starts the supervisor of a recorded task. Must be called within the executor.
pub(super) fn spawn(directory: &TaskDirectory, supervisor: &SupervisorCommand) -> io::Result<Started> {
    let (own_end, supervisor_end) = std::os::unix::net::UnixStream::pair()?;
    own_end.set_nonblocking(true)?;
    let last_words = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(directory.supervisor_log())?;
    let inherited = INHERITED.iter().chain(&OF_CREDENTIALS).filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let process = Command::new(&supervisor.program)
        .args(&supervisor.arguments)
        .arg(directory.path())
        .env_clear()
        .envs(inherited)
        .stdin(Stdio::from(OwnedFd::from(supervisor_end)))
        .stdout(Stdio::null())
        .stderr(Stdio::from(last_words))
        .spawn()?;
    Ok(Started { process, connection: UnixStream::from_std(own_end)? })
}

/// Connects to a supervisor that is running.
pub(super) async fn connect(directory: &TaskDirectory) -> io::Result<UnixStream> {
    let reachable = Reachable::open(directory)?;
    UnixStream::connect(&reachable.socket).await
}

/// The way to a control socket that fits into a socket address, however long the path to the task's directory is.
struct Reachable {
    socket: std::path::PathBuf,
    /// On Linux the path leads through this descriptor.
    #[cfg(target_os = "linux")]
    _directory: std::fs::File,
}

impl Reachable {
    #[cfg(target_os = "linux")]
    fn open(directory: &TaskDirectory) -> io::Result<Self> {
        use std::os::fd::AsRawFd;
        let opened = std::fs::File::open(directory.path())?;
        let socket = format!("/proc/self/fd/{}/{}", opened.as_raw_fd(), TaskDirectory::SOCKET_NAME);
        Ok(Reachable { socket: socket.into(), _directory: opened })
    }

    /// Elsewhere a home of more than some sixty characters cannot be used; the error of connecting says so.
    #[cfg(not(target_os = "linux"))]
    fn open(directory: &TaskDirectory) -> io::Result<Self> {
        Ok(Reachable { socket: directory.path().join(TaskDirectory::SOCKET_NAME) })
    }
}
