//! `seatrial promote`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::RollbackOverride;
use seatrial_release::{PromoteOptions, Reach, promote};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// Take a deployment to its next step now: answer its pause, or leave the share that is being watched
///
/// Checks that the new version has to pass are not skipped; `seatrial continue` lets a held deployment go on without cutting anything short.
/// Exit codes as of `deploy`: 0 deployed, 3 rolled back, 6 paused again.
#[derive(Args, Debug)]
pub struct PromoteArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Go through every further step and pause too
    #[arg(long, env = "SEATRIAL_FULL", value_parser = FalseyValueParser::new())]
    pub full: bool,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: PromoteArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let reach = if arguments.full { Reach::End } else { Reach::NextStep };
    let (waiting, timeout) = (arguments.wait.waiting(), arguments.wait.timeout.get());
    let options = PromoteOptions { reach, waiting, timeout, rollback: RollbackOverride::AsConfigured };
    together(&session, &common, printer, async |service, report, interrupt| {
        promote(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
