//! How much of the journal is kept.
//!
//! Tables are the state; the journal explains how it came about, so only its newest part is worth keeping. Pruning is amortised: a
//! stream grows [`PRUNE_SLACK`] past its limit before its oldest entries are deleted in one go, within the commit that passed it.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};
use seatrial_ports::journal::JournalEntry;

/// The entries kept of one stream: some hundred deployments of a service.
pub const ENTRIES_PER_STREAM_MAX: u32 = 10_000;

/// The entries kept of all streams together, so that streams of services deleted long ago do not add up: about 100 MB.
pub const ENTRIES_MAX: u32 = 200_000;

/// How far a limit is passed before pruning, as a share of it: each entry is then deleted once, at a cost spread over a thousand.
const PRUNE_SLACK: u32 = 10;

/// The limits of a journal, named so that tests may draw them narrower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub per_stream: u32,
    pub total: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { per_stream: ENTRIES_PER_STREAM_MAX, total: ENTRIES_MAX }
    }
}

/// The number of entries each stream holds, kept in step with the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    streams: BTreeMap<String, u32>,
    total: u32,
}

impl Counts {
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT stream, count(*) FROM journal GROUP BY stream")?;
        let streams: BTreeMap<String, u32> =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
        let total = streams.values().sum();
        Ok(Counts { streams, total })
    }

    /// Counts the entries just inserted and deletes what that puts beyond the limits. The result is applied once the transaction
    /// has been committed.
    pub fn after(
        &self,
        entries: &[JournalEntry],
        limits: Limits,
        transaction: &Transaction<'_>,
    ) -> rusqlite::Result<Changed> {
        let mut changed = Counts::default();
        for entry in entries {
            let counted = changed.streams.entry(entry.stream.clone());
            *counted.or_insert_with(|| self.streams.get(&entry.stream).copied().unwrap_or(0)) += 1;
        }
        changed.total = self.total.saturating_add(entries.len() as u32);
        for (stream, count) in &mut changed.streams {
            if is_past(*count, limits.per_stream) {
                let pruned = prune_stream(transaction, stream, *count - limits.per_stream)?;
                *count -= pruned;
                changed.total -= pruned;
            }
        }
        if is_past(changed.total, limits.total) {
            prune_oldest(transaction, changed.total - limits.total)?;
            // Any stream may have lost entries.
            return Counts::read(transaction).map(Changed::All);
        }
        Ok(Changed::Some(changed))
    }

    /// Takes over what a committed transaction changed.
    pub fn apply(&mut self, changed: Changed) {
        match changed {
            Changed::Some(counts) => {
                self.streams.extend(counts.streams);
                self.total = counts.total;
            }
            Changed::All(counts) => *self = counts,
        }
    }
}

/// What one commit did to the counts.
pub(crate) enum Changed {
    /// The streams listed have new counts, and the total is new.
    Some(Counts),
    /// These are all the streams there are.
    All(Counts),
}

fn is_past(count: u32, limit: u32) -> bool {
    count > limit + limit / PRUNE_SLACK
}

fn prune_stream(transaction: &Transaction<'_>, stream: &str, surplus: u32) -> rusqlite::Result<u32> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE stream = ?1 ORDER BY seq LIMIT ?2)",
    )?;
    statement.execute(params![stream, surplus]).map(|deleted| deleted as u32)
}

fn prune_oldest(transaction: &Transaction<'_>, surplus: u32) -> rusqlite::Result<()> {
    let mut statement = transaction
        .prepare_cached("DELETE FROM journal WHERE seq IN (SELECT seq FROM journal ORDER BY seq LIMIT ?1)")?;
    statement.execute([surplus]).map(drop)
}
