//! `seatrial rollback`

use anyhow::Result;
use clap::Args;
use seatrial_release::{BackTo, RollbackOptions, rollback};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// Return to the version before: undo the running deployment, or deploy the last successful other version
#[derive(Args, Debug)]
pub struct RollbackArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Return to this revision of the task definition instead
    #[arg(long, value_name = "NUMBER", env = "SEATRIAL_TO_REVISION")]
    pub to_revision: Option<u32>,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: RollbackArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    if arguments.to_revision.is_some() && session.plan.services.len() > 1 {
        let what = "one revision cannot be meant for several services".to_owned();
        let instead = "name the service: seatrial rollback SERVICE --to-revision N".to_owned();
        return Err(UsageError { what, instead }.into());
    }
    let options = RollbackOptions {
        to: arguments.to_revision.map_or(BackTo::LastGood, BackTo::Revision),
        waiting: arguments.wait.waiting(),
        timeout: arguments.wait.timeout.get(),
    };
    together(&session, &common, printer, async |service, report, interrupt| {
        rollback(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
