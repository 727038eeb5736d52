//! A process killed while it commits leaves a prefix of its commits, each of them whole.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seatrial_model::Timestamp;
use seatrial_ports::journal::JournalEntry;
use seatrial_ports::{Batch, Journal, Record};
use seatrial_store::SqliteJournal;

const DIRECTORY_VARIABLE: &str = "SEATRIAL_TEST_DIRECTORY";
const ROUNDS: u32 = 8;

/// The commit number `n`: it replaces a record, adds one, deletes the one before and appends an entry.
fn commit(n: i64) -> Batch {
    let record = |key: String| Record { table: "t".to_owned(), key, version: 1, body: n.to_string() };
    Batch {
        puts: vec![record("last".to_owned()), record(format!("n{n:06}"))],
        deletes: vec![("t".to_owned(), format!("n{:06}", n - 1))],
        entries: vec![JournalEntry {
            stream: "s".to_owned(),
            at: Timestamp::from_millis(n),
            body: format!("\"{}\"", "x".repeat((n % 50) as usize * 100)),
        }],
    }
}

/// The number of the last commit in the file, after checking that nothing is there but commits `1..=last` in full.
fn last_commit(directory: &Path) -> i64 {
    let journal = SqliteJournal::open(directory).expect("the journal opens after a crash");
    let records = journal.load().expect("readable");
    let entries = journal.entries("s", u32::MAX).expect("readable");
    let Some(last) = entries.last().map(|entry| entry.at.as_millis()) else {
        assert!(records.is_empty(), "records without their entries: {records:?}");
        return 0;
    };
    let expected = commit(last);
    assert_eq!(records, expected.puts, "the records are those of commit {last}");
    assert_eq!(entries.last(), expected.entries.last());
    let numbers: Vec<i64> = entries.iter().map(|entry| entry.at.as_millis()).collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    last
}

/// Starts this very test binary once more, as the process that commits in a loop.
fn spawn_committer(directory: &Path) -> Child {
    Command::new(std::env::current_exe().expect("the test binary"))
        .args(["--exact", "commit_in_a_loop", "--ignored", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory)
        .stdout(Stdio::null())
        .spawn()
        .expect("the committer starts")
}

#[test]
fn a_process_killed_while_committing_leaves_whole_commits_only() {
    let home = tempfile::tempdir().expect("a directory");
    let mut last = 0;
    for round in 0..ROUNDS {
        let mut committer = spawn_committer(home.path());
        let progress = home.path().join("progress");
        let wanted = last + 3 + i64::from(round);
        let deadline = Instant::now() + Duration::from_secs(20);
        let acknowledged = loop {
            let seen = std::fs::read(&progress).ok().and_then(|bytes| Some(i64::from_le_bytes(bytes.try_into().ok()?)));
            match seen {
                Some(seen) if seen >= wanted => break seen,
                Some(_) | None => assert!(Instant::now() < deadline, "the committer makes progress"),
            }
            std::thread::yield_now();
        };
        committer.kill().expect("it is killed");
        committer.wait().expect("it is gone");
        let found = last_commit(home.path());
        assert!(found >= acknowledged, "commit {acknowledged} was acknowledged, {found} is the last");
        last = found;
    }
}

/// Not a test: the process that the test above kills.
#[test]
#[ignore = "the process that is killed"]
fn commit_in_a_loop() {
    use std::io::{Seek, Write};
    let Some(directory) = std::env::var_os(DIRECTORY_VARIABLE) else { return };
    let directory = Path::new(&directory);
    let first = last_commit(directory) + 1;
    let journal = SqliteJournal::open(directory).expect("the journal opens");
    let mut progress = std::fs::File::create(directory.join("progress")).expect("writable");
    for n in first..first + 100_000 {
        journal.commit(&commit(n)).expect("written");
        progress.rewind().expect("seekable");
        progress.write_all(&n.to_le_bytes()).expect("writable");
    }
}
