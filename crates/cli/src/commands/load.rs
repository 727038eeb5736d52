//! `seatrial load`

use anyhow::Result;
use clap::Args;
use seatrial_load::LoadArgs;

use crate::exit_code::ExitCode;
use crate::printer::{Output, Printer};

/// Make load at a constant rate and count what became of every request
///
/// Exit code 1 when any request failed.
#[derive(Args, Debug)]
pub struct LoadArguments {
    #[command(flatten)]
    pub load: LoadArgs,

    /// The form of the report [default: table]
    #[arg(short, long, value_enum, value_name = "FORM", env = "SEATRIAL_OUTPUT")]
    pub output: Option<Output>,
}

/// The environment variable of each flag.
const VARIABLES: [(&str, &str); 18] = [
    ("rate", "SEATRIAL_LOAD_RATE"),
    ("duration", "SEATRIAL_LOAD_DURATION"),
    ("requests", "SEATRIAL_LOAD_REQUESTS"),
    ("connections", "SEATRIAL_LOAD_CONNECTIONS"),
    ("timeout", "SEATRIAL_LOAD_TIMEOUT"),
    ("connect_timeout", "SEATRIAL_LOAD_CONNECT_TIMEOUT"),
    ("post", "SEATRIAL_LOAD_POST"),
    ("slow_fraction", "SEATRIAL_LOAD_SLOW_FRACTION"),
    ("slow_path", "SEATRIAL_LOAD_SLOW_PATH"),
    ("websockets", "SEATRIAL_LOAD_WEBSOCKETS"),
    ("websocket_path", "SEATRIAL_LOAD_WEBSOCKET_PATH"),
    ("websocket_interval", "SEATRIAL_LOAD_WEBSOCKET_INTERVAL"),
    ("streams", "SEATRIAL_LOAD_STREAMS"),
    ("stream_path", "SEATRIAL_LOAD_STREAM_PATH"),
    ("h2c", "SEATRIAL_LOAD_H2C"),
    ("version_header", "SEATRIAL_LOAD_VERSION_HEADER"),
    ("headers", "SEATRIAL_LOAD_HEADER"),
    ("output", "SEATRIAL_OUTPUT"),
];

/// Gives every flag of the command its environment variable.
pub fn with_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| {
        let variable = VARIABLES.iter().find(|(id, _)| argument.get_id() == id);
        match variable {
            Some((_, name)) => argument.env(name),
            None => argument,
        }
    })
}

/// Runs the command.
pub async fn run(arguments: LoadArguments, printer: &Printer) -> Result<ExitCode> {
    let mut load = seatrial_load::LoadHandle::start(arguments.load.into()).await?;
    tokio::select! {
        () = load.finished() => {}
        // What was counted until now is worth a report.
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    let report = load.stop().await;
    printer.result(&report, |_| report.render())?;
    Ok(if report.failed() == 0 { ExitCode::Done } else { ExitCode::Failed })
}
