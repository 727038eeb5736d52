//! Releases: one at a time, none while somebody says so, each written down, and gone on with after its process has died.

mod harness;

use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use harness::aws::Aws;
use harness::{Ran, Trial, wait_until};
use serde_json::{Value as Json, json};

const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }} --boot-delay {{ env('BOOT', '0s') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
  worker:
    command: seatrial demo-app
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@, path: /work/* }
environments:
  dev:
    target: embedded
    stage: dev
    freeze: [{ from: "{{ env('FROZEN_FROM', '2020-01-01') }}", until: 2090-01-01, time_zone: Europe/Berlin, reason: peak season }]
"#;

/// Asks for an approval.
const GUARDED: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
environments:
  dev: { target: embedded, stage: dev, approval: required }
"#;

/// Long after everybody who runs this.
const NEVER: (&str, &str) = ("FROZEN_FROM", "2089-01-01");

fn start() -> Trial {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial
}

fn parsed(ran: &Ran) -> Json {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("not JSON: {ran:?}"))
}

fn audit(trial: &Trial) -> Json {
    parsed(&trial.run(&["audit", "-o", "json"], &[NEVER]).exits(0))
}

fn newest(trial: &Trial) -> Json {
    parsed(&trial.run(&["show", "-o", "json"], &[NEVER]).exits(0))
}

fn deeds(trial: &Trial) -> Vec<String> {
    let audit = audit(trial);
    let entries = audit["entries"].as_array().expect("entries").iter();
    entries.map(|entry| entry["deed"].as_str().expect("a deed").to_owned()).collect()
}

/// Deployments of the service that ECS has ever had.
fn deployments(trial: &Trial) -> usize {
    parsed(&trial.run(&["history", "web", "-n", "20", "-o", "json"], &[NEVER]).exits(0))
        .as_array()
        .expect("a list")
        .len()
}

fn begin(trial: &Trial, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    let mut command = trial.command(arguments, environment);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[test]
fn a_release_is_written_down_step_by_step_and_what_changes_nothing_is_none() {
    let trial = start();
    let nothing = trial.run(&["show"], &[NEVER]).exits(1);
    assert!(nothing.says("nothing of trial has been released to dev yet"), "{nothing:?}");
    trial.deploy(&[NEVER]).exits(0);

    let first = newest(&trial);
    assert_eq!(first["state"]["state"], "ended", "{first}");
    assert_eq!(first["state"]["verdict"], "deployed");
    assert!(first["who"]["name"].as_str().is_some_and(|who| who.contains('@')), "{first}");
    let steps = first["steps"].as_array().expect("steps");
    let names: Vec<&str> = steps.iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(names, ["target", "service web", "service worker", "finish"]);
    let outcomes: Vec<&str> = steps.iter().filter_map(|step| step["outcome"].as_str()).collect();
    assert_eq!(outcomes, ["done", "deployed", "deployed", "done"]);
    let made = steps[0]["details"].to_string();
    assert!(made.contains("created cluster trial-dev") && made.contains("created service"), "{made}");
    assert!(steps[1]["details"].to_string().contains("trial-dev-web:1"), "{first}");

    trial.deploy(&[NEVER]).exits(0);
    assert_eq!(newest(&trial)["id"], first["id"], "what changes nothing is no release");

    trial.run(&["deploy", "web", "--set", "SECRET=hush"], &[NEVER, ("VERSION", "v2")]).exits(0);
    let second = newest(&trial);
    assert_ne!(second["id"], first["id"]);
    assert_eq!(second["services"], json!(["web"]));
    assert_eq!(second["asked"]["set"], json!(["SECRET"]));
    assert!(!second.to_string().contains("hush"), "{second}");

    let broken = trial.run(&["deploy", "web"], &[NEVER, ("VERSION", "v3 --exit-at-start 3")]);
    assert_eq!(broken.code, Some(3), "{broken:?}");
    let third = newest(&trial);
    assert_eq!(third["state"]["verdict"], "rolled_back");
    assert!(third["steps"][1]["details"].to_string().contains("exit"), "the cause is kept: {third}");

    let shown = trial.run(&["show", first["id"].as_str().expect("an id")], &[NEVER]).exits(0);
    assert!(shown.says("service worker:") && shown.says("created service"), "{shown:?}");
    let listed = trial.run(&["audit"], &[NEVER]).exits(0);
    for release in [&first, &second, &third] {
        assert!(listed.says(release["id"].as_str().expect("an id")), "{listed:?}");
    }
    let unknown = trial.run(&["show", "20200101-000000-aaaa"], &[NEVER]).exits(1);
    assert!(unknown.says("there is no release 20200101-000000-aaaa"), "{unknown:?}");
    trial.run(&["show", "yesterday"], &[NEVER]).exits(2);
}

#[test]
fn a_locked_environment_takes_no_release_until_it_is_unlocked_or_somebody_takes_it() {
    let trial = start();
    let locked = trial.run(&["lock", "--reason", "the database is moved"], &[NEVER, ("USER", "ada")]).exits(0);
    assert!(locked.says("ada@"), "{locked:?}");
    let refused = trial.deploy(&[NEVER]).exits(7);
    assert!(refused.says("locked by ada@") && refused.says("the database is moved"), "{refused:?}");
    assert!(refused.says("seatrial unlock --steal"), "{refused:?}");
    let refused = trial.run(&["deploy", "-o", "json"], &[NEVER]).exits(7);
    assert_eq!(parsed(&refused)["verdict"], "blocked");
    let status = trial.run(&["status"], &[]).exits(0);
    assert!(status.says("locked by ada@") && status.says("nothing is released until Sun 2090"), "{status:?}");
    trial.run(&["delete", "--yes"], &[NEVER]).exits(7);
    let again = trial.run(&["lock", "--reason", "mine"], &[NEVER, ("USER", "eve")]).exits(7);
    assert!(again.says("locked by ada@"), "{again:?}");
    trial.run(&["unlock"], &[NEVER, ("USER", "eve")]).exits(7);
    trial.run(&["unlock"], &[NEVER, ("USER", "ada")]).exits(0);
    assert!(trial.run(&["unlock"], &[NEVER]).exits(0).says("was not locked"));
    assert_eq!(deeds(&trial), ["unlocked", "locked"]);

    trial.run(&["lock", "--reason", "lunch", "--for", "2s"], &[NEVER, ("USER", "ada")]).exits(0);
    trial.deploy(&[NEVER]).exits(7);
    thread::sleep(Duration::from_millis(2_100));
    trial.deploy(&[NEVER]).exits(0);

    trial.run(&["lock", "--reason", "for ever"], &[NEVER, ("USER", "ada")]).exits(0);
    // What runs already can always be acted on.
    trial.run(&["deploy", "web", "--steal-lock"], &[NEVER, ("USER", "eve"), ("VERSION", "v2")]).exits(0);
    assert_eq!(deeds(&trial)[0], "stole");
    trial.run(&["lock", "--reason", "for ever"], &[NEVER, ("USER", "ada")]).exits(0);
    trial.run(&["rollback", "web"], &[NEVER]).exits(0);
}

#[test]
fn of_two_releases_at_once_one_waits_for_nobody_and_says_who_is_at_work() {
    let trial = start();
    trial.deploy(&[NEVER]).exits(0);
    let slow = [NEVER, ("VERSION", "v2"), ("BOOT", "4s"), ("USER", "ada")];
    let earlier = newest(&trial)["id"].clone();
    let mut first = begin(&trial, &["deploy", "web"], &slow);
    wait_until(Duration::from_secs(10), "the first to begin", || newest(&trial)["id"] != earlier);
    let second = trial.run(&["deploy", "web"], &[NEVER, ("VERSION", "v3")]).exits(7);
    assert!(second.says("locked by ada@") && second.says("(release 20"), "{second:?}");
    assert!(second.says("seatrial status") && second.says("--steal-lock"), "{second:?}");
    assert!(first.wait().expect("it ends").success());
    trial.deploy(&[NEVER, ("VERSION", "v3")]).exits(0);
}

#[test]
fn nothing_is_released_in_a_freeze_unless_somebody_says_why() {
    let trial = start();
    let refused = trial.deploy(&[]).exits(7);
    assert!(refused.says("until Sun 2090-01-01 00:00 Europe/Berlin (peak season)"), "{refused:?}");
    assert!(refused.says("--break-freeze"), "{refused:?}");
    trial.run(&["deploy", "--break-freeze", "customers cannot pay"], &[]).exits(0);
    let audit = audit(&trial);
    assert_eq!(audit["entries"][0]["deed"], "broke_freeze");
    assert_eq!(audit["entries"][0]["reason"], "customers cannot pay");
    assert_eq!(audit["entries"][0]["release"], audit["releases"][0]["id"]);
}

#[test]
fn a_forced_deployment_is_gone_on_with_and_not_forced_again() {
    let trial = start();
    let environment = [NEVER, ("BOOT", "2s")];
    trial.run(&["deploy", "web"], &environment).exits(0);
    let (before, earlier) = (deployments(&trial), newest(&trial)["id"].clone());
    let mut release = begin(&trial, &["deploy", "web", "--force-new-deployment"], &environment);
    wait_until(Duration::from_secs(10), "the deployment to begin", || deployments(&trial) > before);
    release.kill().expect("it is ours");
    release.wait().expect("it ends");
    assert_ne!(newest(&trial)["id"], earlier);
    trial.run(&["resume"], &environment).exits(0);
    assert_eq!(deployments(&trial), before + 1);
}

/// Kills a release, then goes on with it: the same end as without, and one deployment.
fn killed(trial: &Trial, version: &str, when: impl FnOnce(&mut Child)) {
    let before = deployments(trial);
    let environment = [NEVER, ("VERSION", version), ("BOOT", "1s")];
    let earlier = newest(trial)["id"].clone();
    let mut release = begin(trial, &["deploy", "web"], &environment);
    when(&mut release);
    release.kill().expect("it is ours");
    release.wait().expect("it ends");
    let left = newest(trial);
    let resumed = if left["id"] == earlier {
        // It had not begun; whatever lock it has left counts no longer.
        trial.run(&["deploy", "web"], &environment).exits(0)
    } else {
        assert_eq!(left["state"]["state"], "running", "{left}");
        trial.run(&["resume"], &environment).exits(0)
    };
    let end = newest(trial);
    assert_eq!(end["state"]["verdict"], "deployed", "{end}\n{resumed:?}");
    assert_eq!(deployments(trial), before + 1, "nothing is done twice: {resumed:?}");
    let answered = trial.answer();
    assert!(answered.body.contains(version), "{answered:?}");
}

#[test]
fn a_release_that_is_killed_anywhere_is_gone_on_with() {
    let trial = start();
    trial.deploy(&[NEVER]).exits(0);
    // Before its lock, between its lock and its record, while it makes things, while it waits.
    for (number, delay) in [0, 15, 30, 45, 60, 80, 100, 140, 200, 400, 900].into_iter().enumerate() {
        killed(&trial, &format!("after-{number}"), |_| thread::sleep(Duration::from_millis(delay)));
    }
    // At the boundaries of its steps.
    for step in ["target", "service web"] {
        let earlier = newest(&trial)["id"].clone();
        let version = step.replace(' ', "-");
        killed(&trial, &version, |_| {
            wait_until(Duration::from_secs(10), "the step to begin", || {
                let now = newest(&trial);
                let steps = now["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
                now["id"] != earlier && steps.iter().any(|one| one["name"] == step)
            });
        });
    }

    let over = trial.run(&["resume"], &[NEVER]).exits(1);
    assert!(over.says("has come to its end"), "{over:?}");
    let all = audit(&trial);
    let oldest = all["releases"].as_array().expect("releases").last().expect("one")["id"].clone();
    let older = trial.run(&["resume", oldest.as_str().expect("an id")], &[NEVER]).exits(1);
    assert!(older.says("has been begun since release"), "{older:?}");
}

#[test]
fn a_release_is_gone_on_with_only_as_it_was_begun() {
    let trial = start();
    trial.deploy(&[NEVER]).exits(0);
    let environment = [NEVER, ("VERSION", "v2"), ("BOOT", "3s")];
    let earlier = newest(&trial)["id"].clone();
    let mut release = begin(&trial, &["deploy", "web", "--set", "KEY=hush"], &environment);
    wait_until(Duration::from_secs(10), "it to begin", || newest(&trial)["id"] != earlier);
    release.kill().expect("it is ours");
    release.wait().expect("it ends");
    let other = trial.run(&["resume"], &[NEVER, ("VERSION", "v3"), ("BOOT", "3s")]).exits(1);
    assert!(other.says("was begun with another configuration"), "{other:?}");
    let without = trial.run(&["resume"], &environment).exits(1);
    assert!(without.says("was begun with another configuration"), "{without:?}");
    trial.run(&["resume", "--set", "KEY=hush"], &environment).exits(0);
    assert_eq!(newest(&trial)["resumed"], 1);

    // A deploy in its place begins anew, and says that the other one will not go on.
    let earlier = newest(&trial)["id"].clone();
    let mut release = begin(&trial, &["deploy", "web"], &[NEVER, ("VERSION", "v4"), ("BOOT", "3s")]);
    wait_until(Duration::from_secs(10), "it to begin", || newest(&trial)["id"] != earlier);
    release.kill().expect("it is ours");
    release.wait().expect("it ends");
    let dead = newest(&trial)["id"].clone();
    let anew = trial.run(&["deploy", "web"], &[NEVER, ("VERSION", "v5")]).exits(0);
    assert!(anew.says("that lock is taken over"), "{anew:?}");
    let audit = audit(&trial);
    let dead = audit["releases"].as_array().expect("releases").iter().find(|release| release["id"] == dead);
    assert_eq!(dead.expect("it is kept")["state"]["state"], "stopped");
}

#[test]
fn a_release_that_needs_an_approval_begins_with_the_word_of_somebody_else() {
    let trial = Trial::new(GUARDED);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let asked = trial.run(&["deploy"], &[("USER", "ada")]).exits(6);
    assert!(asked.says("seatrial approve 20") && asked.says("--wait-for-approval"), "{asked:?}");
    assert_eq!(trial.run(&["deploy"], &[]).exits(6).stderr, asked.stderr, "asking again is the same request");
    let approved = trial.run(&["approve"], &[("USER", "grace")]).exits(0);
    assert!(approved.says("asked for by ada@"), "{approved:?}");

    // Another plan than the one that was approved.
    trial.run(&["deploy"], &[("VERSION", "v2")]).exits(6);
    trial.run(&["deploy"], &[]).exits(0);
    let release = newest(&trial);
    assert!(release["approved_by"]["name"].as_str().is_some_and(|who| who.starts_with("grace@")), "{release}");
    trial.run(&["deploy", "--force-new-deployment"], &[]).exits(6);

    let several = trial.run(&["approve"], &[]).exits(1);
    assert!(several.says("several releases wait for an answer"), "{several:?}");
    let id = |ran: &Ran| {
        let (_, rest) = ran.stderr.split_once("seatrial approve ").expect("it names the request");
        rest.split_whitespace().next().expect("an id").to_owned()
    };
    let second = id(&trial.run(&["deploy"], &[("VERSION", "v2")]).exits(6));
    trial.run(&["reject", &second, "--reason", "not on a Friday"], &[("USER", "grace")]).exits(0);
    trial.run(&["approve", &second], &[]).exits(1);
    // A yes can be taken back until it has been used.
    let third = id(&trial.run(&["deploy"], &[("VERSION", "v9")]).exits(6));
    trial.run(&["approve", &third], &[]).exits(0);
    trial.run(&["reject", &third], &[]).exits(0);
    trial.run(&["deploy"], &[("VERSION", "v9")]).exits(7);
    let rejected = trial.run(&["deploy"], &[("VERSION", "v2")]).exits(7);
    assert!(rejected.says("grace@") && rejected.says("not on a Friday"), "{rejected:?}");

    let late = trial.run(&["deploy", "--wait-for-approval", "1s"], &[("VERSION", "v3")]).exits(5);
    assert!(late.says("waiting for an approval: seatrial approve 20"), "{late:?}");
    let waiting = begin(&trial, &["deploy", "--wait-for-approval", "1m"], &[("VERSION", "v3")]);
    trial.run(&["approve", &id(&late)], &[]).exits(0);
    let output = waiting.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(trial.answer().body.contains("v3"));
    trial.run(&["deploy", "--yes"], &[("VERSION", "v4")]).exits(0);
}

#[test]
fn the_oldest_releases_are_forgotten_and_what_somebody_else_put_there_is_told() {
    let trial = start();
    trial.deploy(&[NEVER]).exits(0);
    let aws = Aws::of(&trial);
    let put = |name: String, value: String| {
        aws.ssm("PutParameter", json!({ "Name": name, "Value": value, "Type": "String" }));
    };
    let mut head = newest(&trial);
    for number in 0..55 {
        let id = format!("20250101-0000{number:02}-aaaa");
        head["began_at"] = json!(format!("2025-01-01T00:00:{number:02}Z"));
        put(format!("/trial/dev/releases/{id}"), head.to_string());
        let step = json!({ "name": "infra", "began_at": "2025-01-01T00:00:00Z" });
        put(format!("/trial/dev/releases/{id}/steps/001-infra"), step.to_string());
    }
    trial.run(&["deploy", "web"], &[NEVER, ("VERSION", "v2")]).exits(0);
    let kept = audit(&trial)["releases"].as_array().expect("releases").len();
    assert_eq!(kept, 50);
    let path = json!({ "Path": "/trial/dev/releases/20250101-000000-aaaa", "Recursive": true });
    assert_eq!(aws.ssm("GetParametersByPath", path)["Parameters"], json!([]), "its steps are gone, too");

    put("/trial/dev/releases/20260101-000000-aaaa".to_owned(), "no JSON".to_owned());
    let told = trial.run(&["audit"], &[NEVER]).exits(1);
    assert!(told.says("is not what Seatrial writes there"), "{told:?}");
}
