//! `seatrial ci`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand, ValueEnum};
use seatrial_release::ci::{Tests, github};

use crate::arguments::Common;
use crate::commands::import::read_file;
use crate::exit_code::{ExitCode, UsageError};
use crate::new_file::{self, Overwrite};
use crate::printer::Printer;

/// The branch from which is deployed unless another is named.
const BRANCH_DEFAULT: &str = "main";

/// Pipelines that test and deploy an application
#[derive(Args, Debug)]
pub struct CiArguments {
    #[command(subcommand)]
    pub command: CiCommand,
}

/// What to do about pipelines.
#[derive(Subcommand, Debug)]
pub enum CiCommand {
    Generate(GenerateArguments),
}

/// Write a workflow for the environments of seatrial.yml: tests, a plan on pull requests, deployments
#[derive(Args, Debug)]
pub struct GenerateArguments {
    /// Where it runs
    #[arg(value_enum)]
    pub service: Service,

    #[command(flatten)]
    pub common: Common,

    /// Write this file, such as .github/workflows/seatrial.yml, instead of standard output
    #[arg(long, value_name = "FILE", env = "SEATRIAL_CI_FILE")]
    pub file: Option<PathBuf>,

    /// Replace the file if it is there
    #[arg(long, env = "SEATRIAL_CI_FORCE", value_parser = FalseyValueParser::new())]
    pub force: bool,

    /// The branch from which is deployed
    #[arg(long, value_name = "NAME", default_value = BRANCH_DEFAULT, env = "SEATRIAL_BRANCH")]
    pub branch: String,
}

/// A service that runs pipelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// GitHub Actions
    Github,
}

impl CiCommand {
    /// The command that writes a workflow of GitHub Actions.
    pub fn github(file: &Path, common: &Common) -> Self {
        CiCommand::Generate(GenerateArguments {
            service: Service::Github,
            common: common.clone(),
            file: Some(file.to_owned()),
            force: false,
            branch: BRANCH_DEFAULT.to_owned(),
        })
    }

    pub fn common(&self) -> Common {
        match self {
            CiCommand::Generate(arguments) => arguments.common.clone(),
        }
    }
}

/// Runs the command.
pub fn run(command: &CiCommand, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let CiCommand::Generate(arguments) = command;
    let path = common.config_file();
    refuse_place(&path)?;
    let text = read_file(&path)?;
    let names = names_beside(&path)?;
    let workflow = match arguments.service {
        Service::Github => github(&path, &text, &arguments.branch, Tests::of_files(&names))?,
    };
    match &arguments.file {
        None => printer.text(&workflow)?,
        Some(file) => {
            new_file::write(file, &workflow, Overwrite::of_flag(arguments.force))?;
            printer.remark(&format!("{} is written; its first lines say what it needs", file.display()));
        }
    }
    Ok(ExitCode::Done)
}

/// The workflow names the file as it is in the repository.
fn refuse_place(path: &Path) -> Result<()> {
    if path.is_absolute() || path.to_string_lossy().contains("${{") {
        let what = format!("{} is no path within a repository", path.display());
        return Err(UsageError { what, instead: "run it at the top of the repository".into() }.into());
    }
    Ok(())
}

fn names_beside(path: &Path) -> Result<BTreeSet<String>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(directory)? {
        names.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}
