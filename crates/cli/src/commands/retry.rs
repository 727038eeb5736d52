//! `seatrial retry`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::{FiringAlarms, RetryOptions, retry};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// Deploy the version again whose deployment failed, was rolled back or stopped
///
/// The version is deployed as it was registered; what the file says now is not sent. Exit codes as of `deploy`.
#[derive(Args, Debug)]
pub struct RetryArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Deploy although an alarm fires that the deployment would watch; ECS then watches none
    #[arg(long, env = "SEATRIAL_IGNORE_FIRING_ALARMS", value_parser = FalseyValueParser::new())]
    pub ignore_firing_alarms: bool,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: RetryArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let firing_alarms = if arguments.ignore_firing_alarms { FiringAlarms::Ignore } else { FiringAlarms::Refuse };
    let (waiting, timeout) = (arguments.wait.waiting(), arguments.wait.timeout.get());
    let options = RetryOptions { waiting, timeout, firing_alarms };
    together(&session, &common, printer, async |service, report, interrupt| {
        retry(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
