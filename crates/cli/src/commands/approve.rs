//! `seatrial approve` and `seatrial reject`

use anyhow::Result;
use clap::Args;
use seatrial_release::releases::{ReleaseId, Word, answer};

use crate::arguments::Common;
use crate::exit_code::ExitCode;
use crate::printer::Printer;
use crate::session::remembered;

/// Let a release begin that waits for it
#[derive(Args, Debug)]
pub struct ApproveArguments {
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// Refuse a release that waits for an approval
#[derive(Args, Debug)]
pub struct RejectArguments {
    #[command(flatten)]
    pub answer: AnswerArguments,
}

/// Which request, and why.
#[derive(Args, Debug)]
pub struct AnswerArguments {
    /// The request, as `deploy` named it [default: the only one there is]
    #[arg(value_name = "REQUEST")]
    pub request: Option<ReleaseId>,

    /// Why
    #[arg(long, value_name = "TEXT", env = "SEATRIAL_REASON")]
    pub reason: Option<String>,

    #[command(flatten)]
    pub common: Common,
}

/// Runs the command.
pub async fn run(word: Word, arguments: AnswerArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (connection, realm) = remembered(&common, printer).await?;
    let given = answer(&connection, &realm, arguments.request.as_ref(), word, arguments.reason).await?;
    printer.result(&given, |paint| {
        let services: Vec<&str> = given.request.services.iter().map(|service| service.as_str()).collect();
        let what = format!("{} of {}, asked for by {}", services.join(", "), given.id, given.request.who.name);
        match word {
            Word::Approved => format!("{} {what}\n", paint.good("approved:")),
            Word::Rejected => format!("{} {what}\n", paint.bad("rejected:")),
        }
    })?;
    Ok(ExitCode::Done)
}
