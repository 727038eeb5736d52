//! The `seatrial` binary: arguments in, exit code out. Errors end here, each with its cause and the next thing to try.

mod arguments;
mod command_line;
mod commands;
mod commit;
mod engine;
mod exit_code;
mod images;
mod init;
mod local_history;
mod new_file;
mod parse;
mod printer;
mod progress;
mod sacrifice;
mod saved_plan;
mod session;
mod show;
mod target;
mod tsv;
mod watch;

use std::io::{self, IsTerminal};

use anyhow::Error;
use seatrial_release::ReleaseError;
use seatrial_release::config::ConfigError;
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;
use crate::command_line::CommandLine;
use crate::exit_code::{AwaitsDecision, ExitCode, NotRunning, UsageError};
use crate::printer::Printer;

fn main() -> std::process::ExitCode {
    let line = CommandLine::of_process();
    let common = line.common();
    let printer = Printer::new(common.output.unwrap_or_default(), common.no_color);
    let verbose = common.verbosity();
    trace(verbose, common.log_format.unwrap_or_default(), line.command.default_log());
    match command_line::run(line, common, &printer) {
        Ok(code) => code,
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::Done.number().into(),
        Err(error) => {
            explain(&error, verbose, &printer);
            ExitCode::of_error(&error).number().into()
        }
    }
}

/// Diagnostics of the program itself, on standard error; `RUST_LOG` has the last word.
fn trace(verbose: u8, format: LogFormat, default: &'static str) {
    let default = match verbose {
        0 => default.to_owned(),
        // What a command waits for at AWS.
        1 => format!("{default},seatrial_release::aws=info"),
        2 => "warn,seatrial=debug,aws_smithy_runtime=debug".to_owned(),
        _ => "trace".to_owned(),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let lines = tracing_subscriber::fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A log on a full disk loses lines; complaining about that there would end the program.
        .log_internal_errors(false);
    match format {
        LogFormat::Text => lines.init(),
        LogFormat::Json => lines.json().init(),
    }
}

fn explain(error: &Error, verbose: u8, printer: &Printer) {
    let paint = printer.remarks();
    printer.remark(&format!("{} {error}", paint.bad("error:")));
    let causes = error.chain().skip(1).map(ToString::to_string);
    for cause in causes.filter(|cause| verbose > 0 || is_worth_telling(error, cause)) {
        printer.remark(&format!("  {} {cause}", paint.faint("because:")));
    }
    if let Some(advice) = advice(error) {
        printer.remark(&format!("  {} {advice}", paint.strong("next:")));
    }
}

/// Errors of the libraries below say in their own text what matters of their causes.
fn is_worth_telling(error: &Error, cause: &str) -> bool {
    let is_complete = error.is::<ConfigError>() || error.is::<ReleaseError>();
    !is_complete && !error.to_string().contains(cause)
}

fn advice(error: &Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return error.instead().map(ToOwned::to_owned);
    }
    if let Some(error) = error.downcast_ref::<UsageError>() {
        return Some(error.instead.clone());
    }
    if error.is::<NotRunning>() {
        return Some("bring everything back with `seatrial engine start`; `seatrial deploy` starts it, too".to_owned());
    }
    if error.is::<AwaitsDecision>() {
        return Some("decide: run the command with --yes, or do not".to_owned());
    }
    error.downcast_ref::<ReleaseError>().and_then(ReleaseError::advice)
}

fn is_broken_pipe(error: &Error) -> bool {
    let io_error = error.downcast_ref::<io::Error>();
    io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
