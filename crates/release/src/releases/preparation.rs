//! What is done for a release before it begins: its tests and its builds. They touch nothing and may take long, so nobody is kept out
//! meanwhile; what came of them are the first steps of the release's record, also where it then does not begin.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::attempt::WHY_MAX;
use super::carry_out::fingerprint;
use super::recorder::Recorder;
use super::{Asked, Head, ReleaseId, State, StepRecord, forget_old};
use crate::aws::Connection;
use crate::deploy::DeployOptions;
use crate::error::ReleaseError;
use crate::lock::{self, Owner};
use crate::parameters::Realm;
use crate::plan::Plan;
use crate::report::{Event, Reporter, StepEvent};

/// How many of the last lines that a step wrote are kept.
const LINES_KEPT: usize = 10;
/// The outcome of a step that failed.
const FAILED: &str = "failed";

/// The steps that go before a release.
#[derive(Clone, Debug)]
pub struct Preparation {
    connection: Connection,
    steps: Arc<Mutex<Vec<Remembered>>>,
}

#[derive(Debug)]
struct Remembered {
    step: StepRecord,
    last_lines: VecDeque<String>,
}

impl Preparation {
    pub fn new(connection: &Connection) -> Self {
        Preparation { connection: connection.clone(), steps: Arc::default() }
    }

    /// A reporter that tells `further` everything and remembers the steps.
    pub fn reporter(&self, further: &Reporter) -> Reporter {
        let (own, further) = (self.clone(), further.clone());
        Reporter::new(move |event| {
            own.remember(&event);
            further.send(event);
        })
    }

    fn remember(&self, event: &Event) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let now = || self.connection.clock().now;
        match event {
            Event::Step(StepEvent::Began { name, inputs }) => {
                let (name, inputs) = (name.clone(), inputs.clone());
                let step =
                    StepRecord { name, began_at: now(), ended_at: None, outcome: None, inputs, details: Vec::new() };
                steps.push(Remembered { step, last_lines: VecDeque::new() });
            }
            Event::Step(StepEvent::Ended { name, outcome, details }) => {
                let open = steps.iter_mut().rev().find(|one| one.step.name == *name && one.step.ended_at.is_none());
                if let Some(Remembered { step, last_lines }) = open {
                    step.ended_at = Some(now());
                    step.outcome = Some(outcome.clone());
                    step.details.clone_from(details);
                    // An error has its last lines with it.
                    if outcome != FAILED {
                        step.details.extend(last_lines.drain(..));
                    }
                }
            }
            Event::Output { source, line } => {
                let open = steps.iter_mut().rev().find(|one| one.step.name == *source && one.step.ended_at.is_none());
                if let Some(Remembered { last_lines, .. }) = open {
                    last_lines.push_back(line.clone());
                    if last_lines.len() > LINES_KEPT {
                        last_lines.pop_front();
                    }
                }
            }
            _ => {}
        }
    }

    /// What has been done so far.
    pub fn steps(&self) -> Vec<StepRecord> {
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.iter().map(|one| one.step.clone()).collect()
    }

    /// The step that failed, if one did.
    fn failure(&self) -> Option<StepRecord> {
        self.steps().into_iter().find(|step| step.outcome.as_deref() == Some(FAILED))
    }
}

/// Writes down that a release did not begin because a test or a build of it failed; nothing where something else was in the way. Without the
/// lock: nobody else writes what is written here.
pub async fn note_failure(
    connection: &Connection,
    plan: &Plan,
    preparation: &Preparation,
    (asked, deploy): (&Asked, &DeployOptions),
    commit: Option<&str>,
) -> Result<Option<ReleaseId>, ReleaseError> {
    let Some(failed) = preparation.failure() else { return Ok(None) };
    let (realm, now) = (Realm::of(plan), lock::now(connection).await?);
    let id = ReleaseId::at(now);
    let why = failed.details.first().and_then(|detail| detail.lines().next()).unwrap_or(&failed.name);
    let why = why.chars().take(WHY_MAX).collect();
    let steps = preparation.steps();
    let head = Head {
        who: Owner::of_process(),
        began_at: steps.first().map_or(now, |step| step.began_at),
        commit: commit.map(ToOwned::to_owned),
        services: plan.services.iter().map(|service| service.name.clone()).collect(),
        asked: asked.clone(),
        config: Default::default(),
        config_before: Default::default(),
        plan: fingerprint(plan, deploy.force, deploy.definition),
        approved_by: None,
        state: State::NotBegun { why, at: ended_at(&failed, now) },
        resumed: 0,
    };
    let mut recorder = Recorder::new(connection, &realm, &id, 0);
    recorder.steps(&steps).await?;
    recorder.head(&head).await?;
    recorder.finish().await;
    forget_old(connection, &realm).await?;
    Ok(Some(id))
}

fn ended_at(step: &StepRecord, now: OffsetDateTime) -> OffsetDateTime {
    step.ended_at.unwrap_or(now)
}
