//! `seatrial plan`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::RollbackOverride;
use seatrial_release::{Rehearsal, rehearse};

use crate::arguments::{Common, Version};
use crate::exit_code::ExitCode;
use crate::printer::{Output, Printer};
use crate::session::{Session, configured, interrupted_by_ctrl_c};
use crate::show;
use crate::target::Absent;

/// Show what a deployment would change, setting by setting, and what that would start; changes nothing
///
/// Exit codes: 0 shown, 1 failed, 2 wrong usage or configuration, 7 blocked (an alarm is firing already). With
/// --detailed-exitcode: 0 nothing would change, 2 something would, 1 anything else.
#[derive(Args, Debug)]
pub struct PlanArguments {
    #[command(flatten)]
    pub version: Version,

    #[command(flatten)]
    pub common: Common,

    /// Tell by the exit code whether anything would change
    #[arg(long, env = "SEATRIAL_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub detailed_exitcode: bool,

    /// Write Markdown, for a comment on a pull request
    #[arg(long, env = "SEATRIAL_MARKDOWN", value_parser = FalseyValueParser::new(), conflicts_with = "output")]
    pub markdown: bool,
}

/// Runs the command.
pub async fn run(arguments: PlanArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let rehearsed = rehearsed(&arguments.version, RollbackOverride::AsConfigured, &common, printer).await;
    let shown = rehearsed.and_then(|rehearsal| {
        let code = if arguments.markdown {
            printer.text(&show::plan::markdown(&rehearsal))?;
            code(&rehearsal)
        } else {
            show(&rehearsal, printer)?
        };
        Ok(match (arguments.detailed_exitcode, rehearsal.changes_anything()) {
            (false, _) => code,
            (true, true) => ExitCode::Changes,
            (true, false) => ExitCode::Done,
        })
    });
    match shown {
        // Code 2 means something else then.
        Err(error) if arguments.detailed_exitcode => {
            crate::explain(&error, common.verbosity(), printer);
            Ok(ExitCode::Failed)
        }
        other => other,
    }
}

/// Finds out what a deployment would do.
pub async fn rehearsed(
    version: &Version,
    rollback: RollbackOverride,
    common: &Common,
    printer: &Printer,
) -> Result<Rehearsal> {
    let (file, environment) = configured(common)?;
    let overrides = version.overrides(rollback);
    let session = Session::of_environment(common, &overrides, &file, &environment, Absent::Refuse, printer).await?;
    version.check(&session.plan, "plan")?;
    let (force, definition) = (version.force(), version.definition());
    Ok(rehearse(&session.connection, &session.plan, force, definition, interrupted_by_ctrl_c()).await?)
}

/// Prints what a deployment would do.
pub fn show(rehearsal: &Rehearsal, printer: &Printer) -> Result<ExitCode> {
    match printer.output() {
        Output::Tsv => printer.result(&rehearsal.steps, |_| String::new())?,
        Output::Table | Output::Json => printer.result(rehearsal, |paint| show::plan::text(rehearsal, paint))?,
    }
    Ok(code(rehearsal))
}

fn code(rehearsal: &Rehearsal) -> ExitCode {
    if rehearsal.is_blocked() { ExitCode::Blocked } else { ExitCode::Done }
}
