//! The journal and tables in one SQLite file, written ahead and synced with every commit (I5).

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, params};
use seatrial_model::Timestamp;
use seatrial_ports::journal::{Batch, Journal, JournalEntry, JournalError, Record};

use crate::failure::{classify, other};
use crate::layout;
use crate::lock::{DirectoryLock, FILE_MODE};
use crate::retention::{Counts, Limits};

/// The name of the file within the data directory.
pub const FILE_NAME: &str = "seatrial.db";

/// How long a commit waits for an operator's `sqlite3` that holds the file; the engine itself has one connection only.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The size above which a write-ahead log is cut back once its pages are in the file: 4 MiB.
const WRITE_AHEAD_LOG_MAX: i64 = 4 << 20;

/// The journal and tables of one data directory, held for one engine.
#[derive(Debug)]
pub struct SqliteJournal {
    path: PathBuf,
    limits: Limits,
    state: Mutex<State>,
    // Dropped after the connection: the next engine must find the file closed.
    _lock: DirectoryLock,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    counts: Counts,
}

impl SqliteJournal {
    /// Opens the journal of a data directory, creating both when they are missing (modes 0700 and 0600).
    ///
    /// Fails with [`JournalError::Locked`] when another engine has the directory, [`JournalError::Newer`] when a later version
    /// wrote the file, and [`JournalError::Corrupt`] when it is damaged.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        SqliteJournal::open_within(directory, Limits::default())
    }

    fn open_within(directory: &Path, limits: Limits) -> Result<Self, JournalError> {
        let lock = DirectoryLock::acquire(directory)?;
        let path = directory.join(FILE_NAME);
        create_file(directory, &path)?;
        let mut connection = connect(&path)?;
        layout::establish(&mut connection, &path)?;
        layout::check(&mut connection, &path)?;
        let counts = Counts::read(&connection).map_err(|error| classify("read", &path, error))?;
        Ok(SqliteJournal { path, limits, state: Mutex::new(State { connection, counts }), _lock: lock })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic inside a commit drops its transaction, which rolls back: the state is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
        move |error| classify(action, &self.path, error)
    }
}

impl Journal for SqliteJournal {
    fn load(&self) -> Result<Vec<Record>, JournalError> {
        read_records(&self.state().connection).map_err(self.failed("read"))
    }

    fn commit(&self, batch: &Batch) -> Result<(), JournalError> {
        if batch.is_empty() {
            return Ok(());
        }
        let failed = self.failed("write");
        let State { connection, counts } = &mut *self.state();
        let transaction = connection.transaction().map_err(&failed)?;
        write_batch(&transaction, batch).map_err(&failed)?;
        let changed = counts.after(&batch.entries, self.limits, &transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        counts.apply(changed);
        Ok(())
    }

    fn entries(&self, stream: &str, limit: u32) -> Result<Vec<JournalEntry>, JournalError> {
        read_entries(&self.state().connection, stream, limit).map_err(self.failed("read"))
    }
}

/// Creates the file before SQLite does, for its mode; SQLite gives the same to the write-ahead log beside it.
fn create_file(directory: &Path, path: &Path) -> Result<(), JournalError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path);
    match opened {
        Ok(_) => {
            let synced = File::open(directory).and_then(|directory| directory.sync_all());
            synced.map_err(|error| other("make durable", path, error))
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(other("create", path, error)),
    }
}

fn connect(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| classify("open", path, error))?;
    configure(&connection).map_err(|error| classify("open", path, error))?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "journal_size_limit", WRITE_AHEAD_LOG_MAX)
}

fn write_batch(transaction: &Transaction<'_>, batch: &Batch) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO records (tbl, key, version, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (tbl, key) DO UPDATE SET version = excluded.version, body = excluded.body",
    )?;
    for record in &batch.puts {
        put.execute(params![record.table, record.key, record.version, record.body])?;
    }
    let mut delete = transaction.prepare_cached("DELETE FROM records WHERE tbl = ?1 AND key = ?2")?;
    for (table, key) in &batch.deletes {
        delete.execute(params![table, key])?;
    }
    let mut append = transaction.prepare_cached("INSERT INTO journal (stream, at, body) VALUES (?1, ?2, ?3)")?;
    for entry in &batch.entries {
        append.execute(params![entry.stream, entry.at.as_millis(), entry.body])?;
    }
    Ok(())
}

fn read_records(connection: &Connection) -> rusqlite::Result<Vec<Record>> {
    let mut statement = connection.prepare_cached("SELECT tbl, key, version, body FROM records ORDER BY tbl, key")?;
    let records = statement.query_map([], |row| {
        Ok(Record { table: row.get(0)?, key: row.get(1)?, version: row.get(2)?, body: row.get(3)? })
    })?;
    records.collect()
}

fn read_entries(connection: &Connection, stream: &str, limit: u32) -> rusqlite::Result<Vec<JournalEntry>> {
    let mut statement =
        connection.prepare_cached("SELECT at, body FROM journal WHERE stream = ?1 ORDER BY seq DESC LIMIT ?2")?;
    let newest_first = statement.query_map(params![stream, limit], |row| {
        Ok(JournalEntry { stream: stream.to_owned(), at: Timestamp::from_millis(row.get(0)?), body: row.get(1)? })
    })?;
    let mut entries = newest_first.collect::<rusqlite::Result<Vec<_>>>()?;
    entries.reverse();
    Ok(entries)
}

#[cfg(test)]
mod tests;
