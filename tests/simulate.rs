//! `seatrial simulate`: foresight without an engine, from a file or from flags alone.

mod harness;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

/// Runs `seatrial simulate` in a directory.
fn simulate(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(harness::SEATRIAL)
        .arg("simulate")
        .args(arguments)
        .current_dir(directory)
        .env("SEATRIAL_HOME", directory.join("home"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the binary under trial can be started")
}

fn told(directory: &Path, arguments: &[&str]) -> String {
    let output = simulate(directory, arguments);
    let (told, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}{complaint}");
    told.into_owned()
}

fn json(directory: &Path, arguments: &[&str]) -> Json {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["-o", "json"]).collect();
    serde_json::from_str(&told(directory, &arguments)).expect("it is JSON")
}

fn median(timeline: &Json) -> u64 {
    timeline["success"]["total"]["median_ms"].as_u64().expect("it ends")
}

#[test]
fn flags_alone_describe_a_service() {
    let directory = tempfile::tempdir().expect("a directory");
    let table =
        told(directory.path(), &["--with", "stage=prod,desired_count=4", "--what-if", "deregistration_delay=5s"]);
    for expected in [
        "service on Fargate: ",
        "(ROLLING, 4 tasks)",
        "requests of leaving tasks end",
        "IF THE NEW VERSION",
        "AS IT IS",
        "deregistration_delay=5s",
        "fewest healthy tasks",
    ] {
        assert!(table.contains(expected), "{expected}: {table}");
    }
    let variants = json(directory.path(), &["--what-if", "deregistration_delay=5s", "--what-if", "stage=dev"]);
    let medians: Vec<u64> = (0..3).map(|variant| median(&variants[variant]["services"][0])).collect();
    assert!(medians[0] > medians[1] + 15_000 && medians[1] > medians[2], "{medians:?}");
    assert!(!directory.path().join("home").exists(), "no engine is needed, and none is started");
}

#[test]
fn the_same_file_is_foreseen_on_either_platform() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = "app: a\nservices:\n  web: { command: x, port: 80, listener: { port: 80 }, desired_count: 2 }\n";
    std::fs::write(directory.path().join("seatrial.yml"), text).expect("written");
    let embedded = median(&json(directory.path(), &["--boot", "2s"])[0]["services"][0]);
    let fargate = median(&json(directory.path(), &["--boot", "2s", "--on", "fargate"])[0]["services"][0]);
    assert!((2_000..4_500).contains(&embedded), "{embedded}");
    assert!((30_000..300_000).contains(&fargate), "{fargate}");
    let phases = json(directory.path(), &[])[0]["services"][0]["success"]["phases"].clone();
    let ends: Vec<u64> =
        phases.as_array().expect("phases").iter().filter_map(|phase| phase["end_ms"].as_u64()).collect();
    assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]) && !ends.is_empty(), "{phases}");
}

#[test]
fn a_picture_is_drawn() {
    let directory = tempfile::tempdir().expect("a directory");
    told(directory.path(), &["--svg", "timeline.svg", "--what-if", "stage=dev"]);
    let picture = std::fs::read_to_string(directory.path().join("timeline.svg")).expect("it is written");
    assert!(picture.starts_with("<svg xmlns=") && picture.ends_with("</svg>\n"), "{picture}");
    for expected in [
        "service on Fargate: ",
        "service on Fargate with stage=dev: ",
        "healthy tasks, at least 2",
        "traffic on the new version",
    ] {
        assert!(picture.contains(expected), "{expected}");
    }
    assert_eq!(picture.matches("<text").count(), picture.matches("</text>").count());
}

/// The settings of the document about stages save well over 30 % and lose nothing that protects the service.
#[test]
fn advice_for_the_documents_production_settings_saves_more_than_thirty_percent() {
    let directory = tempfile::tempdir().expect("a directory");
    let advised = json(
        directory.path(),
        &[
            "--with",
            "minimum_healthy_percent=50,maximum_percent=200",
            "--boot",
            "1s",
            "--slowest-request",
            "100ms",
            "--advise",
        ],
    );
    let (before, tuned) = (&advised[0]["before"], &advised[0]["tuned"]);
    assert!(median(tuned) * 10 <= median(before) * 7, "{} {}", median(before), median(tuned));
    assert!(tuned["success"]["fewest_healthy"].as_u64() >= before["success"]["fewest_healthy"].as_u64());
    for (old, new) in
        before["failures"].as_array().expect("list").iter().zip(tuned["failures"].as_array().expect("list"))
    {
        let given_up = |failure: &Json| failure["given_up"]["median_ms"].as_u64();
        let noise = given_up(old).map_or(0, |time| 2_000.max(time * 3 / 100));
        assert!(given_up(new) <= given_up(old).map(|time| time + noise), "{old} {new}");
    }
    assert!(advised[0]["advice"].as_array().expect("advice").iter().all(|advice| !advice["settings"].is_null()));
}

#[test]
fn what_cannot_be_simulated_says_why() {
    let directory = tempfile::tempdir().expect("a directory");
    for (arguments, expected) in [
        (&["--what-if", "health_check.intervall=3s"][..], "write `interval`"),
        (&["--with", "stage=live"], "the stages are dev, prod and custom"),
        (&["--with", "desired_count"], "write KEY=VALUE"),
        (&["-c", "missing.yml"], "name the file with --config"),
        (&["--svg", "no/such/directory.svg"], "cannot write the picture"),
    ] {
        let output = simulate(directory.path(), arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && complaint.contains(expected), "{arguments:?}: {complaint}");
    }
}
