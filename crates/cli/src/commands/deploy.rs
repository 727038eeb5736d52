//! `seatrial deploy`

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::{Approval, RollbackOverride, Span};
use seatrial_release::images::refuse_conflicts;
use seatrial_release::lock::Force as LockForce;
use seatrial_release::plan::Plan;
use seatrial_release::provision::{Outputs, Workshop};
use seatrial_release::releases::{Asked, Consent, Permission, ReleaseOptions, Resumption, carry_out};
use seatrial_release::report::Reporter;
use seatrial_release::{DeployOptions, FiringAlarms, Interrupt, ReleaseError, Until, Verdict, rehearse};
use serde_json::{Value as Json, json};

use super::deploy_part::{self, PartArguments};
use super::plan::{self, InfraSight, Planned};
use super::simulate::ApplicationArguments;
use crate::arguments::{Common, Version, WaitArguments};
use crate::commit::commit;
use crate::exit_code::ExitCode;
use crate::images::{Preparing, Wish};
use crate::local_history;
use crate::printer::{Output, Printer};
use crate::progress::Display;
use crate::sacrifice::SacrificeArguments;
use crate::saved_plan::SavedPlan;
use crate::session::{Lacking, Session, Unattended, configured, confirm, interrupted_by_ctrl_c};
use crate::show::{self, outcome};
use crate::target::{self, Absent};

/// Deploy the application: make what is missing, change what differs, wait for the result
///
/// Exit codes: 0 deployed or nothing to do, 1 failed, 2 wrong usage or configuration, 3 rolled back and healthy on the
/// previous version, 4 rollback failed, 5 timed out, 6 paused (awaits a decision), 7 blocked (an alarm is firing already, the
/// environment is locked or frozen, the infrastructure would lose data), 130 interrupted.
///
/// Ctrl-C ends the watching only; the deployment goes on.
#[derive(Args, Debug)]
pub struct DeployArguments {
    #[command(flatten)]
    pub version: Version,

    #[command(flatten)]
    pub common: Common,

    /// Show what would change and what that would start, and do nothing; the same as `seatrial plan`
    #[arg(long, env = "SEATRIAL_DRY_RUN", value_parser = FalseyValueParser::new(), conflicts_with_all = ["diff", "yes"])]
    pub dry_run: bool,

    /// Deploy only if it is what `seatrial plan --out FILE` has written down
    #[arg(long, value_name = "FILE", env = "SEATRIAL_PLAN")]
    pub plan: Option<PathBuf>,

    /// Show what would change first, and ask
    #[arg(long, env = "SEATRIAL_DIFF", value_parser = FalseyValueParser::new())]
    pub diff: bool,

    #[command(flatten)]
    pub part: PartArguments,

    #[command(flatten, next_help_heading = "The application, for what --dry-run and --diff foresee")]
    pub application: ApplicationArguments,

    /// Leave a failed deployment as it is
    #[arg(long, env = "SEATRIAL_NO_ROLLBACK", value_parser = FalseyValueParser::new())]
    pub no_rollback: bool,

    /// Deploy although an alarm of the deployment is firing already: ECS then watches none of them
    #[arg(long, env = "SEATRIAL_IGNORE_FIRING_ALARMS", value_parser = FalseyValueParser::new())]
    pub ignore_firing_alarms: bool,

    /// Deploy without asking, where the environment requires approval and with --diff
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,

    /// Where the environment requires approval: wait so long for somebody to `seatrial approve` it
    #[arg(long, value_name = "DURATION", env = "SEATRIAL_WAIT_FOR_APPROVAL", conflicts_with = "yes")]
    pub wait_for_approval: Option<Span>,

    /// Wait until this is reached: stable (over), deployed (the new version has all traffic), paused, or stage:NAME
    #[arg(long, value_name = "GOAL", env = "SEATRIAL_UNTIL", conflicts_with = "no_wait")]
    pub until: Option<Until>,

    #[command(flatten)]
    pub permission: PermissionArguments,

    #[command(flatten)]
    pub sacrifice: SacrificeArguments,

    #[command(flatten)]
    pub wait: WaitArguments,
}

/// What somebody allows beyond the ordinary.
#[derive(Args, Clone, Debug)]
pub struct PermissionArguments {
    /// Take the environment's lock over from whoever holds it; that is written down
    #[arg(long, env = "SEATRIAL_STEAL_LOCK", value_parser = FalseyValueParser::new())]
    pub steal_lock: bool,

    /// Release in spite of a freeze, for this reason; that is written down
    #[arg(long, value_name = "REASON", env = "SEATRIAL_BREAK_FREEZE")]
    pub break_freeze: Option<String>,
}

impl PermissionArguments {
    pub fn permission(&self, consent: Consent) -> Permission {
        let lock = if self.steal_lock { LockForce::Steal } else { LockForce::No };
        Permission { lock, break_freeze: self.break_freeze.clone(), consent }
    }
}

impl DeployArguments {
    fn rollback(&self) -> RollbackOverride {
        if self.no_rollback { RollbackOverride::Never } else { RollbackOverride::AsConfigured }
    }

    fn options(&self) -> DeployOptions {
        DeployOptions {
            definition: self.version.definition(),
            force: self.version.force(),
            waiting: self.wait.waiting(),
            timeout: self.wait.timeout.get(),
            rollback: self.rollback(),
            until: self.until,
            firing_alarms: if self.ignore_firing_alarms { FiringAlarms::Ignore } else { FiringAlarms::Refuse },
            started: Default::default(),
        }
    }
}

/// Runs the command.
pub async fn run(arguments: DeployArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let version = &arguments.version;
    if arguments.dry_run {
        let application = &arguments.application;
        let planned =
            plan::planned(version, arguments.rollback(), application, InfraSight::AsItIs, &common, printer).await?;
        return planned.show(printer);
    }
    let part = arguments.part;
    if part.pipeline_only {
        return deploy_part::write_pipeline(&common, printer);
    }
    let (file, environment) = configured(&common)?;
    let question =
        format!("Deploy {} to {} ({})?", file.app(), environment.name, target::describe(&environment.target));
    let agreed = |yes| confirm(printer, &question, yes, Unattended::Pause);
    // Where nobody can be asked, or somebody is waited for, the answer comes from elsewhere.
    let is_attended = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let asks_elsewhere = environment.approval == Approval::Required
        && !arguments.yes
        && (!is_attended || arguments.wait_for_approval.is_some());
    if environment.approval == Approval::Required && !asks_elsewhere && !arguments.diff && !agreed(arguments.yes)? {
        return Ok(declined(printer));
    }
    // Infrastructure that is made by itself is approved at the terminal, as with `infra apply`, and before --diff shows what is left.
    let is_asked_later = asks_elsewhere || arguments.diff;
    let needs_word = environment.approval == Approval::Required && !arguments.yes;
    if part.bootstrap && needs_word && is_asked_later && !agreed(false)? {
        return Ok(declined(printer));
    }
    let waits = arguments.wait_for_approval.map(|span| span.get());
    let consent = if asks_elsewhere { Consent::Asked(waits) } else { Consent::Given };
    let overrides = version.overrides(arguments.rollback());
    let mut session =
        Session::for_release(&common, &overrides, &file, &environment, (Absent::Start, Lacking::Allow), printer)
            .await?;
    version.check(&session.plan, "deploy")?;
    let interrupt = interrupted_by_ctrl_c();
    if part.bootstrap {
        let permission = arguments.permission.permission(Consent::Given);
        deploy_part::prepare(&session, &permission, &arguments.sacrifice, &common, printer, interrupt.clone()).await?;
        if !part.push_image && !version.use_fallback_image {
            return deploy_part::tell_prepared(&session, &common, printer);
        }
    }
    let saved = arguments.plan.as_deref().map(SavedPlan::read).transpose()?;
    let known = saved.as_ref().map(|saved| saved.images.clone()).unwrap_or_default();
    let wish = version.images().map(|wish| Wish { known, ..wish });
    if wish.is_some() {
        refuse_conflicts(&session.connection, &session.plan).await?;
    }
    let deploy = arguments.options();
    let asked = Asked {
        no_build: version.no_build,
        use_fallback_image: version.use_fallback_image,
        ..Asked::of(&overrides, &deploy)
    };
    let preparing = Preparing { asked: &asked, deploy: &deploy, records: !part.push_image };
    let (provided, prepared) = preparing.provided(&mut session, wish, &common, printer, interrupt.clone()).await?;
    if part.push_image {
        return deploy_part::push(&session, &provided, &common, printer).await;
    }
    if let (Some(file), Some(saved)) = (&arguments.plan, &saved) {
        let now = SavedPlan::of(&session.plan, &provided.images, version.force(), version.definition());
        saved.check(file, &now)?;
    }
    if arguments.diff && !session.plan.pending_outputs.is_empty() {
        // The plan says what lacks and how it is made.
        let silent = Reporter::silent();
        let workshop = Workshop::new(&session.connection, &session.plan.infra, &silent, interrupt.clone());
        session.resolve(&workshop.outputs().await?)?;
    }
    if arguments.diff {
        let (force, definition) = (version.force(), version.definition());
        let rehearsal = rehearse(&session.connection, &session.plan, force, definition, interrupt.clone()).await?;
        let application = arguments.application.application(None);
        let foresee = |preview| plan::foreseen(preview, &session.plan, application);
        let timelines = rehearsal.services.iter().filter_map(foresee).collect();
        let planned =
            Planned { rehearsal, infra: None, timelines, findings: Vec::new(), advice: Vec::new(), saved: None };
        printer.remark(&show::plan::text(&planned, printer.remarks()));
        let is_asked = planned.rehearsal.changes_anything() || environment.approval == Approval::Required;
        if is_asked && !asks_elsewhere && !agreed(arguments.yes)? {
            return Ok(declined(printer));
        }
    }
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

/// Carries out a release and shows what came of it.
pub async fn released(
    session: &Session,
    options: &ReleaseOptions,
    common: &Common,
    printer: &Printer,
    interrupt: Interrupt,
) -> Result<ExitCode> {
    let display = Display::new(printer, common);
    let resolve = |outputs: &Outputs| session.resolve(outputs);
    let released =
        carry_out(&session.connection, &session.plan, &resolve, options, &display.reporter(), interrupt).await;
    display.end();
    let is_news = match &released {
        Ok((_, report)) => report.verdict != Verdict::NothingToDo,
        // The newest release is somebody else's then.
        Err(ReleaseError::Locked { .. } | ReleaseError::Frozen { .. } | ReleaseError::Rejected { .. }) => false,
        Err(_) => true,
    };
    if is_news {
        let id = released.as_ref().ok().map(|(id, _)| id);
        local_history::keep(common, &session.connection, &session.plan, id).await;
    }
    if let (Output::Json | Output::Tsv, Err(error)) = (printer.output(), &released)
        && let Some(blocked) = blocked(&session.plan, error)
    {
        printer.result(&blocked, |_| String::new())?;
    }
    let (_, report) = released?;
    printer.result(&report, |paint| outcome::report(&report, paint))?;
    let farewell = outcome::farewell(&common.selection(), &report.services, printer.remarks());
    farewell.into_iter().for_each(|text| printer.remark(&text));
    Ok(report.verdict.into())
}

/// What a program reads of a release that may not begin.
fn blocked(plan: &Plan, error: &ReleaseError) -> Option<Json> {
    let mut told = json!({ "app": plan.app, "environment": plan.environment.name, "verdict": "blocked" });
    match error {
        ReleaseError::Blocked { alarms } => told["alarms"] = json!(alarms),
        ReleaseError::Locked { held, .. } => told["locked"] = json!(held),
        ReleaseError::Frozen { what } => told["frozen"] = json!(what),
        ReleaseError::WouldLose { resources } => told["resources"] = json!(resources),
        ReleaseError::RefusedByPolicy { said } => told["policy"] = json!(said),
        ReleaseError::Rejected { by, .. } => told["rejected_by"] = json!(by),
        _ => return None,
    }
    Some(told)
}

fn declined(printer: &Printer) -> ExitCode {
    printer.remark("not deployed");
    ExitCode::Paused
}
