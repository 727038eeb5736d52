//! `seatrial continue`

use anyhow::Result;
use clap::Args;
use seatrial_release::config::RollbackOverride;
use seatrial_release::{ResumeOptions, resume};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// Let a held or paused deployment go on as configured
///
/// A share that is being watched is watched to the end of its time; `seatrial promote` takes the next step now.
/// Exit codes as of `deploy`: 0 deployed, 3 rolled back, 6 paused again.
#[derive(Args, Debug)]
pub struct ContinueArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: ContinueArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let (waiting, timeout) = (arguments.wait.waiting(), arguments.wait.timeout.get());
    let options = ResumeOptions { waiting, timeout, rollback: RollbackOverride::AsConfigured };
    together(&session, &common, printer, async |service, report, interrupt| {
        resume(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
