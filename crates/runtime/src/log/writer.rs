//! Writes the log files of one container: never more disk than the limits say, never a wait for a reader.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use seatrial_model::Timestamp;

use super::line::{Stream, render};
use super::{BYTES_PER_SECOND_MAX, FILE_BYTES_MAX, FILES_MAX, file_name, files};
use crate::directory::create_private;
use crate::files::FILE_MODE;

/// The lines remembered to tell why a container ended.
const LAST_LINES_MAX: usize = 20;

/// How much of each is remembered.
const LAST_LINE_BYTES_MAX: usize = 500;

/// Lines are written together up to this size: some hundred of them a system call.
const PENDING_BYTES_MAX: usize = 64 * 1024;

/// What the time and the stream add to a line on disk.
const LINE_OVERHEAD_BYTES: u64 = 17;

const SECOND_MILLIS: i64 = 1000;

/// The log of one container.
#[derive(Debug)]
pub(crate) struct LogWriter {
    directory: PathBuf,
    file: Option<File>,
    number: u64,
    size: u64,
    last_at: Timestamp,
    last_lines: VecDeque<Vec<u8>>,
    /// The second being counted, and what has been written in it.
    second: i64,
    second_bytes: u64,
    /// Lines not kept since the last one that was.
    lost_lines: u64,
    pending: Vec<u8>,
}

impl LogWriter {
    /// Prepares to write to a directory, which is made when the first line comes. Lines of a former writer are kept.
    pub fn new(directory: PathBuf) -> Self {
        let number = files(&directory).ok().and_then(|files| files.last().map(|(number, _)| *number)).unwrap_or(0);
        LogWriter {
            directory,
            file: None,
            number,
            size: 0,
            last_at: Timestamp::EPOCH,
            last_lines: VecDeque::new(),
            second: 0,
            second_bytes: 0,
            lost_lines: 0,
            pending: Vec::new(),
        }
    }

    /// Takes a line; it is written at the next [`flush`](Self::flush).
    pub fn push(&mut self, now: Timestamp, stream: Stream, message: &[u8]) {
        self.remember(message);
        let at = now.max(self.last_at);
        if !self.fits_rate(at, message.len() as u64 + LINE_OVERHEAD_BYTES) {
            self.lost_lines += 1;
            return;
        }
        self.last_at = at;
        self.admit_losses(at);
        render(at, stream, message, &mut self.pending);
        if self.pending.len() >= PENDING_BYTES_MAX {
            self.flush();
        }
    }

    /// Tells whether the container has used up what it may write in the second of `now`.
    pub fn is_over_rate(&self, now: Timestamp) -> bool {
        self.second == now.as_millis() / SECOND_MILLIS && self.second_bytes >= BYTES_PER_SECOND_MAX
    }

    /// Counts the lines of bytes that nobody looks at because the container is over its rate.
    pub fn lose(&mut self, bytes: &[u8]) {
        self.lost_lines += line_ends(bytes);
    }

    /// Writes what was pushed. A disk that cannot take it loses it, and the log says so when it can again.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        if self.write(&pending).is_err() {
            self.lost_lines += line_ends(&pending);
            self.undo_partial_write();
        }
    }

    /// Writes the note about lines lost at the very end.
    pub fn finish(&mut self, now: Timestamp) {
        self.admit_losses(now.max(self.last_at));
        self.flush();
    }

    /// Returns the newest lines, oldest first, each cut short.
    pub fn last_lines(&self) -> Vec<String> {
        self.last_lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    fn remember(&mut self, message: &[u8]) {
        let full = self.last_lines.len() == LAST_LINES_MAX;
        let mut line = if full { self.last_lines.pop_front().unwrap_or_default() } else { Vec::new() };
        line.clear();
        line.extend_from_slice(&message[..message.len().min(LAST_LINE_BYTES_MAX)]);
        self.last_lines.push_back(line);
    }

    fn fits_rate(&mut self, at: Timestamp, bytes: u64) -> bool {
        let second = at.as_millis() / SECOND_MILLIS;
        if second != self.second {
            self.second = second;
            self.second_bytes = 0;
        }
        self.second_bytes += bytes;
        self.second_bytes <= BYTES_PER_SECOND_MAX
    }

    fn admit_losses(&mut self, at: Timestamp) {
        if self.lost_lines == 0 {
            return;
        }
        let lost = std::mem::take(&mut self.lost_lines);
        let limit = BYTES_PER_SECOND_MAX >> 20;
        let note = format!("[seatrial] {lost} lines lost: more than {limit} MiB in a second, or the disk was full");
        render(at, Stream::Error, note.as_bytes(), &mut self.pending);
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if self.file.is_none() || self.size + bytes.len() as u64 > FILE_BYTES_MAX {
            self.begin_file()?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(bytes)?;
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn begin_file(&mut self) -> std::io::Result<()> {
        create_private(&self.directory)?;
        // Delete first: on a full disk that is what makes room.
        let existing = files(&self.directory)?;
        for (_, path) in existing.iter().take((existing.len() + 1).saturating_sub(FILES_MAX)) {
            std::fs::remove_file(path)?;
        }
        let path = self.directory.join(file_name(self.number + 1));
        let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)?;
        self.file = Some(file);
        self.number += 1;
        self.size = 0;
        Ok(())
    }

    fn undo_partial_write(&mut self) {
        if let Some(file) = &self.file
            && file.set_len(self.size).is_err()
        {
            // A file that ends in half a line is left as it is, and the next line begins another.
            self.file = None;
        }
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::super::{read_since, read_tail};
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn disk_use(directory: &std::path::Path) -> u64 {
        files(directory).expect("readable").iter().map(|(_, path)| path.metadata().expect("a file").len()).sum()
    }

    #[test]
    fn an_endless_writer_never_uses_more_disk_than_the_limit() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("logs");
        let mut writer = LogWriter::new(directory.clone());
        let line = vec![b'x'; 10_000];
        for number in 0..6_000 {
            writer.push(at(1_000_000 + number * 10), Stream::Output, &line);
        }
        writer.push(at(1_100_000), Stream::Output, b"the last");
        writer.finish(at(1_100_000));
        let used = disk_use(&directory);
        assert!(used <= FILE_BYTES_MAX * FILES_MAX as u64, "{used} bytes");
        assert!(used > FILE_BYTES_MAX * (FILES_MAX as u64 - 2), "{used} bytes");
        let tail = read_tail(&directory, 2).expect("readable");
        assert_eq!(tail[1].message, "the last");
    }

    #[test]
    fn lines_beyond_the_rate_are_counted_and_not_kept() {
        let home = tempfile::tempdir().expect("a directory");
        let mut writer = LogWriter::new(home.path().to_owned());
        let line = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            writer.push(at(5_000), Stream::Output, &line);
        }
        assert!(writer.is_over_rate(at(5_999)));
        assert!(!writer.is_over_rate(at(6_000)));
        writer.push(at(6_000), Stream::Output, b"later");
        writer.finish(at(6_000));
        let tail = read_tail(home.path(), 2).expect("readable");
        assert!(tail[0].message.starts_with("[seatrial] 17 lines lost"), "{}", tail[0].message);
        assert_eq!(tail[1].message, "later");
    }

    #[test]
    fn time_never_runs_backwards_within_a_log() {
        let home = tempfile::tempdir().expect("a directory");
        let mut writer = LogWriter::new(home.path().to_owned());
        writer.push(at(2_000), Stream::Output, b"one");
        writer.push(at(1_000), Stream::Error, b"two");
        writer.finish(at(1_000));
        let lines = read_since(home.path(), at(2_000), 10).expect("readable");
        assert_eq!(lines.iter().map(|line| line.message.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    }

    #[test]
    fn a_directory_that_cannot_be_made_loses_lines_and_nothing_else() {
        let home = tempfile::tempdir().expect("a directory");
        let blocked = home.path().join("file");
        std::fs::write(&blocked, "").expect("writable");
        let mut writer = LogWriter::new(blocked.join("logs"));
        writer.push(at(1), Stream::Output, b"one");
        writer.flush();
        std::fs::remove_file(&blocked).expect("removable");
        writer.push(at(2), Stream::Output, b"two");
        writer.finish(at(2));
        let messages: Vec<String> =
            read_tail(&blocked.join("logs"), 9).expect("readable").into_iter().map(|line| line.message).collect();
        assert_eq!(messages.len(), 2);
        assert!(messages[0].starts_with("[seatrial] 1 lines lost"), "{}", messages[0]);
        assert_eq!(writer.last_lines(), ["one", "two"]);
    }
}
