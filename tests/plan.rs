//! `seatrial plan`: it changes nothing, and what it says is what `deploy` then does.

mod harness;

use std::collections::BTreeSet;

use aws_sdk_ecs::config::{BehaviorVersion, Credentials, Region};
use harness::{Ran, Trial};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }}"
    environment: { DB_PASSWORD: "{{ env('PASSWORD', 'first-secret') }}" }
    port: 8080
    health_check: { path: /health/ready, interval: "{{ env('INTERVAL', '5s') }}" }
    desired_count: {{ env('COUNT', '1') }}
    listener: { port: @PORT@ }
    deployment: { strategy: "{{ env('STRATEGY', 'rolling') }}", bake: 0s, alarms: { errors: 5%, for: 1m } }
environments:
  dev: { target: embedded, stage: dev }
"#;

fn start() -> Trial {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial
}

fn planned(trial: &Trial, environment: &[(&str, &str)]) -> Json {
    let planned = trial.run(&["plan", "-o", "json"], environment).exits(0);
    serde_json::from_str(&planned.stdout).expect("it is JSON")
}

/// The signs and kinds of the steps that a plan announces.
fn announced(plan: &Json) -> BTreeSet<String> {
    let steps = plan["steps"].as_array().expect("a plan has steps");
    let line = |step: &Json| {
        let sign = match step["action"].as_str() {
            Some("created") => "+",
            Some("updated") => "~",
            _ => return None,
        };
        let resource = step["resource"].as_str()?.replace('_', " ");
        // The revision of a new task definition is not known before.
        let name = if resource == "task definition" { "" } else { step["name"].as_str()? };
        Some(format!("{sign} {resource:<15} {name}").trim_end().to_owned())
    };
    steps.iter().filter_map(line).collect()
}

/// The same of a deployment that was carried out.
fn carried_out(deployed: &Ran) -> BTreeSet<String> {
    let steps = deployed.stderr.lines().filter(|line| line.starts_with("+ ") || line.starts_with("~ "));
    let line = |line: &str| {
        let line = line.split(" (").next().unwrap_or(line);
        if line.contains("task definition") { "+ task definition".to_owned() } else { line.to_owned() }
    };
    steps.map(line).collect()
}

fn starts_deployment(plan: &Json) -> bool {
    !plan["services"][0]["starts_deployment"].as_array().expect("reasons").is_empty()
}

/// Deploys after a plan, and holds each to the other.
#[track_caller]
fn agrees(trial: &Trial, environment: &[(&str, &str)], expect_deployment: bool) {
    let plan = planned(trial, environment);
    assert_eq!(planned(trial, environment), plan, "a plan changes nothing");
    assert_eq!(starts_deployment(&plan), expect_deployment, "{plan}");
    let before = deployments(trial);
    let deployed = trial.deploy(environment).exits(0);
    assert_eq!(carried_out(&deployed), announced(&plan), "{plan}\n{deployed:?}");
    assert_eq!(deployments(trial) > before, expect_deployment, "{deployed:?}");
    let after = trial.run(&["plan", "--detailed-exitcode"], environment).exits(0);
    assert!(after.says("nothing to change"), "{after:?}");
}

/// How many service deployments there have been.
fn deployments(trial: &Trial) -> usize {
    let history = trial.run(&["history", "-o", "json"], &[("VERSION", "any")]);
    let history: Json = serde_json::from_str(&history.stdout).unwrap_or_default();
    history.as_array().map_or(0, Vec::len)
}

#[test]
fn what_is_planned_is_what_is_done() {
    let trial = start();
    agrees(&trial, &[("VERSION", "v1")], true);
    agrees(&trial, &[("VERSION", "v1")], false);
    agrees(&trial, &[("VERSION", "v2")], true);
    agrees(&trial, &[("VERSION", "v2"), ("COUNT", "2")], false);
    agrees(&trial, &[("VERSION", "v2"), ("COUNT", "2"), ("INTERVAL", "10s")], false);
    let shifted = [("VERSION", "v3"), ("COUNT", "2"), ("STRATEGY", "blue_green")];
    agrees(&trial, &shifted, true);
    agrees(&trial, &[("VERSION", "v4"), shifted[1], shifted[2]], true);
}

#[test]
fn a_plan_makes_nothing_and_a_dry_run_is_a_plan() {
    let trial = start();
    let version = [("VERSION", "v1")];
    let plan = trial.run(&["plan", "--detailed-exitcode"], &version).exits(2);
    assert!(plan.says("+ cluster trial-dev") && plan.says("a deployment would start (the service is new)"), "{plan:?}");
    let dry = trial.run(&["deploy", "--dry-run"], &version).exits(0);
    assert_eq!(dry.stdout, plan.stdout);
    let runtime = Runtime::new().expect("a runtime");
    let ecs = ecs(&trial);
    let clusters = runtime.block_on(ecs.list_clusters().send()).expect("the engine answers");
    assert!(clusters.cluster_arns().is_empty(), "{clusters:?}");
    let definitions = runtime.block_on(ecs.list_task_definitions().send()).expect("the engine answers");
    assert!(definitions.task_definition_arns().is_empty(), "{definitions:?}");

    let asked = trial.run(&["deploy", "--diff"], &version).exits(6);
    assert!(asked.says("+ cluster trial-dev") && asked.says("Nobody can be asked here"), "{asked:?}");
    let deployed = trial.run(&["deploy", "--diff", "--yes"], &version).exits(0);
    assert!(deployed.says("a deployment would start") && deployed.says("✔ web"), "{deployed:?}");
    let again = trial.run(&["deploy", "--diff"], &version).exits(0);
    assert!(again.says("nothing to change"), "there is nothing to ask about: {again:?}");
}

#[test]
fn differences_are_told_and_secrets_are_not() {
    let trial = start();
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    let changed = [("VERSION", "v2"), ("PASSWORD", "second-secret"), ("INTERVAL", "7s"), ("COUNT", "3")];
    for arguments in [&["plan"][..], &["plan", "--markdown"], &["plan", "-o", "json"], &["plan", "-o", "tsv"]] {
        let plan = trial.run(arguments, &changed).exits(0);
        assert!(plan.says("environment[DB_PASSWORD]") && !plan.says("secret"), "{plan:?}");
        assert!(plan.says("healthCheckIntervalSeconds") && plan.says("desiredCount"), "{plan:?}");
    }
    let plan = planned(&trial, &changed);
    let tasks = &plan["services"][0]["tasks"];
    assert_eq!((&tasks["running"], &tasks["desired"]), (&1.into(), &3.into()), "{plan}");
    let deployed = trial.deploy(&changed).exits(0);
    assert!(!deployed.says("secret"), "{deployed:?}");
}

#[test]
fn a_plan_says_why_it_cannot_be_made() {
    let trial = Trial::new(CONFIGURATION);
    let absent = trial.run(&["plan"], &[("VERSION", "v1")]).exits(1);
    assert!(absent.says("seatrial engine start"), "{absent:?}");
    let wrong = trial.run(&["plan", "nosuch"], &[("VERSION", "v1")]).exits(2);
    assert!(wrong.says("the services are web"), "{wrong:?}");
    let environment = trial.run(&["plan", "dev"], &[("VERSION", "v1")]).exits(2);
    assert!(environment.says("--env dev"), "{environment:?}");
    trial.run(&["plan", "nosuch", "--detailed-exitcode"], &[("VERSION", "v1")]).exits(1);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
}

fn ecs(trial: &Trial) -> aws_sdk_ecs::Client {
    let environment = trial.aws_environment();
    let credentials = Credentials::new(
        &environment["AWS_ACCESS_KEY_ID"],
        &environment["AWS_SECRET_ACCESS_KEY"],
        None,
        None,
        "the engine",
    );
    let config = aws_sdk_ecs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(environment["AWS_REGION"].clone()))
        .endpoint_url(&environment["AWS_ENDPOINT_URL"])
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_ecs::Client::from_conf(config)
}

#[test]
fn a_plan_foresees_advises_and_writes_its_advice() {
    let trial = start();
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    let version = [("VERSION", "v2")];
    let plan = planned(&trial, &version);
    let foreseen = plan["timelines"][0]["success"]["total"]["median_ms"].as_u64().expect("a time");
    assert!((1_000..5_000).contains(&foreseen), "a second to boot, and little else: {plan}");

    let mishaps = plan["timelines"][0]["failures"].as_array().expect("failures");
    let mishaps: Vec<&str> = mishaps.iter().filter_map(|failure| failure["mishap"].as_str()).collect();
    assert_eq!(mishaps, ["cannot_be_pulled", "ends_at_start", "fails_checks", "crashes", "errs"]);

    let file = trial.directory().join("seatrial.yml");
    let before = std::fs::read_to_string(&file).expect("a file");
    let unknown = trial.run(&["plan"], &version).exits(0);
    assert!(unknown.says("say --boot") && !unknown.says("grace period of"), "nothing rests on a guess: {unknown:?}");
    let tuned = trial.run(&["plan", "--tune", "--boot", "400ms"], &version).exits(0);
    assert!(tuned.says("worth changing for web") && tuned.says("written to"), "{tuned:?}");
    let after = std::fs::read_to_string(&file).expect("a file");
    assert_ne!(before, after);
    assert!(after.contains("grace_period: 16s"), "{after}");
    let kept = before.lines().filter(|line| after.lines().any(|other| other == *line)).count();
    assert_eq!(kept, before.lines().count() - 1, "one line is changed: {after}");
    let again = trial.run(&["plan", "--tune", "--boot", "400ms"], &version).exits(0);
    assert!(again.says("web: nothing to write"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), after);
}

#[test]
fn what_the_traffic_says_about_the_settings_is_told() {
    let slow = CONFIGURATION.replace("desired_count:", "deregistration_delay: 1s\n    desired_count:");
    let trial = Trial::new(&slow);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let version = [("VERSION", "v1")];
    let silent = trial.run(&["plan"], &version).exits(0);
    assert!(!silent.says("a request may take"), "{silent:?}");
    trial.deploy(&version).exits(0);
    let ask = || trial.converse(b"GET /slow?ms=2500 HTTP/1.1\r\nHost: trial\r\nConnection: close\r\n\r\n");
    assert!(ask().starts_with("HTTP/1.1 200"));
    harness::wait_until(std::time::Duration::from_secs(30), "the slow request to be counted", || {
        let plan = trial.run(&["plan"], &version).exits(0);
        plan.says("a request may take 2.5 s, and a leaving task has 1 s")
            && plan.says("set `deregistration_delay` to 3s")
    });
    let plan = planned(&trial, &version);
    assert_eq!(plan["findings"][0]["service"], "web", "{plan}");
}
