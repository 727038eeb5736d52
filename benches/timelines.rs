//! How near `seatrial simulate` comes to what the embedded engine then does: every strategy, 1 to 20 tasks that boot in 0.1 to 5 seconds.
//!
//! Each case deploys twice; measured is the service deployment of the second version, from its creation to its end.

#[path = "../tests/harness/mod.rs"]
mod harness;
mod support;

use std::time::Duration;

use harness::Trial;
use serde_json::Value as Json;
use support::machine;

/// How far a forecast may be off: this part of what was measured, or this long.
const SHARE: f64 = 0.10;
const SLACK: Duration = Duration::from_millis(200);

const STRATEGIES: [(&str, &str); 5] = [
    ("rolling", "minimum_healthy_percent: 100, maximum_percent: 200"),
    ("rolling, half at a time", "minimum_healthy_percent: 50, maximum_percent: 100"),
    ("blue_green", "deployment: { strategy: blue_green }"),
    ("canary", "deployment: { strategy: canary, percent: 10, step_bake: 0s }"),
    ("linear", "deployment: { strategy: linear, percent: 25, step_bake: 0s }"),
];
const TASKS: [u32; 3] = [1, 5, 20];
const BOOTS: [&str; 3] = ["100ms", "1s", "5s"];

fn configuration(settings: &str, tasks: u32, boot: &str) -> String {
    format!(
        "app: trial
services:
  web:
    command: \"seatrial demo-app --boot-delay {boot} --version {{{{ env('VERSION') }}}}\"
    port: 8080
    health_check: {{ path: /health/ready, interval: 5s, grace_period: 30s }}
    deregistration_delay: 10s
    desired_count: {tasks}
    listener: {{ port: @PORT@ }}
    {}
environments:
  dev: {{ target: embedded, stage: dev }}
",
        settings.replace(", maximum_percent", "\n    maximum_percent")
    )
}

fn main() {
    println!("timelines: what `seatrial simulate` foresees beside what the embedded engine does");
    machine::describe();
    println!("\n{:26}{:>6}{:>8}{:>12}{:>12}{:>10}", "strategy", "tasks", "boot", "foreseen", "measured", "off by");
    let mut worst: f64 = 0.0;
    let (mut cases, mut missed) = (0, 0);
    for (name, settings) in STRATEGIES {
        for tasks in TASKS {
            // Half of one task is none that could be replaced.
            for boot in BOOTS.into_iter().filter(|_| tasks > 1 || !name.contains("half")) {
                cases += 1;
                let trial = Trial::new(&configuration(settings, tasks, boot));
                let foreseen = foreseen(&trial, boot);
                let measured = measured(&trial);
                let off = foreseen.abs_diff(measured);
                let share = off.as_secs_f64() / measured.as_secs_f64();
                let holds = share <= SHARE || off <= SLACK;
                missed += usize::from(!holds);
                if off > SLACK {
                    worst = worst.max(share);
                }
                let mark = if holds { "" } else { "  ✘" };
                println!(
                    "{name:26}{tasks:>6}{boot:>8}{:>10} ms{:>10} ms{:>8.1} %{mark}",
                    foreseen.as_millis(),
                    measured.as_millis(),
                    100.0 * share
                );
            }
        }
    }
    println!(
        "\n{} of {cases} within {} % or {} ms; the largest difference of those above {} ms is {:.1} %",
        cases - missed,
        100.0 * SHARE,
        SLACK.as_millis(),
        SLACK.as_millis(),
        100.0 * worst
    );
}

fn foreseen(trial: &Trial, boot: &str) -> Duration {
    let told = trial
        .run(
            &["simulate", "--boot", boot, "--stops-in", "0s", "--slowest-request", "0s", "-o", "json"],
            &[("VERSION", "v2")],
        )
        .exits(0)
        .stdout;
    let told: Json = serde_json::from_str(&told).expect("it is JSON");
    let median = told[0]["services"][0]["success"]["total"]["median_ms"].as_u64();
    Duration::from_millis(median.expect("a good version comes to its end"))
}

fn measured(trial: &Trial) -> Duration {
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    for version in ["v1", "v2"] {
        trial.deploy(&[("VERSION", version)]).exits(0);
    }
    let history = trial.run(&["history", "-o", "json"], &[("VERSION", "v2")]).exits(0).stdout;
    let history: Json = serde_json::from_str(&history).expect("it is JSON");
    Duration::from_millis(history[0]["duration_ms"].as_u64().expect("it is over"))
}
