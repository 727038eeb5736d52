//! Configuration and secrets: given to containers, published, compared, put back with the version that brought them.

mod harness;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use harness::{Ran, Trial};
use serde_json::Value as Json;

const CONFIGURATION: &str = r#"
app: trial
config:
  LOG_LEVEL: "{{ env('LEVEL', 'info') }}"
  COLOUR: red
services:
  web:
    command: [sh, -c, 'printf "%s %s %s" "$LOG_LEVEL" "$COLOUR" "$DB_PASSWORD" > seen; exec seatrial demo-app {{ env("FLAGS", "") }}']
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
    secrets: { DB_PASSWORD: db-password }
environments:
  dev: { target: embedded, stage: dev, config: { COLOUR: "{{ env('COLOUR', 'blue') }}" } }
"#;

fn start() -> Trial {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial
}

fn json(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

/// What the container of the newest task found in its environment.
fn seen(trial: &Trial) -> String {
    fs::read_to_string(trial.directory().join("seen")).expect("it was written")
}

fn value(trial: &Trial, name: &str) -> String {
    trial.run(&["config", "get", name], &[]).exits(0).stdout.trim().to_owned()
}

#[test]
fn a_missing_secret_is_found_before_anything_is_touched_and_a_release_brings_configuration_and_secret() {
    let trial = start();
    let refused = trial.deploy(&[]).exits(1);
    assert!(refused.says("DB_PASSWORD comes from the parameter /trial/dev/config/db-password"), "{refused:?}");
    assert!(refused.says("seatrial config set db-password --secret --env dev"), "{refused:?}");
    let nothing = trial.run(&["status", "-o", "json"], &[]);
    assert!(!nothing.stdout.contains("trial-dev-web"), "nothing was made: {nothing:?}");
    let planned = trial.run(&["plan"], &[]).exits(0);
    assert!(planned.says("which does not exist; no task would start"), "{planned:?}");

    let mut command = trial.command(&["config", "set", "db-password", "--secret"], &[]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(b"correct horse\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    trial.deploy(&[]).exits(0);
    assert_eq!(seen(&trial), "info blue correct horse");
    let listed = trial.run(&["config", "list"], &[]).exits(0);
    assert!(listed.says("LOG_LEVEL") && listed.says("(secret)") && !listed.says("horse"), "{listed:?}");
    assert_eq!(value(&trial, "db-password"), "correct horse");
    assert_eq!(value(&trial, "COLOUR"), "blue");
    let release = json(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert_eq!(release["config"], serde_json::json!({ "COLOUR": 1, "LOG_LEVEL": 1 }));
    assert_eq!(release["steps"][0]["name"], "config");
    assert!(!release.to_string().contains("blue"), "values are not in the record: {release}");
    trial.deploy(&[]).exits(0).says("nothing to do");
}

#[test]
fn changed_configuration_is_a_deployment_and_goes_back_with_it() {
    let trial = start();
    trial.run(&["config", "set", "db-password", "one", "--secret"], &[]).exits(0);
    trial.deploy(&[]).exits(0);
    let diff = trial.run(&["config", "diff"], &[("LEVEL", "debug")]).exits(0);
    assert!(diff.says("LOG_LEVEL") && diff.says("debug") && !diff.says("COLOUR"), "{diff:?}");

    trial.deploy(&[("LEVEL", "debug")]).exits(0);
    assert_eq!((seen(&trial), value(&trial, "LOG_LEVEL")), ("debug blue one".to_owned(), "debug".to_owned()));

    let broken = trial.deploy(&[("LEVEL", "trace"), ("COLOUR", "green"), ("FLAGS", "--exit-at-start 3")]).exits(3);
    assert!(broken.says("LOG_LEVEL is again what it was"), "{broken:?}");
    assert_eq!((value(&trial, "LOG_LEVEL"), value(&trial, "COLOUR")), ("debug".to_owned(), "blue".to_owned()));
    assert_eq!(seen(&trial), "debug blue one", "the version that is back has its own configuration");
    assert!(trial.run(&["config", "diff"], &[("LEVEL", "debug")]).exits(0).says("what the file says is there"));
}

#[test]
fn values_beside_the_file_are_put_listed_and_put_back() {
    let trial = start();
    trial.run(&["config", "set", "db-password", "one", "--secret"], &[]).exits(0);
    trial.run(&["config", "set", "db-password", "two", "--secret"], &[]).exits(0);
    let versions = json(&trial.run(&["config", "history", "db-password", "-o", "json"], &[]).exits(0));
    assert_eq!(versions[0]["version"], 2);
    assert_eq!(versions[0]["value"], Json::Null, "a secret is not told");
    trial.run(&["config", "rollback", "db-password"], &[]).exits(0);
    assert_eq!(value(&trial, "db-password"), "one");
    let none = trial.run(&["config", "rollback", "db-password", "--to-version", "9"], &[]).exits(1);
    assert!(none.says("`db-password` has no version 9"), "{none:?}");

    let of_file = trial.run(&["config", "set", "LOG_LEVEL", "debug"], &[]).exits(2);
    assert!(of_file.says("is what the configuration file says"), "{of_file:?}");
    trial.run(&["config", "set", "no/name", "x"], &[]).exits(1);
    trial.run(&["config", "unset", "db-password"], &[]).exits(0);
    let gone = trial.run(&["config", "get", "db-password"], &[]).exits(1);
    assert!(gone.says("has no configuration `db-password`"), "{gone:?}");
}
