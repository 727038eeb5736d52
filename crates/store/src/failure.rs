//! Turns SQLite's failures into the few kinds an engine acts on differently, each with what to do next.

use std::path::Path;

use rusqlite::ErrorCode;
use seatrial_ports::JournalError;

/// What an operator does about a damaged file. Tasks are adopted from their own directories, so a new journal loses no process.
const WHAT_TO_DO_ABOUT_DAMAGE: &str = "stop the engine and move the file and its -wal and -shm companions aside; then restore a \
    copy, rescue what is readable with `sqlite3 FILE .recover`, or start anew";

/// Classifies a failure met while doing `action` to the file at `path`.
pub(crate) fn classify(action: &'static str, path: &Path, error: rusqlite::Error) -> JournalError {
    if is_unreadable(&error) {
        return corrupt(path, &error.to_string());
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::Full { path: path.display().to_string() },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt(path, &error.to_string()),
        // SQLite's own enumeration: every other code has no answer but to be shown.
        _ => other(action, path, error),
    }
}

/// Tells whether a value is not of the kind that is stored in its place: the page was overwritten without SQLite noticing.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..))
}

pub(crate) fn corrupt(path: &Path, detail: &str) -> JournalError {
    let detail = format!("{detail}; {WHAT_TO_DO_ABOUT_DAMAGE}");
    JournalError::Corrupt { path: path.display().to_string(), detail }
}

pub(crate) fn other(
    action: &'static str,
    path: &Path,
    source: impl std::error::Error + Send + Sync + 'static,
) -> JournalError {
    JournalError::Other { action, path: path.display().to_string(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_kind_than_is_stored_is_damage() {
        let database = rusqlite::Connection::open_in_memory().expect("a database");
        for query in ["SELECT CAST(x'a5a5' AS TEXT)", "SELECT x'00'", "SELECT 7"] {
            let error = database.query_row(query, [], |row| row.get::<_, String>(0)).expect_err("no text");
            let failure = classify("read", Path::new("store.db"), error);
            assert!(matches!(failure, JournalError::Corrupt { .. }), "{query}: {failure:?}");
        }
    }
}
