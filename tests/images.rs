//! From nothing to healthy traffic: images that are missing are stood in for, found again, or somebody else's.

mod harness;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use harness::aws::Aws;
use harness::built::{
    CONFIGURATION, REPOSITORY, digest_of, ecr, parsed, registry, seen, start, version, with_server, write,
};
use harness::{Trial, wait_until};
use serde_json::json;

/// The whole story of a deployment coordinator: an environment that has nothing, a stand-in, the real thing, its next version, a broken one, an
/// image that is gone.
#[test]
fn an_environment_comes_up_without_its_image_and_finds_one_when_it_is_lost() {
    let trial = with_server(CONFIGURATION);
    // Production has no stand-ins, and says what there is to do.
    let refused = trial.run(&["deploy", "--env", "prod", "--no-build"], &[]).exits(1);
    assert!(refused.says("the image of service web is not there"), "{refused:?}");
    assert!(refused.says("there is no repository trial/web"), "{refused:?}");
    let unwritable = trial.run(&["plan", "--out", "nowhere/plan.json"], &[]).exits(2);
    assert!(unwritable.says("name a file in a directory that is there"), "{unwritable:?}");
    let refused = trial.run(&["deploy", "--env", "prod", "--use-fallback-image"], &[]).exits(1);
    assert!(refused.says("in prod nothing may stand in for it"), "{refused:?}");
    // Elsewhere only when asked for.
    let refused = trial.run(&["deploy", "--no-build"], &[]).exits(1);
    assert!(refused.says("build it: seatrial deploy web") && refused.says("--use-fallback-image"), "{refused:?}");
    let nothing = trial.run(&["status", "-o", "json"], &[]).exits(0);
    assert!(!nothing.says("trial-dev-web"), "nothing was made: {nothing:?}");

    let stood_in = trial.run(&["deploy", "--use-fallback-image"], &[]).exits(0);
    assert!(stood_in.says("something stands in until its image is there"), "{stood_in:?}");
    assert!(seen(&trial, "/health").starts_with("HTTP/1.1 200 "));
    let page = seen(&trial, "/");
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("x-seatrial-fallback"), "{page}");
    let status = parsed(&trial.run(&["status", "-o", "json"], &[]).exits(0));
    assert_eq!(status["services"][0]["version"], "stand-in", "{status}");

    let real = trial.deploy(&[]).exits(0);
    assert!(real.says("build web |"), "{real:?}");
    assert!(seen(&trial, "/").ends_with("version 1 hello"), "{}", seen(&trial, "/"));
    let first = digest_of(&trial, "latest");
    let record = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert!(record["images"]["web"].as_str().is_some_and(|image| image.ends_with(&first)), "{record}");
    let steps: Vec<_> = record["steps"].as_array().expect("a list").iter().map(|step| &step["name"]).collect();
    assert_eq!(steps[..4], ["before web", "build web", "registry web", "push web"], "{record}");
    // Compiled again, to the same bytes.
    let again = trial.deploy(&[]).exits(0);
    assert!(again.says("nothing to do"), "{again:?}");
    assert_eq!(digest_of(&trial, "latest"), first);

    version(&trial, "2");
    trial.deploy(&[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 2 hello"));
    let second = digest_of(&trial, "latest");
    assert_ne!(first, second);
    // A tag is the way back to what was built before.
    let tags =
        ecr(&trial, "DescribeImages", json!({ "repositoryName": REPOSITORY, "imageIds": [{ "imageDigest": first }] }));
    let tag = tags["imageDetails"][0]["imageTags"][0].as_str().expect("a tag of its own").to_owned();
    trial.run(&["deploy", "--tag", &tag], &[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 1 hello"));
    trial.deploy(&[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 2 hello"));
    version(&trial, "broken");
    let broken = trial.deploy(&[]).exits(3);
    assert!(broken.says("cannot start"), "the log says why: {broken:?}");
    assert!(seen(&trial, "/").ends_with("version 2 hello"));
    assert!(trial.run(&["fix", "web"], &[]).exits(0).says("all is well"));

    lose(&trial, &second);
    let choice = trial.run(&["fix", "web"], &[]).exits(6);
    assert!(choice.says("the image of service web is not there") && choice.says("--use last-good"), "{choice:?}");
    assert!(choice.says("--use rebuild") && choice.says("--use fallback"), "{choice:?}");
    let fixed = trial.run(&["fix", "web", "--use", "last-good"], &[]).exits(0);
    assert!(fixed.says("deployed"), "{fixed:?}");
    assert!(seen(&trial, "/").ends_with("version 1 hello"));

    // What is lost can also be built again, or stood in for.
    lose(&trial, &first);
    version(&trial, "3");
    trial.run(&["fix", "web", "--use", "rebuild"], &[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 3 hello"));
    ecr(&trial, "DeleteRepository", json!({ "repositoryName": REPOSITORY, "force": true }));
    stop_tasks(&trial);
    trial.run(&["fix", "web", "--use", "fallback"], &[]).exits(0);
    assert!(seen(&trial, "/").starts_with("HTTP/1.1 503 "));
    // And the next release replaces it.
    trial.deploy(&[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 3 hello"));
}

/// Deletes an image and stops the tasks that were started from it, until ECS has noticed that no other can be.
fn lose(trial: &Trial, digest: &str) {
    let ids = json!([{ "imageDigest": digest }]);
    ecr(trial, "BatchDeleteImage", json!({ "repositoryName": REPOSITORY, "imageIds": ids }));
    stop_tasks(trial);
}

fn stop_tasks(trial: &Trial) {
    let aws = Aws::of(trial);
    let tasks = aws.ecs("ListTasks", json!({ "cluster": "trial-dev" }));
    for task in tasks["taskArns"].as_array().expect("a list") {
        aws.ecs("StopTask", json!({ "cluster": "trial-dev", "task": task }));
    }
    wait_until(Duration::from_secs(30), "a start to fail for want of the image", || {
        trial.run(&["events"], &[]).says("CannotPullContainerError")
    });
}

/// With what stands in, an environment is up before there is an image.
#[test]
fn an_environment_is_prepared_and_something_stands_in() {
    let trial = start(CONFIGURATION);
    let up = trial.run(&["deploy", "--bootstrap", "--use-fallback-image"], &[]).exits(0);
    assert!(up.says("something stands in until its image is there"), "{up:?}");
    assert!(seen(&trial, "/health").contains("200"));
}

/// Where the environment allows it nobody has to ask, and what stands in may be an image of one's own.
#[test]
fn an_environment_may_have_its_own_rule_and_its_own_stand_in() {
    let trial = with_server(CONFIGURATION);
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    let with = |rule: &str| {
        let (from, to) = ("stage: dev }", format!("stage: dev, {rule} }}"));
        fs::write(&file, text.replacen(from, &to, 1)).expect("writable");
    };
    with("fallback: allowed");
    let stood_in = trial.run(&["deploy", "--no-build"], &[]).exits(0);
    assert!(stood_in.says("something stands in"), "{stood_in:?}");
    assert!(seen(&trial, "/").contains("web is not deployed yet"));
    trial.deploy(&[]).exits(0);
    let real = digest_of(&trial, "latest");
    // The real image as a stand-in: it has an entry point of its own only by the file's command, which a stand-in is not given.
    with(&format!("fallback: allowed, fallback_image: \"{}/{REPOSITORY}@{real}\"", registry(&trial)));
    let refused = trial.run(&["deploy", "--tag", "never-pushed"], &[]).exits(3);
    assert!(refused.says("neither an entry point nor a command"), "{refused:?}");
    assert!(seen(&trial, "/").ends_with("version 1 hello"), "it went back to what served");
    with("fallback: never");
    trial.run(&["deploy", "--tag", "never-pushed", "--use-fallback-image"], &[]).exits(1);
}

#[test]
fn nobody_knows_whose_an_image_of_a_shared_repository_is() {
    let trial = with_server(CONFIGURATION);
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    let other = "  other: { build: { files: { /server: server } }, repository: trial/web, command: [/server], port: 3000 }\nenvironments:";
    fs::write(&file, text.replacen("environments:", other, 1)).expect("writable");
    let refused = trial.run(&["deploy", "--no-build"], &[]).exits(1);
    assert!(refused.says("services share the repository trial/web"), "{refused:?}");
}

#[test]
fn a_repository_that_is_somebody_elses_is_found_before_anything_is_touched() {
    let trial = with_server(CONFIGURATION);
    ecr(&trial, "CreateRepository", json!({ "repositoryName": REPOSITORY }));
    let planned = trial.run(&["plan"], &[]).exits(0);
    assert!(planned.says("the repository trial/web exists and was not made by a release"), "{planned:?}");
    let refused = trial.deploy(&[]).exits(1);
    for way_out in ["take it over: write `repository: trial/web`", "use another one", "or delete it"] {
        assert!(refused.says(way_out), "{way_out}: {refused:?}");
    }
    let file = trial.directory().join("seatrial.yml");
    let named = fs::read_to_string(&file)
        .expect("it is there")
        .replace("    command: [/server]", "    repository: trial/web\n    command: [/server]");
    fs::write(&file, &named).expect("writable");
    trial.deploy(&[]).exits(0);
    // One of another application is not taken over by naming it.
    fs::write(&file, named.replace("app: trial", "app: other")).expect("writable");
    let arn = ecr(&trial, "DescribeRepositories", json!({}))["repositories"][0]["repositoryArn"].clone();
    ecr(&trial, "TagResource", json!({ "resourceArn": arn, "tags": [{ "Key": "seatrial:app", "Value": "trial" }] }));
    let refused = trial.deploy(&[]).exits(1);
    assert!(refused.says("the repository trial/web belongs to the application trial"), "{refused:?}");
}

/// An image that is there may be what is wrong: what stands in does so in its place, also when the release that brings it is gone on with.
#[test]
fn a_repair_lets_something_stand_in_although_images_are_there() {
    let trial = with_server(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    version(&trial, "2");
    trial.deploy(&[]).exits(0);
    lose(&trial, &digest_of(&trial, "latest"));
    let newest = || parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    let earlier = newest()["id"].clone();
    let fix = ["fix", "web", "--use", "fallback"];
    let mut release = trial.command(&fix, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_until(Duration::from_secs(30), "the repair to begin", || newest()["id"] != earlier);
    release.kill().expect("it is ours");
    release.wait().expect("it is ours");
    let begun = newest();
    if begun["state"]["state"] == "running" {
        trial.run(&["resume"], &[]).exits(0);
    }
    assert_eq!(newest()["id"], begun["id"], "it is gone on with");
    let page = seen(&trial, "/");
    assert!(page.starts_with("HTTP/1.1 503 ") && page.contains("x-seatrial-fallback"), "{page}");
    let status = parsed(&trial.run(&["status", "-o", "json"], &[]).exits(0));
    assert_eq!(status["services"][0]["version"], "stand-in", "{status}");
    let record = newest();
    assert_eq!(record["asked"]["stand_in_anyway"], true, "{record}");
    assert_eq!(record["state"]["verdict"], "deployed", "{record}");
    trial.deploy(&[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 2 hello"));
}

/// A repair is a release: where those need somebody's word, it needs one for just what it deploys.
#[test]
fn a_repair_is_approved_like_any_release() {
    let guarded = CONFIGURATION
        .replace("dev: { target: embedded, stage: dev }", "dev: { target: embedded, stage: dev, approval: required }");
    let trial = with_server(&guarded);
    trial.run(&["deploy", "--yes"], &[]).exits(0);
    version(&trial, "2");
    trial.run(&["deploy", "--yes"], &[]).exits(0);
    let before = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0))["id"].clone();
    lose(&trial, &digest_of(&trial, "latest"));

    let last_good = ["fix", "web", "--use", "last-good"];
    let asked = trial.run(&last_good, &[("USER", "ada")]).exits(6);
    assert!(asked.says("seatrial approve 20"), "{asked:?}");
    let approved = trial.run(&["approve"], &[("USER", "grace")]).exits(0);
    assert!(approved.says("asked for by ada@"), "{approved:?}");
    // The word was for one remedy, and no other.
    for remedy in ["rebuild", "fallback"] {
        let other = trial.run(&["fix", "web", "--use", remedy], &[]).exits(6);
        assert!(other.says("seatrial approve 20"), "{remedy}: {other:?}");
    }
    let untouched = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert_eq!(untouched["id"], before, "nothing is released without it: {untouched}");

    trial.run(&last_good, &[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 1 hello"), "{}", seen(&trial, "/"));
    let record = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert!(record["approved_by"]["name"].as_str().is_some_and(|who| who.starts_with("grace@")), "{record}");
    // Nobody is waited for where there is nothing to repair.
    assert!(trial.run(&["fix", "web"], &[]).exits(0).says("all is well"));
}

#[test]
fn what_was_planned_is_deployed_and_nothing_else() {
    let trial = with_server(CONFIGURATION);
    let looked = trial.run(&["doctor"], &[]).exits(0);
    assert!(looked.says("it is not deployed") && looked.says("seatrial deploy web"), "{looked:?}");
    trial.run(&["plan", "--out", "plan.json"], &[]).exits(0);
    let refused = trial.run(&["deploy", "--plan", "plan.json", "--set", "COLOUR=red"], &[]).exits(2);
    assert!(refused.says("configuration, images or flags have changed since"), "{refused:?}");
    // The image that was looked at, whatever could be built by now.
    version(&trial, "2");
    trial.run(&["deploy", "--plan", "plan.json"], &[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 1 hello"));
    write(&trial, "other.json", "{}");
    assert!(trial.run(&["deploy", "--plan", "other.json"], &[]).exits(2).says("is no plan"));
    let other = trial.run(&["deploy", "--plan", "plan.json", "--env", "prod"], &[]).exits(2);
    assert!(other.says("it is for trial in dev"), "{other:?}");

    let looked = trial.run(&["doctor"], &[]).exits(0);
    assert!(looked.says("1 of 1 tasks run") && looked.says("nobody holds the lock"), "{looked:?}");
    lose(&trial, &digest_of(&trial, "latest"));
    let looked = trial.run(&["doctor"], &[]).exits(1);
    assert!(looked.says("seatrial fix web"), "{looked:?}");
}
