//! Zero drops: under load, good versions replace each other and bad ones are rolled back, and not one request fails.

mod harness;

use std::time::Duration;

use harness::Trial;
use seatrial_load::{FailureKind, FailureSample};

/// The service of the story: safe settings, quick checks, and a settle time that a crash right after start falls into.
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app {{ env('OPTIONS') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    settle_time: 2s
    deregistration_delay: 5s
    listener: { port: @PORT@ }
    minimum_healthy_percent: 100
    maximum_percent: 200
    desired_count: @DESIRED@
    circuit_breaker: { rollback: true, reset_on_healthy_task: false, threshold: { type: count, value: 2 } }
environments:
  dev: { target: embedded, stage: dev }
"#;

#[test]
fn one_task_drops_nothing() {
    tell_the_story("1");
}

#[test]
fn four_tasks_drop_nothing() {
    tell_the_story("4");
}

/// A version that crashes after it has been in service for a while, all its tasks in the same moment: no settle time can keep that from
/// the clients. It costs what its tasks had in hand in that moment, and nothing before or after.
#[test]
fn a_version_that_crashes_in_service_costs_what_it_had_in_hand() {
    let trial = Trial::new(&CONFIGURATION.replace("@DESIRED@", "4"));
    trial.deploy(&[("OPTIONS", "--version v1")]).exits(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("500"));
    std::thread::sleep(Duration::from_secs(1)); // As above.

    let ran = trial.deploy(&[("OPTIONS", "--version v2 --exit-after 3s")]).exits(3);
    assert!(ran.says("rolled back"), "{ran:?}");
    let at_its_end = load.snapshot();
    std::thread::sleep(Duration::from_secs(2)); // Traffic on the version that is back, for as long as a slow request takes.

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    let served = report.requests.by_version.get("v2").copied().unwrap_or(0);
    assert!(served >= 100, "it was in service: {}", report.render());
    assert_eq!(report.failed(), at_its_end.failed(), "all is well once it is rolled back: {}", report.render());
    let is_interruption = |kind: &FailureKind| {
        matches!(kind, FailureKind::Status5xx | FailureKind::BodyTruncated | FailureKind::Websocket)
    };
    assert!(report.failures.keys().all(is_interruption), "no connection was refused: {}", report.render());
    let is_of_the_balancer = |sample: &FailureSample| {
        sample.kind != FailureKind::Status5xx || ["502", "503"].iter().any(|status| sample.detail.contains(status))
    };
    assert!(report.samples.iter().all(is_of_the_balancer), "{}", report.render());
    // In hand are ten slow requests, four streams, four WebSockets and a few more; half a second of traffic would be 250.
    assert!(report.failed() <= 125, "{}", report.render());
}

fn tell_the_story(desired: &str) {
    let trial = Trial::new(&CONFIGURATION.replace("@DESIRED@", desired));
    trial.deploy(&[("OPTIONS", "--version v1")]).exits(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("500"));
    std::thread::sleep(Duration::from_secs(1)); // Some traffic before the first change, so that connections are established.

    trial.deploy(&[("OPTIONS", "--version v2")]).exits(0);
    for broken in [
        "--version v3-exits --exit-at-start 3",
        "--version v3-sick --health unhealthy",
        "--version v3-crashes --exit-after 1s",
    ] {
        let ran = trial.deploy(&[("OPTIONS", broken)]).exits(3);
        assert!(ran.says("rolled back"), "{broken:?}: {ran:?}");
    }

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
    assert_eq!(report.requests.sent, report.requests.answered + report.requests.failed);
    assert!(report.requests.answered > 1000, "{}", report.render());
}
