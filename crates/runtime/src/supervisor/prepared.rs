//! Everything needed to run a container's program and its health check, worked out before any process exists.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Pid;
use seatrial_model::SecretText;
use seatrial_model::task_definition::{ContainerDefinition, HealthCheckCommand};
use seatrial_ports::TaskLaunch;
use seatrial_ports::runtime::LaunchSecrets;

use super::environment::environment;
use super::machine::Refusal;
use super::program;
use super::user::{self, OtherUser};
use crate::directory::{TaskDirectory, create_private};
use crate::sys;

/// A container that can be started. Its environment may hold secrets: it has no `Debug` that shows it.
pub(super) struct Prepared {
    words: Vec<String>,
    program: PathBuf,
    environment: BTreeMap<String, String>,
    working_directory: PathBuf,
    user: Option<OtherUser>,
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
    ) -> Result<Self, Refusal> {
        let words: Vec<String> = container.entry_point.iter().chain(&container.command).cloned().collect();
        let Some(name) = words.first() else {
            let name = container.name.as_str();
            return Err(Refusal::permanent(format!(
                "container {name:?} names no command, and images are not run here"
            )));
        };
        // Started without them, a program would run with an environment its author never meant.
        let secrets = secrets(launch, container)?;
        if let Some(file) = container.environment_files.first() {
            return Err(Refusal::environment_files(file));
        }
        let user = match &container.user {
            Some(user) => user::resolve(user)?,
            None => None,
        };
        let home = user.as_ref().and_then(|user| user.home.as_deref());
        let environment = environment(launch, container, secrets, |name| std::env::var(name).ok(), home);
        let working_directory = working_directory(container, directory, user.as_ref())?;
        let search_path = environment.get("PATH").map_or("", String::as_str);
        let program = program::find(name, search_path, &working_directory)?;
        Ok(Prepared { words, program, environment, working_directory, user })
    }

    /// The container's own command.
    pub fn command(&self, supervisor: Pid) -> Command {
        self.build(self.program.clone(), &self.words, supervisor)
    }

    /// The command of the container's health check.
    pub fn check_command(&self, check: &HealthCheckCommand, supervisor: Pid) -> Result<Command, Refusal> {
        let words = match check {
            HealthCheckCommand::Cmd(words) => words.clone(),
            HealthCheckCommand::CmdShell(script) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
        };
        let name = words.first().map_or("", String::as_str);
        let search_path = self.environment.get("PATH").map_or("", String::as_str);
        let program = program::find(name, search_path, &self.working_directory)?;
        Ok(self.build(program, &words, supervisor))
    }

    /// The name of the program, for messages.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    fn build(&self, program: PathBuf, words: &[String], supervisor: Pid) -> Command {
        let mut command = Command::new(program);
        if let Some((name, arguments)) = words.split_first() {
            command.arg0(name).args(arguments);
        }
        command
            .env_clear()
            .envs(&self.environment)
            .current_dir(&self.working_directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        sys::isolate(&mut command, supervisor, self.user.as_ref().map(|user| user.credentials.clone()));
        command
    }
}

/// Returns the values of what a container asks for in `secrets`, all of them.
fn secrets<'a>(
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
