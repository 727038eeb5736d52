//! What most commands begin with: configuration, environment, connection, plan.

use std::io::IsTerminal;

use anyhow::Result;
use futures_util::future::join_all;
use seatrial_release::aws::Connection;
use seatrial_release::config::{ConfigError, ConfigFile, Overrides, ServiceName, Variables};
use seatrial_release::images::{Provided, stand_in_all};
use seatrial_release::plan::{Environment, Plan, ServicePlan};
use seatrial_release::provision::{InfraPlan, Outputs, Workshop};
use seatrial_release::report::Reporter;
use seatrial_release::{Interrupt, Realm, ReleaseError, ServiceOutcome, Verdict, interrupt};

use crate::arguments::Common;
use crate::exit_code::{AwaitsDecision, ExitCode, UsageError};
use crate::printer::Printer;
use crate::progress::Display;
use crate::show::outcome;
use crate::target::{self, Absent};

/// An environment, connected, with the plan for it.
pub struct Session {
    pub connection: Connection,
    pub plan: Plan,
    /// The file, with the outputs of the infrastructure where it uses them and they are known.
    pub file: ConfigFile,
    pub environment: Environment,
    overrides: Overrides,
}

/// What to do where the file uses an output that the infrastructure does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    Refuse,
    /// Go on without it: what is asked about is there already, or a release makes the infrastructure first.
    Allow,
    /// Go on also where nobody can say which outputs there are: what only looks, or has to be done at once, does not wait for that.
    AllowUnknown,
}

/// An environment, connected, for what is remembered of it; its services need not be known for that.
pub async fn remembered(common: &Common, printer: &Printer) -> Result<(Connection, Realm)> {
    let (file, environment) = configured(common)?;
    let connection = target::connect(&environment.target, common, Absent::Refuse, printer).await?;
    Ok((connection, Realm { app: file.app().clone(), environment: environment.name }))
}

impl Session {
    /// Opens the environment that the flags name, as it is.
    pub async fn open(common: &Common, overrides: &Overrides, printer: &Printer) -> Result<Self> {
        let (file, environment) = configured(common)?;
        Self::for_release(common, overrides, &file, &environment, (Absent::Refuse, Lacking::AllowUnknown), printer)
            .await
    }

    /// Opens an environment of a file that has been read. The configuration is checked before anything is started.
    pub async fn of_environment(
        common: &Common,
        overrides: &Overrides,
        file: &ConfigFile,
        environment: &Environment,
        absent: Absent,
        printer: &Printer,
    ) -> Result<Self> {
        Self::for_release(common, overrides, file, environment, (absent, Lacking::Refuse), printer).await
    }

    /// Opens an environment as [`Session::of_environment`] does, also one whose infrastructure is not there yet.
    pub async fn for_release(
        common: &Common,
        overrides: &Overrides,
        file: &ConfigFile,
        environment: &Environment,
        (absent, lacking): (Absent, Lacking),
        printer: &Printer,
    ) -> Result<Self> {
        let sketch = file.plan(environment, &target::defaults(&environment.target, None), overrides);
        let uses_outputs = match sketch {
            Ok(sketch) => !sketch.pending_outputs.is_empty(),
            Err(error) if error.is_unknown_output() => true,
            Err(error) => return Err(error.into()),
        };
        let connection = target::connect(&environment.target, common, absent, printer).await?;
        let session = |file: ConfigFile| {
            let environment = file.environment(Some(&environment.name))?;
            let plan = file.plan(&environment, &target::defaults(&environment.target, Some(&connection)), overrides)?;
            Ok::<_, ConfigError>((file, environment, plan))
        };
        let opened = if !uses_outputs {
            session(file.clone())
        } else {
            let (infra, report) = (file.infra(&environment.name)?, Reporter::silent());
            let workshop = Workshop::new(&connection, &infra, &report, Interrupt::never());
            let outputs = match workshop.outputs().await {
                Err(error) if lacking == Lacking::AllowUnknown => {
                    printer.remark(&format!("the outputs of the infrastructure are not known: {error}"));
                    Outputs::default()
                }
                other => other?,
            };
            match file.bound(&outputs).and_then(session) {
                Err(error) if lacking != Lacking::Refuse && infra != InfraPlan::None && error.is_missing_output() => {
                    file.bound_so_far(&outputs).and_then(session)
                }
                other => other,
            }
        };
        let (file, environment, plan) = opened?;
        Ok(Self { plan, file, environment, overrides: overrides.clone(), connection })
    }

    /// The plan with other outputs of the infrastructure.
    pub fn resolve(&self, outputs: &Outputs) -> Result<Plan, ConfigError> {
        self.planned(&self.file.bound(outputs)?)
    }

    /// Makes the plan name the images that have been provided.
    pub fn take_images(&mut self, provided: &Provided) -> Result<(), ConfigError> {
        self.overrides.built.clone_from(&provided.images);
        self.overrides.stand_ins.clone_from(&provided.stand_ins);
        self.plan = self.planned(&self.file)?;
        Ok(())
    }

    fn planned(&self, file: &ConfigFile) -> Result<Plan, ConfigError> {
        let environment = file.environment(Some(&self.environment.name))?;
        let defaults = target::defaults(&environment.target, Some(&self.connection));
        let mut plan = file.plan(&environment, &defaults, &self.overrides)?;
        stand_in_all(&mut plan, &self.overrides.stand_ins);
        Ok(plan)
    }
}

/// Reads the configuration file and finds the environment.
pub fn configured(common: &Common) -> Result<(ConfigFile, Environment)> {
    let file = ConfigFile::read(&common.config_file(), &Variables::of_process())?;
    let environment = file.environment(common.env.as_ref())?;
    Ok((file, environment))
}

/// Prints what became of services, and what is left to do for the person at the terminal.
pub fn conclude(outcomes: &[ServiceOutcome], common: &Common, printer: &Printer) -> Result<ExitCode> {
    printer.result(&outcomes, |paint| outcome::outcomes(outcomes, &[], paint))?;
    let farewell = outcome::farewell(&common.selection(), outcomes, printer.remarks());
    farewell.into_iter().for_each(|text| printer.remark(&text));
    Ok(Verdict::worst(outcomes.iter().map(|outcome| outcome.verdict)).into())
}

/// Does something to the services of a session, all at once, since each may have to be attended to, showing what happens; then concludes.
/// What one of them cannot do keeps the others from nothing.
pub async fn together(
    session: &Session,
    common: &Common,
    printer: &Printer,
    work: impl AsyncFn(&ServicePlan, &Reporter, Interrupt) -> Result<ServiceOutcome, ReleaseError>,
) -> Result<ExitCode> {
    let display = Display::new(printer, common);
    let (report, interrupt) = (display.reporter(), interrupted_by_ctrl_c());
    let works = session.plan.services.iter().map(|service| work(service, &report, interrupt.clone()));
    let results = join_all(works).await;
    display.end();
    let (outcomes, errors): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let outcomes: Vec<ServiceOutcome> = outcomes.into_iter().flatten().collect();
    match errors.into_iter().find_map(Result::err) {
        None => conclude(&outcomes, common, printer),
        Some(error) => {
            if !outcomes.is_empty() {
                conclude(&outcomes, common, printer)?;
            }
            Err(error.into())
        }
    }
}

/// Overrides that only name services.
pub fn only(services: &[ServiceName]) -> Overrides {
    Overrides { services: services.to_vec(), ..Overrides::default() }
}

/// An interrupt raised by the first Ctrl-C; the second ends the program on the spot.
pub fn interrupted_by_ctrl_c() -> Interrupt {
    let (interrupter, interrupt) = interrupt();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupter.interrupt();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(i32::from(ExitCode::Interrupted.number()));
        }
    });
    interrupt
}

/// What a question is answered with where nobody can be asked.
pub enum Unattended {
    /// The command pauses: somebody has to decide.
    Pause,
    /// The command line lacks a flag.
    Refuse,
}

/// Asks somebody at the terminal; `--yes` is the answer given beforehand.
pub fn confirm(printer: &Printer, question: &str, yes: bool, unattended: Unattended) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        printer.remark(&format!("{question} [y/N]"));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        return Ok(matches!(answer.trim(), "y" | "Y" | "yes"));
    }
    match unattended {
        Unattended::Pause => Err(AwaitsDecision { what: format!("{question} Nobody can be asked here") }.into()),
        Unattended::Refuse => {
            let what = format!("{question} Nobody can be asked here");
            Err(UsageError { what, instead: "add --yes if you are sure".into() }.into())
        }
    }
}
