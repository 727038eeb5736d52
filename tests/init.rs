//! `seatrial init`: from nothing to a deployed application.

mod harness;

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
