//! Configuration and secrets: given to containers, published, compared, put back with the version that brought them.

mod harness;

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use harness::aws::Aws;
use harness::{Ran, Trial, wait_until};
use serde_json::{Value as Json, json};

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

fn parsed(ran: &Ran) -> Json {
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
    let release = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert_eq!(release["config"], json!({ "COLOUR": 1, "LOG_LEVEL": 1 }));
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
    let versions = parsed(&trial.run(&["config", "history", "db-password", "-o", "json"], &[]).exits(0));
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

#[test]
fn a_release_that_is_gone_on_with_remembers_what_it_published_and_puts_it_back() {
    let trial = start();
    trial.run(&["config", "set", "db-password", "one", "--secret"], &[]).exits(0);
    trial.deploy(&[]).exits(0);
    // It takes its time to fail.
    let hanging = [("LEVEL", "trace"), ("FLAGS", "--boot-delay 2s --health unhealthy --exit-after 1ms")];
    let mut command = trial.command(&["deploy"], &hanging);
    let mut release =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_until(Duration::from_secs(10), "it to publish", || value(&trial, "LOG_LEVEL") == "trace");
    release.kill().expect("it is ours");
    release.wait().expect("it ends");
    let resumed = trial.run(&["resume"], &hanging).exits(3);
    assert_eq!(value(&trial, "LOG_LEVEL"), "info", "{resumed:?}");
}

#[test]
fn configuration_alone_is_a_release_and_what_parameter_store_refuses_is_told_beforehand() {
    let trial = start();
    trial.run(&["config", "set", "db-password", "one", "--secret"], &[]).exits(0);
    trial.deploy(&[]).exits(0);
    let empty = trial.deploy(&[("LEVEL", "")]).exits(2);
    assert!(empty.says("`config.LOG_LEVEL` is empty, which Parameter Store does not take"), "{empty:?}");
    trial.run(&["config", "unset", "LOG_LEVEL"], &[]).exits(0);
    let first = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0))["id"].clone();
    trial.deploy(&[]).exits(0);
    let second = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert_ne!(second["id"], first, "it has published a value again: {second}");
    assert_eq!(value(&trial, "LOG_LEVEL"), "info");

    trial.run(&["config", "unset", "COLOUR"], &[]).exits(0);
    trial.run(&["config", "unset", "LOG_LEVEL"], &[]).exits(0);
    Aws::of(&trial).ssm("PutParameter", json!({ "Name": "/trial/dev/config/COLOUR", "Value": "x", "Type": "String" }));
    let foreign = trial.deploy(&[]).exits(1);
    assert!(foreign.says("was made by somebody else") && foreign.says("add-tags-to-resource"), "{foreign:?}");
    trial.run(&["config", "get", "LOG_LEVEL"], &[]).exits(1);
}

#[test]
fn a_schema_is_asked_about_values_that_are_put_put_again_and_looked_at() {
    let trial = start();
    trial.run(&["config", "set", "LIMIT", "many"], &[]).exits(0);
    trial.run(&["config", "set", "LIMIT", "10"], &[]).exits(0);
    trial.run(&["config", "set", "limit-key", "hunter2", "--secret"], &[]).exits(0);
    assert!(!trial.run(&["doctor"], &[]).says("schema"), "there is none");
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    let schema = r#"config_schema:
  properties:
    LIMIT: { type: integer }
    limit-key: { minLength: 3 }
"#;
    fs::write(&file, format!("{schema}{}", text.trim_start())).expect("writable");

    let refused = trial.run(&["config", "set", "LIMIT", "few"], &[]).exits(1);
    assert!(refused.says("LIMIT") && refused.says("put another value"), "{refused:?}");
    let refused = trial.run(&["config", "rollback", "LIMIT"], &[]).exits(1);
    assert!(refused.says("LIMIT") && refused.says("put another value"), "{refused:?}");
    assert_eq!(value(&trial, "LIMIT"), "10", "nothing has changed");
    let well = trial.run(&["doctor"], &[]);
    assert!(well.says("what the schema wants"), "{well:?}");

    trial.run(&["config", "set", "LIMIT", "11"], &[]).exits(0);
    trial.run(&["config", "rollback", "LIMIT"], &[]).exits(0);
    assert_eq!(value(&trial, "LIMIT"), "10", "what the schema wants is put again");
    fs::write(&file, format!("{}{}", schema.replace("integer", "integer, maximum: 5"), text.trim_start()))
        .expect("writable");
    let ill = trial.run(&["doctor"], &[]).exits(1);
    assert!(ill.says("LIMIT") && ill.says("seatrial config set LIMIT --env dev"), "{ill:?}");
    assert!(!ill.says("hunter2"), "{ill:?}");
}

#[test]
fn a_secret_that_the_file_has_in_clear_is_found_before_anything_is_touched() {
    let trial = start();
    trial.run(&["config", "set", "TOKEN", "hunter2", "--secret"], &[]).exits(0);
    trial.run(&["config", "set", "db-password", "x", "--secret"], &[]).exits(0);
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, text.replacen("config:\n", "config:\n  TOKEN: plain\n", 1)).expect("writable");
    for command in ["plan", "deploy"] {
        let refused = trial.run(&[command], &[]).exits(1);
        let says = |text: &str| refused.says(text);
        assert!(says("`TOKEN` is a secret in dev") && says("seatrial config unset TOKEN --env dev"), "{refused:?}");
    }
    assert_eq!(value(&trial, "TOKEN"), "hunter2");
    let status = trial.run(&["status", "-o", "json"], &[]);
    assert!(!status.stdout.contains("trial-dev-web"), "nothing was made: {status:?}");
    trial.run(&["config", "unset", "TOKEN"], &[]).exits(0);
    trial.deploy(&[]).exits(0);
    assert_eq!(value(&trial, "TOKEN"), "plain");
}
