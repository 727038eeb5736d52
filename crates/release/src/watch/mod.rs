//! Watching one service deployment to its end, and explaining it.
//!
//! `look` fetches, `health`, `count`, `waiting`, `verdict`, `timeline`, `cause` and `diagnosis` judge (pure), and this file goes round:
//! look, tell, steer, sleep. It waits for *its* deployment: that the service as a whole is stable would be true after a rollback as well.

pub(crate) mod alarm_cause;
pub(crate) mod bulletin;
pub(crate) mod cause;
pub(crate) mod count;
pub(crate) mod diagnosis;
pub(crate) mod explained;
pub(crate) mod goal;
pub(crate) mod health;
pub(crate) mod locate;
pub(crate) mod log_tail;
pub(crate) mod look;
#[cfg(test)]
mod many;
pub(crate) mod mirrored;
pub(crate) mod names;
pub(crate) mod outcome;
mod teller;
pub(crate) mod timeline;
pub(crate) mod traffic;
pub(crate) mod verdict;
pub(crate) mod waiting;
pub(crate) mod words;

use std::pin::pin;
use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{ServiceDeploymentStatus, StopServiceDeploymentStopType};

use crate::aws::{CallError, Connection, DoingExt};
use crate::config::{RollbackOverride, ServiceName};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::report::{Event, Reporter};
use crate::steering::decide::Decision;
use crate::steering::pilot::{Hold, Pilot, Turn};
use crate::verify::Failure;

use bulletin::{Entry, Standing};
use goal::Until;
use look::{Look, look};
use teller::Teller;
use verdict::{End, ending};

/// How long an endpoint may be silent before watching is given up. A restarted engine is back within seconds.
const CONTACT_PATIENCE: Duration = Duration::from_secs(60);

/// How long a rollback may take that began because time was up; after that it is left to ECS.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A service deployment to watch.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub service: ServiceName,
    pub cluster: String,
    pub service_name: String,
    /// `ecs-svc/<digits>`; the tasks of the new version carry it.
    pub deployment_id: String,
    /// The service deployment's ARN.
    pub arn: String,
    pub task_definition: String,
}

/// A watched deployment that is over, or no longer watched.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub subject: Subject,
    pub end: End,
    /// The last look; none when there never was one.
    pub look: Option<Look>,
    /// The look at which time was up, before the rollback that followed.
    pub late_look: Option<Look>,
    /// How long it was watched.
    pub elapsed: Duration,
    /// The check that the new version has not passed.
    pub unverified: Option<Failure>,
    /// Whether ECS waits for the coordinator somewhere.
    pub is_steered: bool,
}

/// How to watch.
pub(crate) struct Watch<'a> {
    pub connection: &'a Connection,
    pub report: &'a Reporter,
    pub interrupt: Interrupt,
    /// When the whole command began.
    pub started: Instant,
    pub timeout: Duration,
    pub rollback: RollbackOverride,
    /// What the coordinator does meanwhile.
    pub pilot: Pilot<'a>,
    pub until: Until,
}

impl Watch<'_> {
    /// Watches a deployment until it is over, time is up or somebody interrupts.
    pub async fn follow(mut self, subject: Subject) -> Result<Watched, ReleaseError> {
        self.report.send(Event::Watching {
            service: subject.service.clone(),
            deployment: subject.deployment_id.clone(),
            task_definition: crate::ensure::task_definition::short(&subject.task_definition).to_owned(),
        });
        let mut teller = Teller::new(&subject);
        let mut clock = Clock::Running { until: self.started + self.timeout };
        let mut silent_since: Option<Instant> = None;
        let mut last: Option<Look> = None;
        let mut late_look: Option<Look> = None;
        let entry = self.connection.bulletin.enter(&subject.arn);
        let mut is_interrupted = self.first().await;
        let end = loop {
            if is_interrupted {
                break End::Interrupted;
            }
            let began = Instant::now();
            let mut is_held = false;
            match look(self.connection, &subject).await {
                Ok(seen) => {
                    if silent_since.take().is_some() {
                        self.report.send(Event::ContactRegained);
                    }
                    if let Some(seen) = seen {
                        let time_scale = self.connection.time_scale();
                        let decision =
                            self.pilot.decide(&seen, &subject.deployment_id, Hold::Heeded, self.connection.clock());
                        is_held = matches!(decision, Decision::Held(_));
                        teller.tell(&seen, decision.waits_for(), time_scale, self.report);
                        let ended = ending(&seen.deployment);
                        let is_reached = self.until.is_reached(&seen.deployment);
                        let seen = last.insert(seen);
                        if let Some(ended) = ended {
                            break match clock {
                                Clock::Running { .. } => End::Ended(ended),
                                Clock::RollingBack { .. } => End::TimedOut(Some(ended)),
                            };
                        }
                        if is_reached {
                            break End::Reached;
                        }
                        match self.turn(&decision, seen, &subject).await {
                            Ok(None) => {}
                            Ok(Some(end)) => break end,
                            Err(error) => self.bear(error, &mut silent_since)?,
                        }
                    }
                }
                Err(error) => self.bear(error, &mut silent_since)?,
            }
            match clock {
                Clock::Running { until } if Instant::now() >= until => match self.roll_back(&subject).await {
                    Ok(false) => break End::TimedOut(None),
                    Ok(true) => {
                        late_look.clone_from(&last);
                        clock = Clock::RollingBack { until: Instant::now() + ROLLBACK_LIMIT };
                    }
                    // It is asked for again at the next look.
                    Err(error) => self.bear(error, &mut silent_since)?,
                },
                Clock::RollingBack { until } if Instant::now() >= until => break End::TimedOut(None),
                Clock::Running { .. } | Clock::RollingBack { .. } => {}
            }
            is_interrupted = self.rest(&entry, last.as_ref(), clock.until()).await;
            if let (true, Clock::Running { until }) = (is_held, &mut clock) {
                // Whoever holds a deployment takes their time; the pause it waits in has a limit of its own.
                *until += began.elapsed();
            }
        };
        Ok(Watched {
            subject,
            end,
            look: last,
            late_look,
            elapsed: self.started.elapsed(),
            is_steered: self.pilot.is_needed(),
            unverified: self.pilot.failure,
        })
    }

    /// Waits for the first look, where others are watched as well; tells whether somebody interrupted.
    async fn first(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.connection.looks.turn() => false,
            () = self.interrupt.raised() => true,
        }
    }

    /// Waits until it is this deployment's turn to be looked at, something has happened to it, or time is up; tells whether somebody
    /// interrupted.
    async fn rest(&mut self, entry: &Entry, seen: Option<&Look>, until: Instant) -> bool {
        let connection = self.connection;
        let seen = seen.map(|seen| Standing::of(&seen.deployment));
        let mut turn = pin!(connection.next_look());
        loop {
            tokio::select! {
                biased;
                () = &mut turn => return self.interrupt.is_raised(),
                () = self.interrupt.raised() => return true,
                () = tokio::time::sleep(connection.poll_interval()) => {}
            }
            if Instant::now() >= until || entry.has_changed(connection, seen.as_ref()).await {
                connection.looks.out_of_turn();
                return false;
            }
        }
    }

    /// Does what was decided; returns why watching ends with it, if it does.
    async fn turn(&mut self, decision: &Decision, seen: &Look, subject: &Subject) -> Result<Option<End>, CallError> {
        let (connection, report) = (self.connection, self.report);
        let turn = match self.pilot.failure {
            Some(_) => Turn::Fails,
            None => self.pilot.act(decision, seen, subject, connection, report, &mut self.interrupt).await?,
        };
        let goes_forward = seen.deployment.status() == Some(&ServiceDeploymentStatus::InProgress);
        match (turn, self.until, self.rollback) {
            (Turn::Steady, _, _) => Ok(None),
            (Turn::Interrupted, _, _) => Ok(Some(End::Interrupted)),
            (Turn::Asks, Until::Paused, _) => Ok(Some(End::Reached)),
            (Turn::Asks, Until::Stable | Until::Deployed | Until::Stage(_), _) => Ok(Some(End::Paused)),
            (Turn::Fails, _, RollbackOverride::Never) => Ok(Some(End::Unverified)),
            // Until ECS has heard it.
            (Turn::Fails, _, RollbackOverride::AsConfigured) if goes_forward => {
                stop(connection, subject).await?;
                Ok(None)
            }
            (Turn::Fails, _, RollbackOverride::AsConfigured) => Ok(None),
        }
    }

    /// Bears with an endpoint that is silent for a moment.
    fn bear(&self, error: CallError, silent_since: &mut Option<Instant>) -> Result<(), ReleaseError> {
        if !error.is_transient() {
            return Err(error.into());
        }
        match silent_since {
            None => {
                *silent_since = Some(Instant::now());
                self.report.send(Event::ContactLost { problem: error.to_string(), patience: CONTACT_PATIENCE });
                Ok(())
            }
            Some(since) if since.elapsed() < CONTACT_PATIENCE => Ok(()),
            Some(_) => Err(error.into()),
        }
    }

    /// Asks ECS to roll back because time is up; false when it shall stay as it is.
    async fn roll_back(&self, subject: &Subject) -> Result<bool, CallError> {
        match self.rollback {
            RollbackOverride::Never => Ok(false),
            RollbackOverride::AsConfigured => {
                self.report.send(Event::TimedOut { service: subject.service.clone(), limit: self.timeout });
                stop(self.connection, subject).await?;
                Ok(true)
            }
        }
    }
}

/// What the clock is watching.
#[derive(Clone, Copy)]
enum Clock {
    Running { until: Instant },
    RollingBack { until: Instant },
}

impl Clock {
    fn until(self) -> Instant {
        match self {
            Clock::Running { until } | Clock::RollingBack { until } => until,
        }
    }
}

/// Stops a service deployment with a rollback. One that is over already is left alone.
pub(crate) async fn stop(connection: &Connection, subject: &Subject) -> Result<(), CallError> {
    let stopped = connection
        .ecs
        .stop_service_deployment()
        .service_deployment_arn(&subject.arn)
        .stop_type(StopServiceDeploymentStopType::Rollback)
        .send()
        .await;
    match stopped.doing(|| format!("stopping the deployment of service {}", subject.service)) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some("ConflictException") => Ok(()),
        Err(error) => Err(error),
    }
}
