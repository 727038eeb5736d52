//! The command line: all commands, the flags before them, and which command is carried out how.

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};
use seatrial_release::releases::Word;

use crate::arguments::Common;
use crate::commands::engine::{EngineArguments, EngineCommand};
use crate::commands::{
    abort, approve, audit, ci, completion, config, continue_deployment, delete, demo_app, deploy, doctor, engine,
    events, fix, history, import, infra, init, inner, load, lock, logs, pause, plan, promote, provision, render,
    resume, retry, rollback, scale, schema, sim, simulate, skip_bake, status, validate, wait, watch,
};
use crate::parse::parse;
use crate::printer::Printer;

/// Deploy container services to Amazon ECS, and rehearse it on this machine
#[derive(Parser, Debug)]
#[command(name = "seatrial", version, propagate_version = false, disable_help_subcommand = true)]
pub struct CommandLine {
    #[command(flatten)]
    pub common: Common,

    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    Deploy(deploy::DeployArguments),
    Plan(plan::PlanArguments),
    Simulate(simulate::SimulateArguments),
    Status(status::StatusArguments),
    Wait(wait::WaitForArguments),
    Watch(watch::WatchArguments),
    Promote(promote::PromoteArguments),
    Pause(pause::PauseArguments),
    Continue(continue_deployment::ContinueArguments),
    SkipBake(skip_bake::SkipBakeArguments),
    Abort(abort::AbortArguments),
    Retry(retry::RetryArguments),
    Resume(resume::ResumeArguments),
    Rollback(rollback::RollbackArguments),
    History(history::HistoryArguments),
    Show(audit::ShowArguments),
    Audit(audit::AuditArguments),
    Approve(approve::ApproveArguments),
    Reject(approve::RejectArguments),
    Config(config::ConfigArguments),
    Lock(lock::LockArguments),
    Unlock(lock::UnlockArguments),
    Doctor(doctor::DoctorArguments),
    Events(events::EventsArguments),
    Fix(fix::FixArguments),
    Logs(logs::LogsArguments),
    Scale(scale::ScaleArguments),
    Delete(delete::DeleteArguments),
    Init(init::InitArguments),
    Infra(infra::InfraArguments),
    Import(import::ImportArguments),
    Ci(ci::CiArguments),
    Validate(validate::ValidateArguments),
    Render(render::RenderArguments),
    Schema(schema::SchemaArguments),
    Engine(engine::EngineArguments),
    Load(load::LoadArguments),
    Sim(sim::SimArguments),
    DemoApp(demo_app::DemoArguments),
    Completion(completion::CompletionArguments),
    #[command(hide = true)]
    Proxy(inner::InnerArguments),
    #[command(hide = true)]
    Supervise(inner::InnerArguments),
}

impl CommandLine {
    /// Reads the arguments of this process; wrong ones end it with exit code 2, `--help` with 0.
    pub fn of_process() -> Self {
        parse(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// The definition of the command line.
    pub fn definition() -> clap::Command {
        without_environment_values(Self::command().mut_subcommand("load", load::with_environment))
    }

    /// The flags of before and after the command's name together.
    pub fn common(&self) -> Common {
        let after = match &self.command {
            Command::Deploy(arguments) => arguments.common.clone(),
            Command::Plan(arguments) => arguments.common.clone(),
            Command::Simulate(arguments) => arguments.common.clone(),
            Command::Status(arguments) => arguments.common.clone(),
            Command::Wait(arguments) => arguments.common.clone(),
            Command::Watch(arguments) => arguments.common.clone(),
            Command::Promote(arguments) => arguments.common.clone(),
            Command::Pause(arguments) => arguments.common.clone(),
            Command::Continue(arguments) => arguments.common.clone(),
            Command::SkipBake(arguments) => arguments.common.clone(),
            Command::Abort(arguments) => arguments.common.clone(),
            Command::Retry(arguments) => arguments.common.clone(),
            Command::Resume(arguments) => arguments.common.clone(),
            Command::Rollback(arguments) => arguments.common.clone(),
            Command::History(arguments) => arguments.common.clone(),
            Command::Show(arguments) => arguments.common.clone(),
            Command::Audit(arguments) => arguments.common.clone(),
            Command::Approve(arguments) => arguments.answer.common.clone(),
            Command::Reject(arguments) => arguments.answer.common.clone(),
            Command::Config(arguments) => arguments.command.common(),
            Command::Lock(arguments) => arguments.common.clone(),
            Command::Unlock(arguments) => arguments.common.clone(),
            Command::Doctor(arguments) => arguments.common.clone(),
            Command::Events(arguments) => arguments.common.clone(),
            Command::Fix(arguments) => arguments.common.clone(),
            Command::Logs(arguments) => arguments.common.clone(),
            Command::Scale(arguments) => arguments.common.clone(),
            Command::Delete(arguments) => arguments.common.clone(),
            Command::Init(arguments) => arguments.common.clone(),
            Command::Infra(arguments) => arguments.command.common(),
            Command::Validate(arguments) => arguments.common.clone(),
            Command::Render(arguments) => arguments.common.clone(),
            Command::Engine(arguments) => arguments.command.common(),
            Command::Ci(arguments) => arguments.command.common(),
            Command::Sim(arguments) => arguments.command.common(),
            Command::Load(arguments) => Common { output: arguments.output, ..Common::default() },
            Command::Schema(_)
            | Command::Import(_)
            | Command::DemoApp(_)
            | Command::Completion(_)
            | Command::Proxy(_)
            | Command::Supervise(_) => Common::default(),
        };
        self.common.clone().overlaid(after)
    }
}

/// Help names the environment variables and keeps their values, which may be secret, to itself.
fn without_environment_values(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(without_environment_values)
}

/// Carries out a command; returns the code the process shall end with.
pub fn run(line: CommandLine, common: Common, printer: &Printer) -> Result<ExitCode> {
    let code = match line.command {
        Command::Proxy(arguments) => return Ok(inner::run(inner::Inner::Proxy, arguments.arguments)?),
        Command::Supervise(arguments) => return Ok(inner::run(inner::Inner::Supervise, arguments.arguments)?),
        Command::Engine(arguments) => engine::run(&arguments.command, &common, printer)?,
        Command::DemoApp(arguments) => return Ok(runtime()?.block_on(demo_app::run(arguments))?.into()),
        Command::Init(arguments) => init::run(&arguments, &common, printer)?,
        Command::Infra(arguments) => runtime()?.block_on(provision::run(arguments.command, common, printer))?,
        Command::Import(arguments) => import::run(&arguments, printer)?,
        Command::Ci(arguments) => ci::run(&arguments.command, &common, printer)?,
        Command::Validate(_) => validate::run(&common, printer)?,
        Command::Sim(arguments) => sim::run(&arguments.command, printer)?,
        Command::Simulate(arguments) => simulate::run(&arguments, &common, printer)?,
        Command::Render(arguments) => render::run(&arguments, &common, printer)?,
        Command::Schema(_) => schema::run(printer)?,
        Command::Completion(arguments) => completion::run(&arguments, CommandLine::definition(), printer)?,
        Command::Load(arguments) => runtime()?.block_on(load::run(arguments, printer))?,
        Command::Deploy(arguments) => runtime()?.block_on(deploy::run(arguments, common, printer))?,
        Command::Plan(arguments) => runtime()?.block_on(plan::run(arguments, common, printer))?,
        Command::Status(arguments) => runtime()?.block_on(status::run(arguments, common, printer))?,
        Command::Wait(arguments) => runtime()?.block_on(wait::run(arguments, common, printer))?,
        Command::Watch(arguments) => runtime()?.block_on(watch::run(arguments, common, printer))?,
        Command::Promote(arguments) => runtime()?.block_on(promote::run(arguments, common, printer))?,
        Command::Pause(arguments) => runtime()?.block_on(pause::run(arguments, common, printer))?,
        Command::Continue(arguments) => runtime()?.block_on(continue_deployment::run(arguments, common, printer))?,
        Command::SkipBake(arguments) => runtime()?.block_on(skip_bake::run(arguments, common, printer))?,
        Command::Abort(arguments) => runtime()?.block_on(abort::run(arguments, common, printer))?,
        Command::Retry(arguments) => runtime()?.block_on(retry::run(arguments, common, printer))?,
        Command::Resume(arguments) => runtime()?.block_on(resume::run(arguments, common, printer))?,
        Command::Show(arguments) => runtime()?.block_on(audit::run_show(arguments, common, printer))?,
        Command::Approve(arguments) => {
            runtime()?.block_on(approve::run(Word::Approved, arguments.answer, common, printer))?
        }
        Command::Reject(arguments) => {
            runtime()?.block_on(approve::run(Word::Rejected, arguments.answer, common, printer))?
        }
        Command::Audit(arguments) => runtime()?.block_on(audit::run_audit(arguments, common, printer))?,
        Command::Config(arguments) => runtime()?.block_on(config::run(arguments.command, common, printer))?,
        Command::Lock(arguments) => runtime()?.block_on(lock::run_lock(arguments, common, printer))?,
        Command::Unlock(arguments) => runtime()?.block_on(lock::run_unlock(arguments, common, printer))?,
        Command::Rollback(arguments) => runtime()?.block_on(rollback::run(arguments, common, printer))?,
        Command::History(arguments) => runtime()?.block_on(history::run(arguments, common, printer))?,
        Command::Doctor(arguments) => runtime()?.block_on(doctor::run(arguments, common, printer))?,
        Command::Events(arguments) => runtime()?.block_on(events::run(arguments, common, printer))?,
        Command::Fix(arguments) => runtime()?.block_on(fix::run(arguments, common, printer))?,
        Command::Logs(arguments) => runtime()?.block_on(logs::run(arguments, common, printer))?,
        Command::Scale(arguments) => runtime()?.block_on(scale::run(arguments, common, printer))?,
        Command::Delete(arguments) => runtime()?.block_on(delete::run(arguments, common, printer))?,
    };
    Ok(code.number().into())
}

impl Command {
    /// Tells what of this program's own doings is logged unless asked for more. The engine's processes write logs of their own.
    pub fn default_log(&self) -> &'static str {
        match self {
            Command::Engine(EngineArguments { command: EngineCommand::Run(_) }) | Command::Proxy(_) => "info",
            Command::Supervise(_) => "warn",
            _ => "off",
        }
    }
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        CommandLine::definition().debug_assert();
    }

    /// The demonstration service has variables of its own (`DEMO_…`).
    #[test]
    fn every_flag_has_an_environment_variable() {
        fn check(command: &clap::Command, path: &str) {
            let exempt = ["help", "version", "detached"];
            for argument in command.get_arguments().filter(|argument| argument.get_long().is_some()) {
                let id = argument.get_id().as_str();
                let name = argument.get_env().map(|name| name.to_string_lossy().into_owned());
                let known = name.as_deref().is_some_and(|name| name.starts_with("SEATRIAL_"));
                assert!(known || exempt.contains(&id) || path.ends_with("demo-app"), "{path} {id}: {name:?}");
            }
            for inner in command.get_subcommands() {
                check(inner, &format!("{path} {}", inner.get_name()));
            }
        }
        check(&CommandLine::definition(), "seatrial");
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        for line in [
            "seatrial -c a.yml -e prod deploy web",
            "seatrial deploy web -c a.yml -e prod",
            "seatrial -e dev deploy web -c a.yml -e prod",
        ] {
            let line = CommandLine::try_parse_from(line.split(' ')).expect(line);
            let common = line.common();
            assert_eq!(common.selection(), " --config a.yml --env prod");
            let Command::Deploy(arguments) = line.command else { panic!("not deploy") };
            assert_eq!(arguments.version.services.services.len(), 1);
        }
    }

    #[test]
    fn the_help_of_every_command_is_as_documented() {
        fn gather(command: &mut clap::Command, path: &str, text: &mut String) {
            let help = command.clone().term_width(100).render_long_help();
            text.push_str(&format!("## {path}\n\n{help}\n"));
            for inner in command.get_subcommands_mut().filter(|inner| !inner.is_hide_set()) {
                let path = format!("{path} {}", inner.get_name());
                gather(inner, &path, text);
            }
        }
        let mut text = String::new();
        let mut command = CommandLine::definition().mut_subcommand("demo-app", |demo| demo.hide(true));
        command.build();
        gather(&mut command, "seatrial", &mut text);
        insta::assert_snapshot!(text);
    }
}
