//! What containers write: kept in files of limited size and number, read back by time.
//!
//! A line of a log file is `<milliseconds since the epoch> <o or e> <message>`, for standard output and standard error. The message
//! holds the bytes the container wrote, UTF-8 or not; reading makes text of them. Times never decrease within a container.

mod line;
mod reader;
mod splitter;
mod writer;

pub(crate) use line::Stream;
pub(crate) use reader::{read_since, read_tail};
pub(crate) use splitter::LineSplitter;
pub(crate) use writer::LogWriter;

use std::path::{Path, PathBuf};

/// The size at which a file is closed and the next one begun: 4 MiB.
pub(crate) const FILE_BYTES_MAX: u64 = 4 << 20;

/// The files kept of one container, the one being written included: with [`FILE_BYTES_MAX`], 20 MiB of disk.
pub(crate) const FILES_MAX: usize = 5;

/// Longer lines are cut here: 32 KiB holds any stack trace written as one line, and bounds the memory of a supervisor.
pub(crate) const LINE_BYTES_MAX: usize = 32 * 1024;

/// What a container may write in one second: 4 MiB. Lines beyond are counted and not kept, so that a container gone wild costs neither
/// the disk's bandwidth nor, within a blink, all that was said before.
pub(crate) const BYTES_PER_SECOND_MAX: u64 = 4 << 20;

/// Lists the log files in a directory with their numbers, oldest first. A missing directory holds none.
fn files(directory: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".log")?.parse().ok());
        if let Some(number) = number {
            files.push((number, path));
        }
    }
    files.sort();
    Ok(files)
}

fn file_name(number: u64) -> String {
    format!("{number:010}.log")
}
