//! `verify`: a new version is tried where only the test traffic goes, before it gets production traffic.

mod harness;

use harness::{Trial, free_port};

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }} --error-rate {{ env('ERRORS', '0') }}"
    port: 8080
    health_check: { path: /health/ready }
    listener: { port: @PORT@ }
    deployment:
      strategy: @STRATEGY@
      test: @TEST@
      verify:
        - { path: /, contains: "version {{ env('VERSION') }}", times: 20, within: 2s, patience: 1s }
        - { path: /headers, json: { "$[':path']": /headers }, patience: 1s }
        - { command: [sh, -c, "echo trying $SEATRIAL_TASK_DEFINITION at $SEATRIAL_TEST_URL; {{ env('SMOKE', 'true') }}"] }
environments:
  dev: { target: embedded, stage: dev }
"#;

fn start(strategy: &str, test: &str) -> Trial {
    let trial = Trial::new(&CONFIGURATION.replace("@STRATEGY@", strategy).replace("@TEST@", test));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", "60"], &[]).exits(0);
    trial
}

#[test]
fn a_version_that_passes_its_checks_goes_on_and_one_that_does_not_never_gets_traffic() {
    for (strategy, test) in [
        ("blue_green", format!("{{ port: {} }}", free_port())),
        ("canary\n      steps: [10, 50]\n      step_bake: 1m", "{ header: \"X-Canary: yes\" }".to_owned()),
    ] {
        let trial = start(strategy, &test);
        trial.deploy(&[("VERSION", "v1")]).exits(0);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let load = runtime.block_on(trial.load("200"));
        let passed = trial.deploy(&[("VERSION", "v2")]).exits(0);
        assert!(passed.says("GET / passed"), "{}", passed.stderr);
        assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

        let refused = trial.deploy(&[("VERSION", "v3"), ("ERRORS", "0.5")]).exits(3);
        assert!(refused.says("GET /"), "{}", refused.stdout);
        assert!(refused.says("was answered with 500"), "{}", refused.stdout);
        let refused = trial.deploy(&[("VERSION", "v4"), ("SMOKE", "exit 7")]).exits(3);
        assert!(refused.says("ended with exit status: 7"), "{}", refused.stdout);
        assert!(refused.says("trying trial-dev-web:"), "the command's own words: {}", refused.stdout);
        assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

        let report = runtime.block_on(load.stop());
        assert_eq!(report.failed(), 0, "{strategy}: {}", report.render());
    }
}

#[test]
fn checks_that_pass_do_not_answer_for_the_person_that_is_asked_before_the_first_share() {
    let trial = start(
        "canary\n      steps: [{ percent: 0, pause: true }, 50]\n      step_bake: 1m",
        "{ header: \"X-Canary: yes\" }",
    );
    trial.deploy(&[("VERSION", "v1")]).exits(6);
    trial.run(&["promote"], &[("VERSION", "v1")]).exits(0);
    let version = [("VERSION", "v2")];
    let asked = trial.deploy(&version).exits(6);
    assert!(asked.says("GET / passed"), "{}", asked.stderr);
    let status = trial.run(&["status"], &version).exits(0);
    assert!(status.says("has 0 % of production and 100 % of test traffic"), "{}", status.stdout);
    trial.run(&["promote"], &version).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
}

#[test]
fn a_version_that_fails_may_be_left_to_be_looked_at() {
    let trial = start("blue_green", &format!("{{ port: {} }}", free_port()));
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    let version = [("VERSION", "v2"), ("SMOKE", "exit 1")];
    let left = trial.run(&["deploy", "--no-rollback"], &version).exits(1);
    assert!(left.says("ended with exit status: 1"), "{}", left.stdout);
    let status = trial.run(&["status"], &version).exits(0);
    assert!(status.says("POST_TEST_TRAFFIC_SHIFT"), "{}", status.stdout);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
    trial.run(&["rollback"], &version).exits(0);
}

#[test]
fn a_pause_of_the_file_beside_the_checks_is_left_to_a_person() {
    let trial = start(
        "blue_green\n      hooks: [{ stage: pre_production_traffic_shift }]",
        &format!("{{ port: {} }}", free_port()),
    );
    let version = [("VERSION", "v2")];
    let asked = trial.deploy(&version).exits(6);
    assert!(asked.says("GET / passed"), "{}", asked.stderr);
    let asked = trial.deploy(&version).exits(6);
    assert!(!asked.says("GET / passed"), "it has been verified already: {}", asked.stderr);
    trial.run(&["promote"], &version).exits(0);
}
