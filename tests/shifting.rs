//! Traffic that moves between two versions: for each strategy a success and a rollback from every stage, under load, without one
//! failed request.

#[path = "../benches/support/client.rs"]
mod client;
mod harness;
#[path = "../benches/support/sampler.rs"]
mod sampler;

use std::process::Command;
use std::time::Duration;

use aws_sdk_ecs::types::ServiceDeployment;
use harness::{Ran, Trial, wait_until};
use sampler::Sampler;

/// Everything ECS counts in minutes takes three seconds for each.
const TIME_SCALE: &str = "20";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }} --boot-delay {{ env('BOOT', '200ms') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 20s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 200s
    listener: { port: @PORT@ }
    desired_count: @DESIRED@
    deployment:
      strategy: @STRATEGY@
      bake: 1m
      hooks: [{ stage: "{{ env('PAUSE', 'pre_scale_up') }}" }]
environments:
  dev: { target: embedded, stage: prod }
"#;

/// Stages a pause can hold a deployment in.
const PAUSED_AT: [&str; 5] = [
    "pre_scale_up",
    "post_scale_up",
    "post_test_traffic_shift",
    "pre_production_traffic_shift",
    "post_production_traffic_shift",
];
/// Stages that pass by themselves; a slow boot, a bake time or a slow request makes them last.
const PASSED_THROUGH: [&str; 4] = ["SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"];
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn blue_green_drops_nothing() {
    tell_the_story("blue_green", "1");
    tell_the_story("blue_green", "4");
}

#[test]
fn a_canary_drops_nothing() {
    let canary = "canary\n      percent: 10\n      step_bake: 1m";
    tell_the_story(canary, "1");
    tell_the_story(canary, "4");
}

#[test]
fn a_linear_shift_drops_nothing() {
    let linear = "linear\n      percent: 50\n      step_bake: 1m";
    tell_the_story(linear, "1");
    tell_the_story(linear, "4");
}

fn start(strategy: &str, desired: &str) -> Trial {
    let trial = Trial::new(&CONFIGURATION.replace("@STRATEGY@", strategy).replace("@DESIRED@", desired));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial.deploy(&[("VERSION", "v1")]).exits(6);
    trial.run(&["promote"], &[("VERSION", "v1")]).exits(0);
    trial
}

fn tell_the_story(strategy: &str, desired: &str) {
    let trial = start(strategy, desired);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let service = Service::new(&trial);
    let load = runtime.block_on(trial.load("500"));
    std::thread::sleep(Duration::from_secs(1)); // Some traffic before the first change, so that connections are established.

    for stage in PAUSED_AT {
        let version = [("VERSION", "bad"), ("PAUSE", stage)];
        trial.deploy(&version).exits(6);
        trial.run(&["rollback"], &version).exits(0);
        assert_eq!(trial.answer().body, "Hello from the demo service, version v1", "{strategy}: {stage}");
    }
    for stage in PASSED_THROUGH {
        if stage == "PRODUCTION_TRAFFIC_SHIFT" && strategy == "blue_green" {
            continue;
        }
        let version = [("VERSION", "bad"), ("BOOT", "1s")];
        trial.deploy(&version).exits(6);
        trial.run(&["promote", "--no-wait"], &version).exits(0);
        wait_until(PATIENCE, stage, || runtime.block_on(service.stage()).as_deref() == Some(stage));
        trial.run(&["rollback"], &version).exits(0);
        assert_eq!(trial.answer().body, "Hello from the demo service, version v1", "{strategy}: {stage}");
    }
    trial.deploy(&[("VERSION", "v2")]).exits(6);
    trial.run(&["promote"], &[("VERSION", "v2")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

    let report = runtime.block_on(load.stop());
    println!("{strategy}, desired {desired}\n{}", report.render());
    assert_eq!(report.failed(), 0, "{strategy}: {}", report.render());
    assert!(report.requests.answered > 1000, "{}", report.render());
}

/// While a version has a share of the traffic another one is deployed: the first is reconciled away, and the second goes to its end, or is
/// undone while that still goes on.
#[test]
fn a_deployment_during_a_deployment_drops_nothing() {
    let trial = start("canary\n      percent: 50\n      step_bake: 30m", "2");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let service = Service::new(&trial);
    let load = runtime.block_on(trial.load("500"));
    let share_to = |version: &[(&str, &str)]| {
        trial.deploy(version).exits(6);
        trial.run(&["promote", "--no-wait"], version).exits(0);
        wait_until(PATIENCE, "the first share", || {
            runtime.block_on(service.stage()).as_deref() == Some("PRODUCTION_TRAFFIC_SHIFT")
        });
    };

    share_to(&[("VERSION", "v2")]);
    trial.run(&["deploy", "--no-wait"], &[("VERSION", "v3")]).exits(0);
    // Slow requests hold up the tasks that leave, so the stage lasts as a rule; without one it is over at once.
    wait_until(PATIENCE, "the older version to be reconciled away", || {
        matches!(runtime.block_on(service.stage()).as_deref(), Some("RECONCILE_SERVICE" | "PRE_SCALE_UP"))
    });
    trial.run(&["rollback"], &[("VERSION", "v3")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");

    share_to(&[("VERSION", "v4")]);
    trial.deploy(&[("VERSION", "v5")]).exits(6);
    let current = runtime.block_on(service.last());
    assert!(current.source_service_revisions().len() > 1, "it began with more than one: {current:?}");
    trial.run(&["promote", "--no-wait"], &[("VERSION", "v5")]).exits(0);
    trial.run(&["rollback"], &[("VERSION", "v5")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
}

#[test]
fn the_control_plane_may_die_at_every_stage_of_a_deployment_that_goes_on() {
    die_at_every_stage(Way::On);
}

#[test]
fn the_control_plane_may_die_at_every_stage_of_a_deployment_that_goes_back() {
    die_at_every_stage(Way::Back);
}

/// Where a deployment is told to go after the control plane was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    On,
    Back,
}

/// At every stage the control plane is killed and started again: the deployment goes on to its end, or back when told to.
fn die_at_every_stage(way: Way) {
    let trial = start("canary\n      percent: 50\n      step_bake: 1m", "2");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("200"));
    let mut serving = "v1".to_owned();
    let stages = PAUSED_AT.map(|stage| (stage, true)).into_iter().chain(PASSED_THROUGH.map(|stage| (stage, false)));
    for (number, (stage, is_paused)) in stages.enumerate() {
        let name = format!("at-{stage}");
        let version =
            [("VERSION", name.as_str()), ("BOOT", "1s"), ("PAUSE", if is_paused { stage } else { PAUSED_AT[0] })];
        trial.deploy(&version).exits(6);
        if !is_paused {
            let service = Service::new(&trial);
            trial.run(&["promote", "--no-wait"], &version).exits(0);
            wait_until(PATIENCE, stage, || runtime.block_on(service.stage()).as_deref() == Some(stage));
        }
        kill_process(trial.engine_process().expect("the engine runs"));
        trial.run(&["engine", "start"], &[]).exits(0);
        match (way, is_paused) {
            (Way::On, true) => promote_to_the_end(&trial, &version),
            // The same version again: nothing to start, but somebody waits for what is going on.
            (Way::On, false) => trial.deploy(&version).exits(0),
            (Way::Back, _) => trial.run(&["rollback"], &version).exits(0),
        };
        serving = if way == Way::On { name } else { serving };
        let expected = format!("Hello from the demo service, version {serving}");
        assert_eq!(trial.answer().body, expected, "{number}: killed at {stage}");
        wait_until(PATIENCE, "exactly the desired tasks to be left", || trial.containers().len() == 2);
    }
    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
}

/// How long after the decision a request may still be sent to the version that was given up, on the busiest machine. How long it really takes
/// is a benchmark, `last_request`.
const LAST_REQUEST_AT_MOST: Duration = Duration::from_secs(2);

#[test]
fn soon_after_a_version_is_given_up_no_request_reaches_it() {
    for strategy in [
        "blue_green",
        "canary\n      percent: 50\n      step_bake: 1m",
        "linear\n      percent: 50\n      step_bake: 1m",
    ] {
        let trial = start(strategy, "2");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let service = Service::new(&trial);
        let version = [("VERSION", "bad")];
        trial.deploy(&version).exits(6);
        let sampler = Sampler::start(trial.port, "version bad");
        trial.run(&["promote", "--no-wait"], &version).exits(0);
        wait_until(PATIENCE, "the bad version to be given traffic", || sampler.has_seen_it());
        trial.run(&["rollback"], &version).exits(0);
        let decided = runtime.block_on(service.last());
        let decided = decided.rollback().and_then(|rollback| rollback.started_at()).expect("it was rolled back");
        let decided = Duration::from_millis(u64::try_from(decided.to_millis().expect("in range")).expect("after 1970"));
        let last = sampler.stop();
        let after = last.saturating_sub(decided);
        println!(
            "{}: the last request to the version given up was sent {after:?} after the decision",
            strategy.lines().next().unwrap_or_default()
        );
        assert!(after <= LAST_REQUEST_AT_MOST, "{strategy}: {after:?}");
    }
}

/// The service as ECS shows it.
struct Service(aws_sdk_ecs::Client);

impl Service {
    fn new(trial: &Trial) -> Self {
        Service(client::ecs(&trial.aws_environment()))
    }

    async fn last(&self) -> ServiceDeployment {
        let listed = self.0.list_service_deployments().cluster("trial-dev").service("web").max_results(1);
        let listed = listed.send().await.expect("the engine answers");
        let arn = listed.service_deployments()[0].service_deployment_arn().expect("every one has an ARN").to_owned();
        let described = self.0.describe_service_deployments().service_deployment_arns(arn).send().await;
        described.expect("the engine answers").service_deployments()[0].clone()
    }

    async fn stage(&self) -> Option<String> {
        self.last().await.lifecycle_stage().map(|stage| stage.as_str().to_owned())
    }
}

/// A canary pauses before each of its two steps.
fn promote_to_the_end(trial: &Trial, environment: &[(&str, &str)]) -> Ran {
    let first = trial.run(&["promote"], environment);
    if first.code == Some(6) { trial.run(&["promote"], environment).exits(0) } else { first.exits(0) }
}

fn kill_process(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "process {process} could not be killed");
}
