//! The journal as an engine sees it: what is committed comes back, and nothing else does.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use seatrial_model::Timestamp;
use seatrial_ports::journal::JournalEntry;
use seatrial_ports::{Batch, Journal, JournalError, Record};
use seatrial_store::{FILE_NAME, LAYOUT, SqliteJournal};

fn open(directory: &Path) -> SqliteJournal {
    SqliteJournal::open(directory).expect("the journal opens")
}

fn record(table: &str, key: &str, body: &str) -> Record {
    Record { table: table.to_owned(), key: key.to_owned(), version: 3, body: body.to_owned() }
}

fn entry(stream: &str, at: i64, body: &str) -> JournalEntry {
    JournalEntry { stream: stream.to_owned(), at: Timestamp::from_millis(at), body: body.to_owned() }
}

#[test]
fn what_was_committed_is_there_after_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let records = [record("cluster", "default", "{}"), record("service", "web", "{\"größe\":1}")];
    let entries = [entry("web", 1_790_000_000_123, "{\"a\":1}"), entry("web", 1_790_000_000_124, "{\"b\":2}")];
    let batch = Batch { puts: records.to_vec(), entries: entries.to_vec(), deletes: Vec::new() };
    open(home.path()).commit(&batch).expect("the batch is written");

    let journal = open(home.path());
    assert_eq!(journal.load().expect("readable"), records);
    assert_eq!(journal.entries("web", 10).expect("readable"), entries);
    assert_eq!(journal.entries("web", 1).expect("readable"), entries[1..]);
    assert_eq!(journal.entries("other", 10).expect("readable"), []);
}

#[test]
fn records_are_replaced_deleted_and_ordered_by_table_and_key() {
    let home = tempfile::tempdir().expect("a directory");
    let journal = open(home.path());
    let puts = vec![record("b", "1", "{}"), record("a", "2", "{}"), record("a", "10", "{}")];
    journal.commit(&Batch { puts, ..Batch::default() }).expect("written");
    let second = Batch {
        puts: vec![Record { version: 4, ..record("a", "2", "[]") }],
        deletes: vec![("b".to_owned(), "1".to_owned()), ("b".to_owned(), "never there".to_owned())],
        entries: Vec::new(),
    };
    journal.commit(&second).expect("written");
    let expected = [record("a", "10", "{}"), Record { version: 4, ..record("a", "2", "[]") }];
    assert_eq!(journal.load().expect("readable"), expected);
}

#[test]
fn an_empty_batch_writes_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    open(home.path()).commit(&Batch::default()).expect("nothing to do");
}

#[test]
fn directory_and_files_are_for_their_owner_only() {
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("data").join("seatrial");
    let journal = open(&directory);
    journal.commit(&Batch { puts: vec![record("a", "1", "{}")], ..Batch::default() }).expect("written");
    let mode = |path: &Path| path.metadata().expect("it exists").permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    let mut files = 0;
    for file in directory.read_dir().expect("readable") {
        let path = file.expect("readable").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files >= 3, "lock, tables and write-ahead log");
}

#[test]
fn a_second_engine_is_told_who_holds_the_directory() {
    let home = tempfile::tempdir().expect("a directory");
    let first = open(home.path());
    let refusal = SqliteJournal::open(home.path()).expect_err("the directory is taken");
    assert!(matches!(refusal, JournalError::Locked { .. }), "{refusal}");
    let text = refusal.to_string();
    assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
    assert!(text.contains(&home.path().display().to_string()), "{text}");
    drop(first);
    open(home.path());
}

#[test]
fn a_page_overwritten_by_something_else_is_reported_as_damage() {
    let home = tempfile::tempdir().expect("a directory");
    let body = format!("\"{}\"", "x".repeat(500));
    let puts: Vec<Record> = (0..200).map(|number| record("task", &format!("{number:04}"), &body)).collect();
    open(home.path()).commit(&Batch { puts, ..Batch::default() }).expect("written");
    let file = home.path().join(FILE_NAME);
    let mut bytes = std::fs::read(&file).expect("readable");
    let pages = bytes.len() / 4096;
    assert!(pages > 20, "{pages} pages");
    bytes[10 * 4096..11 * 4096].fill(0xa5);
    std::fs::write(&file, bytes).expect("writable");

    let refusal = SqliteJournal::open(home.path()).expect_err("the file is damaged");
    assert!(matches!(refusal, JournalError::Corrupt { .. }), "{refusal}");
    let text = refusal.to_string();
    assert!(text.contains("seatrial.db is damaged") && text.contains("move the file"), "{text}");
}

#[test]
fn a_file_that_is_no_database_is_reported_as_damage() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join(FILE_NAME), "not a database, but a long enough text. ".repeat(200))
        .expect("writable");
    let refusal = SqliteJournal::open(home.path()).expect_err("the file is no database");
    assert!(matches!(refusal, JournalError::Corrupt { .. }), "{refusal}");
}

#[test]
fn a_cut_off_file_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let body = format!("\"{}\"", "x".repeat(500));
    let puts: Vec<Record> = (0..200).map(|number| record("task", &format!("{number:04}"), &body)).collect();
    open(home.path()).commit(&Batch { puts, ..Batch::default() }).expect("written");
    let file = std::fs::OpenOptions::new().write(true).open(home.path().join(FILE_NAME)).expect("writable");
    file.set_len(6 * 4096).expect("the file is cut");
    let refusal = SqliteJournal::open(home.path()).expect_err("the file is damaged");
    assert!(matches!(refusal, JournalError::Corrupt { .. }), "{refusal}");
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let home = tempfile::tempdir().expect("a directory");
    drop(open(home.path()));
    let file = home.path().join(FILE_NAME);
    let connection = rusqlite::Connection::open(&file).expect("a database");
    connection.execute("UPDATE meta SET layout = ?1", [LAYOUT + 1]).expect("updated");
    drop(connection);
    let before = std::fs::read(&file).expect("readable");
    let refusal = SqliteJournal::open(home.path()).expect_err("the layout is unknown");
    match refusal {
        JournalError::Newer { found, supported, .. } => assert_eq!((found, supported), (LAYOUT + 1, LAYOUT)),
        other => panic!("{other}"),
    }
    assert_eq!(std::fs::read(&file).expect("readable"), before);
}

#[test]
fn somebody_elses_database_is_not_touched() {
    let home = tempfile::tempdir().expect("a directory");
    let connection = rusqlite::Connection::open(home.path().join(FILE_NAME)).expect("a database");
    connection.execute_batch("CREATE TABLE recipes (name TEXT)").expect("created");
    drop(connection);
    let refusal = SqliteJournal::open(home.path()).expect_err("the file belongs to somebody else");
    assert!(refusal.to_string().contains("no journal of Seatrial's"), "{refusal}");
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("file");
    std::fs::write(&file, "").expect("writable");
    let refusal = SqliteJournal::open(&file.join("data")).expect_err("a file is in the way");
    assert!(refusal.to_string().contains("could not create the data directory"), "{refusal}");
}
