//! Services that depend on each other: deployed in order, and back together when one of them fails.

mod harness;

use harness::{Ran, Trial};
use serde_json::Value as Json;

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }} {{ env('WEB', '') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
    depends_on: [api]
  api:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }} {{ env('API', '') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@, path: /api/* }
  mail:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@, path: /mail/* }
"#;

const BROKEN: &str = "--exit-at-start 3";

fn json(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

/// The verdicts on the services, in the order of their names.
fn verdicts(report: &Json) -> Vec<(String, String)> {
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    let services = report["services"].as_array().expect("services").iter();
    services.map(|one| (text(&one["service"]), text(&one["verdict"]))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(service, verdict)| ((*service).to_owned(), (*verdict).to_owned())).collect()
}

/// Which revision of its task definition each service runs.
fn running(trial: &Trial) -> Vec<String> {
    let status = json(&trial.run(&["status", "-o", "json"], &[]).exits(0));
    let services = status["services"].as_array().expect("services").iter();
    services.map(|one| one["task_definition"].as_str().expect("one").to_owned()).collect()
}

#[test]
fn services_come_after_those_they_depend_on_and_go_back_with_them() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let deployed = json(&trial.run(&["deploy", "-o", "json"], &[]).exits(0));
    assert_eq!(deployed["urls"].as_array().expect("addresses").len(), 3, "of every wave: {deployed}");
    let release = json(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    let steps: Vec<&str> =
        release["steps"].as_array().expect("steps").iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(steps.iter().filter(|step| **step == "target").count(), 2, "two waves: {steps:?}");
    let place = |name: &str| steps.iter().position(|step| *step == name).expect(name);
    assert!(place("service api") < place("service web") && place("service mail") < place("service web"), "{steps:?}");

    // The one that others depend on fails: they are not begun, and who has nothing to do with it is deployed.
    let broken = [("VERSION", "v2"), ("API", BROKEN)];
    let failed = trial.run(&["deploy", "-o", "json"], &broken).exits(3);
    assert_eq!(verdicts(&json(&failed)), pairs(&[("api", "rolled_back"), ("mail", "deployed")]));
    assert!(failed.says("web is not deployed: it depends on api"), "{failed:?}");
    assert_eq!(running(&trial), ["trial-dev-api:1", "trial-dev-mail:2", "trial-dev-web:1"]);

    // The one that depends on others fails: they go back as well.
    let broken = [("VERSION", "v3"), ("WEB", BROKEN)];
    let failed = trial.run(&["deploy", "-o", "json"], &broken).exits(3);
    let expected = [("api", "rolled_back"), ("mail", "deployed"), ("web", "rolled_back")];
    assert_eq!(verdicts(&json(&failed)), pairs(&expected), "{failed:?}");
    assert!(failed.says("api goes back as well"), "{failed:?}");
    assert_eq!(running(&trial), ["trial-dev-api:1", "trial-dev-mail:3", "trial-dev-web:1"]);
    assert!(trial.answer().body.contains("v1"));

    trial.deploy(&[("VERSION", "v4")]).exits(0);
    assert!(trial.answer().body.contains("v4"));

    // Those that are only started anew have nothing to go back to: they ran the same version before.
    let before = running(&trial);
    let broken = [("VERSION", "v4"), ("WEB", BROKEN)];
    let failed = trial.run(&["deploy", "--force-new-deployment", "-o", "json"], &broken).exits(3);
    assert!(!failed.says("goes back as well"), "{failed:?}");
    assert_eq!(running(&trial), before, "{failed:?}");
}

/// Where ECS keeps the old version for a while, a release goes on to those that depend on the new one meanwhile.
#[test]
fn a_member_whose_old_version_is_kept_goes_back_with_its_group() {
    let configuration = CONFIGURATION.replacen(
        "  api:\n",
        "  api:\n    deployment: { strategy: blue_green, rollback_window: 5m }\n",
        1,
    );
    assert!(configuration.contains("rollback_window"));
    let trial = Trial::new(&configuration);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial.deploy(&[]).exits(0);
    let failed = trial.run(&["deploy"], &[("VERSION", "v2"), ("WEB", BROKEN)]);
    assert_eq!(failed.code, Some(3), "{failed:?}");
    assert!(failed.says("api goes back as well"), "{failed:?}");
    assert_eq!(running(&trial)[0], "trial-dev-api:1");
}

#[test]
fn what_is_new_has_nothing_to_go_back_to_and_stays() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let failed = trial.run(&["deploy", "-o", "json"], &[("WEB", BROKEN)]);
    assert_ne!(failed.code, Some(0));
    assert!(failed.says("api stays: "), "{failed:?}");
    assert_eq!(verdicts(&json(&failed))[0], ("api".to_owned(), "deployed".to_owned()));
    trial.deploy(&[]).exits(0);
}
