//! Real clients: boto3 and the AWS CLI create, wait, describe, update, fail and delete, with their own waiters.

mod harness;

use std::path::PathBuf;
use std::process::Command;

use harness::{SEATRIAL, Trial, free_port};

#[test]
fn boto3_and_the_aws_cli_find_an_ecs() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/clients/bin/python");
    assert!(python.exists(), "the clients are not installed: run scripts/test, which installs them");
    let trial = Trial::new("app: unused\nservices: {}\n");
    trial.run(&["engine", "start"], &[]).exits(0);
    let port = free_port().to_string();
    let story = root.join("tests/clients/boto3_story.py");
    let output = Command::new(python)
        .arg(story)
        .args([SEATRIAL, port.as_str()])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", trial.directory())
        .envs(trial.aws_environment())
        .output()
        .expect("python can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}
