//! A table in memory that remembers what a transaction changed, so that it can be made durable or taken back.

use std::collections::BTreeMap;
use std::ops::Bound;

use seatrial_ports::Record;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The layout of record bodies written by this version.
pub const LAYOUT: u32 = 1;

/// Records of one kind by key.
#[derive(Debug)]
pub struct Table<V> {
    name: &'static str,
    rows: BTreeMap<String, V>,
    /// The rows as they were before the running transaction; `None` where there was none.
    before: BTreeMap<String, Option<V>>,
}

/// A stored record that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("could not read record {key} of table {table}")]
pub struct UnreadableRecord {
    pub table: &'static str,
    pub key: String,
    #[source]
    source: serde_json::Error,
}

impl<V: Clone + Serialize + DeserializeOwned> Table<V> {
    pub const fn new(name: &'static str) -> Self {
        Table { name, rows: BTreeMap::new(), before: BTreeMap::new() }
    }

    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub fn get(&self, key: &str) -> Option<&V> {
        self.rows.get(key)
    }

    pub fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.values()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&String, &V)> {
        self.rows.iter()
    }

    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &String> {
        self.rows.keys()
    }

    /// Returns the rows whose keys come after a bound, in order.
    pub fn range<'a>(&'a self, from: Bound<&str>) -> impl Iterator<Item = (&'a String, &'a V)> {
        self.rows.range::<str, _>((from, Bound::Unbounded))
    }

    /// Returns the rows whose keys begin with a text, in order.
    pub fn under(&self, prefix: &str) -> impl Iterator<Item = (&String, &V)> + use<'_, V> {
        let rows = self.rows.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        let prefix = prefix.to_owned();
        rows.take_while(move |(key, _)| key.starts_with(&prefix))
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns a row to change it; it will be written with the transaction.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        if !self.before.contains_key(key) {
            self.before.insert(key.to_owned(), Some(row.clone()));
        }
        Some(row)
    }

    pub fn insert(&mut self, key: impl Into<String>, value: V) {
        let key = key.into();
        let old = self.rows.insert(key.clone(), value);
        self.before.entry(key).or_insert(old);
    }

    pub fn remove(&mut self, key: &str) -> Option<V> {
        let old = self.rows.remove(key)?;
        self.before.entry(key.to_owned()).or_insert_with(|| Some(old.clone()));
        Some(old)
    }

    /// Removes the rows whose keys begin with a text.
    pub fn remove_under(&mut self, prefix: &str) {
        let keys: Vec<String> = self.under(prefix).map(|(key, _)| key.clone()).collect();
        for key in &keys {
            self.remove(key);
        }
    }

    pub fn is_changed(&self) -> bool {
        !self.before.is_empty()
    }

    pub(crate) fn load(&mut self, record: &Record) -> Result<(), UnreadableRecord> {
        let value = serde_json::from_str(&record.body).map_err(|source| UnreadableRecord {
            table: self.name,
            key: record.key.clone(),
            source,
        })?;
        self.rows.insert(record.key.clone(), value);
        Ok(())
    }

    /// Adds the changed rows to a batch.
    pub(crate) fn collect(&self, batch: &mut seatrial_ports::Batch) {
        for key in self.before.keys() {
            match self.rows.get(key) {
                Some(row) => batch.puts.push(Record {
                    table: self.name.to_owned(),
                    key: key.clone(),
                    version: LAYOUT,
                    body: serde_json::to_string(row).expect("rows are plain data with text keys"),
                }),
                None => batch.deletes.push((self.name.to_owned(), key.clone())),
            }
        }
    }

    pub(crate) fn keep(&mut self) {
        self.before.clear();
    }

    pub(crate) fn take_back(&mut self) {
        for (key, row) in std::mem::take(&mut self.before) {
            match row {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_kept_or_taken_back_as_a_whole() {
        let mut table: Table<u32> = Table::new("numbers");
        table.insert("kept", 1);
        table.insert("removed", 2);
        table.keep();
        *table.get_mut("kept").expect("a row") = 10;
        table.remove("removed");
        table.insert("new", 3);
        let mut batch = seatrial_ports::Batch::default();
        table.collect(&mut batch);
        assert_eq!((batch.puts.len(), batch.deletes.len()), (2, 1));
        table.take_back();
        let rows: Vec<_> = table.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(rows, [("kept", 1), ("removed", 2)]);
        assert!(!table.is_changed());
    }
}
