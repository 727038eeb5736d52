//! `seatrial init`

use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result};
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use seatrial_release::config::{AppName, ConfigFile, Overrides, ServiceName, Variables};

use crate::arguments::Common;
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::target;

/// The usual name of the file an image is built from.
const DOCKERFILE: &str = "Dockerfile";

/// The port of an application that says nothing about it.
const PORT: u16 = 8080;

/// Write a seatrial.yml for the application in this directory; asks for what no flag says
#[derive(Args, Debug)]
pub struct InitArguments {
    #[command(flatten)]
    pub common: Common,

    /// The application [default: the name of the directory]
    #[arg(long, value_name = "NAME", env = "SEATRIAL_APP")]
    pub app: Option<AppName>,

    /// Its service
    #[arg(long, value_name = "NAME", default_value = "web", env = "SEATRIAL_SERVICE")]
    pub service: ServiceName,

    /// The command that the embedded engine runs as a process of this machine
    #[arg(long, value_name = "COMMAND", env = "SEATRIAL_COMMAND")]
    pub command: Option<String>,

    /// The Dockerfile its image is built from [default: Dockerfile, if there is one and no command is given]
    #[arg(long, value_name = "FILE", env = "SEATRIAL_DOCKERFILE", conflicts_with = "command")]
    pub dockerfile: Option<String>,

    /// The port it listens on [default: what a Dockerfile exposes, else 8080]
    #[arg(long, value_name = "PORT", env = "SEATRIAL_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// The path that answers 200 once it can take requests
    #[arg(long, value_name = "PATH", env = "SEATRIAL_HEALTH_PATH")]
    pub health_path: Option<String>,

    /// How its deployments trade speed for safety [default: dev]
    #[arg(long, value_enum, env = "SEATRIAL_STAGE")]
    pub stage: Option<StageWord>,

    /// Take the defaults instead of asking
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,
}

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StageWord {
    /// Fast: one task, quick checks, a gap between two versions.
    Dev,
    /// Safe: two tasks or more, and never fewer than wanted.
    Prod,
    /// No preset: ECS's and Elastic Load Balancing's own defaults.
    Custom,
}

impl StageWord {
    fn as_str(self) -> &'static str {
        match self {
            StageWord::Dev => "dev",
            StageWord::Prod => "prod",
            StageWord::Custom => "custom",
        }
    }
}

/// What the file says.
#[derive(Debug)]
struct Answers {
    app: AppName,
    service: ServiceName,
    program: Program,
    port: u16,
    health_path: String,
    stage: StageWord,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    /// A process of this machine.
    Command(String),
    /// An image that is built from a Dockerfile.
    Dockerfile(String),
}

/// Runs the command.
pub fn run(arguments: &InitArguments, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let path = common.config_file();
    if path.exists() {
        let what = format!("{} is there already", path.display());
        return Err(UsageError { what, instead: "change it by hand, or name another file with --config".into() }.into());
    }
    let answers = answers(arguments, &path, printer)?;
    let text = text(&answers);
    let file = ConfigFile::parse(&path, &text, &Variables::of_process())?;
    let environment = file.environment(None)?;
    file.plan(&environment, &target::defaults(&environment.target, None), &Overrides::default())?;
    write_new(&path, &text)?;
    let selection = common.selection();
    printer.remark(&format!("{} is written", path.display()));
    printer.remark(&format!("  what it would do:  seatrial simulate{selection}"));
    printer.remark(&format!("  deploy it here:    seatrial deploy{selection}"));
    Ok(ExitCode::Done)
}

/// Writes a file that must not be there yet, so that nothing is lost.
fn write_new(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    match File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).with_context(failed),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let what = format!("{} has come into being meanwhile", path.display());
            Err(UsageError { what, instead: "look at it first".into() }.into())
        }
        Err(error) => Err(error).with_context(failed),
    }
}

fn answers(arguments: &InitArguments, path: &Path, printer: &Printer) -> Result<Answers> {
    let directory = std::path::absolute(path)?.parent().map(Path::to_path_buf).unwrap_or_default();
    let asker = Asker { printer, asks: !arguments.yes };
    let app = match &arguments.app {
        Some(app) => app.clone(),
        None => asker.ask("The application's name", "--app", Some(&name_of(&directory)), str::parse)?,
    };
    if let Some((what, import)) = importable(&directory) {
        printer.remark(&format!("{what} is here; {import} would make a seatrial.yml of it"));
    }
    let is_there = |name: &str| directory.join(name).is_file();
    let dockerfile = arguments.dockerfile.clone().or_else(|| is_there(DOCKERFILE).then(|| DOCKERFILE.to_owned()));
    let program = match (&arguments.command, dockerfile) {
        (Some(command), _) => Program::Command(command.clone()),
        (None, Some(dockerfile)) => {
            printer.remark(&format!(
                "its image is built from {dockerfile}; --command would run a program of this machine instead"
            ));
            Program::Dockerfile(dockerfile)
        }
        (None, None) => {
            let usual = usual_command(&directory);
            Program::Command(asker.ask("The command that starts it", "--command", usual.as_deref(), non_empty)?)
        }
    };
    let port = match arguments.port {
        Some(port) => port,
        None => {
            let exposed = std::fs::read_to_string(directory.join("Dockerfile")).ok().and_then(|text| exposed(&text));
            let default = exposed.unwrap_or(PORT).to_string();
            asker.ask("The port it listens on", "--port", Some(&default), str::parse::<std::num::NonZeroU16>)?.get()
        }
    };
    let health_path = match &arguments.health_path {
        Some(health_path) => health_path.clone(),
        None => {
            asker.ask("The path that answers 200 once it can take requests", "--health-path", Some("/"), non_empty)?
        }
    };
    let stage = match arguments.stage {
        Some(stage) => stage,
        None => {
            let question = "The stage: dev is fast (one task, a gap between two versions), prod is safe (two tasks, never fewer), custom has no preset";
            asker.ask(question, "--stage", Some("dev"), |word| StageWord::from_str(word, true))?
        }
    };
    Ok(Answers { app, service: arguments.service.clone(), program, port, health_path, stage })
}

/// Finds files of other tools, and what reads them.
fn importable(directory: &Path) -> Option<(&'static str, &'static str)> {
    const KNOWN: [(&str, &str); 7] = [
        ("ecspresso.yml", "`seatrial import ecspresso`"),
        ("ecspresso.yaml", "`seatrial import ecspresso`"),
        ("copilot", "`seatrial import copilot`"),
        ("compose.yaml", "`seatrial import compose`"),
        ("compose.yml", "`seatrial import compose`"),
        ("docker-compose.yml", "`seatrial import compose`"),
        ("docker-compose.yaml", "`seatrial import compose`"),
    ];
    KNOWN.into_iter().find(|(name, _)| directory.join(name).exists())
}

/// The command that usually starts what is in a directory.
fn usual_command(directory: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).ok();
    if let Some(package) = read("package.json") {
        let package: serde_json::Value = serde_json::from_str(&package).ok()?;
        return match (&package["scripts"]["start"], &package["main"]) {
            (serde_json::Value::String(_), _) => Some("npm start".to_owned()),
            (_, serde_json::Value::String(main)) => Some(format!("node {main}")),
            _ => None,
        };
    }
    if read("Cargo.toml").is_some() {
        return Some("cargo run --release".to_owned());
    }
    read("go.mod").map(|_| "go run .".to_owned())
}

fn non_empty(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("something has to stand here") } else { Ok(text.to_owned()) }
}

/// Asks somebody at the terminal, until the answer makes sense.
struct Asker<'a> {
    printer: &'a Printer,
    asks: bool,
}

impl Asker<'_> {
    fn ask<T, E: std::fmt::Display>(
        &self,
        question: &str,
        flag: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T> {
        let can_ask = self.asks && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        loop {
            let written = if can_ask {
                let hint = default.map(|default| format!(" [{default}]")).unwrap_or_default();
                self.printer.remark(&format!("{question}?{hint}"));
                let mut line = String::new();
                if std::io::stdin().read_line(&mut line)? == 0 {
                    return Err(UsageError { what: "nobody answers".into(), instead: format!("add {flag}") }.into());
                }
                line.trim().to_owned()
            } else {
                String::new()
            };
            let answer = if written.is_empty() { default.unwrap_or_default() } else { &written };
            match read(answer) {
                Ok(value) if can_ask || !self.asks || default.is_none() => return Ok(value),
                // Nobody can be asked, and nobody said that the defaults will do.
                Ok(_) => {
                    let what = format!("{question}? Nobody can be asked here");
                    return Err(UsageError { what, instead: format!("add {flag}, or --yes for the defaults") }.into());
                }
                Err(error) if can_ask => self.printer.remark(&format!("  {error}")),
                Err(_) => {
                    let what = format!("{question}? Nobody can be asked here");
                    return Err(UsageError { what, instead: format!("add {flag}") }.into());
                }
            }
        }
    }
}

/// The name of a directory as an application's: lower-case letters, digits and hyphens.
fn name_of(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let name = name.trim_matches(|letter: char| !letter.is_ascii_alphabetic()).to_owned();
    if name.is_empty() { "app".to_owned() } else { name.chars().take(20).collect() }
}

/// The first port that a Dockerfile exposes.
fn exposed(dockerfile: &str) -> Option<u16> {
    let mut ports = dockerfile.lines().filter_map(|line| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        let port = rest.split_whitespace().next()?.split('/').next()?;
        word.eq_ignore_ascii_case("expose").then(|| port.parse().ok()).flatten()
    });
    ports.next()
}

fn text(answers: &Answers) -> String {
    let Answers { app, service, program, port, health_path, stage } = answers;
    let health_path = quoted(health_path);
    let program = match program {
        Program::Command(command) => format!(
            "    # Runs as a process of this machine on the embedded engine. On AWS it needs an `image` or a `build`.\n    command: {}",
            quoted(command)
        ),
        Program::Dockerfile(dockerfile) => format!(
            "    # Built with buildah, podman or docker, pushed into the environment's registry, and run from there.\n    build: {{ dockerfile: {} }}",
            quoted(dockerfile)
        ),
    };
    let stage = stage.as_str();
    format!(
        "# What every key means: seatrial schema. What a deployment would do: seatrial plan.
app: {app}

services:
  {service}:
{program}
    port: {port}
    # Answers 200 once the service can take requests.
    health_check: {{ path: {health_path} }}
    listener: {{ port: {port} }}

environments:
  {stage}:
    target: embedded
    # dev is fast, prod is safe, custom has no preset; prod when nothing is written.
    stage: {stage}
"
    )
}

/// Text as YAML takes it in any case.
fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gives_a_name() {
        for (directory, name) in [("/a/My App", "my-app"), ("/a/2048", "app"), ("/", "app"), ("/a/web_1", "web")] {
            let given = name_of(Path::new(directory));
            assert_eq!(given, name);
            assert!(given.parse::<AppName>().is_ok());
        }
    }

    #[test]
    fn what_is_in_a_directory_says_how_it_is_started() {
        let directory = tempfile::tempdir().expect("a directory");
        let usual = || usual_command(directory.path());
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).expect("writable");
        assert_eq!((usual(), importable(directory.path())), (None, None));
        write("go.mod", "");
        assert_eq!(usual().as_deref(), Some("go run ."));
        write("Cargo.toml", "");
        assert_eq!(usual().as_deref(), Some("cargo run --release"));
        write("package.json", "{\"main\": \"server.js\"}");
        assert_eq!(usual().as_deref(), Some("node server.js"));
        write("package.json", "{\"scripts\": {\"start\": \"x\"}}");
        assert_eq!(usual().as_deref(), Some("npm start"));
        write("compose.yaml", "");
        assert_eq!(importable(directory.path()), Some(("compose.yaml", "`seatrial import compose`")));
    }

    #[test]
    fn a_dockerfile_gives_a_port() {
        assert_eq!(exposed("FROM x\nexpose 3000/tcp 9000\n"), Some(3000));
        assert_eq!(exposed("FROM x\nEXPOSE $PORT\n"), None);
    }
}
