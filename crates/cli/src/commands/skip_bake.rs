//! `seatrial skip-bake`

use anyhow::Result;
use clap::Args;
use seatrial_release::{SkipBakeOptions, skip_bake};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// End the bake time that a deployment is in now; hooks, alarms and health checks still hold
///
/// Only the embedded engine can do it: ECS lets a bake time pass. Exit codes as of `deploy`: 0 deployed, 3 rolled back, 6 paused.
#[derive(Args, Debug)]
pub struct SkipBakeArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: SkipBakeArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let options = SkipBakeOptions { waiting: arguments.wait.waiting(), timeout: arguments.wait.timeout.get() };
    together(&session, &common, printer, async |service, report, interrupt| {
        skip_bake(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
