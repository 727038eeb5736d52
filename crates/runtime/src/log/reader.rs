//! Reads log files while they are being written and rotated. Memory is bounded by what is asked for and by one file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use seatrial_model::Timestamp;
use seatrial_ports::runtime::LogLine;

use super::{files, line};

/// Bisection stops at pieces this small and reads them through.
const BISECTION_BYTES_MIN: u64 = 64 * 1024;

/// Reads at most `limit` lines written at or after `since`, oldest first.
pub(crate) fn read_since(directory: &Path, since: Timestamp, limit: usize) -> io::Result<Vec<LogLine>> {
    let mut found = Vec::new();
    for path in files_reaching(directory, since)? {
        if found.len() >= limit {
            break;
        }
        let Some(mut file) = open(&path)? else { continue };
        let start = seek_near(&mut file, since)?;
        file.seek(SeekFrom::Start(start))?;
        for_each_line(BufReader::new(file), |line| {
            if line.at >= since {
                found.push(line);
            }
            found.len() < limit
        })?;
    }
    Ok(found)
}

/// Reads the newest `limit` lines, oldest first.
pub(crate) fn read_tail(directory: &Path, limit: usize) -> io::Result<Vec<LogLine>> {
    let mut newest_first: Vec<LogLine> = Vec::new();
    for (_, path) in files(directory)?.into_iter().rev() {
        if newest_first.len() >= limit {
            break;
        }
        let Some(file) = open(&path)? else { continue };
        let mut lines = Vec::new();
        for_each_line(BufReader::new(file), |line| {
            lines.push(line);
            true
        })?;
        let missing = limit - newest_first.len();
        newest_first.extend(lines.into_iter().rev().take(missing));
    }
    newest_first.reverse();
    Ok(newest_first)
}

/// Lists the files that may hold lines at or after `since`: all but those followed by one that begins before it.
fn files_reaching(directory: &Path, since: Timestamp) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = files(directory)?.into_iter().map(|(_, path)| path).collect();
    let mut first = 0;
    for (index, path) in paths.iter().enumerate() {
        let Some(file) = open(path)? else { continue };
        if first_time(BufReader::new(file))?.is_some_and(|time| time < since) {
            first = index;
        }
    }
    Ok(paths.split_off(first))
}

/// Finds an offset, at the beginning of a line, before which no line reaches `since`.
fn seek_near(file: &mut File, since: Timestamp) -> io::Result<u64> {
    let (mut low, mut high) = (0, file.metadata()?.len());
    while high - low > BISECTION_BYTES_MIN {
        let middle = low + (high - low) / 2;
        file.seek(SeekFrom::Start(middle))?;
        let mut reader = BufReader::new(&mut *file);
        let skipped = reader.skip_until(b'\n')? as u64;
        let begin = middle + skipped;
        match first_time(reader)? {
            Some(time) if time < since && begin < high => low = begin,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

fn first_time(mut reader: impl BufRead) -> io::Result<Option<Timestamp>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    Ok(line::time(&line))
}

/// Reads whole lines until `each` has had enough. A last line without its end is still being written.
fn for_each_line(mut reader: impl BufRead, mut each: impl FnMut(LogLine) -> bool) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        reader.read_until(b'\n', &mut bytes)?;
        let Some(line) = bytes.strip_suffix(b"\n") else { return Ok(()) };
        if let Some(line) = line::parse(line)
            && !each(line)
        {
            return Ok(());
        }
    }
}

/// Opens a file; none when rotation has just deleted it.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LogWriter, Stream};
    use super::*;

    const FIRST: i64 = 1_790_000_000_000;

    /// Writes 60,000 lines, one each 10 ms, of varying length: some 12 MB in four files.
    fn written(directory: &Path) {
        let mut writer = LogWriter::new(directory.to_owned());
        for number in 0..60_000_i64 {
            let padding = "x".repeat((number % 400) as usize);
            let message = format!("{number} {padding}");
            writer.push(Timestamp::from_millis(FIRST + number * 10), Stream::Output, message.as_bytes());
        }
        writer.finish(Timestamp::from_millis(FIRST + 600_000));
    }

    fn number(line: &LogLine) -> i64 {
        line.message.split(' ').next().and_then(|number| number.parse().ok()).expect("a numbered line")
    }

    #[test]
    fn reading_begins_exactly_at_the_time_asked_for_in_any_file() {
        let home = tempfile::tempdir().expect("a directory");
        written(home.path());
        assert!(files(home.path()).expect("readable").len() >= 3);
        for wanted in [0, 1, 777, 20_000, 20_001, 33_333, 59_990] {
            let since = Timestamp::from_millis(FIRST + wanted * 10 - 5);
            let lines = read_since(home.path(), since, 5).expect("readable");
            assert_eq!(lines.iter().map(number).collect::<Vec<_>>(), (wanted..wanted + 5).collect::<Vec<_>>());
        }
        let after_all = Timestamp::from_millis(FIRST + 600_000);
        assert_eq!(read_since(home.path(), after_all, 5).expect("readable"), []);
    }

    #[test]
    fn a_limit_reaches_over_files() {
        let home = tempfile::tempdir().expect("a directory");
        written(home.path());
        let lines = read_since(home.path(), Timestamp::EPOCH, 50_000).expect("readable");
        assert_eq!(lines.iter().map(number).collect::<Vec<_>>(), (0..50_000).collect::<Vec<_>>());
        let tail = read_tail(home.path(), 30_000).expect("readable");
        assert_eq!(tail.iter().map(number).collect::<Vec<_>>(), (30_000..60_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_container_that_wrote_nothing_has_no_lines() {
        let home = tempfile::tempdir().expect("a directory");
        assert_eq!(read_since(&home.path().join("none"), Timestamp::EPOCH, 5).expect("readable"), []);
        assert_eq!(read_tail(&home.path().join("none"), 5).expect("readable"), []);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_replacement_characters() {
        let home = tempfile::tempdir().expect("a directory");
        let mut writer = LogWriter::new(home.path().to_owned());
        writer.push(Timestamp::from_millis(FIRST), Stream::Error, b"caf\xe9  with  spaces");
        writer.finish(Timestamp::from_millis(FIRST));
        let lines = read_since(home.path(), Timestamp::EPOCH, 5).expect("readable");
        assert_eq!(lines[0].message, "caf\u{fffd}  with  spaces");
    }
}
