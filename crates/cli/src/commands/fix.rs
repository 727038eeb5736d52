//! `seatrial fix`

use std::io::IsTerminal;

use anyhow::Result;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use seatrial_release::config::{Approval, Overrides, RollbackOverride, ServiceName};
use seatrial_release::fix::{Diagnosis, Remedy, diagnose};
use seatrial_release::images::{Building, StandIn};
use seatrial_release::releases::{Asked, Consent, ReleaseOptions, Resumption};
use seatrial_release::{DefinitionChoice, DeployOptions, FiringAlarms, Force};

use super::deploy::{PermissionArguments, released};
use crate::arguments::{Common, WaitArguments};
use crate::commit::commit;
use crate::exit_code::{AwaitsDecision, ExitCode, UsageError};
use crate::images::{Preparing, Wish};
use crate::printer::{Paint, Printer};
use crate::sacrifice::SacrificeArguments;
use crate::session::{Session, Unattended, configured, confirm, interrupted_by_ctrl_c, only};
use crate::target::Absent;

/// Repair a service whose image is missing or whose tasks do not start: find the cause, and deploy what helps
///
/// Says what is wrong and which images would help: the last one that ran well, one built anew, or something that stands in.
/// Asks before it deploys one; elsewhere name it with --use. Exit codes: 0 all is well, or repaired; 6 somebody has to choose;
/// others as of `deploy`.
#[derive(Args, Debug)]
pub struct FixArguments {
    /// The service
    #[arg(value_name = "SERVICE")]
    pub service: ServiceName,

    /// What to deploy, instead of asking
    #[arg(long = "use", value_name = "REMEDY", env = "SEATRIAL_USE")]
    pub remedy: Option<Word>,

    /// Deploy what helps best without asking
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,

    #[command(flatten)]
    pub permission: PermissionArguments,

    #[command(flatten)]
    pub sacrifice: SacrificeArguments,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// A remedy by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    LastGood,
    Rebuild,
    Fallback,
}

impl Word {
    fn means(self, remedy: &Remedy) -> bool {
        matches!(
            (self, remedy),
            (Word::LastGood, Remedy::LastGood { .. })
                | (Word::Rebuild, Remedy::Rebuild)
                | (Word::Fallback, Remedy::Fallback)
        )
    }
}

/// Runs the command.
pub async fn run(arguments: FixArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = configured(&common)?;
    let mut overrides = only(std::slice::from_ref(&arguments.service));
    let mut session = Session::of_environment(&common, &overrides, &file, &environment, Absent::Start, printer).await?;
    let Some(service) = session.plan.services.first() else { return Ok(ExitCode::Done) };
    let diagnosis = diagnose(&session.connection, &session.plan, service).await?;
    if diagnosis.wrong.is_none() {
        printer.result(&diagnosis, |paint| text(&diagnosis, paint))?;
        return Ok(ExitCode::Done);
    }
    printer.remark(&text(&diagnosis, printer.remarks()));
    let Some(remedy) = chosen(&diagnosis, &arguments, printer)? else {
        return Ok(ExitCode::Paused);
    };
    let wish = match &remedy {
        Remedy::LastGood { image, .. } => {
            overrides = Overrides { image: Some(image.clone()), ..overrides };
            session = Session::of_environment(&common, &overrides, &file, &environment, Absent::Start, printer).await?;
            Wish::of(Building::No)
        }
        Remedy::Rebuild => Wish { anew: true, ..Wish::of(Building::Yes) },
        Remedy::Fallback => Wish { stand_in: StandIn::Anyway, ..Wish::of(Building::No) },
    };
    let (builds, stands_in) = (wish.building == Building::Yes, wish.stand_in == StandIn::Anyway);
    let interrupt = interrupted_by_ctrl_c();
    let deploy = DeployOptions {
        force: Force::WhenNeeded,
        definition: DefinitionChoice::Configured,
        waiting: arguments.wait.waiting(),
        timeout: arguments.wait.timeout.get(),
        rollback: RollbackOverride::AsConfigured,
        until: None,
        firing_alarms: FiringAlarms::Refuse,
        started: Default::default(),
    };
    let asked = Asked { no_build: !builds, stand_in_anyway: stands_in, ..Asked::of(&overrides, &deploy) };
    let preparing = Preparing { asked: &asked, deploy: &deploy, records: true };
    let (provided, prepared) =
        preparing.provided(&mut session, Some(wish), &common, printer, interrupt.clone()).await?;
    // What somebody has just agreed to at a terminal is approved.
    let is_attended = std::io::stdin().is_terminal() && arguments.remedy.is_none();
    let is_approved = environment.approval != Approval::Required || arguments.yes || is_attended;
    let consent = if is_approved { Consent::Given } else { Consent::Asked(None) };
    let options = ReleaseOptions {
        asked,
        deploy,
        permission: arguments.permission.permission(consent),
        sacrifice: arguments.sacrifice.sacrifice(printer),
        commit: commit(file.path()),
        resumption: Resumption::New,
        provided,
        prepared,
    };
    released(&session, &options, &common, printer, interrupt).await
}

/// What is to be done: what was named, or what somebody at the terminal agrees to.
fn chosen(diagnosis: &Diagnosis, arguments: &FixArguments, printer: &Printer) -> Result<Option<Remedy>> {
    let service = &diagnosis.service;
    if let Some(word) = arguments.remedy {
        let named = diagnosis.remedies.iter().find(|remedy| word.means(remedy)).cloned();
        let there = || diagnosis.remedies.iter().map(Remedy::word).collect::<Vec<_>>().join(", ");
        return match named {
            Some(remedy) => Ok(Some(remedy)),
            None => Err(UsageError {
                what: "that remedy is not to be had here".to_owned(),
                instead: format!("what would help is: {}", there()),
            }
            .into()),
        };
    }
    let Some(best) = diagnosis.remedies.first() else {
        let what = format!("nothing is there that service {service} could be started from");
        return Err(AwaitsDecision { what: format!("{what}: push an image, or give it a `build:`") }.into());
    };
    if !arguments.yes && !std::io::stdin().is_terminal() {
        let commands: Vec<String> =
            diagnosis.remedies.iter().map(|remedy| format!("seatrial fix {service} --use {}", remedy.word())).collect();
        return Err(AwaitsDecision { what: format!("somebody has to choose: {}", commands.join(", or ")) }.into());
    }
    let agreed = confirm(printer, &format!("Shall I {best}?"), arguments.yes, Unattended::Pause)?;
    Ok(agreed.then(|| best.clone()))
}

fn text(diagnosis: &Diagnosis, paint: Paint) -> String {
    let Diagnosis { service, wrong, remedies } = diagnosis;
    let Some(wrong) = wrong else { return format!("{} all is well\n", paint.strong(&format!("{service}:"))) };
    let mut text = format!("{} {}\n", paint.strong(&format!("{service}:")), paint.bad(wrong));
    for remedy in remedies {
        text.push_str(&format!("  --use {:<10} {remedy}\n", remedy.word()));
    }
    text
}
