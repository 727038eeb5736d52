//! How soon a started engine answers its first API call, and what it and its other processes hold when idle.
//!
//! Measured is what a user waits for: from the start of the program `seatrial engine start` to the answer to a signed
//! `ecs ListClusters`, made once that command has returned.

#[path = "../tests/harness/mod.rs"]
mod harness;
mod support;

use std::time::{Duration, Instant};

use harness::Trial;
use support::figures::{Figures, HEADS, milliseconds, verdict};
use support::{client, machine, usage};

/// The time a start may take, in milliseconds.
const GOAL_MS: f64 = 200.0;
/// Starts measured of each kind.
const ROUNDS: usize = 25;
/// Deployments in the history of a populated home.
const DEPLOYMENTS: usize = 5;
/// How long everything is left alone before its memory is looked at.
const IDLE: Duration = Duration::from_secs(5);

const CONFIGURATION: &str = r#"
app: cold
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s, timeout: 2s }
    listener: { port: @PORT@ }
    desired_count: 4
environments:
  dev: { target: embedded, stage: dev }
"#;

fn main() {
    println!("cold_start: from `seatrial engine start` to the first answered API call, {ROUNDS} starts of each kind");
    machine::describe();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    println!("\n{:44}{HEADS}", "milliseconds");

    // The first call of a process also sets up the SDK; that is no cost of the engine's.
    let _ = start(&runtime, &Trial::new(CONFIGURATION));
    let fresh: Vec<_> = (0..ROUNDS).map(|_| start(&runtime, &Trial::new(CONFIGURATION))).collect();
    print_starts("a fresh home", &fresh);

    let trial = Trial::new(CONFIGURATION);
    for version in 0..DEPLOYMENTS {
        trial.deploy(&[("VERSION", &format!("v{version}"))]).exits(0);
    }
    print_starts("a home with 4 tasks, to be started again", &restarts(&runtime, &trial, &["engine", "stop"]));
    print_starts("the same, tasks running on", &restarts(&runtime, &trial, &["engine", "stop", "--keep-tasks"]));
    print_memory(&trial);
}

/// Starts the engine; returns how long that took and how long until the call was answered.
fn start(runtime: &tokio::runtime::Runtime, trial: &Trial) -> (Duration, Duration) {
    let began = Instant::now();
    // Any port: the usual one may be another engine's.
    let output = trial.command(&["engine", "start", "--port", "0"], &[]).output().expect("the binary can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let started = began.elapsed();
    let ecs = connect(trial);
    runtime.block_on(ecs.list_clusters().send()).expect("the engine answers");
    (started, began.elapsed())
}

/// Makes a client from the files the engine wrote: another program in between would be counted too.
fn connect(trial: &Trial) -> aws_sdk_ecs::Client {
    let read = |name: &str| -> serde_json::Value {
        let bytes = std::fs::read(trial.home().join(name)).expect("a running engine has written it");
        serde_json::from_slice(&bytes).expect("the engine writes JSON")
    };
    let (process, credentials) = (read("engine.json"), read("credentials.json"));
    let text = |name: &str| credentials[name].as_str().expect("credentials are complete").to_owned();
    let url = format!("http://127.0.0.1:{}", process["port"]);
    client::connect(&url, text("region"), text("access_key_id"), text("secret_access_key"))
}

fn restarts(runtime: &tokio::runtime::Runtime, trial: &Trial, stop: &[&str]) -> Vec<(Duration, Duration)> {
    (0..ROUNDS)
        .map(|_| {
            trial.run(stop, &[]).exits(0);
            start(runtime, trial)
        })
        .collect()
}

fn print_starts(what: &str, starts: &[(Duration, Duration)]) {
    let answered: Figures = starts.iter().map(|(_, answered)| milliseconds(*answered)).collect();
    let started: Figures = starts.iter().map(|(started, _)| milliseconds(*started)).collect();
    println!("{what:44}{answered:.1}   {} (≤ {GOAL_MS} ms)", verdict(answered.median(), GOAL_MS));
    println!("{:44}{started:.1}", "  of it until `engine start` returns");
}

/// Prints memory and CPU of the engine's processes, with four tasks and no requests.
fn print_memory(trial: &Trial) {
    let processes: Vec<(&str, u32)> = trial
        .processes()
        .into_iter()
        .filter_map(|(process, line)| {
            let roles = [("engine", " engine run"), ("proxy", " proxy "), ("supervisor of a task", " supervise ")];
            roles.into_iter().find(|(_, word)| line.contains(word)).map(|(role, _)| (role, process))
        })
        .collect();
    std::thread::sleep(IDLE);
    let before: Vec<Duration> = processes.iter().map(|(_, process)| usage::own_cpu_time(*process)).collect();
    std::thread::sleep(IDLE);
    println!("\nidle for {IDLE:?}, with 4 tasks and no requests; MiB, and CPU in % of a core");
    println!("{:24}{:>9}{:>9}{:>15}{:>8}", "", "RSS", "PSS", "private dirty", "CPU");
    for ((role, process), before) in processes.iter().zip(before) {
        let memory = usage::memory(*process).expect("the process lives on");
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        // A supervisor's child is the task itself.
        let cpu = 100.0 * (usage::own_cpu_time(*process).saturating_sub(before)).as_secs_f64() / IDLE.as_secs_f64();
        let (resident, proportional) = (mib(memory.resident), mib(memory.proportional));
        println!("{role:24}{resident:>9.1}{proportional:>9.1}{:>15.1}{cpu:>8.2}", mib(memory.private_dirty));
    }
}
