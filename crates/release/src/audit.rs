//! What was done to an environment beside its releases, and by whom: locks, and freezes that were broken. An entry is a parameter that
//! nothing here ever deletes.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::serde::rfc3339;

use crate::aws::Connection;
use crate::error::ReleaseError;
use crate::lock::Owner;
use crate::parameters::{Depth, Found, Parameters, Realm};
use crate::releases::{ReleaseId, Summary, releases};

/// Where entries are.
const PATH: &str = "audit";

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "deed")]
pub enum Deed {
    Locked {
        reason: String,
    },
    /// A lock was taken away: whose it was.
    Unlocked {
        held: String,
    },
    /// A lock that was not stale was taken over: whose it was.
    Stole {
        held: String,
    },
    /// A release went through a freeze.
    BrokeFreeze {
        release: ReleaseId,
        freeze: String,
        reason: String,
    },
}

impl Deed {
    /// What was done, in a few words.
    pub fn in_words(&self) -> String {
        match self {
            Deed::Locked { reason } => format!("locked the environment: {reason}"),
            Deed::Unlocked { held } => format!("took away the lock of {held}"),
            Deed::Stole { held } => format!("took over the lock of {held}"),
            Deed::BrokeFreeze { release, freeze, reason } => {
                format!("released {release} in spite of a freeze ({freeze}): {reason}")
            }
        }
    }
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    #[serde(with = "rfc3339")]
    pub at: OffsetDateTime,
    pub who: Owner,
    #[serde(flatten)]
    pub deed: Deed,
}

/// Everything that is known to have been done to an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// Newest first.
    pub releases: Vec<Summary>,
}

/// Writes down what was done.
pub(crate) async fn note(
    connection: &Connection,
    realm: &Realm,
    at: OffsetDateTime,
    deed: &Deed,
) -> Result<(), ReleaseError> {
    let parameters = Parameters { connection, realm };
    let entry = Entry { at, who: Owner::of_process(), deed: deed.clone() };
    // A name that sorts by time and that nobody else has.
    parameters.put(&format!("{PATH}/{}", ReleaseId::at(at)), &entry).await?;
    Ok(())
}

/// Reads what was done.
pub async fn audit(connection: &Connection, realm: &Realm) -> Result<Audit, ReleaseError> {
    let parameters = Parameters { connection, realm };
    let found = parameters.below(PATH, Depth::OneLevel).await?;
    let mut entries = found.iter().map(Found::json).collect::<Result<Vec<Entry>, _>>()?;
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    Ok(Audit { entries, releases: releases(connection, realm).await? })
}
