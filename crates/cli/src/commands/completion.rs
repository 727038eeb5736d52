//! `seatrial completion`

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use crate::exit_code::ExitCode;
use crate::printer::Printer;

/// Print the completion script of a shell
#[derive(Args, Debug)]
pub struct CompletionArguments {
    /// The shell
    pub shell: Shell,
}

/// Runs the command.
pub fn run(arguments: &CompletionArguments, mut command: clap::Command, printer: &Printer) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "seatrial", &mut script);
    printer.text(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::Done)
}
