//! Infrastructure made by itself, without a deployment: under the same lock as a release, kept to the same freezes, and written down like one.

use super::abandoned::close;
use super::attempt::WHY_MAX;
use super::infrastructure::INFRA;
use super::recorder::Recorder;
use super::{Asked, Head, Permission, ReleaseId, State, forget, forget_old};
use crate::audit::{self, Deed};
use crate::aws::Connection;
use crate::deploy::{step_began_with, step_ended};
use crate::error::ReleaseError;
use crate::freeze;
use crate::inputs;
use crate::interrupt::Interrupt;
use crate::lock::{self, HeldLock, Owner};
use crate::parameters::{Parameters, Realm};
use crate::plan::Environment;
use crate::provision::{Applied, InfraPlan, Sacrifice, Workshop};
use crate::report::{Event, Reporter};
use crate::watch::verdict::Verdict;

/// Stands where a release has the digest of its plan: there is no plan to go on with.
pub(super) const NO_PLAN: &str = "infra apply";

/// How to make infrastructure by itself.
#[derive(Clone, Debug)]
pub struct InfraOptions {
    pub permission: Permission,
    pub sacrifice: Sacrifice,
    /// The commit that the configuration is from.
    pub commit: Option<String>,
}

/// Makes the infrastructure of an environment.
pub async fn apply_infra(
    connection: &Connection,
    realm: &Realm,
    environment: &Environment,
    infra: &InfraPlan,
    options: &InfraOptions,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<Applied, ReleaseError> {
    let now = lock::now(connection).await?;
    let frozen = freeze::holding(&environment.freezes, now);
    if let (Some(what), None) = (&frozen, &options.permission.break_freeze) {
        return Err(ReleaseError::Frozen { what: what.clone() });
    }
    let id = ReleaseId::at(now);
    let held = HeldLock::take(connection, realm, &id, now, options.permission.lock).await?;
    let applied = async {
        if let (Some(freeze), Some(reason)) = (frozen, options.permission.break_freeze.clone()) {
            let deed = Deed::BrokeFreeze { release: id.clone(), freeze, reason };
            audit::note(connection, realm, held.since(), &deed).await?;
        }
        if let Some(there) = &held.taken_from {
            let whose = there.in_words();
            report.send(Event::Note(format!("the environment was still locked by {whose}; that lock is taken over")));
            if let Some(abandoned) = there.release.as_ref().filter(|other| **other != id) {
                close(connection, realm, abandoned, held.since()).await?;
            }
        }
        let recorder = Recorder::new(connection, realm, &id, 0);
        let mut head = Head {
            who: Owner::of_process(),
            began_at: now,
            commit: options.commit.clone(),
            services: Vec::new(),
            asked: Asked::default(),
            config: Default::default(),
            config_before: Default::default(),
            plan: NO_PLAN.to_owned(),
            approved_by: None,
            state: State::Running,
            resumed: 0,
        };
        recorder.head(&head).await?;
        let applied = {
            let report = recorder.reporter(report);
            report.send(step_began_with(INFRA, &inputs::of_infra(infra)));
            let workshop = Workshop::new(connection, infra, &report, interrupt).under(&held);
            let applied = workshop.apply(&options.sacrifice).await;
            let told = |applied: &Applied| ("done".to_owned(), vec![applied.preview.in_words()]);
            report.send(step_ended(INFRA, &applied, told));
            applied
        };
        let at = connection.clock().now;
        head.state = match &applied {
            Ok(_) => State::Ended { verdict: Verdict::Deployed, at },
            Err(error) => State::Stopped { why: error.to_string().chars().take(WHY_MAX).collect(), at },
        };
        let changed_nothing = matches!(&applied, Ok(applied) if !applied.preview.changes_anything());
        let written = if changed_nothing { Ok(()) } else { recorder.head(&head).await };
        recorder.finish().await;
        let kept = match (written, changed_nothing) {
            (Err(error), _) => Err(error),
            // What changes nothing is no release.
            (Ok(()), true) => forget(&Parameters { connection, realm }, &id).await,
            (Ok(()), false) => forget_old(connection, realm).await,
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "the end of the change could not be written");
        }
        applied
    };
    let applied = applied.await;
    if let Err(error) = held.release().await {
        tracing::warn!(%error, "the lock could not be taken away");
    }
    applied
}
