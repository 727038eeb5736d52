//! `seatrial deploy`

use anyhow::Result;
use clap::Args;
use clap::builder::FalseyValueParser;
use seatrial_release::config::{Approval, Overrides, RollbackOverride, StrategyWord};
use seatrial_release::{DefinitionChoice, DeployOptions, FiringAlarms, Force, ReleaseError, Until, deploy};
use serde_json::json;

use crate::arguments::{Assignment, Common, Services, WaitArguments};
use crate::exit_code::{ExitCode, UsageError};
use crate::printer::{Output, Printer};
use crate::progress::Display;
use crate::session::{Session, Unattended, configured, confirm, interrupted_by_ctrl_c};
use crate::show::outcome;
use crate::target::{self, Absent};

/// Deploy the application: make what is missing, change what differs, wait for the result
///
/// Exit codes: 0 deployed or nothing to do, 1 failed, 2 wrong usage or configuration, 3 rolled back and healthy on the
/// previous version, 4 rollback failed, 5 timed out, 6 paused (awaits a decision), 7 blocked (an alarm is firing already), 130
/// interrupted.
///
/// Ctrl-C ends the watching only; the deployment goes on.
#[derive(Args, Debug)]
pub struct DeployArguments {
    #[command(flatten)]
    pub services: Services,

    #[command(flatten)]
    pub common: Common,

    /// Deploy this image
    #[arg(long, value_name = "IMAGE", env = "SEATRIAL_IMAGE")]
    pub image: Option<String>,

    /// Deploy the configured image with this tag
    #[arg(long, value_name = "TAG", env = "SEATRIAL_TAG", conflicts_with = "image")]
    pub tag: Option<String>,

    /// Set an environment variable of the services meant; may be repeated
    #[arg(long, value_name = "NAME=VALUE", env = "SEATRIAL_SET")]
    pub set: Vec<Assignment>,

    /// Take over in this way instead of the configured one: rolling, blue_green, canary or linear
    #[arg(long, value_name = "STRATEGY", env = "SEATRIAL_STRATEGY")]
    pub strategy: Option<StrategyWord>,

    /// Keep the task definition that is in place: change only the service and what is around it
    #[arg(long, env = "SEATRIAL_SKIP_TASK_DEFINITION", value_parser = FalseyValueParser::new(),
          conflicts_with_all = ["image", "tag", "set"])]
    pub skip_task_definition: bool,

    /// Deploy this revision of the task definition as it was registered
    #[arg(long, value_name = "NUMBER", env = "SEATRIAL_REVISION",
          conflicts_with_all = ["image", "tag", "set", "skip_task_definition"])]
    pub revision: Option<u32>,

    /// Start new tasks even when nothing changed
    #[arg(long, env = "SEATRIAL_FORCE_NEW_DEPLOYMENT", value_parser = FalseyValueParser::new())]
    pub force_new_deployment: bool,

    /// Leave a failed deployment as it is
    #[arg(long, env = "SEATRIAL_NO_ROLLBACK", value_parser = FalseyValueParser::new())]
    pub no_rollback: bool,

    /// Deploy although an alarm of the deployment is firing already: ECS then watches none of them
    #[arg(long, env = "SEATRIAL_IGNORE_FIRING_ALARMS", value_parser = FalseyValueParser::new())]
    pub ignore_firing_alarms: bool,

    /// Deploy without asking where the environment requires approval
    #[arg(short, long, env = "SEATRIAL_YES", value_parser = FalseyValueParser::new())]
    pub yes: bool,

    /// Wait until this is reached: stable (over), deployed (the new version has all traffic), paused, or stage:NAME
    #[arg(long, value_name = "GOAL", env = "SEATRIAL_UNTIL", conflicts_with = "no_wait")]
    pub until: Option<Until>,

    #[command(flatten)]
    pub wait: WaitArguments,
}

impl DeployArguments {
    fn overrides(&self) -> Overrides {
        Overrides {
            services: self.services.services.clone(),
            image: self.image.clone(),
            tag: self.tag.clone(),
            environment: self.set.iter().map(|set| (set.name.clone(), set.value.clone())).collect(),
            strategy: self.strategy,
            rollback: self.rollback(),
        }
    }

    fn rollback(&self) -> RollbackOverride {
        if self.no_rollback { RollbackOverride::Never } else { RollbackOverride::AsConfigured }
    }

    fn definition(&self) -> DefinitionChoice {
        match self.revision {
            Some(number) => DefinitionChoice::Revision(number),
            None if self.skip_task_definition => DefinitionChoice::InPlace,
            None => DefinitionChoice::Configured,
        }
    }

    fn options(&self) -> DeployOptions {
        DeployOptions {
            definition: self.definition(),
            force: if self.force_new_deployment { Force::Always } else { Force::WhenNeeded },
            waiting: self.wait.waiting(),
            timeout: self.wait.timeout.get(),
            rollback: self.rollback(),
            until: self.until,
            firing_alarms: if self.ignore_firing_alarms { FiringAlarms::Ignore } else { FiringAlarms::Refuse },
        }
    }
}

/// Runs the command.
pub async fn run(arguments: DeployArguments, common: Common, printer: &Printer) -> Result<ExitCode> {
    let (file, environment) = configured(&common)?;
    if environment.approval == Approval::Required {
        let where_to = target::describe(&environment.target);
        let question = format!("Deploy {} to {} ({where_to})?", file.app(), environment.name);
        if !confirm(printer, &question, arguments.yes, Unattended::Pause)? {
            printer.remark("not deployed");
            return Ok(ExitCode::Paused);
        }
    }
    let session =
        Session::of_environment(&common, &arguments.overrides(), &file, &environment, Absent::Start, printer).await?;
    if arguments.revision.is_some() && session.plan.services.len() > 1 {
        let what = "one revision cannot be meant for several services".to_owned();
        let instead = "name the service: seatrial deploy SERVICE --revision N".to_owned();
        return Err(UsageError { what, instead }.into());
    }
    let display = Display::new(printer, &common);
    let report =
        deploy(&session.connection, &session.plan, &arguments.options(), &display.reporter(), interrupted_by_ctrl_c())
            .await;
    display.end();
    if let (Output::Json | Output::Tsv, Err(ReleaseError::Blocked { alarms })) = (printer.output(), &report) {
        let plan = &session.plan;
        let blocked =
            json!({ "app": plan.app, "environment": plan.environment.name, "verdict": "blocked", "alarms": alarms });
        printer.result(&blocked, |_| String::new())?;
    }
    let report = report?;
    printer.result(&report, |paint| outcome::report(&report, paint))?;
    let farewell = outcome::farewell(&common.selection(), &report.services, printer.remarks());
    farewell.into_iter().for_each(|text| printer.remark(&text));
    Ok(report.verdict.into())
}
