//! `seatrial audit` and `seatrial show`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::Realm;
use seatrial_release::audit::{Audit, audit};
use seatrial_release::releases::{Release, ReleaseId, Summary, release};

use crate::arguments::Common;
use crate::exit_code::{ExitCode, UsageError};
use crate::local_history::LocalHistory;
use crate::printer::Printer;
use crate::session::{configured, remembered};
use crate::show;

/// List who released what to an environment, who locked it, and who broke a freeze; newest first
#[derive(Args, Debug)]
pub struct AuditArguments {
    /// Only what was released from this machine, as it remembers it; the environment is not asked
    #[arg(long, env = "SEATRIAL_LOCAL", value_parser = FalseyValueParser::new())]
    pub local: bool,

    #[command(flatten)]
    pub common: Common,
}

/// Show a release: who began it, with what, and each of its steps
#[derive(Args, Debug)]
pub struct ShowArguments {
    /// The release [default: the newest]
    #[arg(value_name = "RELEASE")]
    pub release: Option<ReleaseId>,

    /// One that was released from this machine, as it remembers it; the environment is not asked
    #[arg(long, env = "SEATRIAL_LOCAL", value_parser = FalseyValueParser::new())]
    pub local: bool,

    #[command(flatten)]
    pub common: Common,
}

/// Runs `audit`.
pub async fn run_audit(arguments: AuditArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    if arguments.local {
        let releases = here(&common)?.1.into_iter().map(|one| Summary { id: one.id, head: one.head }).collect();
        let found = Audit { entries: Vec::new(), releases };
        printer.result(&found, |paint| show::releases::audit(&found, paint))?;
        return Ok(ExitCode::Done);
    }
    let (connection, realm) = remembered(&common, printer).await?;
    let found = audit(&connection, &realm).await?;
    printer.result(&found, |paint| show::releases::audit(&found, paint))?;
    Ok(ExitCode::Done)
}

/// Runs `show`.
pub async fn run_show(arguments: ShowArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    if arguments.local {
        let (realm, releases) = here(&common)?;
        let is_meant = |one: &Release| arguments.release.as_ref().is_none_or(|id| *id == one.id);
        let Some(found) = releases.into_iter().find(is_meant) else {
            let what = match &arguments.release {
                Some(id) => format!("this machine knows of no release {id} of {} to {}", realm.app, realm.environment),
                None => format!("this machine knows of no release of {} to {}", realm.app, realm.environment),
            };
            let instead =
                "`seatrial audit --local` lists what it knows, `seatrial show` asks the environment".to_owned();
            return Err(UsageError { what, instead }.into());
        };
        printer.result(&found, |paint| show::releases::release(&found, paint))?;
        return Ok(ExitCode::Done);
    }
    let (connection, realm) = remembered(&common, printer).await?;
    let found = release(&connection, &realm, arguments.release.as_ref()).await?;
    printer.result(&found, |paint| show::releases::release(&found, paint))?;
    Ok(ExitCode::Done)
}

/// What this machine knows of the environment meant.
fn here(common: &Common) -> Result<(Realm, Vec<Release>)> {
    let (file, environment) = configured(common)?;
    let realm = Realm { app: file.app().clone(), environment: environment.name };
    let releases = LocalHistory::of(common, &realm)?.releases();
    Ok((realm, releases))
}
