//! Releases whose process has ended without a word.

use time::OffsetDateTime;

use super::recorder::Recorder;
use super::{Head, PATH, ReleaseId, State};
use crate::aws::Connection;
use crate::error::ReleaseError;
use crate::parameters::{Parameters, Realm};

/// Writes down that a release whose lock was taken over will not go on. One that cannot be read, or has ended, stays as it is.
pub(super) async fn close(
    connection: &Connection,
    realm: &Realm,
    id: &ReleaseId,
    at: OffsetDateTime,
) -> Result<(), ReleaseError> {
    let found = Parameters { connection, realm }.get(&format!("{PATH}/{id}")).await?;
    let Some(Ok(head)) = found.map(|found| found.json::<Head>()) else { return Ok(()) };
    if head.state != State::Running {
        return Ok(());
    }
    let why = "its process ended, and the environment's lock was taken over".to_owned();
    Recorder::new(connection, realm, id, 0).head(&Head { state: State::Stopped { why, at }, ..head }).await
}
