//! Somebody watches a canary in lines: stages, weights and the requests of both versions are told, and watching ends with the deployment.

mod harness;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use harness::{Trial, wait_until};

/// Everything ECS counts in minutes takes three seconds for each.
const TIME_SCALE: &str = "20";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }}"
    version: "{{ env('VERSION') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 20s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 20s
    listener: { port: @PORT@ }
    desired_count: 2
    deployment:
      strategy: canary
      percent: 50
      step_bake: 2m
      bake: 1m
environments:
  dev: { target: embedded, stage: prod }
"#;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_canary_is_told_step_by_step_and_watching_ends_with_its_verdict() {
    let trial = start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("100"));
    let watcher = Watcher::start(&trial, &["watch", "--plain"]);
    watcher.waits_for("ACTIVE trial-dev-web:1");
    trial.deploy(&[("VERSION", "v2")]).exits(0);
    let (code, told) = watcher.ends();
    assert_eq!(code, Some(0), "{told}");
    println!("{told}");
    assert_eq!(runtime.block_on(load.stop()).failed(), 0);

    let expected = [
        "IN_PROGRESS CANARY trial-dev-web:1 → trial-dev-web:2",
        "stage     PRODUCTION_TRAFFIC_SHIFT for",
        "of 6.0 s (2 min 00 s at scale 20)",
        "the new version has 50 % of production",
        "the new version has 100 % of production",
        "stage     BAKE_TIME for",
        "has entered lifecycle stage CLEAN_UP.",
        "ended SUCCESSFUL",
    ];
    for text in expected {
        assert!(told.contains(text), "{text:?} is not told:\n{told}");
    }
    let both_serve = blocks(&told).any(|block| requests(block, "new ") > 5.0 && requests(block, "old ") > 5.0);
    assert!(both_serve, "no block tells requests of both versions:\n{told}");
}

#[test]
fn a_deployment_that_is_rolled_back_is_told_as_json_and_ends_the_watching_with_exit_code_3() {
    let trial = start();
    let watcher = Watcher::start(&trial, &["watch", "web", "-o", "json"]);
    watcher.waits_for("ACTIVE");
    trial.run(&["deploy", "--no-wait"], &[("VERSION", "bad")]).exits(0);
    watcher.waits_for(r#""production":50.0"#);
    trial.run(&["rollback"], &[("VERSION", "bad")]).exits(0);
    let (code, told) = watcher.ends();
    assert_eq!(code, Some(3), "{told}");
    let documents: Vec<serde_json::Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("each line is a document")).collect();
    let last = documents.last().expect("something was told");
    assert_eq!(last["time_scale"], 20);
    assert_eq!(last["services"][0]["deployment"]["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(last["services"][0]["revisions"][0]["task_definition"], "trial-dev-web:1");
    assert_eq!(last["services"][0]["revisions"][0]["version"], "v1");
}

#[test]
fn watching_that_is_interrupted_leaves_the_deployment_to_itself() {
    let trial = start();
    let watcher = Watcher::start(&trial, &["watch", "--plain"]);
    watcher.waits_for("ACTIVE");
    trial.run(&["deploy", "--no-wait"], &[("VERSION", "v2")]).exits(0);
    watcher.waits_for("50 % of production");
    watcher.interrupt();
    let (code, told) = watcher.ends();
    assert_eq!(code, Some(130), "{told}");
    // The same version again: nothing to start, but the deployment going on is waited for.
    trial.deploy(&[("VERSION", "v2")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
}

fn start() -> Trial {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    trial
}

/// The blocks of a service's state, without the events between them.
fn blocks(told: &str) -> impl Iterator<Item = &str> {
    told.split("\n2").flat_map(|part| part.split("Z web: ")).filter(|part| part.contains("\n  new "))
}

/// The requests per second of a line.
fn requests(block: &str, label: &str) -> f64 {
    let line = block.lines().find(|line| line.trim_start().starts_with(label)).unwrap_or_default();
    let before = line.split("/s requests").next().filter(|_| line.contains("/s requests")).unwrap_or_default();
    before.rsplit(' ').next().and_then(|rate| rate.parse().ok()).unwrap_or(0.0)
}

/// A `seatrial watch` whose output goes to a file.
struct Watcher {
    child: Child,
    output: PathBuf,
}

impl Watcher {
    fn start(trial: &Trial, arguments: &[&str]) -> Self {
        let output = trial.directory().join("watched.txt");
        let file = File::create(&output).expect("a file can be made");
        let errors = file.try_clone().expect("a file can be written twice");
        // The configuration reads it; what is watched is whatever is deployed.
        let mut command = trial.command(arguments, &[("VERSION", "v1")]);
        let child = command.stdout(file).stderr(errors).spawn().expect("the binary under trial can be started");
        Watcher { child, output }
    }

    fn told(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    #[track_caller]
    fn waits_for(&self, text: &str) {
        wait_until(PATIENCE, text, || self.told().contains(text));
    }

    fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "the watcher could not be interrupted");
    }

    /// Waits for the end; returns the exit code and all that was told.
    fn ends(mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return (status.code(), self.told());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("watching did not end:\n{}", self.told());
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
