//! `seatrial watch`

use std::io::IsTerminal;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::view::Watcher;

use crate::arguments::{Common, Services};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::{Output, Printer};
use crate::session::{Session, interrupted_by_ctrl_c, only};
use crate::watch::feed::Feed;
use crate::watch::{plain, screen};

/// How many services are looked at in one poll interval: about ten calls each, of the 20 a second per kind that AWS takes.
const SERVICES_PER_INTERVAL: usize = 4;

/// Watch services and their deployments: stages, traffic, tasks, requests, alarms, hooks, events
///
/// On a terminal it fills the screen, and keys promote, abort and roll back; quitting leaves deployments as they are. Elsewhere it
/// writes a block when something changed, and ends with the deployments it saw going on, with the exit code of `deploy`.
#[derive(Args, Debug)]
pub struct WatchArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Write lines also on a terminal
    #[arg(long, env = "SEATRIAL_PLAIN", value_parser = FalseyValueParser::new())]
    pub plain: bool,
}

/// Runs the command.
pub async fn run(arguments: WatchArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    if printer.output() == Output::Tsv {
        let what = "watch tells what changes, which has no rows".to_owned();
        let instead = "use -o json for an object on each line, or status -o tsv for how things stand".to_owned();
        return Err(UsageError { what, instead }.into());
    }
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let watcher = Watcher::new(session.connection.clone(), session.plan.clone());
    let share = session.plan.services.len().div_ceil(SERVICES_PER_INTERVAL).max(1);
    let interval = session.connection.poll_interval() * u32::try_from(share).unwrap_or(u32::MAX);
    let feed = Feed::start(watcher, interval);
    if is_full_screen(&arguments, printer) {
        return screen::run(feed, &session.connection, &session.plan, printer.results().color()).await;
    }
    plain::run(feed, interrupted_by_ctrl_c(), printer).await
}

fn is_full_screen(arguments: &WatchArguments, printer: &Printer) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let wants_table = match printer.output() {
        Output::Table => true,
        Output::Json | Output::Tsv => false,
    };
    wants_table && !arguments.plain && !dumb && std::io::stdout().is_terminal()
}
