//! Every command that has no story elsewhere does what its help says, through the real binary.

#[path = "../benches/support/client.rs"]
mod client;
mod harness;

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Child, Command};
use std::time::Duration;

use harness::aws::Aws;
use harness::{Trial, free_port, lines, wait_until};
use serde_json::{Value, json};

/// A minute takes a second.
const TIME_SCALE: &str = "60";
/// How long anything may take that is waited for here.
const PATIENCE: Duration = Duration::from_secs(30);
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }} --boot-delay {{ env('BOOT', '0s') }}"
    version: "{{ env('VERSION', 'v1') }}"
    port: 8080
    deregistration_delay: 5s
    listener: { port: @PORT@ }
    minimum_healthy_percent: 100
    maximum_percent: 200
environments:
  dev: { target: embedded, stage: dev }
"#;
/// A service that nothing checks.
const UNCHECKED: &str = r#"
app: trial
services:
  worker: { command: "{{ env('COMMAND', 'seatrial demo-app') }}" }
environments:
  dev: { target: embedded, stage: dev }
"#;

fn started(template: &str) -> Trial {
    let trial = Trial::new(template);
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial
}

fn greeting(version: &str) -> String {
    format!("Hello from the demo service, version {version}")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A command that goes on while the story does; what it says goes to files.
struct Running<'a> {
    trial: &'a Trial,
    child: Child,
    name: String,
}

impl<'a> Running<'a> {
    fn start(trial: &'a Trial, name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let file = |kind: &str| File::create(trial.directory().join(format!("{name}.{kind}"))).expect("a file");
        let child = trial.command(arguments, environment).stdout(file("out")).stderr(file("err")).spawn();
        Running { trial, child: child.expect("the binary under trial can be started"), name: name.to_owned() }
    }

    fn said(&self) -> String {
        let read = |kind: &str| {
            std::fs::read_to_string(self.trial.directory().join(format!("{}.{kind}", self.name))).unwrap_or_default()
        };
        read("out") + &read("err")
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        wait_until(PATIENCE, &format!("{}: {text}", self.name), || self.said().contains(text));
    }

    /// Presses Ctrl-C and returns the exit code with everything that was said.
    fn interrupt(mut self) -> (Option<i32>, String) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill can be run").success());
        let code = self.child.wait().expect("it ends").code();
        (code, self.said())
    }

    fn end(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("it ends").code();
        (code, self.said())
    }
}

#[test]
fn status_events_and_history_tell_what_was_deployed() {
    let trial = started(CONFIGURATION);
    let nothing = trial.run(&["status"], &[]).exits(0);
    assert!(nothing.says("not deployed"), "{nothing:?}");
    assert!(trial.run(&["history"], &[]).exits(0).says("no deployments"));
    trial.deploy(&[]).exits(0);
    trial.deploy(&[("VERSION", "v2")]).exits(0);

    let table = trial.run(&["status"], &[]).exits(0).stdout;
    let url = trial.url("/");
    for part in ["web", "ACTIVE", "trial-dev-web:2", "v2", "1/1 healthy", url.as_str()] {
        assert!(table.contains(part), "{part} in {table}");
    }
    let status = json(&trial.run(&["status", "-o", "json"], &[]).exits(0).stdout);
    let web = &status["services"][0];
    assert_eq!((&status["app"], &status["environment"]), (&"trial".into(), &"dev".into()));
    assert_eq!((&web["service"], &web["task_definition"]), (&"web".into(), &"trial-dev-web:2".into()));
    assert_eq!((&web["tasks"]["desired"], &web["tasks"]["healthy"]), (&1.into(), &1.into()));
    assert_eq!((&web["url"], &web["deployment"], &web["failed"]), (&url.into(), &Value::Null, &Value::Null));

    let rows = trial.run(&["status", "-o", "tsv"], &[]).exits(0).stdout;
    let rows: Vec<Vec<&str>> = rows.lines().map(|line| line.split('\t').collect()).collect();
    let [names, web] = &rows[..] else { panic!("a line with names and one row: {rows:?}") };
    let cell = |name: &str| names.iter().position(|known| *known == name).map(|column| web[column]);
    assert_eq!((cell("service"), cell("version"), cell("deployment")), (Some("web"), Some("v2"), Some("")), "{rows:?}");

    let events = trial.run(&["events"], &[]).exits(0).stdout;
    assert!(events.contains("web:") && events.contains("deployment completed"), "{events}");
    let newest = trial.run(&["events", "-n", "1"], &[]).exits(0).stdout;
    assert_eq!(newest.lines().count(), 1, "{newest}");
    assert_eq!(newest.lines().last(), events.lines().last(), "the newest comes last");

    let history = json(&trial.run(&["history", "-o", "json"], &[]).exits(0).stdout);
    let told: Vec<_> = history
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| (entry["status"].as_str(), entry["task_definition"].as_str(), entry["version"].as_str()))
        .collect();
    let entry = |definition, version| (Some("SUCCESSFUL"), Some(definition), Some(version));
    assert_eq!(told, [entry("trial-dev-web:2", "v2"), entry("trial-dev-web:1", "v1")]);
    assert_eq!(trial.run(&["history", "-n", "1"], &[]).exits(0).stdout.lines().count(), 2, "a title and one line");
}

#[test]
fn status_goes_on_until_it_is_interrupted() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let watching = Running::start(&trial, "status", &["status", "--watch"], &[]);
    watching.wait_for("trial-dev-web:1");
    trial.deploy(&[("VERSION", "v2")]).exits(0);
    watching.wait_for("trial-dev-web:2");
    assert_eq!(watching.interrupt().0, Some(0));
}

#[test]
fn logs_show_the_lines_of_all_tasks_or_of_one() {
    let trial = started(CONFIGURATION);
    let none = trial.run(&["logs", "--task", "zzz"], &[]).exits(1);
    assert!(none.says("no task whose id begins with `zzz`") && none.says("no task has run here yet"), "{none:?}");
    trial.deploy(&[]).exits(0);
    trial.run(&["scale", "2"], &[]).exits(0);

    let all = trial.run(&["logs", "-o", "json"], &[]).exits(0).stdout;
    let lines_of_all: Vec<Value> = all.lines().map(json).collect();
    let tasks: BTreeSet<&str> = lines_of_all.iter().filter_map(|line| line["task"].as_str()).collect();
    assert_eq!(tasks.len(), 2, "{all}");
    let task = *tasks.first().expect("two tasks");
    let one = trial.run(&["logs", "-o", "json", "--task", &task[..12]], &[]).exits(0).stdout;
    assert!(one.lines().count() < lines_of_all.len(), "{one}");
    assert!(one.lines().all(|line| json(line)["task"] == task), "{one}");
    assert_eq!(trial.run(&["logs", "-n", "1"], &[]).exits(0).stdout.lines().count(), 1);
    let rows = trial.run(&["logs", "-n", "1", "-o", "tsv"], &[]).exits(0).stdout;
    assert!(rows.lines().count() == 2 && rows.starts_with("service\tat\tcontainer\ttask\tmessage\n"), "{rows}");
    assert!(trial.run(&["watch", "-o", "tsv"], &[]).exits(2).says("use -o json"));
    let unknown = trial.run(&["logs", "--task", "zzz"], &[]).exits(1);
    assert!(unknown.says("no task whose id begins with `zzz`") && unknown.says(&task[..8]), "{unknown:?}");

    let following = Running::start(&trial, "logs", &["logs", "--follow", "-o", "json"], &[]);
    following.wait_for(task);
    trial.run(&["scale", "3"], &[]).exits(0);
    let known = |said: &str| -> BTreeSet<String> {
        let tasks = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        tasks.filter_map(|line| line["task"].as_str().map(ToOwned::to_owned)).collect()
    };
    wait_until(PATIENCE, "a line of the third task", || known(&following.said()).len() == 3);
    assert_eq!(following.interrupt().0, Some(0));
}

#[test]
fn delete_takes_everything_it_made_and_nothing_else() {
    let trial = started(CONFIGURATION);
    let other = trial.directory().join("other.yml");
    let port = free_port();
    let text = CONFIGURATION.replace("app: trial", "app: other").replace("@PORT@", &port.to_string());
    std::fs::write(&other, text).expect("the file can be written");
    let other = other.to_string_lossy().into_owned();
    let first = trial.deploy(&[]).exits(0);
    trial.run(&["deploy", "-c", &other], &[]).exits(0);

    let refused = trial.run(&["delete"], &[]).exits(2);
    assert!(refused.says("add --yes"), "{refused:?}");
    assert!(trial.answers(), "nothing was deleted without a yes");
    let deleted = trial.run(&["delete", "--yes", "--all"], &[]).exits(0);
    assert!(deleted.says("deleted all services of trial in dev"), "{deleted:?}");
    assert!(!trial.answers());
    let state = json(&trial.run(&["status", "-c", &other, "-o", "json"], &[]).exits(0).stdout);
    assert_eq!(state["services"][0]["tasks"]["healthy"], 1, "the other application goes on");
    assert_eq!(trial.containers().len(), 1, "only its task is left");

    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ecs = client::ecs(&trial.aws_environment());
    let clusters = runtime.block_on(ecs.list_clusters().send()).expect("an answer");
    let names: Vec<&str> = clusters.cluster_arns().iter().filter_map(|arn| arn.rsplit('/').next()).collect();
    assert_eq!(names, ["other-dev"]);
    let definitions = runtime.block_on(ecs.list_task_definitions().send()).expect("an answer");
    let names: Vec<&str> = definitions.task_definition_arns().iter().filter_map(|arn| arn.rsplit('/').next()).collect();
    assert_eq!(names, ["other-dev-web:1"]);

    let made = |ran: &harness::Ran| ran.stderr.lines().filter(|line| line.starts_with("+ ")).count();
    let again = trial.deploy(&[]).exits(0);
    assert_eq!(made(&again), made(&first), "everything has to be made again: {}", again.stderr);
    let gone = trial.run(&["delete", "--yes", "--all"], &[]).exits(0);
    assert!(gone.says("deleted"), "{gone:?}");
    let nothing = trial.run(&["delete", "--yes", "--all"], &[]).exits(0);
    assert!(nothing.says("there was nothing to delete"), "{nothing:?}");
    assert!(
        nothing.says("kept: parameters /trial/dev/*") && nothing.says("--parameters deletes them too"),
        "{nothing:?}"
    );

    let aws = Aws::of(&trial);
    let parameters = |app: &str| {
        let below = aws.ssm("GetParametersByPath", json!({ "Path": format!("/{app}/dev"), "Recursive": true }));
        below["Parameters"].as_array().expect("a list").len()
    };
    assert!(parameters("trial") > 0 && parameters("other") > 0);
    let one = trial.run(&["delete", "web", "--yes", "--parameters"], &[]).exits(2);
    assert!(one.says("cannot be used with"), "{one:?}");
    let swept = trial.run(&["delete", "--yes", "--parameters"], &[]).exits(0);
    assert!(swept.says("with all parameters") && !swept.says("kept:"), "{swept:?}");
    assert!(parameters("trial") == 0 && parameters("other") > 0);
}

#[test]
fn render_prints_the_documents_and_starts_nothing() {
    let trial = Trial::new(CONFIGURATION);
    let both = json(&trial.run(&["render"], &[]).exits(0).stdout);
    assert_eq!(both["web"]["taskDefinition"]["family"], "trial-dev-web");
    let one =
        json(&trial.run(&["render", "web", "--document", "task-definition"], &[("VERSION", "v7")]).exits(0).stdout);
    let command = one["containerDefinitions"][0]["command"].as_array().expect("a command");
    assert!(command.contains(&"v7".into()), "{one}");
    let unclear = trial.run(&["render", "--document", "service", "nobody"], &[]).exits(2);
    assert!(unclear.says("nobody"), "{unclear:?}");
    assert!(!trial.home().exists());
}

#[test]
fn load_counts_every_request() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let ran = trial.run(&["load", "-n", "200", "--rate", "400", "-o", "json", &trial.url("/")], &[]).exits(0);
    let requests = &json(&ran.stdout)["requests"];
    for (name, count) in [("sent", 200), ("answered", 200), ("failed", 0), ("in_flight", 0)] {
        assert_eq!(requests[name], count, "{name}: {requests}");
    }
    assert_eq!((&requests["by_status"]["2xx"], &requests["by_version"]["v1"]), (&200.into(), &200.into()));
    let dead = format!("http://127.0.0.1:{}/", free_port());
    let failed = trial.run(&["load", "-n", "20", "--rate", "100", "-o", "json", &dead], &[]).exits(1);
    let report = json(&failed.stdout);
    assert_eq!((&report["requests"]["sent"], &report["requests"]["failed"]), (&20.into(), &20.into()), "{report}");
}

#[test]
fn completion_is_printed_for_every_shell() {
    let trial = Trial::new(CONFIGURATION);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = trial.run(&["completion", shell], &[]).exits(0).stdout;
        assert!(script.contains("rollback") && script.contains("force-new-deployment"), "{shell}: {script}");
    }
    trial.run(&["completion", "tcsh"], &[]).exits(2);
}

#[test]
fn the_engine_says_where_it_is_and_what_it_did() {
    let trial = Trial::new(CONFIGURATION);
    assert!(trial.run(&["engine", "status"], &[]).exits(1).says("not running"));
    assert!(trial.run(&["status"], &[]).exits(1).says("seatrial engine start"), "it is not started by a question");
    trial.run(&["engine", "start", "--port", "0", "--region", "eu-west-1"], &[]).exits(0);
    let status = json(&trial.run(&["engine", "status", "-o", "json"], &[]).exits(0).stdout);
    assert_eq!((&status["running"], &status["region"]), (&true.into(), &"eu-west-1".into()), "{status}");
    assert_eq!(status["process_id"].as_u64(), trial.engine_process().map(u64::from));
    let environment = trial.aws_environment();
    assert_eq!(environment["AWS_ENDPOINT_URL"], status["url"].as_str().expect("a URL"));
    assert_eq!(environment["AWS_REGION"], "eu-west-1");
    assert!(trial.run(&["engine", "logs"], &[]).exits(0).says("the engine is ready"));
    let following = Running::start(&trial, "engine-logs", &["engine", "logs", "--follow"], &[]);
    following.wait_for("the engine is ready");
    trial.run(&["engine", "stop"], &[]).exits(0);
    following.wait_for("stopping");
    following.interrupt();
}

#[test]
fn an_engine_that_could_not_start_settles_nothing() {
    let trial = Trial::new(CONFIGURATION);
    let wrong = trial.run(&["engine", "start", "--time-scale", "0"], &[]).exits(2);
    assert!(wrong.says("--time-scale") && wrong.says("1..=1000"), "{wrong:?}");
    let wrong = trial.run(&["engine", "start", "--region", "Mars"], &[]).exits(2);
    assert!(wrong.says("--region"), "{wrong:?}");
    assert!(!trial.home().exists(), "nothing was made for a wrong command line");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let failed = trial.run(&["engine", "start", "--region", "eu-west-1", "--port", &port], &[]).exits(1);
    assert!(failed.says(&format!("could not listen on 127.0.0.1:{port}")), "{failed:?}");
    let started = trial.run(&["engine", "start", "--region", "us-west-2", "--port", "0"], &[]).exits(0);
    assert!(started.says("us-west-2"), "the failed start did not settle the region: {started:?}");
}

#[test]
fn ctrl_c_ends_the_watching_and_not_the_deployment() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let slow = [("VERSION", "v2"), ("BOOT", "2s")];
    let deploying = Running::start(&trial, "deploy", &["deploy"], &slow);
    deploying.wait_for("waiting for");
    let (code, said) = deploying.interrupt();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("the deployment of web goes on without this command"), "{said}");
    assert!(said.contains("seatrial rollback web"), "{said}");
    assert_eq!(trial.answer().body, greeting("v1"));
    wait_until(PATIENCE, "the deployment to go on by itself", || trial.answer().body == greeting("v2"));
}

#[test]
fn scale_starts_and_stops_tasks() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let more = trial.run(&["scale", "3"], &[]).exits(0);
    assert!(more.says("3 tasks of trial-dev-web:1 serve"), "{more:?}");
    assert_eq!(trial.containers().len(), 3);
    assert!(trial.run(&["scale", "web=3"], &[]).exits(0).says("nothing to do"));
    let fewer = trial.run(&["scale", "web=1"], &[]).exits(0);
    assert!(fewer.says("1 task of trial-dev-web:1 serves"), "{fewer:?}");
    assert_eq!(trial.containers().len(), 1);
    assert!(trial.answers());

    trial.deploy(&[("BOOT", "2s")]).exits(0);
    let scaling = Running::start(&trial, "scale", &["scale", "2"], &[]);
    scaling.wait_for("1 task to become healthy");
    let (code, said) = scaling.interrupt();
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("the change of web goes on without this command"), "{said}");
    assert!(!said.contains("seatrial rollback"), "there is no deployment to undo: {said}");
    wait_until(PATIENCE, "the second task", || trial.run(&["status"], &[]).says("2/2 healthy"));
}

#[test]
fn a_rolling_update_can_be_rolled_back_while_it_runs_and_afterwards() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let none = trial.run(&["rollback"], &[]).exits(1);
    assert!(none.says("no earlier successful version"), "{none:?}");
    trial.run(&["deploy", "--detach"], &[("VERSION", "v2"), ("BOOT", "20s")]).exits(0);
    let undone = trial.run(&["rollback"], &[]).exits(0);
    assert!(undone.says("trial-dev-web:1 serves again; trial-dev-web:2 was undone"), "{undone:?}");
    assert_eq!(trial.answer().body, greeting("v1"));

    trial.deploy(&[("VERSION", "v3")]).exits(0);
    assert_eq!(trial.answer().body, greeting("v3"));
    let back = trial.run(&["rollback"], &[]).exits(0);
    assert!(back.says("deployed trial-dev-web:1"), "{back:?}");
    assert_eq!(trial.answer().body, greeting("v1"));
}

#[test]
fn a_second_deployment_of_the_same_changes_nothing() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let tasks = trial.containers();
    let again = trial.deploy(&[]).exits(0);
    assert!(again.says("nothing to do"), "{again:?}");
    let changes: Vec<&str> = again.stderr.lines().filter(|line| line.starts_with(['+', '~', '-'])).collect();
    assert!(changes.is_empty(), "{}", lines(changes));
    assert_eq!(trial.containers(), tasks);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ecs = client::ecs(&trial.aws_environment());
    let definitions = runtime.block_on(ecs.list_task_definitions().send()).expect("an answer");
    assert_eq!(definitions.task_definition_arns().len(), 1, "no revision was registered");
    assert_eq!(json(&trial.run(&["history", "-o", "json"], &[]).exits(0).stdout).as_array().map(Vec::len), Some(1));
}

#[test]
fn an_earlier_revision_or_the_one_in_place_can_be_deployed() {
    let trial = started(CONFIGURATION);
    let none = trial.run(&["deploy", "--skip-task-definition"], &[]).exits(1);
    assert!(none.says("service web is not deployed") && none.says("without --skip-task-definition"), "{none:?}");
    trial.deploy(&[]).exits(0);
    trial.deploy(&[("VERSION", "v2")]).exits(0);
    let back = trial.run(&["deploy", "--revision", "1"], &[("VERSION", "v3")]).exits(0);
    assert!(back.says("deployed trial-dev-web:1"), "{back:?}");
    assert_eq!(trial.answer().body, greeting("v1"));
    let kept = trial.run(&["deploy", "--skip-task-definition"], &[("VERSION", "v3")]).exits(0);
    assert!(kept.says("nothing to do"), "{kept:?}");
    let missing = trial.run(&["deploy", "--revision", "9"], &[]).exits(1);
    assert!(
        missing.says("there is no task definition trial-dev-web:9") && missing.says("trial-dev-web:2"),
        "{missing:?}"
    );
    trial.run(&["deploy", "--revision", "1", "--skip-task-definition"], &[]).exits(2);
}

#[test]
fn a_first_version_that_fails_has_nothing_to_go_back_to() {
    let trial = started(UNCHECKED);
    let failed = trial.deploy(&[("COMMAND", "no-such-program")]).exits(4);
    assert!(failed.says("failed after") && failed.says("there is no earlier version to go back to"), "{failed:?}");
    assert!(!failed.says("so did the rollback"), "{failed:?}");
    let status = trial.run(&["status"], &[]).exits(0);
    assert!(status.says("there is no earlier one to go back to"), "{status:?}");
    assert!(!status.says("seatrial rollback"), "{status:?}");
}

#[test]
fn a_service_without_a_check_says_what_it_waits_for() {
    let trial = Trial::new(UNCHECKED);
    // Two seconds instead of forty: long enough to be seen.
    trial.run(&["engine", "start", "--port", "0", "--time-scale", "20"], &[]).exits(0);
    let ran = trial.deploy(&[]).exits(0);
    let rule = "1 task to have been running for 40 s: without a health check that is what ECS counts as healthy";
    assert!(ran.says(rule), "{ran:?}");
    assert!(!ran.says("ECS to complete the deployment"), "{ran:?}");
}

#[test]
fn a_deployment_that_is_overtaken_tells_the_newer_tasks_from_the_old() {
    let trial = started(CONFIGURATION);
    trial.deploy(&[]).exits(0);
    let overtaken = Running::start(&trial, "deploy", &["deploy"], &[("VERSION", "v2"), ("BOOT", "20s")]);
    overtaken.wait_for("waiting for");
    trial.deploy(&[("VERSION", "v3")]).exits(7);
    trial.run(&["deploy", "--steal-lock"], &[("VERSION", "v3")]).exits(0);
    let (code, said) = overtaken.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("newer task"), "{said}");
    assert_eq!(trial.answer().body, greeting("v3"));
}

#[test]
fn log_lines_are_text_or_json() {
    let trial = started(CONFIGURATION);
    let text = trial.run(&["status", "--debug"], &[]).exits(0).stderr;
    assert!(text.contains("DEBUG"), "{text}");
    let ran = trial.run(&["--log-format", "json", "-vv", "status"], &[]).exits(0);
    let line = ran.stderr.lines().next().expect("something is logged");
    assert_eq!(json(line)["level"], "DEBUG", "{line}");
    assert_eq!(trial.run(&["status"], &[]).exits(0).stderr, "", "nothing is logged unless asked for");
}
