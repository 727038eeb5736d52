//! `seatrial schema`

use anyhow::Result;
use clap::Args;

use crate::exit_code::ExitCode;
use crate::printer::Printer;

/// Print the JSON schema of seatrial.yml, for editors
#[derive(Args, Debug)]
pub struct SchemaArguments {}

/// Runs the command.
pub fn run(printer: &Printer) -> Result<ExitCode> {
    printer.text(&serde_json::to_string_pretty(&seatrial_release::config::json_schema())?)?;
    Ok(ExitCode::Done)
}
