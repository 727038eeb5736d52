//! How near a rolling update comes to the physical limit: ten tasks that take one second to boot, all replaced at once.
//!
//! The update lasts from the moment `UpdateService` is called until the deployment is SUCCESSFUL and the last old task has
//! STOPPED, by the engine's own timestamps (one clock, one machine). The limit is the boot time plus what was in flight when the
//! boot time was over, measured. Beside it the same update on Docker Swarm, if a Docker Engine can be run here.

#[path = "../tests/harness/mod.rs"]
mod harness;
#[path = "near_limit/in_flight.rs"]
mod in_flight;
mod support;
#[path = "near_limit/swarm.rs"]
mod swarm;
#[path = "near_limit/update.rs"]
mod update;

use std::process::ExitCode;
use std::time::Duration;

use harness::Trial;
use in_flight::InFlight;
use seatrial_load::{Length, LoadHandle, LoadPlan};
use support::figures::{Figures, HEADS, verdict};
use support::{client, machine};
use swarm::Swarm;
use update::{Phases, Service};

/// How many tasks are replaced.
pub const TASKS: i32 = 10;
/// How long a task takes from the start of its process until its port opens.
pub const BOOT: Duration = Duration::from_secs(1);
/// The times an update may take of the physical limit.
const GOAL: f64 = 1.25;
/// Updates measured of each kind.
const ROUNDS: usize = 10;
/// Updates measured on Docker Swarm with each interval.
const ROUNDS_SWARM: usize = 5;
/// Ordinary requests per second meanwhile.
const RATE: &str = "200";
/// How many long requests are in flight at any time, in the second kind of round, and how long each takes.
const LONG_REQUESTS: usize = 16;
const LONG: Duration = Duration::from_millis(500);
/// Time for load and engine to settle between two rounds.
const PAUSE: Duration = Duration::from_millis(700);
/// Intervals of Docker's health checks that are tried; the first is Seatrial's own in this benchmark.
const SWARM_INTERVALS: [&str; 3] = ["5s", "1s", "250ms"];

const CONFIGURATION: &str = r#"
app: limit
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }} --boot-delay 1s"
    port: 8080
    health_check: { path: /health/ready, interval: 5s, timeout: 2s }
    deregistration_delay: 10s
    listener: { port: @PORT@ }
    minimum_healthy_percent: 100
    maximum_percent: 200
    desired_count: 10
environments:
  dev: { target: embedded, stage: dev }
"#;

fn main() -> ExitCode {
    println!("near_limit: a rolling update of {TASKS} tasks, boot {BOOT:?}, minimum 100 %, maximum 200 %");
    machine::describe();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let failed = runtime.block_on(seatrial());
    docker_swarm();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures Seatrial's updates; returns how many requests failed.
async fn seatrial() -> u64 {
    let trial = Trial::new(CONFIGURATION);
    for version in ["v1", "v2"] {
        trial.deploy(&[("VERSION", version)]).exits(0);
    }
    let service = Service::new(client::ecs(&trial.aws_environment()), "limit-dev", "web", "limit-dev-web");
    let target = trial.url("/").parse().expect("a loopback URL is a target");
    let rate = RATE.parse().expect("the constant is a rate");
    let load = LoadHandle::start(LoadPlan::new(target, rate, Length::UntilStopped)).await.expect("the load can start");

    println!("\nseatrial, {RATE} requests/s of a millisecond each, {ROUNDS} updates");
    rounds(&service, trial.port, 0).await;
    println!("\nseatrial, the same and {LONG_REQUESTS} requests of {LONG:?} in flight at any time, {ROUNDS} updates");
    rounds(&service, trial.port, LONG_REQUESTS).await;

    let report = load.stop().await;
    println!("\nrequests: {} sent, {} failed", report.requests.sent, report.failed());
    report.failed()
}

async fn rounds(service: &Service, port: u16, long_requests: usize) {
    let (mut limits, mut took, mut ratios) = (Figures::default(), Figures::default(), Figures::default());
    let mut phases = Vec::new();
    let in_flight = InFlight::start(port, long_requests, LONG);
    for round in 0..ROUNDS {
        tokio::time::sleep(PAUSE).await;
        let update = service.update(round % 2 + 1).await;
        let limit = BOOT.as_secs_f64() + in_flight.drain_after(update.called + BOOT.as_secs_f64());
        limits.push(limit);
        took.push(update.phases.completed);
        ratios.push(update.phases.completed / limit);
        phases.push(update.phases);
    }
    let failed = in_flight.stop();
    println!("{:34}{HEADS}", "");
    println!("{:34}{limits:.3}", "limit: boot + drain, s");
    println!("{:34}{took:.3}", "update, s");
    println!("{:34}{ratios:.3}   {} (≤ {GOAL})", "update / limit", verdict(ratios.median(), GOAL));
    println!("  where the time goes, s after the call");
    let row = |name: &str, phase: fn(&Phases) -> f64| {
        println!("{:34}{:.3}", format!("    {name}"), phases.iter().map(phase).collect::<Figures>());
    };
    row("call answered", |phases| phases.answered);
    row("last new task RUNNING", |phases| phases.started);
    row("first old task leaves", |phases| phases.first_leaves);
    row("last old task leaves", |phases| phases.last_leaves);
    row("last old task STOPPED", |phases| phases.stopped);
    row("deployment SUCCESSFUL", |phases| phases.completed);
    assert_eq!(failed, 0, "long requests failed");
}

fn docker_swarm() {
    println!(
        "\ndocker swarm, --update-parallelism 0 --update-order start-first, {ROUNDS_SWARM} updates, no requests and no network"
    );
    let swarm = match Swarm::start() {
        Ok(swarm) => swarm,
        Err(why) => {
            println!("  not measured: {why}");
            return;
        }
    };
    println!("{:34}{HEADS}", "");
    for interval in SWARM_INTERVALS {
        match swarm.measure(interval, ROUNDS_SWARM) {
            Ok(took) => {
                let ratios: Figures = took.iter().map(|took| took / BOOT.as_secs_f64()).collect();
                println!("{:34}{ratios:.3}", format!("update / boot, checked every {interval}"));
            }
            Err(why) => println!("  checked every {interval}: {why}"),
        }
    }
}
