//! `seatrial retry`

use anyhow::Result;
use clap::Args;
use seatrial_release::{RetryOptions, retry};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, in_turn, only};

/// Deploy the version again whose deployment failed, was rolled back or stopped
///
/// The version is deployed as it was registered; what the file says now is not sent. Exit codes as of `deploy`.
#[derive(Args, Debug)]
pub struct RetryArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: RetryArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let options = RetryOptions { waiting: arguments.wait.waiting(), timeout: arguments.wait.timeout.get() };
    in_turn(&session, &common, printer, async |service, report, interrupt| {
        retry(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
