//! A release from its lock to its verdict: nothing begins while the environment is frozen or somebody else's, and everything is written
//! down where the next one looks.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::approval::{Consent, Request, approved};
use super::in_order::deploy_in_order;
use super::recorder::{Recorder, now as answered_at};
use super::{Asked, Head, PATH, Release, ReleaseId, State, forget, forget_old, release};
use crate::audit::{self, Deed};
use crate::aws::Connection;
use crate::configuration::{Published, publish};
use crate::deploy::{DeployOptions, DeployReport, step_began, step_ended};
use crate::error::ReleaseError;
use crate::freeze;
use crate::history::{HISTORY_MAX, HistoryEntry, history};
use crate::interrupt::Interrupt;
use crate::lock::{self, Force, HeldLock, Owner};
use crate::parameters::{Parameters, Realm};
use crate::plan::Plan;
use crate::report::{Event, Reporter};
use crate::secrets;
use crate::watch::verdict::Verdict;

/// How to release.
#[derive(Clone, Debug)]
pub struct ReleaseOptions {
    pub deploy: DeployOptions,
    pub permission: Permission,
    /// The commit that the configuration is from.
    pub commit: Option<String>,
    /// What is written down of the flags.
    pub asked: Asked,
    pub resumption: Resumption,
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

/// Carries out a plan as a release.
pub async fn carry_out(
    connection: &Connection,
    plan: &Plan,
    options: &ReleaseOptions,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<(ReleaseId, DeployReport), ReleaseError> {
    let realm = Realm::of(plan);
    let now = lock::now(connection).await?;
    let earlier = match &options.resumption {
        Resumption::New => None,
        Resumption::Resume(id) => Some(to_resume(connection, &realm, id.as_ref(), plan).await?),
    };
    let id = earlier.as_ref().map_or_else(|| ReleaseId::at(now), |release| release.id.clone());
    refuse_frozen(connection, &realm, plan, options, &id, now).await?;
    let approval = match options.permission.consent {
        Consent::Given => None,
        Consent::Asked(wait) => {
            let request = Request {
                who: Owner::of_process(),
                at: now,
                commit: options.commit.clone(),
                services: plan.services.iter().map(|service| service.name.clone()).collect(),
                plan: fingerprint(plan),
            };
            Some(approved(connection, &realm, request, wait, report, interrupt.clone()).await?)
        }
    };
    let held = HeldLock::take(connection, &realm, &id, now, options.permission.lock).await?;
    if let Some(there) = &held.taken_from {
        let whose = there.in_words();
        report.send(Event::Note(format!("the environment was still locked by {whose}; that lock is taken over")));
        close_abandoned(connection, &realm, there.release.as_ref().filter(|other| **other != id), now).await?;
    }
    if let Some(approval) = &approval {
        approval.used(connection, &realm).await?;
    }
    let approved_by = approval.map(|approval| approval.who);
    let beginning = Beginning { realm: &realm, id: &id, earlier, approved_by };
    let released = recorded(connection, plan, options, report, interrupt, beginning).await;
    // A verdict is worth more than a lock that could not be taken away: that one runs out by itself.
    if let Err(error) = held.release().await {
        tracing::warn!(%error, "the lock could not be taken away");
    }
    released.map(|report| (id, report))
}

/// Where a release begins.
struct Beginning<'a> {
    realm: &'a Realm,
    id: &'a ReleaseId,
    /// What there is of it already.
    earlier: Option<Release>,
    approved_by: Option<Owner>,
}

/// Carries a plan out and writes down what becomes of it.
async fn recorded(
    connection: &Connection,
    plan: &Plan,
    options: &ReleaseOptions,
    report: &Reporter,
    interrupt: Interrupt,
    beginning: Beginning<'_>,
) -> Result<DeployReport, ReleaseError> {
    let Beginning { realm, id, earlier, approved_by } = beginning;
    let steps_before = earlier.as_ref().map_or(0, |release| release.steps.len());
    let recorder = Recorder::new(connection, realm, id, steps_before);
    let mut head = match earlier {
        Some(release) => Head { resumed: release.head.resumed + 1, state: State::Running, ..release.head },
        None => Head {
            who: Owner::of_process(),
            began_at: answered_at(connection),
            commit: options.commit.clone(),
            services: plan.services.iter().map(|service| service.name.clone()).collect(),
            asked: options.asked.clone(),
            config: BTreeMap::new(),
            plan: fingerprint(plan),
            approved_by,
            state: State::Running,
            resumed: 0,
        },
    };
    recorder.head(&head).await?;
    let outcome = steps(connection, plan, options, &recorder.reporter(report), interrupt, realm, &mut head).await;
    let at = answered_at(connection);
    let is_nothing = matches!(&outcome, Ok(report) if report.verdict == Verdict::NothingToDo);
    head.state = match &outcome {
        // What an earlier attempt began has come to its end meanwhile.
        Ok(_) if is_nothing => State::Ended { verdict: Verdict::Deployed, at },
        Ok(report) => State::Ended { verdict: report.verdict, at },
        Err(error) => State::Stopped { why: error.to_string(), at },
    };
    let parameters = Parameters { connection, realm };
    let written = if is_nothing && head.resumed == 0 {
        // What changes nothing is no release.
        recorder.finish().await;
        forget(&parameters, id).await
    } else {
        let written = recorder.head(&head).await;
        recorder.finish().await;
        written.and(forget_old(connection, realm).await)
    };
    if let Err(error) = written {
        tracing::warn!(%error, "the end of the release could not be written");
    }
    outcome
}

/// The steps of a release: its configuration is published, then its services are deployed. If they do not stay, neither does the
/// configuration.
async fn steps(
    connection: &Connection,
    plan: &Plan,
    options: &ReleaseOptions,
    report: &Reporter,
    interrupt: Interrupt,
    realm: &Realm,
    head: &mut Head,
) -> Result<DeployReport, ReleaseError> {
    secrets::refuse_missing(connection, plan).await?;
    let published = match plan.config.is_empty() {
        true => Published::default(),
        false => {
            report.send(step_began(CONFIG));
            let published = publish(connection, realm, &plan.config).await;
            report.send(step_ended(CONFIG, &published, |published| ("done".to_owned(), published.details())));
            published?
        }
    };
    head.config.clone_from(&published.versions);
    let outcome = deploy_in_order(connection, plan, &options.deploy, report, interrupt).await;
    let stays = match &outcome {
        Ok(report) => match report.verdict {
            Verdict::RolledBack | Verdict::RollbackFailed | Verdict::TimedOut => false,
            Verdict::NothingToDo | Verdict::Deployed | Verdict::Started | Verdict::Reached => true,
            // Nobody knows yet, or it was to be left as it is.
            Verdict::Interrupted | Verdict::Paused | Verdict::Failed => true,
        },
        Err(_) => true,
    };
    if !stays {
        let lines = published.take_back(connection, realm).await?;
        lines.into_iter().for_each(|line| report.send(Event::Note(line)));
        head.config.clear();
    }
    outcome
}

/// The step that publishes what the file says under `config`.
const CONFIG: &str = "config";

/// Finds the release to go on with: it must not have ended, must have been begun with the same plan, and ECS must not have given it up.
async fn to_resume(
    connection: &Connection,
    realm: &Realm,
    id: Option<&ReleaseId>,
    plan: &Plan,
) -> Result<Release, ReleaseError> {
    let found = release(connection, realm, id).await?;
    let id = &found.id;
    if !found.head.can_go_on() {
        let what = format!("release {id} has come to its end; there is nothing to go on with");
        return Err(ReleaseError::not_possible(what, format!("see it with `seatrial show {id}`")));
    }
    if found.head.plan != fingerprint(plan) {
        let commit = found.head.commit.as_ref().map(|commit| format!(" (commit {commit})")).unwrap_or_default();
        return Err(ReleaseError::not_possible(
            format!("release {id} was begun with another configuration, image or variables than these"),
            format!(
                "check out what it was begun with{commit} and give the same flags, or begin anew with `seatrial deploy`"
            ),
        ));
    }
    if let Some(entry) =
        history(connection, plan, HISTORY_MAX).await?.into_iter().find(|entry| is_undone(entry, &found))
    {
        let reason = entry.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        return Err(ReleaseError::not_possible(
            format!("the deployment of {} in release {id} is {} already{reason}", entry.service, entry.status),
            "find out why (`seatrial events`), then begin anew with `seatrial deploy`",
        ));
    }
    Ok(found)
}

/// Whether ECS has ended a deployment of this release otherwise than well.
fn is_undone(entry: &HistoryEntry, release: &Release) -> bool {
    let is_of_release = entry.created_at.is_some_and(|at| at >= release.head.began_at);
    is_of_release && (entry.status.starts_with("ROLLBACK") || entry.status == "STOPPED")
}

/// Writes down that a release whose lock was taken over will not go on.
async fn close_abandoned(
    connection: &Connection,
    realm: &Realm,
    id: Option<&ReleaseId>,
    at: OffsetDateTime,
) -> Result<(), ReleaseError> {
    let Some(id) = id else { return Ok(()) };
    let found = Parameters { connection, realm }.get(&format!("{PATH}/{id}")).await?;
    let Some(Ok(mut head)) = found.map(|found| found.json::<Head>()) else { return Ok(()) };
    if head.state != State::Running {
        return Ok(());
    }
    head.state = State::Stopped { why: "its process ended, and another release has begun".to_owned(), at };
    Recorder::new(connection, realm, id, 0).head(&head).await
}

async fn refuse_frozen(
    connection: &Connection,
    realm: &Realm,
    plan: &Plan,
    options: &ReleaseOptions,
    id: &ReleaseId,
    now: OffsetDateTime,
) -> Result<(), ReleaseError> {
    let Some(frozen) = freeze::holding(&plan.environment.freezes, now) else { return Ok(()) };
    match &options.permission.break_freeze {
        None => Err(ReleaseError::Frozen { what: frozen }),
        Some(reason) => {
            let deed = Deed::BrokeFreeze { release: id.clone(), freeze: frozen, reason: reason.clone() };
            audit::note(connection, realm, now, &deed).await
        }
    }
}

/// What tells two plans apart: everything in them, by a digest.
fn fingerprint(plan: &Plan) -> String {
    use sha2::{Digest, Sha256};
    // A plan is data in an order of its own; its printed form has all of it.
    let digest = Sha256::digest(format!("{plan:?}"));
    hex::encode(&digest[..16])
}
