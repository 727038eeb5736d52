//! `seeds run COUNT [FROM]` holds that many seeds and says how fast; `seeds replay SEED` tells one of them step by step.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a command reads its arguments and measures its own speed"
)]

use std::process::ExitCode;
use std::time::Instant;

use seatrial_sim::{Telling, run};

const USAGE: &str = "usage: seeds run COUNT [FROM] | seeds replay SEED, all of them whole numbers: seeds run 20000";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Option<Vec<u64>> = words.iter().skip(1).map(|word| word.parse().ok()).collect();
    match (words.first().map(String::as_str), numbers.as_deref()) {
        (Some("run"), Some([count])) => run_seeds(0, *count),
        (Some("run"), Some([count, from])) => run_seeds(*from, *count),
        (Some("replay"), Some([seed])) => replay(*seed),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run_seeds(from: u64, count: u64) -> ExitCode {
    let begun = Instant::now();
    let (mut deployments, mut steps) = (0, 0);
    for seed in from..from.saturating_add(count) {
        match run(seed, Telling::Silent) {
            Ok(outcome) => {
                deployments += outcome.deployments;
                steps += outcome.steps;
            }
            Err(failure) => {
                println!("seed {seed}: {}", failure.what);
                println!("replay with: cargo run -p seatrial-sim --example seeds replay {seed}");
                return ExitCode::FAILURE;
            }
        }
    }
    let rate = deployments as f64 / begun.elapsed().as_secs_f64();
    println!("{count} seeds hold: {deployments} deployments, {steps} steps, {rate:.0} deployments a second");
    ExitCode::SUCCESS
}

fn replay(seed: u64) -> ExitCode {
    match run(seed, Telling::Told) {
        Ok(outcome) => {
            println!("{}seed {seed} holds", outcome.story);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{}seed {seed}: {}", failure.story, failure.what);
            ExitCode::FAILURE
        }
    }
}
