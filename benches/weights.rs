//! Whether weights are true: 100,000 requests for each split from 0.1 % to 99.9 %, through the proxy as a process with two workers, on
//! kept-alive connections (half of them pipelining), on fresh ones, and as new clients of a sticky listener.
//!
//! Every share has to pass a chi-squared test, every sequence has to look like chance, and every client that comes back with its
//! cookies has to find its target again. What the tests find, and how seldom they are wrong, is told in the judge's documentation.

#[path = "../crates/proxy/tests/split/mod.rs"]
mod split;
mod support;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use split::field::{Field, STICKY};
use split::statistics::{CHI_SQUARED_LIMIT, FALSE_ALARM, Judgement, judge};
use split::{SPLITS, Split, clients};
use support::machine;

/// Requests for each split and kind; new clients, where they are sticky.
const COUNT: usize = 100_000;
/// Workers of the proxy.
const WORKERS: &str = "2";
/// By then everything has been measured on any machine worth measuring on.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// How the requests come.
#[derive(Clone, Copy, Debug)]
enum Kind {
    KeptAlive,
    Fresh,
    Sticky,
}

const KINDS: [Kind; 3] = [Kind::KeptAlive, Kind::Fresh, Kind::Sticky];

fn main() -> ExitCode {
    println!("weights: {COUNT} requests for each split, {} connections, {WORKERS} workers", clients::CONNECTIONS);
    println!("a share passes if chi-squared (1 degree of freedom) is at most {CHI_SQUARED_LIMIT}: p > {FALSE_ALARM:e}");
    machine::describe();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let began = Instant::now();
    match runtime.block_on(async { tokio::time::timeout(TIME_LIMIT, measure()).await }) {
        Ok(faults) => {
            faults.iter().for_each(|fault| println!("{fault}"));
            println!("\n{} faults, after {:.0} s", faults.len(), began.elapsed().as_secs_f64());
            if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(_) => {
            println!("not measured within {TIME_LIMIT:?}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the table; returns what is wrong.
async fn measure() -> Vec<String> {
    let arguments = ["proxy", "--workers", WORKERS];
    let mut field = Field::start(Path::new(env!("CARGO_BIN_EXE_seatrial")), &arguments).await;
    let mut faults = Vec::new();
    println!("\n{:>8}   {:^26}   {:^26}   {:^26}", "weight", "kept alive", "fresh", "sticky, new clients");
    print!("{:>8}", "%");
    KINDS.iter().for_each(|_| print!("   {:>9}{:>9}{:>8}", "observed", "chi²", ""));
    println!();
    for split in SPLITS {
        print!("{:>8}", split.name());
        for kind in KINDS {
            let judgement = ask(&mut field, split, kind).await;
            let verdict = if judgement.faults.is_empty() { "passed" } else { "FAILED" };
            print!("   {:>8.3}%{:>9.2}{verdict:>8}", judgement.observed * 100.0, judgement.chi_squared);
            let named = |fault: &String| format!("{} %, {kind:?}: {fault}", split.name());
            faults.extend(judgement.faults.iter().map(named));
        }
        println!();
    }
    faults
}

async fn ask(field: &mut Field, split: Split, kind: Kind) -> Judgement {
    let sticky = match kind {
        Kind::KeptAlive | Kind::Fresh => None,
        Kind::Sticky => STICKY,
    };
    field.weigh(split.weights(), sticky).await;
    match kind {
        Kind::KeptAlive => judge(&clients::kept_alive(field.address, COUNT).await, split.share()),
        Kind::Fresh => judge(&clients::fresh(field.address, COUNT).await, split.share()),
        Kind::Sticky => {
            let seen = clients::sticky(field.address, COUNT).await;
            let mut judgement = judge(&seen.new, split.share());
            if seen.strayed > 0 {
                let fault = format!("{} of {} clients did not find their target again", seen.strayed, seen.returned);
                judgement.faults.push(fault);
            }
            judgement
        }
    }
}
