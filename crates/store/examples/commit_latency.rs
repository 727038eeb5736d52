//! Measures the commit latency of a data directory's disk: `cargo run --release -p seatrial-store --example commit_latency [DIR]`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use seatrial_model::Timestamp;
use seatrial_ports::journal::JournalEntry;
use seatrial_ports::{Batch, Journal, JournalError, Record};
use seatrial_store::SqliteJournal;

const COMMITS: usize = 2000;

/// A service's record is about this large.
const BODY_BYTES: usize = 2000;

fn main() -> Result<(), JournalError> {
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let directory = std::env::args_os().nth(1).map_or_else(|| scratch.path().join("data"), PathBuf::from);
    let opening = Instant::now();
    let journal = SqliteJournal::open(&directory)?;
    println!("open: {:.2} ms", milliseconds(opening.elapsed()));
    let body = format!("\"{}\"", "x".repeat(BODY_BYTES));
    let mut latencies = Vec::with_capacity(COMMITS);
    for number in 0..COMMITS {
        let record = Record {
            table: "service".to_owned(),
            key: format!("service-{}", number % 20),
            version: 1,
            body: body.clone(),
        };
        let at = Timestamp::from_millis(number as i64);
        let entry = JournalEntry { stream: "service".to_owned(), at, body: body.clone() };
        let batch = Batch { puts: vec![record], deletes: Vec::new(), entries: vec![entry] };
        let begun = Instant::now();
        journal.commit(&batch)?;
        latencies.push(begun.elapsed());
    }
    latencies.sort();
    for (name, share) in [("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("largest", 1.0)] {
        let index = ((COMMITS - 1) as f64 * share) as usize;
        println!("commit, {name}: {:.2} ms", milliseconds(latencies[index]));
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
