//! `seatrial infra plan`, `apply`, `outputs` and `drift`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::aws::Connection;
use seatrial_release::config::{Approval, ConfigFile};
use seatrial_release::plan::Environment;
use seatrial_release::provision::{InfraPlan, Output as InfraOutput, Preview, Workshop};
use seatrial_release::releases::{Consent, InfraOptions, apply_infra};
use seatrial_release::{Interrupt, Realm};
use serde_json::json;

use super::deploy::PermissionArguments;
use super::infra::InfraCommand;
use crate::arguments::Common;
use crate::commit::commit;
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::progress::Display;
use crate::sacrifice::SacrificeArguments;
use crate::session::{Unattended, configured, confirm, interrupted_by_ctrl_c};
use crate::show;
use crate::target::{self, Absent};

/// Show what would become of the infrastructure; changes nothing
///
/// Exit codes: 0 shown, 1 failed, 2 wrong usage or configuration, 7 something that holds data would be lost, or the policy refuses. With
/// --detailed-exitcode: 0 nothing would change, 2 something would, 1 anything else.
#[derive(Args, Debug)]
pub struct PlanArguments {
    #[command(flatten)]
    pub common: Common,

    /// Tell by the exit code whether anything would change
    #[arg(long, env = "SEATRIAL_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub detailed_exitcode: bool,
}

/// Make the infrastructure, without deploying anything; `deploy` does it by itself
///
/// Exit codes: 0 made or nothing to do, 1 failed, 2 wrong usage or configuration, 6 paused (awaits a decision), 7 blocked (something that
/// holds data would be lost, the policy refuses, the environment is locked or frozen), 130 interrupted.
#[derive(Args, Debug)]
pub struct ApplyArguments {
    #[command(flatten)]
    pub common: Common,

    /// Make it without asking, where the environment requires approval
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,

    #[command(flatten)]
    pub sacrifice: SacrificeArguments,

    #[command(flatten)]
    pub permission: PermissionArguments,
}

/// Show what the infrastructure tells; seatrial.yml can use it as `{{ infra.NAME }}`
#[derive(Args, Debug)]
pub struct OutputsArguments {
    #[command(flatten)]
    pub common: Common,
}

/// Find out what of the infrastructure somebody has changed by hand
///
/// Exit codes: 0 nothing, 2 something, 1 anything else.
#[derive(Args, Debug)]
pub struct DriftArguments {
    #[command(flatten)]
    pub common: Common,
}

/// Runs a command that works on infrastructure.
pub async fn run(command: InfraCommand, common: Common, printer: &Printer) -> Result<ExitCode> {
    match command {
        InfraCommand::Plan(arguments) => {
            let shown = plan(&common, printer, arguments.detailed_exitcode).await;
            if arguments.detailed_exitcode { failure_as_one(shown, &common, printer) } else { shown }
        }
        InfraCommand::Apply(arguments) => apply(&arguments, &common, printer).await,
        InfraCommand::Outputs(_) => outputs(&common, printer).await,
        InfraCommand::Drift(_) => failure_as_one(drift(&common, printer).await, &common, printer),
        InfraCommand::Generate(arguments) => super::infra::generate(&arguments, &common, printer),
    }
}

/// Where code 2 means something else, an error is code 1.
fn failure_as_one(shown: Result<ExitCode>, common: &Common, printer: &Printer) -> Result<ExitCode> {
    shown.or_else(|error| {
        crate::explain(&error, common.verbosity(), printer);
        Ok(ExitCode::Failed)
    })
}

/// An environment with infrastructure, connected.
struct Site {
    file: ConfigFile,
    environment: Environment,
    infra: InfraPlan,
    connection: Connection,
    interrupt: Interrupt,
}

impl Site {
    async fn open(common: &Common, absent: Absent, printer: &Printer) -> Result<Self> {
        let (file, environment) = configured(common)?;
        let infra = file.infra(&environment.name)?;
        if infra == InfraPlan::None {
            let what = format!("environment `{}` has no infrastructure of its own", environment.name);
            let instead =
                "name it: `infra: { terraform: { directory: infra/ } }`, or `cloudformation`, or `cdk`".to_owned();
            return Err(UsageError { what, instead }.into());
        }
        let connection = target::connect(&environment.target, common, absent, printer).await?;
        Ok(Self { file, environment, infra, connection, interrupt: interrupted_by_ctrl_c() })
    }

    /// Does something with the infrastructure, showing what happens.
    async fn with<T, E: Into<anyhow::Error>>(
        &self,
        common: &Common,
        printer: &Printer,
        work: impl AsyncFnOnce(&Workshop<'_>) -> Result<T, E>,
    ) -> Result<T> {
        let display = Display::new(printer, common);
        let report = display.reporter();
        let workshop = Workshop::new(&self.connection, &self.infra, &report, self.interrupt.clone());
        let done = work(&workshop).await;
        display.end();
        done.map_err(Into::into)
    }
}

async fn plan(common: &Common, printer: &Printer, by_code: bool) -> Result<ExitCode> {
    let site = Site::open(common, Absent::Refuse, printer).await?;
    let preview = site.with(common, printer, async |workshop| workshop.preview().await).await?;
    printer.result(&preview, |paint| show::infra::preview(&preview, paint))?;
    Ok(match (by_code, preview.changes_anything()) {
        (true, true) => ExitCode::Changes,
        (true, false) => ExitCode::Done,
        (false, _) => code(&preview),
    })
}

fn code(preview: &Preview) -> ExitCode {
    if preview.guarded.is_empty() { ExitCode::Done } else { ExitCode::Blocked }
}

async fn apply(arguments: &ApplyArguments, common: &Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = configured(common)?;
    if environment.approval == Approval::Required {
        let whose = target::describe(&environment.target);
        let question = format!("Change the infrastructure of {} in {} ({whose})?", file.app(), environment.name);
        if !confirm(printer, &question, arguments.yes, Unattended::Pause)? {
            printer.remark("not changed");
            return Ok(ExitCode::Paused);
        }
    }
    let site = Site::open(common, Absent::Start, printer).await?;
    let realm = Realm { app: site.file.app().clone(), environment: site.environment.name.clone() };
    let options = InfraOptions {
        permission: arguments.permission.permission(Consent::Given),
        sacrifice: arguments.sacrifice.sacrifice(printer),
        commit: commit(site.file.path()),
    };
    let display = Display::new(printer, common);
    let (report, interrupt) = (display.reporter(), site.interrupt.clone());
    let applied =
        apply_infra(&site.connection, &realm, &site.environment, &site.infra, &options, &report, interrupt).await;
    display.end();
    let applied = applied?;
    let told = json!({ "changed": applied.preview, "outputs": applied.outputs });
    printer.result(&told, |paint| show::infra::applied(&applied, paint))?;
    Ok(ExitCode::Done)
}

async fn outputs(common: &Common, printer: &Printer) -> Result<ExitCode> {
    let site = Site::open(common, Absent::Refuse, printer).await?;
    let outputs = site.with(common, printer, async |workshop| workshop.outputs().await).await?;
    if outputs.is_empty() {
        printer.remark("there is none: `seatrial infra apply` or `seatrial deploy` makes the infrastructure");
    }
    if printer.output() == crate::printer::Output::Tsv {
        let row = |(name, output): (&String, &InfraOutput)| json!({ "name": name, "value": output.shown() });
        let rows: Vec<_> = outputs.iter().map(row).collect();
        printer.result(&rows, |_| String::new())?;
    } else {
        printer.result(&outputs, |paint| show::infra::outputs(&outputs, paint))?;
    }
    Ok(ExitCode::Done)
}

async fn drift(common: &Common, printer: &Printer) -> Result<ExitCode> {
    let site = Site::open(common, Absent::Refuse, printer).await?;
    let drift = site.with(common, printer, async |workshop| workshop.drift().await).await?;
    printer.result(&drift, |paint| show::infra::drift(&drift, paint))?;
    Ok(if drift.is_none() { ExitCode::Done } else { ExitCode::Changes })
}
