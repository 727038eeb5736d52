//! A canary of several unequal steps, which the coordinator takes: watched, held, hurried, abandoned and taken up again.

mod harness;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{Trial, wait_until};

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }}"
    port: 8080
    health_check: { path: /health/ready }
    deregistration_delay: 60s
    listener: { port: @PORT@ }
    desired_count: 2
    deployment:
      strategy: canary
      steps: [{ percent: 10, bake: 1m }, { percent: 50, bake: 5m }, { percent: 80, pause: true, timeout: 2h }]
      @BAKE@: 2m
environments:
  dev: { target: embedded, stage: dev }
"#;
/// A minute is a second.
const TIME_SCALE: &str = "60";
const PATIENCE: Duration = Duration::from_secs(60);

fn start(bake: &str) -> Trial {
    let trial = Trial::new(&CONFIGURATION.replace("@BAKE@", bake));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    // With nothing to take over from there is one shift, so no share to be watched and nobody to be asked.
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    trial
}

/// The new version's share of production traffic, while a deployment is going on.
fn share(trial: &Trial) -> Option<f64> {
    let status = trial.run(&["status", "-o", "json"], &[("VERSION", "any")]).exits(0).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).expect("it is JSON");
    status["services"][0]["deployment"]["traffic"]["production"].as_f64()
}

/// A command that goes on while the story does.
struct Running(Child);

impl Running {
    fn start(trial: &Trial, arguments: &[&str], version: &str) -> Self {
        let mut command = trial.command(arguments, &[("VERSION", version)]);
        Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it can be started"))
    }

    fn code(mut self) -> Option<i32> {
        self.0.wait().expect("it ends").code()
    }

    fn kill(self) {
        let status = Command::new("kill").args(["-9", &self.0.id().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()));
        self.code();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn shares_are_taken_one_after_the_other_and_a_person_is_asked_where_one_shall_be() {
    let trial = start("bake");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let load = runtime.block_on(trial.load("300"));
    let version = [("VERSION", "v2")];

    let asked = trial.deploy(&version).exits(6);
    assert_eq!(share(&trial), Some(80.0));
    for told in
        ["10 % of traffic on the new", "50 % of traffic on the new", "goes on to 50 % of traffic", "time scale 60"]
    {
        assert!(asked.says(told), "{told}: {}", asked.stderr);
    }
    assert!(asked.took >= Duration::from_secs(6), "10 % for a second and 50 % for five: {:?}", asked.took);
    trial.run(&["promote"], &version).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "{}", report.render());
}

#[test]
fn a_deployment_is_held_at_its_step_until_it_may_go_on() {
    let trial = start("bake");
    let deploying = Running::start(&trial, &["deploy"], "v2");
    wait_until(PATIENCE, "the first share", || share(&trial) == Some(10.0));
    let held = trial.run(&["pause"], &[("VERSION", "v2")]).exits(0);
    assert!(held.says("seatrial continue"), "{}", held.stdout);
    std::thread::sleep(Duration::from_secs(3)); // Longer than the share would be watched.
    assert_eq!(share(&trial), Some(10.0), "it is held");
    trial.run(&["continue", "--no-wait"], &[("VERSION", "v2")]).exits(0);
    assert_eq!(deploying.code(), Some(6), "whoever was waiting goes on, up to the pause");
    assert_eq!(share(&trial), Some(80.0));

    // Held where it waits for a person; continuing answers the pause, too.
    trial.run(&["pause"], &[("VERSION", "v2")]).exits(0);
    trial.run(&["continue"], &[("VERSION", "v2")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
    let idle = trial.run(&["pause"], &[("VERSION", "v2")]).exits(1);
    assert!(idle.says("no deployment of service web is going on"), "{}", idle.stderr);
}

#[test]
fn promoting_leaves_the_share_that_is_being_watched_and_full_goes_to_the_end() {
    let trial = start("bake");
    let version = [("VERSION", "v2")];
    trial.run(&["deploy", "--until", "stage:production_traffic_shift"], &version).exits(0);
    wait_until(PATIENCE, "the first share", || share(&trial) == Some(10.0));
    trial.run(&["promote", "--no-wait"], &version).exits(0);
    // Between the shares of the file ECS takes steps of its own, which somebody has to answer.
    let waiting = Running::start(&trial, &["wait", "--until", "paused"], "v2");
    wait_until(PATIENCE, "the second share", || share(&trial) == Some(50.0));
    assert_eq!(waiting.code(), Some(0));
    assert_eq!(share(&trial), Some(80.0));
    trial.run(&["rollback"], &version).exits(0);

    trial.run(&["deploy", "--no-wait"], &[("VERSION", "v3")]).exits(0);
    wait_until(PATIENCE, "the deployment to wait for its first step", || {
        trial.run(&["promote", "--full"], &[("VERSION", "v3")]).code == Some(0)
    });
    assert_eq!(trial.answer().body, "Hello from the demo service, version v3");
}

#[test]
fn a_deployment_that_nobody_steers_is_rolled_back_unless_somebody_takes_it_up() {
    let trial = start("bake");
    let deploying = Running::start(&trial, &["deploy"], "v2");
    wait_until(PATIENCE, "the first share", || share(&trial) == Some(10.0));
    deploying.kill();
    // The same file, another process: as good as the first.
    trial.run(&["wait", "--until", "paused"], &[("VERSION", "v2")]).exits(0);
    trial.run(&["promote"], &[("VERSION", "v2")]).exits(0);

    let trial =
        Trial::new(&CONFIGURATION.replace("@BAKE@", "bake").replace(", { percent: 80, pause: true, timeout: 2h }", ""));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    let deploying = Running::start(&trial, &["deploy"], "v2");
    wait_until(PATIENCE, "the first share", || share(&trial) == Some(10.0));
    deploying.kill();
    wait_until(PATIENCE, "the pause to run out", || share(&trial).is_none());
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
    let history = trial.run(&["history"], &[("VERSION", "any")]).exits(0);
    assert!(history.says("timed out"), "{}", history.stdout);
}

#[test]
fn a_rollback_window_is_not_waited_for_and_the_way_back_is_instant_meanwhile() {
    let trial = start("rollback_window");
    let version = [("VERSION", "v2")];
    trial.deploy(&version).exits(6);
    let deployed = trial.run(&["promote"], &version).exits(0);
    assert!(deployed.says("the old version stays for an instant rollback until"), "{}", deployed.stdout);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
    let undone = trial.run(&["rollback"], &version).exits(0);
    assert!(undone.says("serves again"), "{}", undone.stdout);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
}

#[test]
fn what_is_waited_for_is_reached_or_told() {
    let trial = start("bake");
    trial.run(&["wait"], &[("VERSION", "v1")]).exits(0);
    let idle = trial.run(&["wait", "--until", "paused"], &[("VERSION", "v1")]).exits(1);
    assert!(idle.says("no deployment of service web is going on"), "{}", idle.stderr);
    trial.run(&["deploy", "--until", "stage:post_scale_up"], &[("VERSION", "v2")]).exits(0);
    trial.run(&["wait", "--until", "paused"], &[("VERSION", "v2")]).exits(0);
    trial.run(&["promote", "--no-wait"], &[("VERSION", "v2")]).exits(0);
    trial.run(&["wait", "--until", "deployed"], &[("VERSION", "v2")]).exits(0);
    trial.run(&["wait", "--until", "stable"], &[("VERSION", "v2")]).exits(0);
    let unknown = trial.run(&["wait", "--until", "stage:nowhere"], &[("VERSION", "v2")]).exits(2);
    assert!(unknown.says("bake_time"), "{}", unknown.stderr);
}
