//! The layout of the file: how it is created, recognised, brought up to date and checked.
//!
//! A layout is never edited once released. A new one is a further script in [`SCRIPTS`]; `tests/fixtures` keeps a file of every old
//! layout, and a test opens each.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction};
use seatrial_ports::JournalError;

use crate::failure::{classify, corrupt};

/// Script `n - 1` takes layout `n - 1` to layout `n`; layout 0 is the empty file.
const SCRIPTS: [&str; 1] = [include_str!("layout/1.sql")];

/// The layout this version reads and writes.
pub const LAYOUT: u32 = SCRIPTS.len() as u32;

/// How long the check at open may delay the engine's first answer. Files too large for it are checked as far as it gets; damage
/// beyond is reported when it is met.
const CHECK_BUDGET: Duration = Duration::from_millis(50);

/// Virtual-machine steps of SQLite between two looks at the clock.
const CHECK_STEPS: i32 = 1000;

/// Creates the tables of an empty file or upgrades those of an older one, in one transaction.
pub(crate) fn establish(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let failed = |error| classify("upgrade", path, error);
    let transaction = connection.transaction().map_err(failed)?;
    let found = match recognise(&transaction).map_err(failed)? {
        Found::Layout(found) => found,
        Found::Foreign => return Err(corrupt(path, "the file is a database, but no journal of Seatrial's")),
    };
    if found > LAYOUT {
        return Err(JournalError::Newer { path: path.display().to_string(), found, supported: LAYOUT });
    }
    for script in &SCRIPTS[found as usize..] {
        transaction.execute_batch(script).map_err(failed)?;
    }
    if found < LAYOUT {
        write_layout(&transaction).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Looks for structural damage, for at most [`CHECK_BUDGET`].
pub(crate) fn check(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
    let failed = |error| classify("check", path, error);
    let deadline = Instant::now() + CHECK_BUDGET;
    connection.progress_handler(CHECK_STEPS, Some(move || Instant::now() >= deadline)).map_err(failed)?;
    let verdict = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    connection.progress_handler(0, None::<fn() -> bool>).map_err(failed)?;
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(damage) => Err(corrupt(path, &damage)),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

enum Found {
    Layout(u32),
    Foreign,
}

fn recognise(transaction: &Transaction<'_>) -> rusqlite::Result<Found> {
    let objects: u32 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if objects == 0 {
        return Ok(Found::Layout(0));
    }
    let described = transaction
        .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'", [], |_| Ok(()))
        .optional()?;
    if described.is_none() {
        return Ok(Found::Foreign);
    }
    let layout = transaction.query_row("SELECT layout FROM meta", [], |row| row.get(0)).optional()?;
    Ok(layout.map_or(Found::Foreign, Found::Layout))
}

fn write_layout(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS meta (layout INTEGER NOT NULL); DELETE FROM meta;")?;
    transaction.execute("INSERT INTO meta (layout) VALUES (?1)", [LAYOUT])?;
    Ok(())
}
