//! `seatrial status`

use std::io::IsTerminal;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use console::{Term, measure_text_width};
use seatrial_release::{EnvironmentStatus, ReleaseError, status};

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::{Output, Printer};
use crate::session::{Session, interrupted_by_ctrl_c, only};
use crate::show;

/// Show what is deployed and what is going on
#[derive(Args, Debug)]
pub struct StatusArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Go on showing it until interrupted
    #[arg(short, long, env = "SEATRIAL_WATCH", value_parser = FalseyValueParser::new())]
    pub watch: bool,
}

/// Runs the command.
pub async fn run(arguments: StatusArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let mut seen = status(&session.connection, &session.plan).await?;
    let mut screen = Screen::new(printer);
    screen.show(&seen)?;
    if !arguments.watch {
        return Ok(ExitCode::Done);
    }
    let interrupt = interrupted_by_ctrl_c();
    while !interrupt.is_raised() {
        tokio::time::sleep(session.connection.poll_interval()).await;
        match status(&session.connection, &session.plan).await {
            Ok(now) if now != seen => {
                screen.show(&now)?;
                seen = now;
            }
            Ok(_) => {}
            // Whoever watches wants to see the end of it, also across a restart of the engine.
            Err(ReleaseError::Call(error)) if error.is_transient() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ExitCode::Done)
}

/// Shows one state after the other: in the same place on a terminal, below each other elsewhere.
struct Screen<'a> {
    printer: &'a Printer,
    terminal: Option<Term>,
    lines: usize,
}

impl<'a> Screen<'a> {
    fn new(printer: &'a Printer) -> Self {
        let in_place = std::io::stdout().is_terminal() && printer.output() == Output::Table;
        Self { printer, terminal: in_place.then(Term::stdout), lines: 0 }
    }

    fn show(&mut self, state: &EnvironmentStatus) -> Result<()> {
        if let Some(terminal) = &self.terminal {
            terminal.clear_last_lines(self.lines)?;
        }
        let text = show::status::status(state, self.printer.results());
        let columns = self.terminal.as_ref().map_or(usize::MAX, |terminal| usize::from(terminal.size().1).max(1));
        self.lines = text.lines().map(|line| measure_text_width(line).div_ceil(columns).max(1)).sum();
        self.printer.result(state, |_| text)?;
        Ok(())
    }
}
