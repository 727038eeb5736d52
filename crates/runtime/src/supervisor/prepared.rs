//! Everything needed to run a container's program and its health check, worked out before any process exists.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, geteuid};
use seatrial_model::SecretText;
use seatrial_model::task_definition::{ContainerDefinition, HealthCheckCommand, MountSource};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::LaunchSecrets;

use super::environment::{environment, environment_in_image};
use super::image::{ContainerImage, SEARCH_PATH_DEFAULT};
use super::machine::Refusal;
use super::program;
use super::unpacking::Source;
use super::user::{self, OtherUser};
use crate::directory::{TaskDirectory, create_private};
use crate::sys::root::{Inside, Namespaces, NewRoot, StepReport, Writable};
use crate::sys::{self, Credentials, Place};

/// A container that can be started. Its environment may hold secrets: it has no `Debug` that shows it.
pub(super) struct Prepared {
    words: Vec<String>,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    site: Site,
    credentials: Option<Credentials>,
    stop_signal: Signal,
}

/// Where the program is run.
enum Site {
    Machine { working_directory: PathBuf },
    Image { image: Arc<ContainerImage>, root: Arc<NewRoot>, working_directory: String },
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("words", &self.words).field("program", &self.program).finish_non_exhaustive()
    }
}

impl Prepared {
    pub fn new(
        launch: &TaskLaunch,
        container: &ContainerDefinition,
        directory: &TaskDirectory,
        source: &Source,
    ) -> Result<Self, Refusal> {
        // Started without them, a program would run with an environment its author never meant.
        let secrets = secrets(launch, container)?;
        if let Some(file) = container.environment_files.first() {
            return Err(Refusal::environment_files(file));
        }
        match source {
            Source::Machine => Prepared::on_machine(launch, container, directory, secrets),
            Source::Image(image) => Prepared::in_image(launch, container, directory, secrets, image),
        }
    }

    fn on_machine(
        launch: &TaskLaunch,
        container: &ContainerDefinition,
        directory: &TaskDirectory,
        secrets: BTreeMap<&str, &SecretText>,
    ) -> Result<Self, Refusal> {
        let words: Vec<String> = container.entry_point.iter().chain(&container.command).cloned().collect();
        let Some(name) = words.first() else {
            let image = &container.image;
            return Err(Refusal::image(format_args!(
                "{image} is not in this engine's registry, from which alone images are run, and container {:?} names no command",
                container.name.as_str()
            )));
        };
        let user = match &container.user {
            Some(user) => user::resolve(user)?,
            None => None,
        };
        let home = user.as_ref().and_then(|user| user.home.as_deref());
        let environment = environment(launch, container, secrets, |name| std::env::var(name).ok(), home);
        let working_directory = working_directory(container, directory, user.as_ref())?;
        let search_path = environment.get("PATH").map_or("", String::as_str);
        let program = program::find(name, search_path, &working_directory)?;
        let credentials = user.map(|user| user.credentials);
        let site = Site::Machine { working_directory };
        Ok(Prepared { words, program, environment, site, credentials, stop_signal: Signal::TERM })
    }

    fn in_image(
        launch: &TaskLaunch,
        container: &ContainerDefinition,
        directory: &TaskDirectory,
        secrets: BTreeMap<&str, &SecretText>,
        image: &Arc<ContainerImage>,
    ) -> Result<Self, Refusal> {
        let words = image.words(container);
        let Some(name) = words.first() else {
            return Err(Refusal::permanent(
                "the image has neither an entry point nor a command, and the container names none",
            ));
        };
        let run = &image.configuration.run;
        let wanted = container.user.as_deref().or(run.user.as_deref()).filter(|user| !user.is_empty());
        let user = user::within(wanted.unwrap_or("0"), &image.accounts("/etc/passwd"), &image.accounts("/etc/group"))?;
        let environment = environment_in_image(launch, container, secrets, &run.environment, user.home.as_deref());
        let given = container.working_directory.as_deref().or(run.working_directory.as_deref());
        let working_directory = given.filter(|given| given.starts_with('/')).unwrap_or("/").to_owned();
        let search_path = environment.get("PATH").map_or(SEARCH_PATH_DEFAULT, String::as_str);
        let program = image.find(name, search_path, &working_directory)?.into();
        let Credentials { user: number, group, .. } = user.credentials;
        let inside = Inside { user: number.as_raw(), group: group.as_raw() };
        let writable = if container.read_only_root { Writable::No } else { Writable::Yes };
        let root =
            NewRoot::prepare(image.root(), &directory.root(&container.name), inside, &working_directory, writable);
        let root = root.and_then(|root| with_volumes(root, container, directory, image.root()));
        let root = root.map_err(|error| Refusal::passing(format_args!("the container's root: {error}")))?;
        let site = Site::Image { image: Arc::clone(image), root: Arc::new(root), working_directory };
        // Elsewhere the process is that user by the map of its namespace.
        let credentials = geteuid().is_root().then_some(user.credentials);
        let stop_signal = run.stop_signal.as_deref().and_then(sys::signal_named).unwrap_or(Signal::TERM);
        Ok(Prepared { words, program, environment, site, credentials, stop_signal })
    }

    /// The container's own command, and who tells at which step of entering its root it failed.
    pub fn command(&self, supervisor: Pid) -> std::io::Result<(Command, Option<StepReport>)> {
        let (place, report) = match &self.site {
            Site::Machine { .. } => (Place::Machine, None),
            Site::Image { root, .. } => {
                let (report, writer) = StepReport::pair()?;
                (Place::New(Arc::clone(root), writer), Some(report))
            }
        };
        Ok((self.build(self.program.clone(), &self.words, place, supervisor), report))
    }

    /// The command of the container's health check, which sees what the container's process, `leader`, does.
    pub fn check_command(&self, check: &HealthCheckCommand, supervisor: Pid, leader: Pid) -> Result<Command, Refusal> {
        let words = match check {
            HealthCheckCommand::Cmd(words) => words.clone(),
            HealthCheckCommand::CmdShell(script) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
        };
        let name = words.first().map_or("", String::as_str);
        let search_path = self.environment.get("PATH").map_or("", String::as_str);
        let (program, place) = match &self.site {
            Site::Machine { working_directory } => {
                (program::find(name, search_path, working_directory)?, Place::Machine)
            }
            Site::Image { image, root, working_directory } => {
                let program = image.find(name, search_path, working_directory)?.into();
                let namespaces = Namespaces::of(leader, root).map_err(Refusal::passing)?;
                (program, Place::Shared(namespaces))
            }
        };
        Ok(self.build(program, &words, place, supervisor))
    }

    /// The name of the program, for messages.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The signal that asks the container to end.
    pub fn stop_signal(&self) -> Signal {
        self.stop_signal
    }

    fn build(&self, program: PathBuf, words: &[String], place: Place, supervisor: Pid) -> Command {
        let mut command = Command::new(program);
        if let Some((name, arguments)) = words.split_first() {
            command.arg0(name).args(arguments);
        }
        command.env_clear().envs(&self.environment).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Site::Machine { working_directory } = &self.site {
            command.current_dir(working_directory);
        }
        sys::isolate(&mut command, supervisor, place, self.credentials.clone());
        command
    }
}

/// Puts the volumes of a container into its root. One of the task's own is made by whoever needs it first, with the owner and the rights that
/// the image gives its place.
fn with_volumes(
    mut root: NewRoot,
    container: &ContainerDefinition,
    directory: &TaskDirectory,
    image: &Path,
) -> io::Result<NewRoot> {
    for mount in &container.mounts {
        let source = match &mount.source {
            MountSource::Machine(path) => PathBuf::from(path),
            MountSource::Task(name) => {
                let source = directory.volume(name);
                if !source.exists() {
                    std::fs::create_dir_all(&source)?;
                    let like = image.join(mount.path.trim_start_matches('/')).symlink_metadata().ok();
                    let like = like.filter(std::fs::Metadata::is_dir);
                    let mode = like.as_ref().map_or(0o755, |like| like.permissions().mode() & 0o7777);
                    if let (Some(like), true) = (&like, geteuid().is_root()) {
                        std::os::unix::fs::chown(&source, Some(like.uid()), Some(like.gid()))?;
                    }
                    std::fs::set_permissions(&source, std::fs::Permissions::from_mode(mode))?;
                }
                source
            }
        };
        root = root.with_volume(&source, &mount.path, if mount.read_only { Writable::No } else { Writable::Yes })?;
    }
    Ok(root)
}

/// Returns the values of what a container asks for in `secrets`, all of them.
pub(super) fn secrets<'a>(
    launch: &'a TaskLaunch,
    container: &ContainerDefinition,
) -> Result<BTreeMap<&'a str, &'a SecretText>, Refusal> {
    let values = match &launch.secrets {
        LaunchSecrets::Pulled(values) => values.get(&container.name),
        LaunchSecrets::Missing(why) => return Err(Refusal::secrets(why)),
    };
    let find = |(variable, source): (&String, &String)| {
        let found = values.and_then(|values| values.get_key_value(variable));
        let found = found.map(|(name, value)| (name.as_str(), value));
        found.ok_or_else(|| Refusal::secrets(format!("{variable} from {source}: the value was not delivered")))
    };
    container.secrets.iter().map(find).collect()
}

fn working_directory(
    container: &ContainerDefinition,
    directory: &TaskDirectory,
    user: Option<&OtherUser>,
) -> Result<PathBuf, Refusal> {
    let Some(wanted) = &container.working_directory else {
        let own = directory.work(&container.name);
        let made = create_private(&own).and_then(|()| give_to(&own, user));
        return match made {
            Ok(()) => Ok(own),
            Err(error) => Err(Refusal::passing(format!("working directory {}: {error}", own.display()))),
        };
    };
    let wanted = PathBuf::from(wanted);
    match wanted.metadata() {
        Ok(metadata) if metadata.is_dir() => Ok(wanted),
        Ok(_) => Err(Refusal::permanent(format!("working directory {}: not a directory", wanted.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Refusal::permanent(format!("working directory {}: no such directory", wanted.display())))
        }
        Err(error) => Err(Refusal::permanent(format!("working directory {}: {error}", wanted.display()))),
    }
}

fn give_to(path: &std::path::Path, user: Option<&OtherUser>) -> std::io::Result<()> {
    match user {
        Some(OtherUser { credentials, .. }) => {
            std::os::unix::fs::chown(path, Some(credentials.user.as_raw()), Some(credentials.group.as_raw()))
        }
        None => Ok(()),
    }
}
