//! Carries out what `decide` decides, in one deployment of one service.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, DeploymentLifecycleHookTargetType, ServiceDeployment};

use super::decide::{Decision, Drive, Situation, decide};
use super::marks::Mark;
use super::{Steering, Tenths};
use crate::aws::{CallError, Clock, Connection, DoingExt};
use crate::deploy::step_began_with;
use crate::ensure::load_balancer;
use crate::ensure::task_definition::short;
use crate::inputs;
use crate::interrupt::Interrupt;
use crate::report::{Event, Pause, Reporter, StepEvent};
use crate::verify::{Failure, Place, Verified, verify};
use crate::watch::Subject;
use crate::watch::look::{self, Look};
use crate::watch::traffic::{pauses, traffic};

/// What ECS says of a pause that somebody else has answered, or that is over with its deployment.
const ANSWERED_ALREADY: [&str; 2] = ["either completed, unavailable", "not allowed for service deployment in terminal"];

/// Steers one deployment.
#[derive(Debug)]
pub(crate) struct Pilot<'a> {
    steering: &'a Steering,
    drive: Drive,
    /// The pauses that have been answered: each may be shown as open for a moment.
    answered: BTreeSet<String>,
    /// Whether the new version has passed its checks: the mark of that may be shown a moment later.
    is_verified: bool,
    /// The check that the new version has not passed.
    pub failure: Option<Failure>,
}

/// Whether somebody's hold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Heeded,
    /// Whoever asks is about to take it off.
    Lifted,
}

/// What came of one turn at the helm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The deployment goes on, or waits for something that comes by itself.
    Steady,
    /// Somebody has to decide.
    Asks,
    /// The new version has not passed its checks.
    Fails,
    Interrupted,
}

impl<'a> Pilot<'a> {
    pub fn new(steering: &'a Steering, drive: Drive) -> Self {
        Self { steering, drive, answered: BTreeSet::new(), is_verified: false, failure: None }
    }

    /// Knows that a pause has been answered.
    pub fn has_answered(&mut self, hook: &str) {
        self.answered.insert(hook.to_owned());
    }

    /// Whether ECS waits for the coordinator somewhere.
    pub fn is_needed(&self) -> bool {
        self.steering.has_pauses()
    }

    /// Decides what is to be done about what is seen.
    pub fn decide(&self, look: &Look, deployment_id: &str, hold: Hold, clock: Clock) -> Decision {
        let Some(traffic) = traffic(&look.deployment) else { return Decision::Nothing };
        if self.failure.is_some() {
            return Decision::Nothing;
        }
        let pauses = pauses(&look.deployment);
        decide(
            self.steering,
            self.drive,
            &Situation {
                stage: &traffic.stage,
                share: Tenths::of_percent(traffic.production),
                pauses: &pauses,
                answered: &self.answered,
                is_verified: self.is_verified || Mark::Verified.is_on(&look.service, deployment_id),
                is_held: hold == Hold::Heeded && Mark::Held.is_on(&look.service, deployment_id),
                now: clock.now,
                pause_limit: pause_limit(&look.deployment).unwrap_or_else(|| self.steering.pause_limit()),
                time_scale: clock.time_scale,
            },
        )
    }

    /// Does it.
    pub async fn act(
        &mut self,
        decision: &Decision,
        look: &Look,
        subject: &Subject,
        connection: &Connection,
        report: &Reporter,
        interrupt: &mut Interrupt,
    ) -> Result<Turn, CallError> {
        match decision {
            Decision::Nothing | Decision::Wait(_) | Decision::Held(_) => Ok(Turn::Steady),
            Decision::Ask(_) => Ok(Turn::Asks),
            Decision::Continue { .. } if is_held(connection, subject).await? => Ok(Turn::Steady),
            Decision::Continue { pause, next } => {
                answer(connection, subject, pause, DeploymentLifecycleHookAction::Continue).await?;
                self.has_answered(&pause.hook);
                if let Some(next) = next {
                    report.send(Event::Note(format!("service {} goes on to {next} % of traffic", subject.service)));
                }
                Ok(Turn::Steady)
            }
            Decision::Verify(pause) => self.verify(pause, look, subject, connection, report, interrupt).await,
        }
    }

    async fn verify(
        &mut self,
        pause: &Pause,
        look: &Look,
        subject: &Subject,
        connection: &Connection,
        report: &Reporter,
        interrupt: &mut Interrupt,
    ) -> Result<Turn, CallError> {
        let place = self.place(connection, subject).await?;
        let step = format!("verify {}", subject.service);
        report.send(step_began_with(&step, &inputs::of(&self.steering.checks)));
        let told = Mutex::new(Vec::new());
        let passed = |check: &crate::verify::Check, took: Duration| {
            let text = format!("{} passed in {:.1} s", check.name(), took.as_secs_f64());
            report.send(Event::Note(format!("service {}: {text}", subject.service)));
            told.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        };
        let verified = verify(&self.steering.checks, &place, interrupt, passed).await;
        let mut details = told.into_inner().unwrap_or_else(PoisonError::into_inner);
        let outcome = match &verified {
            Verified::Passed => "passed",
            Verified::Interrupted => "interrupted",
            Verified::Failed(failure) => {
                details.push(format!("{} {}", failure.check, failure.why));
                "failed"
            }
        };
        report.send(Event::Step(StepEvent::Ended { name: step, outcome: outcome.to_owned(), details }));
        match verified {
            Verified::Interrupted => Ok(Turn::Interrupted),
            Verified::Passed => {
                // First the mark: whoever goes on after a crash in between leaves the pause to a person, which is the safe side.
                let service = look.service.service_arn().unwrap_or_default();
                Mark::Verified.put(connection, service, &subject.deployment_id).await?;
                self.is_verified = true;
                // With steps the pause is that of the first one, which has its own say.
                if self.steering.steps.is_empty() && !is_held(connection, subject).await? {
                    answer(connection, subject, pause, DeploymentLifecycleHookAction::Continue).await?;
                    self.has_answered(&pause.hook);
                }
                Ok(Turn::Steady)
            }
            Verified::Failed(failure) => {
                let text = format!("service {}: {} {}", subject.service, failure.check, failure.why);
                report.send(Event::Note(text));
                self.failure = Some(failure);
                Ok(Turn::Fails)
            }
        }
    }

    /// Where the new version answers before it has production traffic.
    async fn place(&self, connection: &Connection, subject: &Subject) -> Result<Place, CallError> {
        let place = Place {
            service: subject.service.to_string(),
            task_definition: short(&subject.task_definition).to_owned(),
            ..Place::default()
        };
        let Some(address) = &self.steering.test_address else { return Ok(place) };
        let balancer = load_balancer::find(connection, &address.load_balancer).await?;
        let host = balancer.and_then(|balancer| balancer.dns_name);
        Ok(Place { url: host.map(|host| address.url(&host)), header: address.header.clone(), ..place })
    }
}

/// Whether somebody holds the deployment at this very moment: much may have happened since it was looked at.
async fn is_held(connection: &Connection, subject: &Subject) -> Result<bool, CallError> {
    let service = look::service(connection, &subject.cluster, &subject.service_name).await?;
    Ok(service.is_some_and(|service| Mark::Held.is_on(&service, &subject.deployment_id)))
}

/// Answers a pause. One that somebody else has answered, or that ended with its deployment, is no error: the next look tells.
pub(crate) async fn answer(
    connection: &Connection,
    subject: &Subject,
    pause: &Pause,
    action: DeploymentLifecycleHookAction,
) -> Result<(), CallError> {
    let answered = connection
        .ecs
        .continue_service_deployment()
        .service_deployment_arn(&subject.arn)
        .hook_id(&pause.hook)
        .action(action)
        .send()
        .await
        .doing(|| format!("answering the pause of service {}", subject.service));
    match answered {
        Ok(_) => Ok(()),
        Err(error) if ANSWERED_ALREADY.iter().any(|words| error.to_string().contains(words)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How long the pauses of a deployment last, as it was configured when it began.
fn pause_limit(deployment: &ServiceDeployment) -> Option<Duration> {
    let hooks = deployment.deployment_configuration()?.lifecycle_hooks().iter();
    let pauses = hooks.filter(|hook| hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause));
    let own = pauses
        .filter(|hook| hook.lifecycle_stages().iter().any(|stage| stage.as_str() == "PRE_PRODUCTION_TRAFFIC_SHIFT"));
    let minutes = own.filter_map(|hook| hook.timeout_configuration()?.timeout_in_minutes()).next_back()?;
    Some(Duration::from_secs(60 * u64::from(minutes.unsigned_abs())))
}
