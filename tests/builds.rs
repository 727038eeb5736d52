//! How images are made: of files, by a Dockerfile or a command, tested first, for several platforms, and written down step by step.

mod harness;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use harness::aws::Aws;
use harness::built::{
    COMPILE, CONFIGURATION, REPOSITORY, SERVER, digest_of, ecr, inspected, parsed, registry, seen, start, version,
    with_server, write,
};
use harness::{Trial, wait_until};
use serde_json::{Value as Json, json};

#[test]
fn the_same_files_are_the_same_image_and_what_is_ignored_is_not_in_it() {
    let trial = with_server(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let first = digest_of(&trial, "latest");
    // Another time, another order, another copy, and other files that do not matter.
    write(&trial, "public/left.tmp", "something else");
    fs::rename(trial.directory().join("public"), trial.directory().join("moved")).expect("ours");
    fs::create_dir(trial.directory().join("public")).expect("writable");
    fs::copy(trial.directory().join("moved/page"), trial.directory().join("public/page")).expect("writable");
    assert!(trial.deploy(&[]).exits(0).says("nothing to do"));
    assert_eq!(digest_of(&trial, "latest"), first);
    let registry = registry(&trial);
    let manifest = inspected(&trial, &["inspect", "--raw"], &format!("{registry}/{REPOSITORY}@{first}"));
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 2, "a layer for each of `files`: {manifest}");
    let config = inspected(&trial, &["inspect", "--config"], &format!("{registry}/{REPOSITORY}@{first}"));
    assert_eq!(config["created"], "1970-01-01T00:00:00Z", "{config}");
}

/// What is for another platform is pushed, and never run here.
#[test]
fn an_image_for_several_platforms_runs_here_what_is_for_here() {
    let platforms =
        "platform: [linux/amd64, linux/arm64]\n      files: { /server: 'dist/{machine}/server', /public: public }";
    let spread = "install -m 755 server dist/@MACHINE@/server".replace("@MACHINE@", std::env::consts::ARCH);
    let before = format!("before:\n        - {COMPILE}\n        - {spread}");
    let configuration = CONFIGURATION
        .replace("before: @COMPILE@", &before)
        .replace("files: { /server: server, /public: public }", platforms);
    let trial = with_server(&configuration);
    for machine in ["x86_64", "aarch64"] {
        fs::create_dir_all(trial.directory().join("dist").join(machine)).expect("writable");
        write(&trial, &format!("dist/{machine}/server"), "a program of another machine");
    }
    trial.run(&["deploy"], &[]).exits(0);
    assert!(seen(&trial, "/").contains("version 1 hello"));
    let image = format!("{}/{REPOSITORY}:latest", registry(&trial));
    let raw = inspected(&trial, &["inspect", "--raw"], &image);
    let children = raw["manifests"].as_array().expect("an index").iter();
    let architectures: Vec<_> = children.map(|child| child["platform"]["architecture"].as_str()).collect();
    assert_eq!(architectures, [Some("amd64"), Some("arm64")]);
    let again = trial.run(&["deploy", "--rebuild"], &[]).exits(0);
    assert!(again.says("nothing to do") || again.says("unchanged"), "{again:?}");
}

/// Tests and builds come before a release, and are the first steps of its record; where one fails, they are all of it.
#[test]
fn what_was_tested_and_built_is_part_of_the_record_also_where_nothing_came_of_it() {
    let test = r#"test: "sh -c 'echo version $(cat version) is looked at; grep -qv untested version'"
      timeout: 5m
      files"#;
    let trial = with_server(&CONFIGURATION.replacen("files", test, 1));
    trial.run(&["deploy"], &[]).exits(0);
    let first = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    let named = |release: &Json| -> Vec<String> {
        let steps = release["steps"].as_array().expect("a list").iter();
        steps
            .map(|step| {
                format!(
                    "{} {}",
                    step["name"].as_str().unwrap_or_default(),
                    step["outcome"].as_str().unwrap_or_default()
                )
            })
            .collect()
    };
    let steps = [
        "before web done",
        "test web done",
        "build web done",
        "registry web done",
        "push web done",
        "target done",
        "service web deployed",
        "finish done",
    ];
    assert_eq!(named(&first), steps, "{first}");
    assert!(first["steps"][1]["details"].to_string().contains("version 1 is looked at"), "{first}");
    for step in [2, 3, 4, 5, 6] {
        assert!(first["steps"][step]["inputs"].is_string(), "what it was made of: {}", first["steps"][step]);
    }

    version(&trial, "untested");
    let failed = trial.run(&["deploy"], &[]).exits(1);
    assert!(failed.says("test web failed") && failed.says("written down: seatrial show"), "{failed:?}");
    assert!(seen(&trial, "/").contains("version 1"), "nothing was touched");
    let record = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert_eq!(named(&record), ["before web done", "test web failed"]);
    assert_eq!(record["state"]["state"], "not_begun", "{record}");
    assert!(record["steps"][1]["details"].to_string().contains("version untested is looked at"), "{record}");
    assert!(trial.run(&["audit"], &[]).exits(0).says("not begun: test web failed"));
    let resumed = trial.run(&["resume"], &[]).exits(1);
    assert!(resumed.says("has come to its end"), "the one before it: {resumed:?}");

    // With the same content, as git has it, tests are not run again.
    for arguments in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "one"]] {
        let git = || {
            Command::new("git")
                .current_dir(trial.directory())
                .args(["-c", "user.name=a", "-c", "user.email=a@b.c"])
                .args(arguments)
                .status()
        };
        fs::write(trial.directory().join(".gitignore"), "*\n!main.rs\n!version\n!public/page\n!seatrial.yml\n")
            .expect("writable");
        version(&trial, "2");
        assert!(git().expect("git is there").success(), "{arguments:?}");
    }
    trial.run(&["deploy"], &[]).exits(0);
    let again = trial.run(&["deploy", "--set", "COLOUR=red"], &[]).exits(0);
    assert!(again.says("passed with the same content at"), "{again:?}");
    let steps = named(&parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0)));
    assert_eq!(steps[..3], ["before web done", "test web unchanged", "build web done"], "{steps:?}");
    let anew = trial.run(&["deploy", "--rebuild", "--set", "COLOUR=blue"], &[]).exits(0);
    assert!(anew.says("version 2 is looked at"), "{anew:?}");

    // What this machine has released it remembers when there is nobody to ask.
    trial.run(&["engine", "stop"], &[]).exits(0);
    let known = parsed(&trial.run(&["audit", "--local", "-o", "json"], &[]).exits(0));
    assert_eq!(known["releases"].as_array().map(Vec::len), Some(5), "{known}");
    let oldest = known["releases"][4]["id"].as_str().expect("an id");
    let shown = parsed(&trial.run(&["show", "--local", oldest, "-o", "json"], &[]).exits(0));
    assert_eq!(shown, first, "as the environment had it");
    fs::write(trial.home().join("releases/trial/dev/broken.json"), "{").expect("writable");
    assert!(trial.run(&["show", "--local"], &[]).exits(0).says("deployed"));
}

/// What scripts did one after the other can be done one after the other.
#[test]
fn an_environment_is_prepared_and_images_are_pushed_without_a_deployment() {
    let trial = with_server(CONFIGURATION);
    let services = || Aws::of(&trial).ecs("ListClusters", json!({}))["clusterArns"].as_array().map(Vec::len);
    let prepared = trial.run(&["deploy", "--bootstrap"], &[]).exits(0);
    assert!(prepared.says("dev is prepared for trial") && prepared.says("next: seatrial deploy"), "{prepared:?}");
    let images = || {
        ecr(&trial, "DescribeImages", json!({ "repositoryName": REPOSITORY }))["imageDetails"].as_array().map(Vec::len)
    };
    assert_eq!((images(), services()), (Some(0), Some(0)));
    let pushed = parsed(&trial.run(&["deploy", "--push-image", "-o", "json"], &[]).exits(0));
    assert!(pushed["web"].as_str().is_some_and(|image| image.contains("/trial/web@sha256:")), "{pushed}");
    // The image, and the list of its files.
    assert_eq!((images(), services()), (Some(2), Some(0)), "nothing is deployed");
    trial.run(&["deploy", "--no-build"], &[]).exits(0);
    assert!(seen(&trial, "/").contains("version 1"));

    let written = trial.run(&["deploy", "--pipeline-only", "-c", "seatrial.yml"], &[]).exits(0);
    assert!(written.says(".github/workflows/seatrial.yml is written"), "{written:?}");
    assert!(trial.directory().join(".github/workflows/seatrial.yml").is_file());
    let both = trial.run(&["deploy", "--pipeline-only", "--bootstrap"], &[]).exits(2);
    assert!(both.says("cannot be used with"), "{both:?}");
}

/// A base is pulled from the registry, and what its tag points to now is what is built on.
#[test]
fn files_are_added_to_a_base_and_a_base_that_moves_is_another_image() {
    let trial = with_server(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let base = format!("{}/{REPOSITORY}:latest", registry(&trial));
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    // Another service on the image of the first, with another page.
    write(&trial, "page", "over the base");
    let port = harness::free_port();
    let other = format!(
        "  other:\n    build: {{ base: \"{base}\", files: {{ /public/page: page }} }}\n    command: [/server]\n    port: 3000\n    \
         health_check: {{ path: /health, interval: 5s }}\n    listener: {{ port: {port} }}\nenvironments:"
    );
    fs::write(&file, text.replacen("environments:", &other, 1)).expect("writable");
    let seen_there = || {
        use std::io::{Read, Write};
        let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the listener is open");
        client.write_all(b"GET / HTTP/1.1\r\nhost: trial\r\nconnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it answers in text");
        answer.rsplit("\r\n").next().unwrap_or_default().to_owned()
    };
    trial.run(&["deploy", "other"], &[]).exits(0);
    assert_eq!(seen_there(), "version 1 over the base");
    let again = trial.run(&["deploy", "other"], &[]).exits(0);
    assert!(again.says("nothing it is made of has changed"), "{again:?}");
    version(&trial, "2");
    trial.run(&["deploy", "web"], &[]).exits(0);
    trial.run(&["deploy", "other"], &[]).exits(0);
    assert_eq!(seen_there(), "version 2 over the base");
}

#[test]
fn a_release_that_is_killed_while_it_pushes_is_gone_on_with() {
    let trial = with_server(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    // Enough to be caught at it.
    let noise: Vec<u8> = (0..40_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(trial.directory().join("public/noise"), noise).expect("writable");
    version(&trial, "2");
    let mut release =
        trial.command(&["deploy"], &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_until(Duration::from_secs(60), "a push to begin", || {
        let steps = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
        steps["state"]["state"] == "running" || release.try_wait().expect("ours").is_some()
    });
    thread::sleep(Duration::from_millis(100));
    release.kill().expect("it is ours");
    release.wait().expect("it is ours");
    trial.run(&["resume"], &[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 2 hello"));
    let record = parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    assert_eq!(record["state"]["verdict"], "deployed", "{record}");
}

/// Leaves a sign that a step has begun, and waits there as long as it is told to hold.
const HOLD: &str = r#"#!/bin/sh
echo $$ > writing
mv writing "begun-$1"
while [ -e "hold-$1" ]; do sleep 0.1; done
"#;

/// Before a release begins it has neither a lock nor a record: whoever is killed there leaves nothing to clean up.
#[test]
fn a_release_that_is_killed_in_its_tests_or_its_build_leaves_nothing_in_the_way() {
    let trial = with_server(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let built = layout_of(&trial);
    write(&trial, "hold", HOLD);
    write(&trial, "make", &format!("sh hold build; rm -rf out; cp -r {} out\n", built.display()));
    let held = "before: sh hold before\n      test: sh hold test\n      command: [sh, make]\n      output: out\n";
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    let (head, rest) = text.split_once("before:").expect("it builds");
    let (_, rest) = rest.split_once("ignore: [\"*.tmp\"]\n").expect("it ignores");
    fs::write(&file, format!("{head}{held}{rest}")).expect("writable");
    let newest = || parsed(&trial.run(&["show", "-o", "json"], &[]).exits(0));
    let deployments = || {
        let history = parsed(&trial.run(&["history", "web", "-o", "json"], &[]).exits(0));
        history.as_array().expect("a list").len()
    };

    for step in ["before", "test", "build"] {
        let (earlier, before) = (newest()["id"].clone(), deployments());
        let colour = format!("COLOUR={step}");
        let begun = trial.directory().join(format!("begun-{step}"));
        // A deployment before this one has been there, too.
        let _ = fs::remove_file(&begun);
        write(&trial, &format!("hold-{step}"), "");
        let mut release = trial
            .command(&["deploy", "--set", &colour], &[])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        wait_until(Duration::from_secs(30), "the step to begin", || begun.exists());
        release.kill().expect("it is ours");
        release.wait().expect("it is ours");
        let program = fs::read_to_string(&begun).expect("it says who it is");
        let running = format!("/proc/{}", program.trim());
        wait_until(Duration::from_secs(15), "what it was running to go with it", || {
            !fs::exists(&running).unwrap_or(true)
        });
        assert_eq!((newest()["id"].clone(), deployments()), (earlier.clone(), before), "nothing is touched");
        assert!(trial.run(&["doctor"], &[]).says("nobody holds the lock"), "{step}");
        let nothing = trial.run(&["resume"], &[]).exits(1);
        assert!(nothing.says("has come to its end"), "{nothing:?}");

        fs::remove_file(trial.directory().join(format!("hold-{step}"))).expect("it is there");
        trial.run(&["deploy", "--set", &colour], &[]).exits(0);
        let record = newest();
        assert_ne!(record["id"], earlier);
        assert_eq!(record["state"]["verdict"], "deployed", "{record}");
        assert_eq!(deployments(), before + 1, "{step}");
        let steps = record["steps"].as_array().expect("a list").iter();
        let ended = steps.take(3).map(|step| format!("{} {}", step["name"], step["outcome"]).replace('"', ""));
        assert_eq!(ended.collect::<Vec<_>>(), ["before web done", "test web done", "build web done"], "{record}");
    }
}

/// What `before`, `dockerfile` and `command` can do, and what is said when they cannot.
#[test]
fn builds_that_fail_say_why_and_touch_nothing() {
    let trial = with_server(CONFIGURATION);
    write(&trial, "main.rs", "fn main() { nonsense }");
    let failed = trial.deploy(&[]).exits(1);
    assert!(failed.says("before web failed") && failed.says("nonsense"), "{failed:?}");
    assert!(failed.says("nothing has been deployed"), "{failed:?}");
    let file = trial.directory().join("seatrial.yml");
    let text = fs::read_to_string(&file).expect("it is there");
    let with = |from: &str, to: &str| fs::write(&file, text.replace(from, to)).expect("writable");
    with(COMPILE, "no-such-compiler --fast");
    assert!(trial.deploy(&[]).exits(1).says("`no-such-compiler` is not installed"));
    with("/server: server", "/server: missing");
    write(&trial, "main.rs", SERVER);
    let failed = trial.deploy(&[]).exits(1);
    assert!(failed.says("missing cannot be read"), "{failed:?}");
    let invalid = [
        ("files: { /server: server, /public: public }", "dockerfile: Dockerfile, files: { /a: b }"),
        ("{ /server: server, /public: public }", "{ server: server }"),
        ("{ /server: server, /public: public }", "{ /../server: server }"),
        ("    command: [/server]", "    image: nginx\n    command: [/server]"),
    ];
    for (from, to) in invalid {
        with(from, to);
        trial.run(&["validate"], &[]).exits(2);
    }
    fs::write(&file, &text).expect("writable");
    let nothing = trial.run(&["status", "-o", "json"], &[]).exits(0);
    assert!(!nothing.says("trial-dev-web"), "{nothing:?}");
}

#[test]
fn a_dockerfile_and_a_command_make_images_as_well() {
    let trial = with_server(CONFIGURATION);
    let file = trial.directory().join("seatrial.yml");
    let files = "files: { /server: server, /public: public }\n      ignore: [\"*.tmp\"]";
    let text = fs::read_to_string(&file).expect("it is there");
    write(
        &trial,
        "Dockerfile",
        "FROM scratch\nARG PAGE\nCOPY server /server\nCOPY public /public\nENV PAGE=$PAGE\nENTRYPOINT [\"/server\"]\n",
    );
    let dockerfile = text
        .replace(files, "dockerfile: Dockerfile\n      arguments: { PAGE: one }")
        .replace("    command: [/server]\n", "");
    fs::write(&file, &dockerfile).expect("writable");
    // Without privileges of its own, buildah needs no more than this.
    let environment = [("BUILDAH_ISOLATION", "chroot"), ("STORAGE_DRIVER", "vfs"), ("SEATRIAL_BUILDER", "buildah")];
    trial.deploy(&environment).exits(0);
    assert!(seen(&trial, "/").ends_with("version 1 hello"));
    let again = trial.deploy(&environment).exits(0);
    assert!(again.says("nothing to do"), "{again:?}");

    let layout = layout_of(&trial);
    version(&trial, "other");
    let command = text.replace(files, &format!("command: [cp, -r, {}, out]\n      output: out", layout.display()));
    fs::write(&file, command.replace(&format!("before: {COMPILE}\n"), "before: rm -rf out\n")).expect("writable");
    trial.deploy(&[]).exits(0);
    assert!(seen(&trial, "/").ends_with("version 1 hello"), "the image is what the command left");
}

/// The newest image that was built.
fn layout_of(trial: &Trial) -> std::path::PathBuf {
    let builds = trial.home().join("builds/trial/web");
    let mut found: Vec<_> =
        fs::read_dir(builds).expect("it is there").map(|entry| entry.expect("readable").path()).collect();
    found.sort_by_key(|path| {
        fs::metadata(path.join("oci-layout")).and_then(|marker| marker.modified()).expect("a time")
    });
    found.pop().expect("one was built")
}

const NODE: &str = r#"
app: trial
services:
  web:
    build:
      before: npm --prefix app ci --no-audit --no-fund
      test: npm --prefix app test
      files: { /app: app, / : root }
      working_directory: /app
      entrypoint: [/usr/bin/node, server.js]
    port: 3000
    health_check: { path: /health, interval: 5s }
    listener: { port: @PORT@ }
"#;

/// From `npm ci` and `npm test` to traffic, in an image that has Node.js and nothing else.
#[test]
fn a_service_of_node_js_is_tested_packed_and_served() {
    let configuration = NODE
        .replace("npm ci --no-audit --no-fund", "[npm --prefix app ci --no-audit --no-fund, npm --prefix app test]");
    let trial = start(&configuration.replace("/ : root", "/usr: root/usr, /lib: root/lib, /lib64: root/lib64"));
    let app = trial.directory().join("app");
    fs::create_dir(&app).expect("writable");
    write(
        &trial,
        "app/package.json",
        r#"{ "name": "trial", "version": "1.0.0", "scripts": { "test": "node --test test.js" }, "dependencies": { "is-number": "7.0.0" } }"#,
    );
    write(
        &trial,
        "app/test.js",
        "const { test } = require('node:test'); const assert = require('node:assert'); const { answer } = require('./answer.js'); test('numbers', () => assert.equal(answer('42'), 'a number'));",
    );
    write(
        &trial,
        "app/answer.js",
        "const isNumber = require('is-number'); exports.answer = text => isNumber(text) ? 'a number' : 'no number';",
    );
    write(
        &trial,
        "app/server.js",
        "const { answer } = require('./answer.js'); require('http').createServer((request, response) => response.end(answer(request.url.slice(1)))).listen(process.env.PORT, process.env.HOST);",
    );
    let locked = Command::new("npm")
        .args(["install", "--package-lock-only", "--no-audit", "--no-fund"])
        .current_dir(&app)
        .output();
    let locked = locked.expect("npm is there");
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    harness::node::gather(&trial.directory().join("root"));
    let deployed = trial.deploy(&[]).exits(0);
    assert!(deployed.says("build web |"), "{deployed:?}");
    assert!(seen(&trial, "/42").ends_with("a number"), "{}", seen(&trial, "/42"));
    assert!(seen(&trial, "/hello").ends_with("no number"));
    // A test that fails is no release.
    write(&trial, "app/answer.js", "exports.answer = () => 'nothing';");
    let refused = trial.deploy(&[]).exits(1);
    assert!(refused.says("test web failed") && refused.says("'a number'"), "{refused:?}");
    assert!(seen(&trial, "/42").ends_with("a number"));
}
