//! Turns SQLite's failures into the few kinds an engine acts on differently, each with what to do next.

use std::path::Path;

use rusqlite::ErrorCode;
use seatrial_ports::JournalError;

/// What an operator does about a damaged file. Tasks are adopted from their own directories, so a new journal loses no process.
const WHAT_TO_DO_ABOUT_DAMAGE: &str = "stop the engine and move the file and its -wal and -shm companions aside; then restore a \
    copy, rescue what is readable with `sqlite3 FILE .recover`, or start anew";

/// Classifies a failure met while doing `action` to the file at `path`.
pub(crate) fn classify(action: &'static str, path: &Path, error: rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::Full { path: path.display().to_string() },
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => corrupt(path, &error.to_string()),
        // SQLite's own enumeration: every other code has no answer but to be shown.
        _ => other(action, path, error),
    }
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
