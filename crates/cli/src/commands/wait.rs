//! `seatrial wait`

use anyhow::Result;
use clap::Args;
use seatrial_release::config::Span;
use seatrial_release::{Until, WaitOptions, wait};

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// Wait for what is going on, and do this program's part in it: `steps` and `verify`
///
/// Exit codes: 0 reached, 3 rolled back, 5 not reached in time (the deployment goes on), 6 paused, 1 failed.
#[derive(Args, Debug)]
pub struct WaitForArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// What to wait for: stable (over), deployed (the new version has all traffic), paused, or stage:NAME
    #[arg(long, value_name = "GOAL", default_value = "stable", env = "SEATRIAL_UNTIL")]
    pub until: Until,

    /// Time after which it is given up; nothing is rolled back. Bake times come on top
    #[arg(long, value_name = "DURATION", default_value = "15m", env = "SEATRIAL_TIMEOUT")]
    pub timeout: Span,
}

/// Runs the command.
pub async fn run(arguments: WaitForArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let options = WaitOptions { until: arguments.until, timeout: arguments.timeout.get() };
    together(&session, &common, printer, async |service, report, interrupt| {
        wait(&session.connection, service, options, report, interrupt).await
    })
    .await
}
