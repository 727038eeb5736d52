//! `seatrial init`

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use seatrial_release::config::{AppName, AppType, ConfigFile, Overrides, ServiceName, Variables};
use seatrial_release::plan::Target;

use crate::arguments::Common;
use crate::commands::import::Source;
use crate::exit_code::{ExitCode, UsageError};
use crate::init::answers::{AWS_ENVIRONMENT, Aws, Program, Scaling, StageWord};
use crate::init::asker::{Asker, Attendance, Choice, Question, WentAway};
use crate::init::document;
use crate::init::found::{Directory, Found};
use crate::init::importing::{self, Wish};
use crate::init::questions::{Draft, Environments, Questions, health_path};
use crate::init::review::{Changes, Decision, review};
use crate::new_file::{self, Overwrite};
use crate::printer::Printer;
use crate::target;

/// Write a seatrial.yml for the application in this directory; asks for what no flag says
///
/// It looks at the directory first, says what it found and why it proposes what, and shows the file before it writes it. Where nobody can be
/// asked, flags answer, and --yes takes the defaults.
#[derive(Args, Debug)]
pub struct InitArguments {
    #[command(flatten)]
    pub common: Common,

    /// The application [default: the name of the directory]
    #[arg(long, value_name = "NAME", env = "SEATRIAL_APP")]
    pub app: Option<AppName>,

    /// Its service [default: web]
    #[arg(long, value_name = "NAME", env = "SEATRIAL_SERVICE")]
    pub service: Option<ServiceName>,

    /// The command that the embedded engine runs as a process of this machine
    #[arg(long, value_name = "COMMAND", env = "SEATRIAL_COMMAND")]
    pub command: Option<String>,

    /// The Dockerfile its image is built from [default: Dockerfile, if there is one and no command is given]
    #[arg(long, value_name = "FILE", env = "SEATRIAL_DOCKERFILE", conflicts_with = "command")]
    pub dockerfile: Option<String>,

    /// The image it runs, which is in a registry already
    #[arg(long, value_name = "IMAGE", env = "SEATRIAL_INIT_IMAGE", conflicts_with_all = ["command", "dockerfile"])]
    pub image: Option<String>,

    /// What is usual for a type of application runs: node-backend or java-spring-boot
    #[arg(long, value_name = "TYPE", env = "SEATRIAL_APP_TYPE", conflicts_with_all = ["command", "dockerfile", "image"])]
    pub app_type: Option<AppType>,

    /// The port it listens on [default: what a Dockerfile, .env, Procfile or the code says, else that of its type or 8080]
    #[arg(long, value_name = "PORT", env = "SEATRIAL_PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,

    /// The path that answers 200 once it can take requests [default: what a Dockerfile or the code says, else that of its type or /]
    #[arg(long, value_name = "PATH", env = "SEATRIAL_HEALTH_PATH", value_parser = health_path)]
    pub health_path: Option<String>,

    /// How deployments on this machine trade speed for safety [default: dev]
    #[arg(long, value_enum, env = "SEATRIAL_STAGE")]
    pub stage: Option<StageWord>,

    /// Write an environment on AWS, too, in this region
    #[arg(long, value_name = "REGION", env = "SEATRIAL_AWS_REGION")]
    pub aws_region: Option<String>,

    /// The profile of the environment on AWS
    #[arg(long, value_name = "PROFILE", env = "SEATRIAL_AWS_PROFILE", requires = "aws_region")]
    pub aws_profile: Option<String>,

    /// Whether the number of tasks changes by itself [default: none]
    #[arg(long, value_enum, env = "SEATRIAL_AUTO_SCALING")]
    pub auto_scaling: Option<Scaling>,

    /// Make the file of another tool's, which is in this directory
    #[arg(long, value_enum, value_name = "TOOL", env = "SEATRIAL_INIT_IMPORT")]
    pub import: Option<ImportWord>,

    /// Replace the file if it is there
    #[arg(long, env = "SEATRIAL_INIT_FORCE", value_parser = FalseyValueParser::new())]
    pub force: bool,

    /// Take the defaults instead of asking
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportWord {
    /// Nothing, and nobody is asked.
    None,
    /// A docker-compose file.
    Compose,
    /// An ecspresso.yml and the definitions it names.
    Ecspresso,
    /// The manifests of AWS Copilot.
    Copilot,
    /// An ECS task definition alone.
    TaskDefinition,
}

/// Runs the command.
pub fn run(arguments: &InitArguments, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let asker = Asker::new(printer, Attendance::of_process(arguments.yes));
    match written(arguments, common, &asker) {
        Ok(()) => Ok(ExitCode::Done),
        Err(error) if error.is::<WentAway>() => {
            printer.remark("nothing is written");
            Ok(ExitCode::Interrupted)
        }
        Err(error) => Err(error),
    }
}

fn written(arguments: &InitArguments, common: &Common, asker: &Asker<'_>) -> Result<()> {
    let printer = asker.printer();
    let (path, overwrite) = place(arguments, common.config_file(), asker)?;
    let directory = std::path::absolute(&path)?.parent().map(Path::to_path_buf).unwrap_or_default();
    let found = Found::of(&Directory::new(&directory));
    if asker.attendance() == Attendance::Somebody {
        tell(&found, &directory, printer);
    }
    let text = match importing::choose(asker, &found, arguments.wish())? {
        Some(other) => importing::import(asker, &other, &path, arguments.app.as_ref())?,
        None => answered(arguments.draft(), &Questions { asker, found: &found }, &path)?,
    };
    if let Some(named) = arguments.app_type.filter(|named| found.app_type != Some(*named)) {
        let name = named.as_str();
        printer.remark(&format!(
            "nothing here looks like {name} yet; deploy it once there is a package.json, or a build of Spring Boot with Maven or Gradle"
        ));
    }
    new_file::write(&path, &text, overwrite)?;
    printer.remark(&format!("{} is written", path.display()));
    next(&path, &text, common, printer)
}

/// Where the file is written, and whether one that is there is lost.
fn place(arguments: &InitArguments, path: PathBuf, asker: &Asker<'_>) -> Result<(PathBuf, Overwrite)> {
    if arguments.force || !path.exists() {
        return Ok((path, Overwrite::of_flag(arguments.force)));
    }
    let what = format!("{} is there already", path.display());
    match asker.attendance() {
        Attendance::Defaults | Attendance::Nobody => {
            let instead = "change it by hand, name another file with --config, or add --force to replace it".into();
            Err(UsageError { what, instead }.into())
        }
        Attendance::Somebody => {
            let choices = vec![
                Choice::new(false, "leave it as it is", "nothing is written"),
                Choice::new(true, "replace it", "what it says is lost"),
            ];
            let question =
                Question { text: &format!("{what}:"), meaning: "-c FILE would write another one", flag: "--force" };
            if asker.choose(question, choices, 0)? { Ok((path, Overwrite::Forced)) } else { Err(WentAway.into()) }
        }
    }
}

/// Tells what was found, before anything is asked.
fn tell(found: &Found, directory: &Path, printer: &Printer) {
    let paint = printer.remarks();
    let lines = found.lines();
    printer.remark(&format!("{} {}", paint.strong("Looking at"), directory.display()));
    if lines.is_empty() {
        printer.remark("  nothing that is known here; a few questions will do");
    }
    for (what, value) in lines {
        printer.remark(&format!("  {} {value}", paint.faint(&format!("{what:<12}"))));
    }
    printer.remark("Enter takes what is proposed, Ctrl-C leaves without writing anything.\n");
}

/// Asks, shows and asks again until the file is as it shall be.
fn answered(draft: Draft, questions: &Questions<'_>, path: &Path) -> Result<String> {
    let mut draft = questions.complete(draft)?;
    loop {
        let answers = draft.answers().expect("every topic has been asked about");
        let text = document::text(&answers);
        check(path, &text)?;
        match review(questions.asker, path, &text, Changes::Possible)? {
            Decision::Write => return Ok(text),
            Decision::Change(topic) => questions.ask(topic, &mut draft)?,
        }
    }
}

/// Refuses a file that would not deploy on this machine.
fn check(path: &Path, text: &str) -> Result<()> {
    let file = ConfigFile::parse(path, text, &Variables::of_process())?;
    let environment = file.environment(None)?;
    file.plan(&environment, &target::defaults(&environment.target, None), &Overrides::default())?;
    Ok(())
}

/// Tells the commands that come next.
fn next(path: &Path, text: &str, common: &Common, printer: &Printer) -> Result<()> {
    let selection = common.selection();
    let file = ConfigFile::parse(path, text, &Variables::of_process())?;
    let targets = file.environments().iter().filter_map(|name| file.environment(Some(name)).ok());
    let (here, there): (Vec<_>, Vec<_>) = targets.partition(|environment| environment.target == Target::Embedded);
    if here.is_empty() {
        let env = file.environments().first().map_or(AWS_ENVIRONMENT, |name| name.as_str());
        printer.remark(&format!("  what it would do:  seatrial plan{selection} --env {env}"));
        printer.remark(&format!("  deploy it:         seatrial deploy{selection} --env {env}"));
        return Ok(());
    }
    printer.remark(&format!("  what it would do:  seatrial simulate{selection}"));
    if let Some(environment) = there.first() {
        let name = &environment.name;
        printer.remark(&format!(
            "  on AWS:            seatrial deploy{selection} --env {name}, once its variables are set"
        ));
    }
    printer.remark(&format!("  deploy it here:    seatrial deploy{selection}"));
    Ok(())
}

impl InitArguments {
    /// What the flags answer.
    fn draft(&self) -> Draft {
        let command = self.command.clone().map(Program::Command);
        let dockerfile = self.dockerfile.clone().map(Program::Dockerfile);
        let image = self.image.clone().map(Program::Image);
        let usual = self.app_type.map(Program::Usual);
        let aws = |region: String| Environments::HereAndAws(Aws { region, profile: self.aws_profile.clone() });
        Draft {
            app: self.app.clone(),
            service: self.service.clone(),
            program: command.or(dockerfile).or(image).or(usual),
            port: self.port,
            health_path: self.health_path.clone(),
            stage: self.stage,
            environments: self.aws_region.clone().map(aws),
            scaling: self.auto_scaling,
        }
    }

    fn wish(&self) -> Wish {
        match self.import {
            None => Wish::Ask,
            Some(ImportWord::None) => Wish::Nothing,
            Some(ImportWord::Compose) => Wish::Of(Source::Compose),
            Some(ImportWord::Ecspresso) => Wish::Of(Source::Ecspresso),
            Some(ImportWord::Copilot) => Wish::Of(Source::Copilot),
            Some(ImportWord::TaskDefinition) => Wish::Of(Source::TaskDefinition),
        }
    }
}
