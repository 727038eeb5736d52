//! What needs the connection itself: narrower limits, and a file that may not grow.

use super::*;

fn entry(stream: &str, number: i64) -> JournalEntry {
    JournalEntry { stream: stream.to_owned(), at: Timestamp::from_millis(number), body: format!("{{\"n\":{number}}}") }
}

fn append(journal: &SqliteJournal, stream: &str, number: i64) {
    let batch = Batch { entries: vec![entry(stream, number)], ..Batch::default() };
    journal.commit(&batch).expect("the entry is written");
}

fn numbers(journal: &SqliteJournal, stream: &str) -> Vec<i64> {
    let entries = journal.entries(stream, u32::MAX).expect("the journal is readable");
    entries.iter().map(|entry| entry.at.as_millis()).collect()
}

#[test]
fn a_stream_keeps_its_newest_entries_only() {
    let home = tempfile::tempdir().expect("a directory");
    let limits = Limits { per_stream: 20, total: 1000 };
    let journal = SqliteJournal::open_within(home.path(), limits).expect("the journal opens");
    append(&journal, "quiet", 0);
    for number in 0..23 {
        append(&journal, "busy", number);
        assert!(numbers(&journal, "busy").len() <= 22, "a tenth beyond the limit at most");
    }
    assert_eq!(numbers(&journal, "busy"), (3..23).collect::<Vec<_>>());
    assert_eq!(numbers(&journal, "quiet"), [0]);
}

#[test]
fn counting_goes_on_where_it_was_after_a_restart() {
    let home = tempfile::tempdir().expect("a directory");
    let limits = Limits { per_stream: 20, total: 1000 };
    for number in 0..23 {
        let journal = SqliteJournal::open_within(home.path(), limits).expect("the journal opens");
        append(&journal, "busy", number);
    }
    let journal = SqliteJournal::open_within(home.path(), limits).expect("the journal opens");
    assert_eq!(numbers(&journal, "busy"), (3..23).collect::<Vec<_>>());
}

#[test]
fn streams_together_keep_the_newest_entries_only() {
    let home = tempfile::tempdir().expect("a directory");
    let limits = Limits { per_stream: 20, total: 30 };
    let journal = SqliteJournal::open_within(home.path(), limits).expect("the journal opens");
    for number in 0..100 {
        append(&journal, &format!("service-{}", number / 2), number);
    }
    let kept: usize = (0..50).map(|service| numbers(&journal, &format!("service-{service}")).len()).sum();
    assert!((30..=33).contains(&kept), "{kept} entries kept");
    assert_eq!(numbers(&journal, "service-49"), [98, 99]);
    assert_eq!(numbers(&journal, "service-0"), [0; 0]);
}

#[test]
fn a_full_disk_fails_the_commit_and_leaves_nothing_of_it() {
    let home = tempfile::tempdir().expect("a directory");
    let journal = SqliteJournal::open(home.path()).expect("the journal opens");
    let record = |key: String, size: usize| Record {
        table: "service".to_owned(),
        key,
        version: 1,
        body: format!("\"{}\"", "x".repeat(size)),
    };
    let before = Batch { puts: vec![record("before".to_owned(), 10)], ..Batch::default() };
    journal.commit(&before).expect("there is room yet");
    let set_page_limit = |pages: u32| {
        let state = journal.state();
        state.connection.pragma_update(None, "max_page_count", pages).expect("a limit is set");
    };
    set_page_limit(1); // SQLite takes this as the present size.
    let large = Batch {
        puts: (0..100).map(|number| record(format!("large-{number}"), 1000)).collect(),
        entries: vec![entry("service", 1)],
        deletes: vec![("service".to_owned(), "before".to_owned())],
    };
    let refusal = journal.commit(&large).expect_err("there is no room");
    assert!(matches!(refusal, JournalError::Full { .. }), "{refusal}");
    assert!(refusal.to_string().contains("seatrial.db"), "{refusal}");
    assert_eq!(journal.load().expect("the tables are readable"), before.puts);
    assert_eq!(numbers(&journal, "service"), [0; 0]);

    set_page_limit(u32::MAX - 1);
    journal.commit(&large).expect("the same commit succeeds when there is room again");
    assert_eq!(journal.load().expect("the tables are readable").len(), 100);
    assert_eq!(numbers(&journal, "service"), [1]);
}
