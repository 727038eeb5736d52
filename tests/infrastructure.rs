//! Infrastructure by Terraform in a release: what it tells reaches the services, what holds data is not lost by accident, and a release that
//! dies in the middle of it is gone on with. Terraform is the real one, with resources that are built into it.

mod harness;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::provisioned::{greeting, newest, parsed, step, write};
use harness::{Trial, wait_until};
use serde_json::Value as Json;

/// How long a server or a step may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

const TERRAFORM: &str = r#"
variable "greeting" { type = string }
variable "pause" {
  type    = string
  default = "0"
}
resource "terraform_data" "greeting" { input = var.greeting }
resource "terraform_data" "database" { triggers_replace = [var.greeting == "rebuilt"] }
resource "terraform_data" "slow" {
  triggers_replace = [var.pause]
  provisioner "local-exec" { command = "touch began-${var.pause}; sleep ${var.pause}; echo made >> made-${var.pause}" }
}
output "greeting" { value = terraform_data.greeting.output }
output "ports" { value = [8080, 9090] }
output "password" {
  value     = "hush-hush"
  sensitive = true
}
"#;

const WITH_TERRAFORM: &str = r#"
app: trial
infra:
  terraform:
    directory: infra
    variables: { greeting: "{{ env('GREETING', 'hello') }}", pause: "{{ env('PAUSE', '0') }}" }
    workspace: dev
    protect: [terraform_data.database]
services:
  web:
    command: seatrial demo-app
    port: "{{ infra.ports[0] }}"
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
    environment: { GREETING: "{{ infra.greeting }}" }
environments:
  dev: { target: embedded, stage: dev }
"#;

/// Whether Terraform is installed; the stories about it are told with it alone.
fn has_terraform() -> bool {
    let is_there = Command::new("terraform").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = is_there.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("left out: terraform is not installed");
    }
    is_there
}

fn with_terraform(configuration: &str) -> Trial {
    let trial = Trial::new(configuration);
    write(&trial, "infra/main.tf", TERRAFORM);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    trial
}

#[test]
fn what_terraform_tells_reaches_the_services_and_changes_with_the_next_release() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(WITH_TERRAFORM);
    let unknown = trial.run(&["validate"], &[]).exits(2);
    assert!(unknown.says("the output `ports` of the infrastructure is not known yet"), "{unknown:?}");
    let early = trial.run(&["plan"], &[]).exits(2);
    assert!(early.says("has no output `greeting`") || early.says("has no output `ports`"), "{early:?}");
    assert!(early.says("seatrial infra apply") && early.says("seatrial.yml:12"), "{early:?}");
    let planned = trial.run(&["infra", "plan", "--detailed-exitcode"], &[]).exits(2);
    assert!(planned.says("3 to create"), "{planned:?}");

    // A port is no text: nobody can plan the services before the infrastructure is there.
    let too_early = trial.deploy(&[]).exits(2);
    assert!(too_early.says("`ports` of the infrastructure is not known yet"), "{too_early:?}");
    let applied = trial.run(&["infra", "apply", "-o", "json"], &[]).exits(0);
    assert_eq!(parsed(&applied)["outputs"]["password"], "(sensitive)");
    assert_eq!(step(&newest(&trial), "infra")["outcome"], "done");
    trial.run(&["infra", "plan", "--detailed-exitcode"], &[]).exits(0);
    trial.deploy(&[]).exits(0);
    assert_eq!(greeting(&trial), "hello");

    trial.deploy(&[("GREETING", "good morning: 7")]).exits(0);
    assert_eq!(greeting(&trial), "good morning: 7", "text stays text, whatever YAML would make of it");
    let release = newest(&trial);
    let names: Vec<&str> =
        release["steps"].as_array().expect("steps").iter().filter_map(|step| step["name"].as_str()).collect();
    assert_eq!(names, ["infra", "target", "service web", "finish"]);
    let details = step(&release, "infra")["details"].to_string();
    assert!(details.contains("changed terraform_data.greeting") && details.contains("1 to change"), "{details}");

    let again = trial.deploy(&[("GREETING", "good morning: 7")]).exits(0);
    assert!(again.says("nothing to do"), "{again:?}");
    assert_eq!(newest(&trial)["id"], release["id"], "what changes nothing is no release");
    trial.run(&["infra", "drift"], &[("GREETING", "good morning: 7")]).exits(0);
    let outputs = trial.run(&["infra", "outputs"], &[]).exits(0);
    assert!(outputs.says("[8080,9090]") && !outputs.says("hush-hush"), "{outputs:?}");
    let home = trial.home().to_owned();
    assert!(harness::files_with(&home, "hush-hush").is_empty(), "a sensitive value is kept nowhere");
}

#[test]
fn a_first_deployment_makes_the_infrastructure_before_the_services() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    trial.run(&["validate"], &[]).exits(0);
    let nothing = trial.run(&["status"], &[]).exits(0);
    assert!(nothing.says("web"), "what is not there yet can be asked about: {nothing:?}");
    trial.deploy(&[("GREETING", "first")]).exits(0);
    assert_eq!(greeting(&trial), "first");
    let release = newest(&trial);
    assert_eq!(release["steps"][0]["name"], "infra");
    assert!(release["steps"][0]["details"].to_string().contains("created terraform_data.greeting"), "{release}");

    let secret = trial.directory().join("seatrial.yml");
    let text = std::fs::read_to_string(&secret).expect("written");
    std::fs::write(&secret, text.replace("infra.greeting", "infra.password")).expect("written");
    let refused = trial.deploy(&[]).exits(2);
    assert!(refused.says("`password` of the infrastructure is sensitive") && refused.says("secrets:"), "{refused:?}");
    assert!(!refused.says("hush-hush"), "{refused:?}");
}

#[test]
fn what_holds_data_is_replaced_only_with_somebodys_word() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    trial.deploy(&[]).exits(0);
    let rebuilt = [("GREETING", "rebuilt")];
    let shown = trial.run(&["infra", "plan"], &rebuilt).exits(7);
    assert!(shown.says("--allow-replace 'terraform_data.database'"), "{shown:?}");
    let refused = trial.run(&["deploy", "-o", "json"], &rebuilt).exits(7);
    let told = parsed(&refused);
    assert_eq!(told["verdict"], "blocked");
    assert_eq!(told["resources"][0]["address"], "terraform_data.database");
    assert_eq!(greeting(&trial), "hello", "nothing was touched");
    let outputs = trial.run(&["infra", "outputs", "-o", "json"], &[]).exits(0);
    assert_eq!(parsed(&outputs)["greeting"], "hello");
    trial.run(&["infra", "apply", "--allow-replace", "terraform_data.other"], &rebuilt).exits(7);
    trial.run(&["deploy", "--allow-replace", "terraform_data.database"], &rebuilt).exits(0);
    assert_eq!(greeting(&trial), "rebuilt");
}

#[test]
fn a_policy_reads_the_plan_and_can_refuse_it() {
    if !has_terraform() {
        return;
    }
    let with_policy = "protect: [terraform_data.database]\n    policy: [sh, ./policy.sh]";
    let trial = with_terraform(&WITH_TERRAFORM.replace("protect: [terraform_data.database]", with_policy));
    let policy = "if grep -q '\"value\":\"forbidden\"'; then echo 'that word is not said here'; exit 3; fi";
    write(&trial, "policy.sh", policy);
    let refused = trial.run(&["infra", "apply"], &[("GREETING", "forbidden")]).exits(7);
    assert!(refused.says("that word is not said here"), "{refused:?}");
    let outputs = trial.run(&["infra", "outputs", "-o", "json"], &[]).exits(0);
    assert_eq!(parsed(&outputs), serde_json::json!({}), "nothing was made");
    trial.run(&["infra", "apply"], &[("GREETING", "allowed")]).exits(0);
}

fn begin(trial: &Trial, arguments: &[&str], environment: &[(&str, &str)]) -> Child {
    let mut command = trial.command(arguments, environment);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
}

/// Waits until Terraform is in the middle of its slow resource.
fn in_the_middle(trial: &Trial, pause: &str) {
    let began = trial.directory().join(format!("infra/began-{pause}"));
    wait_until(PATIENCE, "the slow resource to begin", || began.exists());
}

fn made(trial: &Trial, pause: &str) -> usize {
    let text = std::fs::read_to_string(trial.directory().join(format!("infra/made-{pause}"))).unwrap_or_default();
    text.lines().count()
}

#[test]
fn a_release_that_is_killed_in_the_middle_of_its_infrastructure_is_gone_on_with() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    let environment = [("GREETING", "killed"), ("PAUSE", "2")];
    let mut release = begin(&trial, &["deploy"], &environment);
    in_the_middle(&trial, "2");
    release.kill().expect("it is ours");
    release.wait().expect("it ends");
    let left = newest(&trial);
    assert_eq!(left["state"]["state"], "running", "{left}");

    trial.run(&["resume"], &environment).exits(0);
    assert_eq!(greeting(&trial), "killed");
    let end = newest(&trial);
    assert_eq!((&end["id"], &end["state"]["verdict"]), (&left["id"], &Json::from("deployed")));
    assert_eq!(made(&trial, "2"), 1, "Terraform came to its end, and nothing was made twice");
    assert!(step(&end, "infra")["details"].to_string().contains("nothing to change"), "{end}");
}

/// Infrastructure takes its time, and a lock can be taken away meanwhile: the services are left alone then.
#[test]
fn a_release_that_loses_its_lock_in_the_middle_touches_no_service() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    let environment = [("GREETING", "lost"), ("PAUSE", "3")];
    let release = begin(&trial, &["deploy"], &environment);
    in_the_middle(&trial, "3");
    trial.run(&["unlock", "--steal"], &[("USER", "eve")]).exits(0);
    trial.run(&["lock", "--reason", "the database is moved"], &[("USER", "eve")]).exits(0);
    let ended = release.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(7), "{said}");
    assert!(said.contains("eve@") && said.contains("the database is moved"), "{said}");
    let aws = harness::aws::Aws::of(&trial);
    let clusters = aws.ecs("ListClusters", serde_json::json!({}));
    assert_eq!(clusters["clusterArns"], serde_json::json!([]), "nothing was made for services");
    let stopped = newest(&trial);
    assert_eq!(stopped["state"]["state"], "stopped", "{stopped}");
    assert_eq!(step(&stopped, "infra")["outcome"], "done", "what was begun has come to its end");

    // The lock of somebody else outlives the release that lost its own.
    let refused = trial.run(&["resume"], &environment).exits(7);
    assert!(refused.says("the database is moved"), "{refused:?}");
    trial.run(&["unlock"], &[("USER", "eve")]).exits(0);
    trial.run(&["resume"], &environment).exits(0);
    assert_eq!(greeting(&trial), "lost");
    assert_eq!(made(&trial, "3"), 1, "nothing is made twice");
    assert_eq!(newest(&trial)["id"], stopped["id"]);
}

/// A plan is what is written, wherever it is checked out.
#[test]
fn a_plan_with_infrastructure_is_the_same_in_another_directory() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    trial.deploy(&[]).exits(0);
    let moved = [("GREETING", "moved")];
    trial.run(&["plan", "--out", "plan.json"], &moved).exits(0);
    let elsewhere = trial.directory().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("writable");
    for what in ["infra", "seatrial.yml", "plan.json"] {
        let copied = Command::new("cp").arg("-r").arg(trial.directory().join(what)).arg(&elsewhere).status();
        assert!(copied.expect("cp is there").success(), "{what}");
    }
    let deploy = || {
        let mut command = trial.command(&["deploy", "--plan", "plan.json"], &moved);
        command.current_dir(&elsewhere).output().expect("it starts")
    };
    let code = elsewhere.join("infra/main.tf");
    std::fs::write(&code, format!("{TERRAFORM}\n# another\n")).expect("writable");
    let refused = deploy();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("have changed since"), "{said}");
    std::fs::write(&code, TERRAFORM).expect("writable");
    let deployed = deploy();
    assert_eq!(deployed.status.code(), Some(0), "{}", String::from_utf8_lossy(&deployed.stderr));
    assert_eq!(greeting(&trial), "moved");
}

#[test]
fn a_plan_foresees_the_infrastructure_where_it_is_asked_to() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    trial.deploy(&[]).exits(0);
    let without = trial.run(&["plan"], &[]).exits(0);
    assert!(without.says("what becomes of that: seatrial infra plan"), "{without:?}");
    let same = trial.run(&["plan", "--infra", "--detailed-exitcode"], &[]).exits(0);
    assert!(same.says("infrastructure, before the services:\nnothing to change"), "{same:?}");

    let changed = [("GREETING", "changed")];
    let planned = trial.run(&["plan", "--infra", "--detailed-exitcode"], &changed).exits(2);
    assert!(planned.says("~ terraform_data.greeting"), "{planned:?}");
    // What holds data is named, with what a release would want to hear.
    let lost = [("GREETING", "rebuilt")];
    let blocked = trial.run(&["plan", "--infra"], &lost).exits(7);
    assert!(blocked.says("--allow-replace 'terraform_data.database'"), "{blocked:?}");
    let json = parsed(&trial.run(&["plan", "--infra", "-o", "json"], &lost).exits(7));
    assert_eq!(json["infra"]["guarded"], serde_json::json!(["terraform_data.database"]), "{json}");
    let markdown = trial.run(&["plan", "--infra", "--markdown"], &lost).exits(7);
    assert!(markdown.says("⚠ `terraform_data.database` holds data that would be lost"), "{markdown:?}");
    assert_eq!(greeting(&trial), "hello", "nothing is changed by looking");
    trial.run(&["infra", "plan", "--detailed-exitcode"], &[]).exits(0);
}

#[test]
fn somebody_who_presses_ctrl_c_gets_a_sound_state_and_can_go_on() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(&WITH_TERRAFORM.replace(r#""{{ infra.ports[0] }}""#, "8080"));
    let environment = [("GREETING", "stopped"), ("PAUSE", "3")];
    let release = begin(&trial, &["deploy"], &environment);
    in_the_middle(&trial, "3");
    Command::new("kill").args(["-INT", &release.id().to_string()]).status().expect("a signal can be sent");
    let ended = release.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    assert!(said.contains("terraform apply was over"), "{said}");
    let stopped = newest(&trial);
    assert_eq!(stopped["state"]["state"], "stopped", "{stopped}");

    trial.run(&["resume"], &environment).exits(0);
    assert_eq!(greeting(&trial), "stopped");
}

#[test]
fn what_is_wrong_with_terraform_is_told_in_its_own_words() {
    if !has_terraform() {
        return;
    }
    let trial = with_terraform(WITH_TERRAFORM);
    write(&trial, "infra/broken.tf", "resource \"terraform_data\" \"x\" { input = var.nowhere }\n");
    let told = trial.run(&["infra", "plan"], &[]).exits(1);
    assert!(told.says("terraform validate failed: Reference to undeclared input variable (broken.tf:1)"), "{told:?}");
    write(
        &trial,
        "infra/broken.tf",
        "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" { command = \"exit 4\" }\n}\n",
    );
    let told = trial.run(&["infra", "apply"], &[]).exits(1);
    assert!(told.says("terraform apply failed: local-exec provisioner error (terraform_data.x)"), "{told:?}");
    assert!(told.says("! terraform_data.x creating failed"), "{told:?}");
    let release = newest(&trial);
    assert_eq!(release["state"]["state"], "stopped", "{release}");
    assert!(step(&release, "infra")["details"].to_string().contains("created terraform_data.greeting"), "{release}");

    let shared = "environments:\n  prod: { target: embedded }\n";
    let path = trial.directory().join("seatrial.yml");
    let text = std::fs::read_to_string(&path).expect("written");
    std::fs::write(&path, text.replace("environments:\n", shared)).expect("written");
    let told = trial.run(&["infra", "plan", "-e", "dev"], &[]).exits(2);
    assert!(told.says("environments `dev` and `prod` share the workspace `dev`"), "{told:?}");
    let lost = trial.directory().join("infra");
    std::fs::rename(&lost, trial.directory().join("elsewhere")).expect("moved");
    std::fs::write(&path, text).expect("written");
    let told = trial.run(&["infra", "plan"], &[]).exits(1);
    assert!(told.says("there is no directory"), "{told:?}");
}

#[test]
fn commands_about_infrastructure_need_some() {
    let trial = Trial::new("app: a\nservices: { web: { command: x, environment: { A: '{{ infra.url }}' } } }\n");
    for command in ["plan", "apply", "outputs"] {
        let told = trial.run(&["infra", command], &[]).exits(2);
        assert!(told.says("has no infrastructure of its own"), "{told:?}");
    }
    trial.run(&["infra", "drift"], &[]).exits(1);
    trial.run(&["engine", "start", "--port", "0"], &[]).exits(0);
    let told = trial.deploy(&[]).exits(2);
    assert!(told.says("has no output `url`"), "{told:?}");
}
