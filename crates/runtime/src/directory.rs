//! Where the files of tasks are: `<home>/tasks/<task id>/`.
//!
//! | file | written by | what |
//! |---|---|---|
//! | `launch.json` | the engine, before it starts the supervisor | the [`TaskLaunch`](seatrial_ports::TaskLaunch), without the values of secrets |
//! | `containers.json` | the engine, likewise, of a task in containers | the container engine that has them |
//! | `state.json` | the supervisor, at every change | the last report and the processes it speaks of |
//! | `lock` | the supervisor | held while it lives, so that a task never has two |
//! | `control.sock` | the supervisor | reports out, orders in |
//! | `logs/<container>/` | the supervisor | what the container wrote |
//! | `roots/<container>/` | the supervisor | where the container's root is put together, when it is started from an image, and what it writes there |
//! | `work/<container>/` | the container | its working directory when the definition names none |
//! | `reserve` | the supervisor | nothing: disk space for its last `state.json` |
//! | `supervisor.log` | the supervisor | its own last words |

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use seatrial_model::{ContainerName, TaskId};

/// Directories of tasks are for their owner only: they hold environments and logs.
const DIRECTORY_MODE: u32 = 0o700;

/// What the name of a task's directory ends in while it is being removed; no task id looks like it.
const REMOVED_SUFFIX: &str = ".removed";

/// The directory that holds those of all tasks.
#[derive(Clone, Debug)]
pub(crate) struct TasksDirectory(PathBuf);

impl TasksDirectory {
    /// Creates the directory within `home` unless it is there.
    pub fn open(home: &Path) -> io::Result<Self> {
        let path = std::path::absolute(home)?.join("tasks");
        create_private(&path)?;
        Ok(TasksDirectory(path))
    }

    pub fn task(&self, task: &TaskId) -> TaskDirectory {
        TaskDirectory(self.0.join(task.as_str()))
    }

    /// Lists the tasks that have a directory, ordered by id, after finishing removals that a crash interrupted.
    pub fn tasks(&self) -> io::Result<Vec<TaskId>> {
        let mut tasks = Vec::new();
        for entry in self.0.read_dir()? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(REMOVED_SUFFIX) {
                // It keeps nothing but its space.
                if let Err(error) = seatrial_image::remove_path(&entry.path()) {
                    tracing::warn!(path = %entry.path().display(), %error, "could not remove what is left of a task");
                }
            } else if let Ok(task) = TaskId::parse(name) {
                tasks.push(task);
            }
        }
        tasks.sort();
        Ok(tasks)
    }

    /// Removes a task's directory. A crash half-way leaves nothing that looks like a task to be started.
    pub fn remove(&self, task: &TaskId) -> io::Result<()> {
        let removed = self.0.join(format!("{task}{REMOVED_SUFFIX}"));
        match std::fs::rename(self.task(task).path(), &removed) {
            Ok(()) => seatrial_image::remove_path(&removed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The directory of one task.
#[derive(Clone, Debug)]
pub(crate) struct TaskDirectory(PathBuf);

impl TaskDirectory {
    /// The name of the control socket. It is always reached from within its directory, because the address of a Unix socket holds
    /// some hundred bytes only and a home may be longer.
    pub const SOCKET_NAME: &str = "control.sock";

    /// Takes a directory as a supervisor is given it.
    pub fn at(path: &Path) -> io::Result<Self> {
        std::path::absolute(path).map(TaskDirectory)
    }

    pub fn create(&self) -> io::Result<()> {
        create_private(&self.0)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns where the images of the same home are.
    pub fn images(&self) -> ImageDirectories {
        ImageDirectories::of(self.home())
    }

    pub fn home(&self) -> &Path {
        self.0.parent().and_then(Path::parent).unwrap_or(Path::new("/"))
    }

    pub fn launch_file(&self) -> PathBuf {
        self.0.join("launch.json")
    }

    pub fn containers_file(&self) -> PathBuf {
        self.0.join("containers.json")
    }

    pub fn state_file(&self) -> PathBuf {
        self.0.join("state.json")
    }

    pub fn reserve_file(&self) -> PathBuf {
        self.0.join("reserve")
    }

    pub fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub fn supervisor_log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    pub fn logs(&self, container: &ContainerName) -> PathBuf {
        self.0.join("logs").join(container.as_str())
    }

    /// Returns where the roots of containers are put together.
    pub fn roots(&self) -> PathBuf {
        self.0.join("roots")
    }

    /// Returns where the root of a container is put together that is started from an image.
    pub fn root(&self, container: &ContainerName) -> PathBuf {
        self.roots().join(container.as_str())
    }

    /// Returns where a volume of the task is: it goes with the roots. The name of a volume is nobody's but the task's, and no path.
    pub fn volume(&self, name: &str) -> PathBuf {
        self.roots().join("volumes.of.task").join(hex::encode(name))
    }

    /// Returns the working directory of a container whose definition names none: ephemeral storage that goes with the task.
    pub fn work(&self, container: &ContainerName) -> PathBuf {
        self.0.join("work").join(container.as_str())
    }
}

/// Where images are: what the registry keeps of them, and the files they are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDirectories {
    /// Manifests, configurations and layers by digest. The registry's; only read here.
    pub contents: PathBuf,
    /// An unpacked image each.
    pub unpacked: PathBuf,
}

impl ImageDirectories {
    pub fn of(home: &Path) -> Self {
        ImageDirectories { contents: home.join("registry").join("blobs"), unpacked: home.join("images") }
    }
}

/// Creates a directory (mode 0700) with its parents, unless it is there.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path)
}
