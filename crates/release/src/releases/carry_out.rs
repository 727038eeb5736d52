//! Whether a release may begin: it goes on with what it was begun with, nothing is frozen, somebody has approved where that is asked for, and
//! the environment is nobody else's. What it then does is an [`Attempt`].

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::abandoned;
use super::approval::{Approval, Consent, Request, approved};
use super::attempt::Attempt;
use super::infra_alone::NO_PLAN;
use super::infrastructure::Resolve;
use super::{Asked, Head, Release, ReleaseId, State, StepRecord, release, releases};
use crate::audit::{self, Deed};
use crate::aws::Connection;
use crate::config_schema::ConfigSchema;
use crate::deploy::{DeployOptions, DeployReport};
use crate::ensure::{DefinitionChoice, Force as NewDeployment};
use crate::error::ReleaseError;
use crate::freeze;
use crate::history::{HISTORY_MAX, HistoryEntry, history};
use crate::images::Provided;
use crate::interrupt::Interrupt;
use crate::lock::{self, Force, HeldLock, Owner};
use crate::parameters::Realm;
use crate::plan::Plan;
use crate::provision::Sacrifice;
use crate::report::{Event, Reporter};

/// How to release.
#[derive(Clone, Debug)]
pub struct ReleaseOptions {
    pub deploy: DeployOptions,
    pub permission: Permission,
    /// What the infrastructure may lose.
    pub sacrifice: Sacrifice,
    /// The commit that the configuration is from.
    pub commit: Option<String>,
    /// What is written down of the flags.
    pub asked: Asked,
    pub resumption: Resumption,
    /// The images of services that were chosen for it, and those that are still to be pushed.
    pub provided: Provided,
    /// What was tested and built for it: the first steps of its record.
    pub prepared: Vec<StepRecord>,
}

/// What somebody has allowed beyond the ordinary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Whether a lock that is held may be taken over.
    pub lock: Force,
    /// Why a freeze does not count.
    pub break_freeze: Option<String>,
    pub consent: Consent,
}

/// Whether a release begins or goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumption {
    New,
    /// The one named, or the newest, which must not have ended.
    Resume(Option<ReleaseId>),
}

/// Carries out a plan as a release. Where it has infrastructure, that is made first, and `resolve` gives the plan with what it then tells.
pub async fn carry_out(
    connection: &Connection,
    plan: &Plan,
    resolve: Resolve<'_>,
    options: &ReleaseOptions,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<(ReleaseId, DeployReport), ReleaseError> {
    let realm = Realm::of(plan);
    let asked_at = lock::now(connection).await?;
    let frozen = freeze::holding(&plan.environment.freezes, asked_at);
    refuse_frozen(frozen.as_ref(), options)?;
    let earlier = match &options.resumption {
        Resumption::New => None,
        Resumption::Resume(id) => Some(to_resume(connection, &realm, id.as_ref(), plan, &options.deploy).await?),
    };
    let approval = match options.permission.consent {
        Consent::Given => None,
        Consent::Asked(wait) => {
            let request = Request {
                who: Owner::of_process(),
                at: asked_at,
                commit: options.commit.clone(),
                services: plan.services.iter().map(|service| service.name.clone()).collect(),
                plan: fingerprint(plan, options.deploy.force, options.deploy.definition),
            };
            Some(approved(connection, &realm, request, wait, report, interrupt.clone()).await?)
        }
    };
    // Somebody may have taken their time.
    let now = lock::now(connection).await?;
    let frozen = freeze::holding(&plan.environment.freezes, now);
    refuse_frozen(frozen.as_ref(), options)?;
    let id = earlier.as_ref().map_or_else(|| ReleaseId::at(now), |release| release.id.clone());
    let held = HeldLock::take(connection, &realm, &id, now, options.permission.lock).await?;
    let released = async {
        begun(connection, &realm, options, &id, &held, approval.as_ref(), frozen, report).await?;
        let earlier = match earlier {
            // Somebody may have ended it, or begun another, before the lock was taken.
            Some(earlier) => Some(to_resume(connection, &realm, Some(&earlier.id), plan, &options.deploy).await?),
            None => None,
        };
        let started = match &earlier {
            // What an earlier attempt has started anew is not started anew once more.
            Some(earlier) => since(connection, plan, earlier).await?.into_iter().map(|entry| entry.service).collect(),
            None => BTreeSet::new(),
        };
        if let Some(earlier) = &earlier {
            report.send(Event::Note(format!("going on with release {}", earlier.id)));
        }
        let attempt = Attempt {
            connection,
            plan,
            resolve,
            sacrifice: &options.sacrifice,
            deploy: DeployOptions { started, ..options.deploy.clone() },
            realm: &realm,
            id: &id,
            held: &held,
            provided: &options.provided,
            prepared: &options.prepared,
            commit: options.commit.as_deref(),
            interrupt,
        };
        let head = Head {
            who: Owner::of_process(),
            began_at: now,
            commit: options.commit.clone(),
            services: plan.services.iter().map(|service| service.name.clone()).collect(),
            asked: options.asked.clone(),
            config: Default::default(),
            config_before: Default::default(),
            plan: fingerprint(plan, options.deploy.force, options.deploy.definition),
            approved_by: approval.map(|approval| approval.who),
            state: State::Running,
            resumed: 0,
        };
        attempt.recorded(head, earlier, report).await
    };
    let released = released.await;
    // A verdict is worth more than a lock that could not be taken away: that one runs out by itself.
    if let Err(error) = held.release().await {
        tracing::warn!(%error, "the lock could not be taken away");
    }
    released.map(|report| (id, report))
}

/// Writes down how it came that this release may begin.
#[expect(clippy::too_many_arguments, reason = "one caller, which has just found them all out")]
async fn begun(
    connection: &Connection,
    realm: &Realm,
    options: &ReleaseOptions,
    id: &ReleaseId,
    held: &HeldLock,
    approval: Option<&Approval>,
    frozen: Option<String>,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    if let Some(there) = &held.taken_from {
        let whose = there.in_words();
        report.send(Event::Note(format!("the environment was still locked by {whose}; that lock is taken over")));
        if let Some(other) = there.release.as_ref().filter(|other| *other != id) {
            abandoned::close(connection, realm, other, held.since()).await?;
        }
    }
    if let (Some(freeze), Some(reason)) = (frozen, options.permission.break_freeze.clone()) {
        let deed = Deed::BrokeFreeze { release: id.clone(), freeze, reason };
        audit::note(connection, realm, held.since(), &deed).await?;
    }
    match approval {
        Some(approval) => approval.used(connection, realm).await,
        None => Ok(()),
    }
}

fn refuse_frozen(frozen: Option<&String>, options: &ReleaseOptions) -> Result<(), ReleaseError> {
    match frozen.filter(|_| options.permission.break_freeze.is_none()) {
        None => Ok(()),
        Some(what) => Err(ReleaseError::Frozen { what: what.clone() }),
    }
}

/// Finds the release to go on with: it must be the newest, must not have ended, must have been begun with the same plan, and ECS must not
/// have given it up.
async fn to_resume(
    connection: &Connection,
    realm: &Realm,
    id: Option<&ReleaseId>,
    plan: &Plan,
    options: &DeployOptions,
) -> Result<Release, ReleaseError> {
    let found = release(connection, realm, id).await?;
    let id = &found.id;
    let newest = releases(connection, realm).await?.into_iter().find(|one| one.head.has_begun());
    if let Some(newer) = newest.filter(|newest| newest.id != *id) {
        let what = format!("release {} has been begun since release {id}", newer.id);
        return Err(ReleaseError::not_possible(what, "begin anew with `seatrial deploy`"));
    }
    if !found.head.can_go_on() {
        let what = format!("release {id} has come to its end; there is nothing to go on with");
        return Err(ReleaseError::not_possible(what, format!("see it with `seatrial show {id}`")));
    }
    if found.head.plan == NO_PLAN {
        let what = format!("release {id} was about the infrastructure alone");
        return Err(ReleaseError::not_possible(what, "go on with `seatrial infra apply`, or with `seatrial deploy`"));
    }
    if found.head.plan != fingerprint(plan, options.force, options.definition) {
        let commit = found.head.commit.as_ref().map(|commit| format!(" (commit {commit})")).unwrap_or_default();
        return Err(ReleaseError::not_possible(
            format!("release {id} was begun with another configuration, image or variables than these"),
            format!(
                "check out what it was begun with{commit} and give the same flags, or begin anew with `seatrial deploy`"
            ),
        ));
    }
    let undone = |entry: &&HistoryEntry| entry.status.starts_with("ROLLBACK") || entry.status == "STOPPED";
    if let Some(entry) = since(connection, plan, &found).await?.iter().find(undone) {
        let reason = entry.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        return Err(ReleaseError::not_possible(
            format!("the deployment of {} in release {id} is {} already{reason}", entry.service, entry.status),
            "find out why (`seatrial events`), then begin anew with `seatrial deploy`",
        ));
    }
    Ok(found)
}

/// The deployments of a release's services since it began.
async fn since(connection: &Connection, plan: &Plan, release: &Release) -> Result<Vec<HistoryEntry>, ReleaseError> {
    if !plan.pending_outputs.is_empty() {
        // What has no infrastructure yet has never been deployed.
        return Ok(Vec::new());
    }
    let mut entries = history(connection, plan, HISTORY_MAX).await?;
    entries.retain(|entry| entry.created_at.is_some_and(|at| at >= release.head.began_at));
    Ok(entries)
}

/// What tells two releases apart: everything in their plans, which task definition they bring, and the code of their infrastructure, by a
/// digest. The values of an infrastructure's outputs are not part of it: the release itself changes them.
pub fn fingerprint(plan: &Plan, force: NewDeployment, definition: DefinitionChoice) -> String {
    let mut digest = Sha256::new();
    let infra = plan.infra.without_places();
    match &plan.source {
        // A plan is data in an order of its own; its printed form has all of it.
        None => {
            let mut plan = Plan { infra, ..plan.clone() };
            plan.config_schema = plan.config_schema.map(ConfigSchema::without_places);
            for service in &mut plan.services {
                service.steering = std::mem::take(&mut service.steering).without_places();
            }
            digest.update(format!("{plan:?} {force:?} {definition:?}"));
        }
        Some(source) => digest.update(format!("{source} {infra:?} {force:?} {definition:?}")),
    }
    plan.infra.each_source(&mut |content| digest.update(content));
    hex::encode(&digest.finalize()[..16])
}
