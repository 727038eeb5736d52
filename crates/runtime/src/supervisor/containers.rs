//! The supervisor's side of tasks in containers: it starts the shims, hears what they say, and knows which images are there.

mod creation;
mod shim_line;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use seatrial_model::ContainerName;
use seatrial_model::task_definition::{ContainerDefinition, HealthCheckCommand, MountSource};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::LaunchImage;

use super::machine::{ContainerIndex, Refusal};
use super::prepared;
use crate::container_engine::{ContainerPlace, RUN_LABEL, container_name};
use crate::directory::TaskDirectory;
use crate::shim::{CheckOrder, ContainerOrder, KeeperNews, KeeperOrder, Request, Shim, WantedImage};

pub(super) use shim_line::ShimLine;

/// How often a keeper that was killed is replaced.
const KEEPERS_MAX: u32 = 5;

/// The containers of a task.
pub(super) struct Containers {
    place: ContainerPlace,
    order: KeeperOrder,
    keeper: Option<ShimLine>,
    keepers_started: u32,
    keeper_process: Option<Pid>,
    /// The names of images that are there, or why they cannot be.
    known: BTreeMap<ContainerName, Result<String, Refusal>>,
    /// Containers whose start waits for their image.
    wanted: BTreeSet<ContainerIndex>,
    usage: Option<(Duration, u64)>,
    /// How often each container was started.
    runs: BTreeMap<ContainerName, u64>,
}

/// A shim that has been started.
pub(super) struct StartedShim {
    pub child: Child,
    pub line: ShimLine,
}

impl Containers {
    /// Begins to make what the task's containers share.
    pub fn begin(
        launch: &TaskLaunch,
        place: ContainerPlace,
        directory: &TaskDirectory,
        usage_interval: Duration,
    ) -> io::Result<Self> {
        let mut known = BTreeMap::new();
        let mut images = Vec::new();
        for container in &launch.definition.containers {
            let wanted = match launch.images.get(&container.name) {
                Some(LaunchImage::Missing(why)) => {
                    known.insert(container.name.clone(), Err(Refusal::image_missing(why)));
                    continue;
                }
                Some(LaunchImage::Stored(digest)) => WantedImage::Stored(digest.clone()),
                None => WantedImage::Named(container.image.clone()),
            };
            images.push((container.name.clone(), wanted));
        }
        let order = KeeperOrder {
            place: place.clone(),
            home: directory.home().to_owned(),
            task: launch.task.clone(),
            address: launch.address,
            ports: launch.ports.clone(),
            images,
            volumes: volumes(launch),
            usage_interval,
        };
        let mut containers = Containers {
            place,
            order,
            keeper: None,
            keepers_started: 0,
            keeper_process: None,
            known,
            wanted: BTreeSet::new(),
            usage: None,
            runs: BTreeMap::new(),
        };
        containers.start_keeper()?;
        Ok(containers)
    }

    fn start_keeper(&mut self) -> io::Result<()> {
        self.keepers_started += 1;
        let StartedShim { child, line } = start_shim(Shim::Keeper, &self.order, Stdio::null())?;
        self.keeper_process = Some(Pid::from_child(&child));
        self.keeper = Some(line);
        Ok(())
    }

    /// Asks for the name of a container's image; none while it is being brought. [`Containers::hear`] tells when it is there.
    pub fn want(&mut self, index: ContainerIndex, container: &ContainerName) -> Option<Result<String, Refusal>> {
        let known = self.known.get(container).cloned();
        if known.is_none() {
            self.wanted.insert(index);
        }
        known
    }

    /// Hears what the keeper has to say, and returns the containers that waited for it.
    pub fn hear(&mut self, index_of: impl Fn(&ContainerName) -> Option<ContainerIndex>) -> Vec<ContainerIndex> {
        let mut settled = Vec::new();
        let Some(keeper) = &mut self.keeper else { return settled };
        for news in keeper.hear::<KeeperNews>() {
            let (container, outcome) = match news {
                KeeperNews::Image { container, name } => (container, Ok(name)),
                KeeperNews::Refused { container, refusal } => (container, Err(refusal)),
                KeeperNews::Usage { cpu_time, memory } => {
                    self.usage = Some((cpu_time, memory));
                    continue;
                }
            };
            // A keeper that took another's place may fail at what was there already.
            if outcome.is_err() && matches!(self.known.get(&container), Some(Ok(_))) {
                continue;
            }
            let waiting = index_of(&container).and_then(|index| self.wanted.take(&index));
            self.known.insert(container, outcome);
            settled.extend(waiting);
        }
        settled
    }

    /// Takes note of the keeper's end, if it was it that ended, and starts another; returns the containers for which there is none.
    pub fn keeper_ended(&mut self, process: Pid) -> BTreeSet<ContainerIndex> {
        if self.keeper_process != Some(process) {
            return BTreeSet::new();
        }
        self.keeper_process = None;
        if self.keeper.is_none() {
            return BTreeSet::new();
        }
        // The next one takes over the network that it finds.
        let again = self.keepers_started < KEEPERS_MAX && self.start_keeper().is_ok();
        if again {
            return BTreeSet::new();
        }
        self.keeper = None;
        let refusal = Refusal::initialization("ResourceInitializationError: the process that keeps the network ended");
        for (container, _) in &self.order.images {
            self.known.entry(container.clone()).or_insert_with(|| Err(refusal.clone()));
        }
        self.give_up()
    }

    /// Gives up waiting, and returns the containers that did.
    pub fn give_up(&mut self) -> BTreeSet<ContainerIndex> {
        std::mem::take(&mut self.wanted)
    }

    /// Ends the keeper, which removes whatever is left of the task.
    pub fn dismiss(&mut self) {
        self.keeper = None;
    }

    /// Has a container removed whose shim is gone.
    pub fn remove(&mut self, container: &ContainerName) {
        let name = container_name(&self.order.task, container);
        let run = self.runs.get(container).copied().unwrap_or_default();
        if let Some(keeper) = &mut self.keeper {
            keeper.say(&Request::Remove { name, run });
        }
    }

    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.keeper.as_ref().and_then(ShimLine::descriptor)
    }

    /// Returns the last reading of processor time and memory.
    pub fn usage(&self) -> Option<(Duration, u64)> {
        self.usage
    }

    /// Starts a container.
    pub fn start(
        &mut self,
        launch: &TaskLaunch,
        container: &ContainerDefinition,
        image: &str,
    ) -> Result<StartedShim, Refusal> {
        let secrets = prepared::secrets(launch, container)?;
        if let Some(file) = container.environment_files.first() {
            return Err(Refusal::environment_files(file));
        }
        let run = self.runs.entry(container.name.clone()).or_default();
        *run += 1;
        let mut creation = creation::request(launch, container, secrets, image, &self.place);
        creation["Labels"][RUN_LABEL] = run.to_string().into();
        let name = container_name(&launch.task, &container.name);
        let order = ContainerOrder { place: self.place.clone(), name, creation };
        start_shim(Shim::Container, &order, Stdio::piped())
            .map_err(|error| Refusal::passing(format_args!("could not start the shim of the container: {error}")))
    }

    /// Starts a run of a container's health check.
    pub fn check(
        &self,
        launch: &TaskLaunch,
        container: &ContainerName,
        check: &HealthCheckCommand,
    ) -> io::Result<StartedShim> {
        let command = match check {
            HealthCheckCommand::Cmd(words) => words.clone(),
            HealthCheckCommand::CmdShell(script) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
        };
        let order = CheckOrder { place: self.place.clone(), name: container_name(&launch.task, container), command };
        start_shim(Shim::Check, &order, Stdio::piped())
    }
}

/// The volumes of its own that a task needs.
fn volumes(launch: &TaskLaunch) -> BTreeSet<String> {
    let mounts = launch.definition.containers.iter().flat_map(|container| &container.mounts);
    let own = mounts.filter_map(|mount| match &mount.source {
        MountSource::Task(name) => Some(name.clone()),
        MountSource::Machine(_) => None,
    });
    own.collect()
}

/// Starts a shim: this program once more, with the shim's word in the place of the task's directory. It is in a group of its own and is
/// not killed with this process: it has something to remove first.
fn start_shim(shim: Shim, order: &impl serde::Serialize, output: Stdio) -> io::Result<StartedShim> {
    let (own_end, shim_end) = UnixStream::pair()?;
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    arguments.pop();
    let mut command = Command::new(own_program()?);
    command.args(arguments).arg(shim.word()).stdin(OwnedFd::from(shim_end)).process_group(0);
    match shim {
        Shim::Keeper => command.stdout(output),
        Shim::Container | Shim::Check => command.stdout(output).stderr(Stdio::piped()),
    };
    let child = command.spawn()?;
    // The other end is the shim's alone.
    drop(command);
    let line = ShimLine::new(own_end, order)?;
    Ok(StartedShim { child, line })
}

/// Returns what this process was started from, whatever is at its path by now.
#[cfg(target_os = "linux")]
fn own_program() -> io::Result<std::path::PathBuf> {
    Ok("/proc/self/exe".into())
}

#[cfg(not(target_os = "linux"))]
fn own_program() -> io::Result<std::path::PathBuf> {
    std::env::current_exe()
}
