//! `deploy`: makes what is missing, changes what differs, then waits for the deployments that this started.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value as Json;

use crate::aws::Connection;
use crate::config::{AppName, EnvironmentName, RollbackOverride, ServiceName};
use crate::ensure::{DefinitionChoice, Effect, Ensuring, Force, Mode};
use crate::error::ReleaseError;
use crate::firing::FiringAlarms;
use crate::inputs;
use crate::interrupt::Interrupt;
use crate::plan::{Plan, ServicePlan};
use crate::report::{Event, Reporter, StepEvent, as_milliseconds};
use crate::steady;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;
use crate::urls::{ServiceUrl, urls};
use crate::watch::Watch;
use crate::watch::goal::Until;
use crate::watch::locate::locate;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::verdict::{Purpose, Verdict};

/// How to deploy.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    pub force: Force,
    pub definition: DefinitionChoice,
    pub waiting: Waiting,
    /// Time after which a deployment is rolled back; its bake times come on top.
    pub timeout: Duration,
    pub rollback: RollbackOverride,
    /// How far it is waited for; none for what the configuration says.
    pub until: Option<Until>,
    pub firing_alarms: FiringAlarms,
    /// Services that `force` has started anew already, in an earlier attempt.
    pub started: BTreeSet<ServiceName>,
}

/// Whether a command waits for what it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    ToTheEnd,
    Not,
}

/// What a deployment came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployReport {
    pub app: AppName,
    pub environment: EnvironmentName,
    /// The verdict on all services together: the worst of theirs.
    pub verdict: Verdict,
    /// In the order of their names.
    pub services: Vec<ServiceOutcome>,
    pub urls: Vec<ServiceUrl>,
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
}

/// Carries out a plan.
///
/// Interrupting ends the watching only. Between steps it ends the command before ECS is asked for anything more.
pub async fn deploy(
    connection: &Connection,
    plan: &Plan,
    options: &DeployOptions,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<DeployReport, ReleaseError> {
    let started = Instant::now();
    for remark in &plan.remarks {
        report.send(Event::Note(remark.clone()));
    }
    let ensuring = ensuring(connection, plan, options, report, &interrupt);
    ensuring.refuse_firing_alarms().await?;
    report.send(step_began_with(TARGET, &inputs::of_services(&plan.services)));
    let ensured = ensuring.everything().await;
    report.send(step_ended(TARGET, &ensured, |_| ("done".to_owned(), Vec::new())));
    let ensured = ensured?;
    let waits = ensured.services.iter().map(|(name, task_definition, effect)| {
        let service = plan.service(name).expect("every ensured service comes from the plan");
        let after = After { connection, options, report, interrupt: interrupt.clone(), started };
        async move {
            let step = service_step(name);
            report.send(step_began_with(&step, &inputs::of_services([service])));
            let outcome = after.effect(service, task_definition, effect).await;
            report.send(step_ended(&step, &outcome, outcome_in_words));
            outcome
        }
    });
    // What one of them cannot do must not leave the others unattended.
    let services = join_all(waits).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(DeployReport {
        app: plan.app.clone(),
        environment: plan.environment.name.clone(),
        verdict: Verdict::worst(services.iter().map(|outcome| outcome.verdict)),
        services,
        urls: ensured.dns_name.map(|host| urls(plan, &host)).unwrap_or_default(),
        duration: started.elapsed(),
    })
}

fn ensuring<'a>(
    connection: &'a Connection,
    plan: &'a Plan,
    options: &'a DeployOptions,
    report: &'a Reporter,
    interrupt: &'a Interrupt,
) -> Ensuring<'a> {
    Ensuring {
        mode: Mode::CarryOut,
        connection,
        plan,
        report,
        interrupt,
        force: options.force,
        started: &options.started,
        firing_alarms: options.firing_alarms,
        definition: options.definition,
    }
}

/// Refuses a plan of which a deployment would begin with an alarm firing.
pub(crate) async fn refuse_firing_alarms(
    connection: &Connection,
    plan: &Plan,
    options: &DeployOptions,
    report: &Reporter,
    interrupt: &Interrupt,
) -> Result<(), ReleaseError> {
    ensuring(connection, plan, options, report, interrupt).refuse_firing_alarms().await
}

/// The step that makes what is missing around the services, and tells ECS what is to run.
const TARGET: &str = "target";

/// The step that waits for the verdict on a service.
pub(crate) fn service_step(name: &ServiceName) -> String {
    format!("service {name}")
}

pub(crate) fn step_began(name: &str) -> Event {
    Event::Step(StepEvent::Began { name: name.to_owned(), inputs: None })
}

/// The beginning of a step that is made of these inputs.
pub(crate) fn step_began_with(name: &str, inputs: &str) -> Event {
    Event::Step(StepEvent::Began { name: name.to_owned(), inputs: Some(inputs.to_owned()) })
}

pub(crate) fn step_ended<T>(
    name: &str,
    result: &Result<T, ReleaseError>,
    told: impl FnOnce(&T) -> (String, Vec<String>),
) -> Event {
    let (outcome, details) = match result {
        Ok(value) => told(value),
        Err(error) => ("failed".to_owned(), vec![error.to_string()]),
    };
    Event::Step(StepEvent::Ended { name: name.to_owned(), outcome, details })
}

/// What the record of a release says of a service.
pub(crate) fn outcome_in_words(outcome: &ServiceOutcome) -> (String, Vec<String>) {
    let verdict = serde_json::to_value(outcome.verdict).ok();
    let verdict = verdict.as_ref().and_then(Json::as_str).unwrap_or_default().to_owned();
    let deployment = outcome.deployment.iter().map(|id| format!("deployment {id} of {}", outcome.task_definition));
    let reason = outcome.reason.iter().cloned();
    let causes = outcome.causes.iter().map(|cause| cause.what.clone());
    (verdict, deployment.chain(reason).chain(causes).collect())
}

/// The time a deployment of the service really waits on purpose: for checks, between the steps of a shift, and before the old version
/// leaves.
pub(crate) fn waiting_time(connection: &Connection, plan: &ServicePlan) -> Duration {
    connection.really(watching_time(plan)) + plan.steering.checking_time()
}

/// How long a new version is watched with production traffic, as configured.
pub(crate) fn watching_time(plan: &ServicePlan) -> Duration {
    bake_times(&plan.service) + plan.steering.passing_time()
}

/// The bake times that ECS is told.
fn bake_times(service: &Json) -> Duration {
    let configuration = &service["deploymentConfiguration"];
    let minutes = |value: &Json| value.as_u64().unwrap_or(0);
    let steps = match configuration["strategy"].as_str() {
        Some("CANARY") => minutes(&configuration["canaryConfiguration"]["canaryBakeTimeInMinutes"]),
        Some("LINEAR") => {
            let linear = &configuration["linearConfiguration"];
            let step = linear["stepPercent"].as_f64().unwrap_or(10.0).max(1.0);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 1 and 100
            let waits = (100.0 / step).ceil() as u64 - 1;
            waits * minutes(&linear["stepBakeTimeInMinutes"])
        }
        _ => 0,
    };
    Duration::from_secs(60 * (steps + minutes(&configuration["bakeTimeInMinutes"])))
}

/// What happens once a service has been changed.
struct After<'a> {
    connection: &'a Connection,
    options: &'a DeployOptions,
    report: &'a Reporter,
    interrupt: Interrupt,
    started: Instant,
}

impl After<'_> {
    async fn effect(
        mut self,
        service: &ServicePlan,
        task_definition: &str,
        effect: &Effect,
    ) -> Result<ServiceOutcome, ReleaseError> {
        let name = &service.name;
        let changed = match (effect, self.options.waiting) {
            (Effect::Deploying(changed), _) => changed,
            (Effect::None, Waiting::Not) => return Ok(self.unwatched(name, Verdict::NothingToDo, task_definition)),
            (Effect::Adjusted, Waiting::Not) => return Ok(self.unwatched(name, Verdict::Started, task_definition)),
            // A service that is as configured may still be starting, after the machine below it did.
            (Effect::None, Waiting::ToTheEnd) => return self.steady(service, Verdict::NothingToDo).await,
            (Effect::Adjusted, Waiting::ToTheEnd) => return self.steady(service, Verdict::Deployed).await,
        };
        let subject = locate(self.connection, name, &service.cluster, changed, &mut self.interrupt).await?;
        match self.options.waiting {
            Waiting::Not => {
                let is_steered = service.steering.has_pauses();
                Ok(ServiceOutcome { is_steered, ..ServiceOutcome::started(&subject, self.started.elapsed()) })
            }
            Waiting::ToTheEnd => {
                let watch = Watch {
                    connection: self.connection,
                    report: self.report,
                    interrupt: self.interrupt,
                    started: self.started,
                    timeout: self.options.timeout + waiting_time(self.connection, service),
                    rollback: self.options.rollback,
                    pilot: Pilot::new(&service.steering, Drive::AsPlanned),
                    until: self.options.until.unwrap_or(service.steering.handover.until()),
                };
                Ok(explain(self.connection, watch.follow(subject).await?, Purpose::Deploy).await)
            }
        }
    }

    fn unwatched(&self, name: &ServiceName, verdict: Verdict, task_definition: &str) -> ServiceOutcome {
        ServiceOutcome::without_deployment(name, verdict, task_definition, self.started.elapsed())
    }

    async fn steady(self, service: &ServicePlan, at_once: Verdict) -> Result<ServiceOutcome, ReleaseError> {
        let waiting = steady::Waiting {
            connection: self.connection,
            report: self.report,
            interrupt: self.interrupt,
            started: self.started,
            timeout: self.options.timeout,
        };
        waiting.until_steady(service, at_once).await
    }
}
