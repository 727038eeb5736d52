//! How soon traffic is back: from the decision to roll back until the last request is sent to the version given up.
//!
//! Two clients ask without a pause of more than a millisecond on kept-alive connections, and remember when each request was sent and who
//! answered it. The decision is the rollback's `startedAt`, on the same clock. What is measured covers persisting the decision, telling the
//! data plane and its taking effect.

#[path = "../tests/harness/mod.rs"]
mod harness;
mod support;

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use aws_sdk_ecs::types::ServiceDeployment;
use harness::{Trial, wait_until};
use support::figures::{Figures, HEADS, milliseconds, verdict};
use support::sampler::Sampler;
use support::{client, machine};

/// Traffic is back within this time of the decision, in milliseconds.
const GOAL: f64 = 100.0;
/// Rollbacks of each strategy.
const ROUNDS: usize = 10;
const PATIENCE: Duration = Duration::from_secs(60);

/// Steps of half of the traffic; a bake time of a minute takes three seconds.
const STRATEGIES: [(&str, &str); 3] = [
    ("blue_green", "blue_green"),
    ("canary", "canary\n      percent: 50\n      step_bake: 2m"),
    ("linear", "linear\n      percent: 50\n      step_bake: 2m"),
];
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }}"
    port: 8080
    health_check: { path: /health/ready }
    listener: { port: @PORT@ }
    desired_count: 2
    deployment:
      strategy: @STRATEGY@
      bake: 2m
environments:
  dev: { target: embedded, stage: dev }
"#;

fn main() -> ExitCode {
    machine::describe();
    println!("{:14}{HEADS}   ms, {ROUNDS} rollbacks each", "");
    let mut worst: f64 = 0.0;
    for (name, strategy) in STRATEGIES {
        let figures = measure(strategy);
        println!("{name:14}{figures:.1}");
        worst = worst.max(figures.median());
    }
    println!("largest median {worst:.1} ms, goal {GOAL} ms: {}", verdict(worst, GOAL));
    if worst <= GOAL { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn measure(strategy: &str) -> Figures {
    let trial = Trial::new(&CONFIGURATION.replace("@STRATEGY@", strategy));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", "20"], &[]).exits(0);
    trial.deploy(&[("VERSION", "good")]).exits(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ecs = client::ecs(&trial.aws_environment());
    let mut figures = Figures::default();
    for _ in 0..ROUNDS {
        let sampler = Sampler::start(trial.port, "version bad");
        trial.run(&["deploy", "--no-wait"], &[("VERSION", "bad")]).exits(0);
        wait_until(PATIENCE, "the version to be given traffic", || sampler.has_seen_it());
        trial.run(&["rollback"], &[("VERSION", "bad")]).exits(0);
        let decided = runtime.block_on(last(&ecs)).rollback().and_then(|rollback| rollback.started_at().copied());
        let decided = SystemTime::try_from(decided.expect("it was rolled back")).expect("a time after 1970");
        let decided = decided.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        figures.push(milliseconds(sampler.stop().saturating_sub(decided)));
    }
    figures
}

async fn last(ecs: &aws_sdk_ecs::Client) -> ServiceDeployment {
    let listed = ecs.list_service_deployments().cluster("trial-dev").service("web").max_results(1);
    let listed = listed.send().await.expect("the engine answers");
    let arn = listed.service_deployments()[0].service_deployment_arn().expect("every one has an ARN").to_owned();
    let described = ecs.describe_service_deployments().service_deployment_arns(arn).send().await;
    described.expect("the engine answers").service_deployments()[0].clone()
}
