//! The lock of an environment: one release at a time, and none while somebody says so.
//!
//! It is a parameter that is created only where there is none. A release renews it as long as it lives and takes it away at its end; where
//! the process is gone, or time is up, the next release takes it over. Taking over cannot be atomic (Parameter Store has no
//! compare-and-set): whoever writes last has it, and each looks again whether it is still theirs before they go on.

mod held;
mod owner;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

pub use owner::{Owner, ProcessMark};

pub(crate) use held::HeldLock;

use crate::audit::{self, Deed};
use crate::aws::Connection;
use crate::error::ReleaseError;
use crate::parameters::{Creation, Found, Parameters, Realm};
use crate::releases::ReleaseId;

/// The parameter.
pub(crate) const NAME: &str = "lock";

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub owner: Owner,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(with = "rfc3339")]
    pub since: OffsetDateTime,
    /// When it counts no longer; none for one that somebody has to take away.
    #[serde(default, with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub until: Option<OffsetDateTime>,
    /// The release that holds it; none for one that a person has put there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessMark>,
}

/// Why a lock may be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// Its time is up.
    Expired,
    /// The process that held it, on this machine, is gone.
    ProcessEnded,
}

impl Lock {
    /// Whether nobody can need it any more.
    pub fn stale(&self, now: OffsetDateTime) -> Option<Stale> {
        if self.until.is_some_and(|until| until <= now) {
            Some(Stale::Expired)
        } else if self.process.as_ref().is_some_and(ProcessMark::has_ended) {
            Some(Stale::ProcessEnded)
        } else {
            None
        }
    }

    /// Who holds it and why, as in "ada@harbour (release 20261127-…) since 20:15:00, for: …".
    pub fn in_words(&self) -> String {
        let release = self.release.as_ref().map(|id| format!(" (release {id})")).unwrap_or_default();
        let run = self.owner.run.as_ref().map(|run| format!(", {run}")).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let until = self.until.map(|until| format!(", until {}", in_words(until))).unwrap_or_default();
        format!("{}{release}{run} since {}{until}{reason}", self.owner.name, in_words(self.since))
    }
}

fn in_words(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second())
}

/// Who may take a lock away, or over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// Only whoever has put it there, or anybody when it is stale.
    No,
    /// Anybody; it is written down.
    Steal,
}

/// Returns the lock of an environment, if there is one.
pub async fn current(connection: &Connection, realm: &Realm) -> Result<Option<Lock>, ReleaseError> {
    let parameters = Parameters { connection, realm };
    parameters.get(NAME).await?.as_ref().map(Found::json).transpose()
}

/// Refuses where somebody holds the lock.
pub async fn refuse_locked(connection: &Connection, realm: &Realm) -> Result<(), ReleaseError> {
    let now = now(connection).await?;
    match current(connection, realm).await?.filter(|lock| lock.stale(now).is_none()) {
        None => Ok(()),
        Some(lock) => {
            let instead = "wait for them, or take the lock away with `seatrial unlock --steal`".to_owned();
            Err(ReleaseError::Locked { held: lock.in_words(), instead })
        }
    }
}

/// Locks an environment until somebody unlocks it, or for a time.
pub async fn lock(
    connection: &Connection,
    realm: &Realm,
    reason: &str,
    lasting: Option<Duration>,
    force: Force,
) -> Result<Lock, ReleaseError> {
    let now = now(connection).await?;
    let owner = Owner::of_process();
    let until = lasting.map(|lasting| now + lasting);
    let lock = Lock { owner, reason: Some(reason.to_owned()), since: now, until, release: None, process: None };
    take(connection, realm, &lock, force).await?;
    audit::note(connection, realm, now, &Deed::Locked { reason: reason.to_owned() }).await?;
    Ok(lock)
}

/// Takes the lock of an environment away; returns what was there.
pub async fn unlock(connection: &Connection, realm: &Realm, force: Force) -> Result<Option<Lock>, ReleaseError> {
    let Some(lock) = current(connection, realm).await? else { return Ok(None) };
    let now = now(connection).await?;
    let is_own = lock.release.is_none() && lock.owner.name == Owner::of_process().name;
    if force == Force::No && !is_own && lock.stale(now).is_none() {
        let held = lock.in_words();
        return Err(ReleaseError::Locked { held, instead: "ask them, or take it away with --steal".to_owned() });
    }
    Parameters { connection, realm }.delete(&[NAME.to_owned()]).await?;
    audit::note(connection, realm, now, &Deed::Unlocked { held: lock.in_words() }).await?;
    Ok(Some(lock))
}

/// The endpoint's time, by which all clients judge expiry alike.
pub(crate) async fn now(connection: &Connection) -> Result<OffsetDateTime, ReleaseError> {
    connection.account().await?;
    Ok(connection.clock().now)
}

/// Takes the lock, over from whoever holds it where that is allowed; returns whose it was.
pub(crate) async fn take(
    connection: &Connection,
    realm: &Realm,
    lock: &Lock,
    force: Force,
) -> Result<Option<Lock>, ReleaseError> {
    let parameters = Parameters { connection, realm };
    if parameters.create(NAME, lock).await? == Creation::Created {
        return Ok(None);
    }
    let Some(there) = current(connection, realm).await? else {
        // It was taken away in between.
        return match parameters.create(NAME, lock).await? {
            Creation::Created => Ok(None),
            Creation::Exists => Err(locked(&current(connection, realm).await?, lock)),
        };
    };
    // It was made, and the answer was lost on its way.
    if there == *lock {
        return Ok(None);
    }
    if force == Force::No && there.stale(lock.since).is_none() {
        return Err(locked(&Some(there), lock));
    }
    parameters.put(NAME, lock).await?;
    // Whoever wrote last has it.
    match current(connection, realm).await? {
        Some(now) if now == *lock => {}
        other => return Err(locked(&other, lock)),
    }
    if there.stale(lock.since).is_none() {
        audit::note(connection, realm, lock.since, &Deed::Stole { held: there.in_words() }).await?;
    }
    Ok(Some(there))
}

fn locked(there: &Option<Lock>, wanted: &Lock) -> ReleaseError {
    let held = there.as_ref().map_or_else(|| "somebody who was faster".to_owned(), Lock::in_words);
    let is_persons = there.as_ref().is_some_and(|lock| lock.release.is_none());
    let instead = match (is_persons, wanted.release.is_some()) {
        (true, _) => "ask them; `seatrial unlock --steal` takes it away, and writes down that you did",
        (false, true) => "wait for it (`seatrial status`), or take the lock over with --steal-lock if it is dead",
        (false, false) => "wait for it (`seatrial status`), or take the lock over with --steal if it is dead",
    };
    ReleaseError::Locked { held, instead: instead.to_owned() }
}
