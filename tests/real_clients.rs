//! Real clients: boto3 and the AWS CLI create, wait, describe, update, fail and delete, with their own waiters and paginators. Every
//! answer is held against the services' own models; clients that do not behave leave the engine alive and small.

mod harness;

use std::path::PathBuf;
use std::process::Command;

use harness::Trial;

#[test]
fn boto3_and_the_aws_cli_find_an_ecs() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/clients/bin/python");
    assert!(python.exists(), "the clients are not installed: run scripts/test, which installs them");
    let trial = Trial::new("app: unused\nservices: {}\n");
    trial.run(&["engine", "start"], &[]).exits(0);
    let engine = trial.engine_process().expect("a running engine writes down its process id");
    let output = Command::new(python)
        .arg(root.join("tests/clients/run.py"))
        .arg(engine.to_string())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", trial.directory())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(trial.aws_environment())
        .output()
        .expect("python can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    trial.run(&["engine", "status"], &[]).exits(0);
    assert_eq!(trial.engine_process(), Some(engine), "the engine lives on");
    println!("{said}");
}
