//! `seatrial audit` and `seatrial show`

use anyhow::Result;
use clap::Args;
use seatrial_release::audit::audit;
use seatrial_release::releases::{ReleaseId, release};

use crate::arguments::Common;
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::remembered;
use crate::show;

/// List who released what to an environment, who locked it, and who broke a freeze; newest first
#[derive(Args, Debug)]
pub struct AuditArguments {
    #[command(flatten)]
    pub common: Common,
}

/// Show a release: who began it, with what, and each of its steps
#[derive(Args, Debug)]
pub struct ShowArguments {
    /// The release [default: the newest]
    #[arg(value_name = "RELEASE")]
    pub release: Option<ReleaseId>,

    #[command(flatten)]
    pub common: Common,
}

/// Runs `audit`.
pub async fn run_audit(common: Common, printer: &Printer) -> Result<ExitCode> {
    let (connection, realm) = remembered(&common, printer).await?;
    let found = audit(&connection, &realm).await?;
    printer.result(&found, |paint| show::releases::audit(&found, paint))?;
    Ok(ExitCode::Done)
}

/// Runs `show`.
pub async fn run_show(arguments: ShowArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (connection, realm) = remembered(&common, printer).await?;
    let found = release(&connection, &realm, arguments.release.as_ref()).await?;
    printer.result(&found, |paint| show::releases::release(&found, paint))?;
    Ok(ExitCode::Done)
}
