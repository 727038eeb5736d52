//! Files of every layout ever released still open, with what they held.
//!
//! `fixtures/layout-N.db` was written by the version that introduced layout N, by `write_a_fixture` below. It never changes.

use seatrial_model::Timestamp;
use seatrial_ports::journal::JournalEntry;
use seatrial_ports::{Batch, Journal, Record};
use seatrial_store::{FILE_NAME, LAYOUT, SqliteJournal};

fn contents() -> Batch {
    let record = |table: &str, key: &str, version, body: &str| Record {
        table: table.to_owned(),
        key: key.to_owned(),
        version,
        body: body.to_owned(),
    };
    let entry = |at, body: &str| JournalEntry {
        stream: "arn:aws:ecs:us-east-1:000000000000:service/default/web".to_owned(),
        at: Timestamp::from_millis(at),
        body: body.to_owned(),
    };
    Batch {
        puts: vec![
            record("cluster", "default", 1, r#"{"name":"default"}"#),
            record("service", "default/web", 2, r#"{"desired":2,"name":"wäb"}"#),
        ],
        deletes: Vec::new(),
        entries: vec![entry(1_790_000_000_001, r#"{"input":"tick"}"#), entry(1_790_000_000_002, r#"{"input":"tick"}"#)],
    }
}

#[test]
fn every_former_layout_opens_with_what_it_held() {
    for layout in 1..=LAYOUT {
        let home = tempfile::tempdir().expect("a directory");
        let fixture = format!("{}/tests/fixtures/layout-{layout}.db", env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(&fixture, home.path().join(FILE_NAME)).expect("every layout has a fixture");
        let journal = SqliteJournal::open(home.path()).expect("the former layout opens");
        let Batch { puts, entries, .. } = contents();
        assert_eq!(journal.load().expect("readable"), puts, "layout {layout}");
        assert_eq!(journal.entries(&entries[0].stream, 10).expect("readable"), entries, "layout {layout}");
        journal.commit(&contents()).expect("the upgraded file takes commits");
    }
}

/// Run once per layout, with `--run-ignored only`; refuses to replace a fixture.
#[test]
#[ignore = "writes the fixture of a new layout"]
fn write_a_fixture() {
    let home = tempfile::tempdir().expect("a directory");
    let journal = SqliteJournal::open(home.path()).expect("the journal opens");
    journal.commit(&contents()).expect("written");
    drop(journal);
    let fixture = format!("{}/tests/fixtures/layout-{LAYOUT}.db", env!("CARGO_MANIFEST_DIR"));
    assert!(!std::fs::exists(&fixture).expect("readable"), "{fixture} exists; released layouts never change");
    std::fs::copy(home.path().join(FILE_NAME), fixture).expect("writable");
}
