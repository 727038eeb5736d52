//! How many whole deployments the simulator lives through in a second on one core, every step held against the invariants.

mod support;

use std::time::{Duration, Instant};

use seatrial_sim::{Telling, run};
use support::machine;

/// Deployments a second on one core.
const GOAL: f64 = 2_000.0;
const ROUNDS: usize = 5;
/// Seeds of a round.
const SEEDS: u64 = 10_000;

fn main() {
    println!("simulator: whole deployments a second on one core, {ROUNDS} rounds of {SEEDS} seeds");
    machine::describe();
    let mut rates: Vec<f64> = (0..ROUNDS as u64).map(|round| round_of(round * SEEDS)).collect();
    rates.sort_by(f64::total_cmp);
    let (least, median, most) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
    println!("\n{:>12}{:>12}{:>12}", "min", "median", "max");
    println!("{least:>12.0}{median:>12.0}{most:>12.0}");
    let verdict = if median >= GOAL { "reached" } else { "missed" };
    println!("\ngoal: at least {GOAL:.0}: {verdict}, {:.1} times that", median / GOAL);
}

fn round_of(first: u64) -> f64 {
    let begun = Instant::now();
    let mut deployments = 0;
    for seed in first..first + SEEDS {
        deployments += run(seed, Telling::Silent).expect("every seed holds").deployments;
    }
    deployments as f64 / begun.elapsed().max(Duration::from_millis(1)).as_secs_f64()
}
