//! `seatrial history`

use anyhow::Result;
use clap::Args;
use seatrial_release::{HISTORY_MAX, history};

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only};
use crate::show;

/// Show the deployments of each service, newest first
#[derive(Args, Debug)]
pub struct HistoryArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Deployments shown of each service
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 10, env = "SEATRIAL_LIMIT",
          value_parser = clap::value_parser!(u8).range(1..=i64::from(HISTORY_MAX)))]
    pub limit: u8,
}

/// Runs the command.
pub async fn run(arguments: HistoryArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let entries = history(&session.connection, &session.plan, arguments.limit).await?;
    printer.result(&entries, |paint| show::history::history(&entries, paint))?;
    Ok(ExitCode::Done)
}
