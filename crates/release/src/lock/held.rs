//! The lock of a release that lives: renewed until it is given back.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::JoinHandle;

use super::{Force, Lock, NAME, Owner, ProcessMark, current, take};
use crate::aws::Connection;
use crate::error::ReleaseError;
use crate::parameters::{Parameters, Realm};
use crate::releases::ReleaseId;

/// How long a lock counts after its last renewal: a machine may sleep or lose its network for a while.
const LASTING: Duration = Duration::from_secs(15 * 60);
/// Time between renewals; several may fail.
const RENEWAL: Duration = Duration::from_secs(4 * 60);

/// A lock that this process holds.
#[derive(Debug)]
pub(crate) struct HeldLock {
    connection: Connection,
    realm: Realm,
    lock: Lock,
    /// Who held it when it was taken over.
    pub taken_from: Option<Lock>,
    renewal: JoinHandle<()>,
}

impl HeldLock {
    /// Takes the lock for a release.
    pub async fn take(
        connection: &Connection,
        realm: &Realm,
        release: &ReleaseId,
        now: OffsetDateTime,
        force: Force,
    ) -> Result<Self, ReleaseError> {
        let lock = Lock {
            owner: Owner::of_process(),
            reason: None,
            since: now,
            until: Some(now + LASTING),
            release: Some(release.clone()),
            process: ProcessMark::own(),
        };
        let taken_from = take(connection, realm, &lock, force).await?;
        let renewal = tokio::spawn(renew(connection.clone(), realm.clone(), lock.clone()));
        Ok(HeldLock { connection: connection.clone(), realm: realm.clone(), lock, taken_from, renewal })
    }

    /// When it was taken.
    pub fn since(&self) -> OffsetDateTime {
        self.lock.since
    }

    /// Refuses to go on where somebody else has taken it over, or away.
    pub async fn ensure(&self) -> Result<(), ReleaseError> {
        let there = current(&self.connection, &self.realm).await?;
        if there.as_ref().is_some_and(|there| is_same(there, &self.lock)) {
            return Ok(());
        }
        let held = there.as_ref().map_or_else(|| "nobody any more: the lock was taken away".to_owned(), Lock::in_words);
        let instead = "see what they do (`seatrial status`), then deploy again".to_owned();
        Err(ReleaseError::Locked { held, instead })
    }

    /// Gives the lock back, unless somebody has taken it over.
    pub async fn release(self) -> Result<(), ReleaseError> {
        self.renewal.abort();
        let there = current(&self.connection, &self.realm).await?;
        if there.is_some_and(|there| is_same(&there, &self.lock)) {
            let parameters = Parameters { connection: &self.connection, realm: &self.realm };
            parameters.delete(&[NAME.to_owned()]).await?;
        }
        Ok(())
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// The same holding, whenever it was renewed.
fn is_same(one: &Lock, other: &Lock) -> bool {
    one.release == other.release && one.process == other.process && one.since == other.since
}

/// Renews a lock until it is somebody else's. A renewal that fails is tried again at the next one.
async fn renew(connection: Connection, realm: Realm, lock: Lock) {
    let parameters = Parameters { connection: &connection, realm: &realm };
    loop {
        tokio::time::sleep(RENEWAL).await;
        match current(&connection, &realm).await {
            Ok(Some(there)) if is_same(&there, &lock) => {
                let until = Some(connection.clock().now + LASTING);
                if let Err(error) = parameters.put(NAME, &Lock { until, ..lock.clone() }).await {
                    tracing::warn!(%error, "the lock could not be renewed");
                }
            }
            Ok(_) => {
                tracing::warn!("the lock is somebody else's now");
                return;
            }
            Err(error) => tracing::warn!(%error, "the lock could not be looked at"),
        }
    }
}
