//! `seatrial import`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use seatrial_release::config::{AppName, ConfigFile, Overrides, Variables};
use seatrial_release::import::copilot::Workspace;
use seatrial_release::import::ecspresso::Place;
use seatrial_release::import::{Imported, Naming, compose, copilot, ecspresso, task_definition};

use crate::arguments::DEFAULT_CONFIG;
use crate::exit_code::{ExitCode, UsageError};
use crate::new_file::{self, Overwrite};
use crate::printer::Printer;
use crate::target;

/// Largest file that is read; real ones have a few kilobytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Most manifests of one workspace.
const MANIFESTS_MAX: usize = 200;

/// Write a seatrial.yml from another tool's files; tells of everything that has no counterpart
#[derive(Args, Debug)]
pub struct ImportArguments {
    /// The tool
    #[arg(value_enum)]
    pub source: Source,

    /// Its file, or the directory of it [default: this directory]
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    /// Write this file instead of standard output
    #[arg(long, value_name = "FILE", env = "SEATRIAL_IMPORT_FILE")]
    pub file: Option<PathBuf>,

    /// Replace the file if it is there
    #[arg(long, env = "SEATRIAL_IMPORT_FORCE", value_parser = FalseyValueParser::new())]
    pub force: bool,

    /// The application [default: as the imported files say, else the name of the directory]
    #[arg(long, value_name = "NAME", env = "SEATRIAL_APP")]
    pub app: Option<AppName>,
}

/// A tool whose files are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// A docker-compose file
    Compose,
    /// An ecspresso.yml and the definitions it names
    Ecspresso,
    /// The manifests of AWS Copilot
    Copilot,
    /// An ECS task definition alone
    TaskDefinition,
}

/// The usual names of a task definition's file.
pub const TASK_DEFINITIONS: [&str; 8] = [
    "task-definition.json",
    "taskdef.json",
    "task_definition.json",
    "taskdefinition.json",
    "ecs-task-def.json",
    "ecs-task-definition.json",
    "task-def.json",
    "task.json",
];

/// The usual names of a docker-compose file.
pub const COMPOSE_FILES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The usual names of ecspresso's file.
pub const ECSPRESSO_FILES: [&str; 4] = ["ecspresso.yml", "ecspresso.yaml", "ecspresso.json", "ecspresso.jsonnet"];

/// Runs the command.
pub fn run(arguments: &ImportArguments, printer: &Printer) -> Result<ExitCode> {
    let out = arguments.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if arguments.file.is_some() && !arguments.force && out.exists() {
        let what = format!("{} is there already", out.display());
        return Err(UsageError { what, instead: "name another --file, or add --force to replace it".into() }.into());
    }
    let imported = imported(arguments.source, &arguments.path, &out, arguments.app.as_ref())?;
    // Whatever was read, what is written is a configuration.
    let file = ConfigFile::parse(&out, &imported.text, &Variables::of_process())?;
    match &arguments.file {
        None => printer.text(&imported.text)?,
        Some(path) => {
            new_file::write(path, &imported.text, Overwrite::of_flag(arguments.force))?;
            printer.remark(&format!("{} is written", path.display()));
        }
    }
    imported.remarks.iter().for_each(|remark| printer.remark(&remark.to_string()));
    check(&file, printer);
    Ok(ExitCode::Done)
}

/// Reads another tool's files; `out` is where the new one will be.
pub fn imported(source: Source, path: &Path, out: &Path, app: Option<&AppName>) -> Result<Imported> {
    let directory = std::path::absolute(path)?;
    let directory = if directory.is_dir() { directory } else { directory.parent().unwrap_or(&directory).to_owned() };
    let fallback = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let naming = Naming { wanted: app, fallback: &fallback };
    let files = |name: &str| read_file(&directory.join(name)).map_err(|error| error.to_string());
    Ok(match source {
        Source::Compose => {
            let path = the_file(path, &COMPOSE_FILES)?;
            compose::import(&path, &read_file(&path)?, naming, &files)?
        }
        Source::Ecspresso => {
            let path = the_file(path, &ECSPRESSO_FILES)?;
            let prefix = prefix(&directory, out)?;
            ecspresso::import(Place { path: &path, prefix: &prefix }, &read_file(&path)?, naming, &files)?
        }
        Source::Copilot => copilot::import(path, &workspace(path)?, naming)?,
        Source::TaskDefinition => {
            let path = the_file(path, &TASK_DEFINITIONS)?;
            let named = prefix(&directory, out)?.join(path.file_name().unwrap_or_default());
            let place = task_definition::Place { path: &path, named: &named };
            task_definition::import(place, &read_file(&path)?, naming)?
        }
    })
}

/// Tells what of the new file is not right yet.
pub fn check(file: &ConfigFile, printer: &Printer) {
    for name in file.environments() {
        let planned = file.environment(Some(name)).and_then(|environment| {
            file.plan(&environment, &target::defaults(&environment.target, None), &Overrides::default())
        });
        match planned {
            Err(error) if error.is_unset_variable() => {
                printer.remark(&format!("environment {name}: not checked, for {}", error.what()));
            }
            Err(error) => {
                let advice = error.instead().map(|advice| format!("; {advice}")).unwrap_or_default();
                printer.remark(&format!("environment {name}: needs your hand: {}{advice}", error.what()));
            }
            Ok(_) => {}
        }
    }
}

/// Reads a file of bounded size.
pub fn read_file(path: &Path) -> Result<String> {
    let unreadable = |why: String, instead: &str| UsageError {
        what: format!("{} cannot be read: {why}", path.display()),
        instead: instead.to_owned(),
    };
    let read = std::fs::metadata(path).and_then(|metadata| {
        if metadata.len() > FILE_MAX {
            return Err(std::io::Error::other(format!(
                "it has {} bytes, and at most {FILE_MAX} are read",
                metadata.len()
            )));
        }
        std::fs::read_to_string(path)
    });
    Ok(read.map_err(|error| unreadable(error.to_string(), "name a readable text file"))?)
}

fn the_file(path: &Path, names: &[&str]) -> Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let found = names.iter().map(|name| path.join(name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        let what = format!("{} holds none of {}", path.display(), names.join(", "));
        UsageError { what, instead: "name the file".into() }.into()
    })
}

/// From the directory of the new file to another one: nothing when they are the same, else as far down as possible.
fn prefix(directory: &Path, out: &Path) -> Result<PathBuf> {
    let out = std::path::absolute(out)?.parent().map(Path::to_owned).unwrap_or_default();
    let canonical = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (from, to) = (canonical(&out), canonical(directory));
    Ok(to.strip_prefix(&from).map(Path::to_owned).unwrap_or(to))
}

/// Gathers the files of a Copilot workspace: of one manifest, or of all below a directory.
fn workspace(path: &Path) -> Result<Workspace> {
    let (root, manifests) = if path.is_dir() {
        let below = path.join("copilot");
        let root = if below.is_dir() { below } else { path.to_owned() };
        let manifests = directories(&root)?.into_iter().map(|directory| directory.join("manifest.yml"));
        let manifests: Vec<PathBuf> = manifests.filter(|manifest| manifest.is_file()).take(MANIFESTS_MAX).collect();
        (root, manifests)
    } else {
        let root = std::path::absolute(path)?.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        (root, vec![path.to_owned()])
    };
    let settings = root.join(".workspace");
    let settings = if settings.is_file() { Some(read_file(&settings)?) } else { None };
    let environments = root.join("environments");
    let environments = if environments.is_dir() { directories(&environments)? } else { Vec::new() };
    let name = |path: PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let manifests =
        manifests.into_iter().map(|path| read_file(&path).map(|text| (path, text))).collect::<Result<_>>()?;
    Ok(Workspace { settings, manifests, environments: environments.into_iter().map(name).collect() })
}

/// The directories in a directory, in the order of their names.
fn directories(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
    let mut found: Vec<PathBuf> = entries.collect::<std::io::Result<_>>()?;
    found.retain(|path| path.is_dir());
    found.sort();
    Ok(found)
}
