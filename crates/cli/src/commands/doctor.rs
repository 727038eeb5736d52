//! `seatrial doctor`

use anyhow::Result;
use clap::Args;
use seatrial_release::doctor::{Check, Finding, doctor};

use crate::arguments::{Common, Services};
use crate::exit_code::ExitCode;
use crate::printer::{Paint, Printer};
use crate::session::{Session, only};

/// Look at everything a release would need, and at how the services are; change nothing
///
/// Endpoint and credentials, lock and freezes, images and repositories, parameters, alarms, tasks. Exit codes: 0 nothing stands in
/// the way of a release, 1 something does, 2 wrong usage or configuration.
#[derive(Args, Debug)]
pub struct DoctorArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,
}

/// Runs the command.
pub async fn run(arguments: DoctorArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let session = Session::open(&common, &only(&arguments.services.services), printer).await?;
    let checks = doctor(&session.connection, &session.plan).await;
    printer.result(&checks, |paint| text(&checks, paint))?;
    let is_bad = |check: &Check| matches!(check.finding, Finding::Bad { .. } | Finding::Unknown { .. });
    Ok(if checks.iter().any(is_bad) { ExitCode::Failed } else { ExitCode::Done })
}

fn text(checks: &[Check], paint: Paint) -> String {
    let width = checks.iter().map(|check| check.what.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Check { what, finding } in checks {
        let (mark, detail, instead) = match finding {
            Finding::Good { detail } => (paint.good("✔"), detail, None),
            Finding::Doubtful { detail, instead } => (paint.doubtful("!"), detail, Some(instead)),
            Finding::Bad { detail, instead } => (paint.bad("✘"), detail, Some(instead)),
            Finding::Unknown { detail } => (paint.doubtful("?"), detail, None),
        };
        text.push_str(&format!("{mark} {what:<width$}  {detail}\n"));
        if let Some(instead) = instead {
            text.push_str(&format!("  {:<width$}  next: {instead}\n", ""));
        }
    }
    text
}
