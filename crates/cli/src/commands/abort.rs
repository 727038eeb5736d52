//! `seatrial abort`

use anyhow::Result;
use clap::Args;
use seatrial_release::{AbortOptions, ReturnSteps, WayBack, abort};

use crate::arguments::{Common, Services, WaitArguments};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only, together};

/// How `--gradual` goes back when it does not say.
const GRADUAL: &str = "25%/30s";

/// End the running deployment and return to the version before; deploy nothing
///
/// Exit codes: 0 the version before serves again, 1 there was nothing to abort or it was complete before it could be ended.
#[derive(Args, Debug)]
pub struct AbortArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Give production traffic back in steps: how much with each, and how long until the next [default: 25%/30s]
    ///
    /// The first step is made at once. Aborting again without it gives back what is left at once. Only the embedded engine can do
    /// it: ECS gives everything back at once.
    #[arg(long, value_name = "STEPS", env = "SEATRIAL_GRADUAL", num_args = 0..=1, require_equals = true, default_missing_value = GRADUAL)]
    pub gradual: Option<ReturnSteps>,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// Runs the command.
pub async fn run(arguments: AbortArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let asked = arguments.gradual.map_or(WayBack::AsConfigured, WayBack::InSteps);
    let (way, remark) = asked.on(session.plan.environment.target.extensions());
    if let Some(remark) = remark {
        printer.remark(remark);
    }
    let options = AbortOptions { way, waiting: arguments.wait.waiting(), timeout: arguments.wait.timeout.get() };
    together(&session, &common, printer, async |service, report, interrupt| {
        abort(&session.connection, service, &options, report, interrupt).await
    })
    .await
}
