//! `seatrial events`

use anyhow::Result;
use clap::Args;
use seatrial_release::events;

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::{Session, only};
use crate::show;

/// Show the service events that ECS wrote, newest last
#[derive(Args, Debug)]
pub struct EventsArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Events shown of each service; ECS keeps 100
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 30, env = "SEATRIAL_LIMIT",
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub limit: u8,
}

/// Runs the command.
pub async fn run(arguments: EventsArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let lines = events(&session.connection, &session.plan, usize::from(arguments.limit)).await?;
    printer.result(&lines, |paint| show::status::events(&lines, paint))?;
    Ok(ExitCode::Done)
}
