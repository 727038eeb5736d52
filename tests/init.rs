//! `seatrial init`: from nothing to a deployed application.

mod harness;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use harness::{Trial, free_port};

#[test]
fn a_file_is_written_that_deploys_and_none_is_overwritten() {
    let trial = Trial::new("");
    let file = trial.directory().join("seatrial.yml");
    let exists = trial.run(&["init", "--yes", "--command", "x"], &[]).exits(2);
    assert!(exists.says("is there already"), "{exists:?}");
    std::fs::remove_file(&file).expect("it was there");

    let unanswered = trial.run(&["init"], &[]).exits(2);
    assert!(unanswered.says("Nobody can be asked here") && unanswered.says("--app"), "{unanswered:?}");
    let incomplete = trial.run(&["init", "--yes"], &[]).exits(2);
    assert!(incomplete.says("add --command"), "{incomplete:?}");
    assert!(!file.exists(), "nothing is written by halves");

    let port = free_port().to_string();
    std::fs::write(trial.directory().join("Dockerfile"), format!("FROM scratch\nEXPOSE {port}\n")).expect("written");
    let arguments =
        ["init", "--yes", "--app", "first", "--command", "seatrial demo-app", "--health-path", "/health/ready"];
    let written = trial.run(&arguments, &[]).exits(0);
    assert!(written.says("seatrial deploy"), "{written:?}");
    let text = std::fs::read_to_string(&file).expect("it is written");
    assert!(text.contains("stage: dev") && text.contains(&format!("port: {port}")), "{text}");
    trial.run(&["simulate"], &[]).exits(0);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let deployed = trial.run(&["deploy"], &[]).exits(0);
    assert!(deployed.says(&format!(":{port}")), "its address is told: {deployed:?}");

    let other = trial.run(&["init", "--yes", "--stage", "prod", "--command", "x", "-c", "prod.yml"], &[]).exits(0);
    assert!(other.says("prod.yml"), "{other:?}");
    let prod = std::fs::read_to_string(trial.directory().join("prod.yml")).expect("it is written");
    // Without a command the Dockerfile is what there is to go by.
    let built = trial.run(&["init", "--yes", "-c", "image.yml"], &[]).exits(0);
    assert!(built.says("its image is built from Dockerfile"), "{built:?}");
    let image = std::fs::read_to_string(trial.directory().join("image.yml")).expect("it is written");
    assert!(image.contains("build: { dockerfile: \"Dockerfile\" }") && !image.contains("command:"), "{image}");
    assert!(prod.contains("stage: prod"), "{prod}");
}

/// Answers a command at a terminal of its own with a key, again and again until it ends; returns what it showed and its exit code.
fn at_a_terminal(trial: &Trial, arguments: &[&str], key: &str) -> (String, Option<i32>) {
    let seatrial = trial.command(arguments, &[]);
    let words = std::iter::once(seatrial.get_program()).chain(seatrial.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &format!("stty cols 60 rows 20; {}", line.join(" ")), "/dev/null"]);
    for (name, value) in seatrial.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    let directory = seatrial.get_current_dir().unwrap_or(trial.directory());
    let mut child = terminal
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script is there");
    let mut keys = child.stdin.take().expect("a pipe");
    let key = key.to_owned();
    // Until nobody reads: the question may not have been asked yet.
    let typing = std::thread::spawn(move || {
        for _ in 0..150 {
            std::thread::sleep(Duration::from_millis(200));
            if keys.write_all(key.as_bytes()).and_then(|()| keys.flush()).is_err() {
                return;
            }
        }
    });
    let output = child.wait_with_output().expect("it ends");
    let _ = typing.join();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
}

/// The dialogue in a narrow terminal without colours: every proposal is taken, or it is left.
#[test]
fn a_dialogue_is_gone_through_or_left() {
    let trial = Trial::new("");
    let file = trial.directory().join("seatrial.yml");
    std::fs::remove_file(&file).expect("it was there");
    std::fs::write(trial.directory().join("package.json"), r#"{ "scripts": { "start": "seatrial demo-app" } }"#)
        .expect("writable");
    let (shown, code) = at_a_terminal(&trial, &["init"], "\u{3}");
    assert_eq!(code, Some(130), "{shown}");
    assert!(!file.exists(), "nothing was written: {shown}");
    let (shown, code) = at_a_terminal(&trial, &["init"], "\r");
    assert_eq!(code, Some(0), "{shown}");
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("npm start") && text.contains("target: embedded"), "{text}");
    assert!(shown.contains("seatrial deploy"), "{shown}");
    let is_colour =
        |sequence: &str| sequence.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m');
    assert!(!shown.split("\u{1b}[").skip(1).any(is_colour), "no colours: {shown:?}");
    trial.run(&["validate"], &[]).exits(0);
}

#[test]
fn a_type_of_application_that_is_not_there_yet_is_said() {
    let trial = Trial::new("");
    std::fs::remove_file(trial.directory().join("seatrial.yml")).expect("nobody has written one yet");
    let early = trial.run(&["init", "--yes", "--app-type", "node-backend"], &[]).exits(0);
    assert!(early.says("nothing here looks like node-backend yet") && early.says("package.json"), "{early:?}");
    std::fs::write(trial.directory().join("package.json"), "{}").expect("writable");
    let there = trial.run(&["init", "--yes", "--force", "--app-type", "node-backend"], &[]).exits(0);
    assert!(!there.says("nothing here looks like"), "{there:?}");
    let wrong = trial.run(&["init", "--yes", "--force", "--app-type", "nodejs"], &[]).exits(2);
    assert!(wrong.says("write java-spring-boot or node-backend"), "{wrong:?}");
}
