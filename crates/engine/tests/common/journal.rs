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
    is_full: bool,
}

impl FakeJournal {
    /// Makes every commit fail, as on a full disk, or no longer.
    pub fn set_full(&self, is_full: bool) {
        lock(&self.0).is_full = is_full;
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
        if contents.is_full {
            return Err(JournalError::Full { path: "memory".to_owned() });
        }
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
