//! A journal in memory. What was committed survives a restart of the world; a commit can be made to fail.

use std::collections::BTreeMap;
use std::sync::Mutex;

use seatrial_ports::journal::JournalEntry;
use seatrial_ports::{Batch, Journal, JournalError, Record};

use super::lock;

#[derive(Default)]
pub struct FakeJournal(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    records: BTreeMap<(String, String), Record>,
    entries: Vec<JournalEntry>,
    commits: usize,
    /// How many more commits there is room for; without a number, any.
    room: Option<usize>,
    refused: usize,
}

impl FakeJournal {
    /// Makes every commit after this many more fail, as on a full disk; without a number, none.
    pub fn set_room(&self, room: Option<usize>) {
        lock(&self.0).room = room;
    }

    /// Tells whether a commit has failed for want of room, which there still is none of.
    pub fn is_full(&self) -> bool {
        let contents = lock(&self.0);
        contents.room == Some(0) && contents.refused > 0
    }

    pub fn commits(&self) -> usize {
        lock(&self.0).commits
    }

    /// Returns the records of some tables as `table key body`.
    pub fn records(&self, tables: &[&str]) -> Vec<String> {
        let contents = lock(&self.0);
        let records = contents.records.values().filter(|record| tables.contains(&record.table.as_str()));
        records.map(|record| format!("{} {} {}", record.table, record.key, record.body)).collect()
    }
}

impl Journal for FakeJournal {
    fn load(&self) -> Result<Vec<Record>, JournalError> {
        Ok(lock(&self.0).records.values().cloned().collect())
    }

    fn commit(&self, batch: &Batch) -> Result<(), JournalError> {
        let mut contents = lock(&self.0);
        if contents.room == Some(0) {
            contents.refused += 1;
            return Err(JournalError::Full { path: "memory".to_owned() });
        }
        contents.room = contents.room.map(|room| room - 1);
        contents.commits += 1;
        for record in &batch.puts {
            contents.records.insert((record.table.clone(), record.key.clone()), record.clone());
        }
        for deleted in &batch.deletes {
            contents.records.remove(deleted);
        }
        contents.entries.extend(batch.entries.iter().cloned());
        Ok(())
    }

    fn entries(&self, stream: &str, limit: u32) -> Result<Vec<JournalEntry>, JournalError> {
        let contents = lock(&self.0);
        let of_stream: Vec<_> = contents.entries.iter().filter(|entry| entry.stream == stream).cloned().collect();
        let surplus = of_stream.len().saturating_sub(limit as usize);
        Ok(of_stream[surplus..].to_vec())
    }
}
