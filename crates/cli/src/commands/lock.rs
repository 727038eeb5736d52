//! `seatrial lock` and `seatrial unlock`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::Span;
use seatrial_release::lock::{Force, Lock, lock, unlock};
use serde_json::json;

use crate::arguments::Common;
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::remembered;

/// Keep everybody from releasing to an environment until it is unlocked
///
/// `rollback`, `abort` and everything else that acts on a deployment that runs already go on working.
/// Exit codes: 0 locked, 7 somebody else holds the lock.
#[derive(Args, Debug)]
pub struct LockArguments {
    /// Why; told to whoever is refused
    #[arg(long, value_name = "TEXT", env = "SEATRIAL_REASON", required = true)]
    pub reason: String,

    /// Unlock by itself after this time
    #[arg(long = "for", value_name = "DURATION", env = "SEATRIAL_FOR")]
    pub lasting: Option<Span>,

    /// Take the lock over from whoever holds it; that is written down
    #[arg(long, env = "SEATRIAL_STEAL", value_parser = FalseyValueParser::new())]
    pub steal: bool,

    #[command(flatten)]
    pub common: Common,
}

/// Let releases to an environment go on
///
/// Exit codes: 0 unlocked or not locked, 7 somebody else holds the lock.
#[derive(Args, Debug)]
pub struct UnlockArguments {
    /// Take the lock away whoever holds it; that is written down
    #[arg(long, env = "SEATRIAL_STEAL", value_parser = FalseyValueParser::new())]
    pub steal: bool,

    #[command(flatten)]
    pub common: Common,
}

fn force(steal: bool) -> Force {
    if steal { Force::Steal } else { Force::No }
}

/// Runs `lock`.
pub async fn run_lock(arguments: LockArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (connection, realm) = remembered(&common, printer).await?;
    let lasting = arguments.lasting.map(|span| span.get());
    let taken = lock(&connection, &realm, &arguments.reason, lasting, force(arguments.steal)).await?;
    printer.result(&taken, |paint| {
        format!("{} {} of {} is locked by {}\n", paint.good("locked:"), realm.environment, realm.app, taken.in_words())
    })?;
    printer.remark(&format!("unlock it with: seatrial unlock{}", common.selection()));
    Ok(ExitCode::Done)
}

/// Runs `unlock`.
pub async fn run_unlock(arguments: UnlockArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (connection, realm) = remembered(&common, printer).await?;
    let was: Option<Lock> = unlock(&connection, &realm, force(arguments.steal)).await?;
    printer.result(&json!({ "unlocked": was }), |paint| match &was {
        Some(lock) => format!("{} it was locked by {}\n", paint.good("unlocked:"), lock.in_words()),
        None => format!("{} of {} was not locked\n", realm.environment, realm.app),
    })?;
    Ok(ExitCode::Done)
}
