//! `seatrial plan`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::{ConfigFile, Overrides, RollbackOverride, Setting, Variables};
use seatrial_release::configuration;
use seatrial_release::forecast::{Application, Circumstances, Known, Platform, Prior, Timeline, timeline};
use seatrial_release::images::conflicts;
use seatrial_release::plan::Plan;
use seatrial_release::preflight::{self, Finding};
use seatrial_release::provision::{InfraPlan, Preview, Workshop};
use seatrial_release::secrets;
use seatrial_release::{Rehearsal, ServicePreview, refuse_stored, rehearse};
use serde::Serialize;

use super::simulate::{ApplicationArguments, Considered};
use crate::arguments::{Common, Version};
use crate::exit_code::{ExitCode, UsageError};
use crate::images::provided;
use crate::printer::{Output, Printer};
use crate::progress::Display;
use crate::saved_plan::SavedPlan;
use crate::session::{Session, configured, interrupted_by_ctrl_c};
use crate::show;
use crate::target::{self, Absent};

/// Show what a deployment would change, setting by setting, and what that would start; changes nothing
///
/// Exit codes: 0 shown, 1 failed, 2 wrong usage or configuration, 7 blocked (an alarm is firing already; with --infra: something that
/// holds data would be lost). With --detailed-exitcode: 0 nothing would change, 2 something would, 1 anything else.
#[derive(Args, Debug)]
pub struct PlanArguments {
    #[command(flatten)]
    pub version: Version,

    #[command(flatten)]
    pub common: Common,

    #[command(flatten)]
    pub application: ApplicationArguments,

    /// Tell by the exit code whether anything would change
    #[arg(long, env = "SEATRIAL_DETAILED_EXITCODE", value_parser = FalseyValueParser::new())]
    pub detailed_exitcode: bool,

    /// Write what is advised into the configuration file, for this environment
    #[arg(long, env = "SEATRIAL_TUNE", value_parser = FalseyValueParser::new())]
    pub tune: bool,

    /// Ask the infrastructure code, too, what would become of its resources; takes as long as `seatrial infra plan`
    #[arg(long, env = "SEATRIAL_INFRA", value_parser = FalseyValueParser::new())]
    pub infra: bool,

    /// Write down which plan this is, for `deploy --plan`
    #[arg(long, value_name = "FILE", env = "SEATRIAL_OUT")]
    pub out: Option<PathBuf>,

    /// Write Markdown, for a comment on a pull request
    #[arg(long, env = "SEATRIAL_MARKDOWN", value_parser = FalseyValueParser::new(), conflicts_with = "output")]
    pub markdown: bool,
}

/// Runs the command.
pub async fn run(arguments: PlanArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (version, application) = (&arguments.version, &arguments.application);
    let infra = if arguments.infra { InfraSight::Foreseen } else { InfraSight::AsItIs };
    let planned = planned(version, RollbackOverride::AsConfigured, application, infra, &common, printer).await;
    let shown = planned.and_then(|planned| {
        let code = if arguments.markdown {
            printer.text(&show::plan::markdown(&planned))?;
            planned.code()
        } else {
            planned.show(printer)?
        };
        if let (Some(file), Some(saved)) = (&arguments.out, &planned.saved) {
            saved.write(file)?;
        }
        if arguments.tune {
            tune(&planned.advice, &common, printer)?;
        }
        Ok(match (arguments.detailed_exitcode, planned.changes_anything()) {
            (false, _) => code,
            (true, true) => ExitCode::Changes,
            (true, false) => ExitCode::Done,
        })
    });
    match shown {
        // Code 2 means something else then.
        Err(error) if arguments.detailed_exitcode => {
            crate::explain(&error, common.verbosity(), printer);
            Ok(ExitCode::Failed)
        }
        other => other,
    }
}

/// How infrastructure is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfraSight {
    /// Nobody is asked what would become of it.
    AsItIs,
    Foreseen,
}

/// What a deployment would do, and how long that takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    #[serde(flatten)]
    pub rehearsal: Rehearsal,
    /// What would become of the infrastructure, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infra: Option<Preview>,
    /// Of the services for which a deployment would start.
    pub timelines: Vec<Timeline>,
    /// What will not work as it is meant.
    pub findings: Vec<Finding>,
    /// Of every service.
    pub advice: Vec<Considered>,
    /// Which plan it is.
    #[serde(skip)]
    pub saved: Option<SavedPlan>,
}

/// Finds out what a deployment would do, foresees how long it takes, and looks for what will not work and what could be better.
pub async fn planned(
    version: &Version,
    rollback: RollbackOverride,
    described: &ApplicationArguments,
    infra: InfraSight,
    common: &Common,
    printer: &Printer,
) -> Result<Planned> {
    let (file, environment) = configured(common)?;
    let overrides = version.overrides(rollback);
    let mut session = Session::of_environment(common, &overrides, &file, &environment, Absent::Refuse, printer).await?;
    version.check(&session.plan, "plan")?;
    let taken = conflicts(&session.connection, &session.plan).await?.into_iter().map(|conflict| Finding {
        what: conflict.in_words(),
        instead: conflict.instead(),
        service: conflict.service,
    });
    let taken: Vec<Finding> = taken.collect();
    refuse_stored(&session.connection, &session.plan).await?;
    configuration::refuse_conflicts(&session.connection, &session.plan).await?;
    let images = provided(&mut session, version.images(), common, printer, interrupted_by_ctrl_c()).await?.images;
    let Session { connection, plan, file, environment, .. } = &session;
    let (force, definition) = (version.force(), version.definition());
    let rehearsal = rehearse(connection, plan, force, definition, interrupted_by_ctrl_c()).await?;
    let infra = match (&plan.infra, infra) {
        (InfraPlan::None, _) => None,
        (_, InfraSight::AsItIs) => {
            let command = format!("seatrial infra plan{}", common.selection());
            printer.remark(&format!("this is with the infrastructure as it is; what becomes of that: {command}"));
            None
        }
        (wanted, InfraSight::Foreseen) => {
            let display = Display::new(printer, common);
            let report = display.reporter();
            let preview = Workshop::new(connection, wanted, &report, interrupted_by_ctrl_c()).preview().await;
            display.end();
            Some(preview?)
        }
    };
    let defaults = target::defaults(&environment.target, Some(connection));
    let looked = secrets::look(connection, plan).await?;
    looked.unseen.iter().for_each(|unseen| printer.remark(unseen));
    let mut findings = looked.missing;
    findings.extend(taken);
    let mut planned = Planned {
        rehearsal,
        infra,
        timelines: Vec::new(),
        findings,
        advice: Vec::new(),
        saved: Some(SavedPlan::of(plan, &images, force, definition)),
    };
    for service in &plan.services {
        // Whoever may not look at metrics may still plan.
        let traffic = preflight::traffic(connection, plan, service).await.unwrap_or_else(|error| {
            printer.remark(&format!("{}: its traffic is not known: {error}", service.name));
            None
        });
        let preview = planned.rehearsal.services.iter().find(|preview| preview.service == service.name);
        let Some(preview) = preview.cloned() else { continue };
        let application = described.application(traffic);
        planned.timelines.extend(foreseen(&preview, plan, application));
        let circumstances = Circumstances {
            prior: Prior::Steady,
            known: described.known(traffic),
            ..circumstances(&preview, plan, application)
        };
        planned.findings.extend(preflight::silent_alarms(connection, service).await?);
        let changed = |settings: &[Setting]| {
            let overrides = Overrides { settings: settings.to_vec(), ..overrides.clone() };
            file.plan(environment, &defaults, &overrides).ok()?.service(&service.name).cloned()
        };
        let considered = Considered::new(service, &circumstances, changed);
        planned.findings.extend(preflight::settings(plan, service, &considered.before, &application, traffic));
        planned.advice.push(considered);
    }
    Ok(planned)
}

fn circumstances(preview: &ServicePreview, plan: &Plan, application: Application) -> Circumstances {
    Circumstances {
        platform: Platform::of(&plan.environment.target),
        application,
        known: Known::default(),
        prior: if preview.tasks.running == 0 { Prior::None } else { Prior::Steady },
        desired: Some(preview.tasks.desired.unsigned_abs()),
    }
}

/// Foresees the deployment of a service, if one would start.
pub fn foreseen(preview: &ServicePreview, plan: &Plan, application: Application) -> Option<Timeline> {
    let service = plan.service(&preview.service).filter(|_| !preview.starts_deployment.is_empty())?;
    Some(timeline(service, &circumstances(preview, plan, application)))
}

/// Writes advised settings into the configuration file, and makes sure that the file then means them.
fn tune(advice: &[Considered], common: &Common, printer: &Printer) -> Result<()> {
    let variables = Variables::of_process();
    for Considered { before, advised, .. } in advice {
        let settings: Vec<Setting> = advised.settings();
        if settings.is_empty() {
            printer.remark(&format!("{}: nothing to write", before.service));
            continue;
        }
        let (file, environment) = configured(common)?;
        let text = file.with_settings(&environment, &before.service, &settings, &variables)?;
        let edited = ConfigFile::parse(file.path(), &text, &variables)?;
        let defaults = target::defaults(&environment.target, None);
        let wanted = Overrides { services: vec![before.service.clone()], settings, ..Overrides::default() };
        let unchanged = Overrides { settings: Vec::new(), ..wanted.clone() };
        let meant = file.plan(&environment, &defaults, &wanted)?;
        if edited.plan(&environment, &defaults, &unchanged)?.services != meant.services {
            let what = format!("the advice for service {} could not be written so that it is meant", before.service);
            return Err(
                UsageError { what, instead: "write the settings yourself, as the plan names them".into() }.into()
            );
        }
        replace(file.path(), &text)?;
        let names: Vec<String> = wanted.settings.iter().map(ToString::to_string).collect();
        printer.remark(&format!("{}: written to {}: {}", before.service, file.path().display(), names.join(", ")));
    }
    Ok(())
}

/// Replaces a file at once: whatever happens, it is the old one or the new one.
fn replace(path: &Path, text: &str) -> Result<()> {
    // Of a link the file it leads to.
    let path = &path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
    let beside = path.with_extension("yml.new");
    let failed = || format!("cannot write {}", path.display());
    std::fs::write(&beside, text).with_context(failed)?;
    std::fs::set_permissions(&beside, std::fs::metadata(path).with_context(failed)?.permissions())
        .with_context(failed)?;
    std::fs::rename(&beside, path).with_context(failed)
}

impl Planned {
    /// Prints it.
    pub fn show(&self, printer: &Printer) -> Result<ExitCode> {
        match printer.output() {
            Output::Tsv => printer.result(&self.rehearsal.steps, |_| String::new())?,
            Output::Table | Output::Json => printer.result(self, |paint| show::plan::text(self, paint))?,
        }
        Ok(self.code())
    }

    /// Whether anything would be made, changed or deployed.
    fn changes_anything(&self) -> bool {
        self.rehearsal.changes_anything() || self.infra.as_ref().is_some_and(Preview::changes_anything)
    }

    fn code(&self) -> ExitCode {
        let loses = self.infra.as_ref().is_some_and(|preview| !preview.guarded.is_empty());
        if loses || self.rehearsal.is_blocked() { ExitCode::Blocked } else { ExitCode::Done }
    }
}
