//! Secrets: a service's tasks get the values of the moment they are started, a new value comes with a new deployment, a missing one
//! fails it, and no file of the engine ever holds one.

mod harness;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use harness::aws::Aws;
use harness::{Trial, files_with, wait_until};
use serde_json::{Value, json};

/// How long anything may take here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PLAINTEXTS: [&str; 4] =
    ["first-token-plaintext", "first-password-plaintext", "second-token-plaintext", "second-password-plaintext"];
const CLUSTER: &str = "vault";
/// How often the engine dies, each time later after the order that has tasks started.
const DEATHS: u32 = 12;
const DEATH_INTERVAL: Duration = Duration::from_millis(3);
/// The engine writes down all it can, so that its log is worth searching.
const TALKATIVE: &[(&str, &str)] = &[("RUST_LOG", "trace")];

struct Story {
    trial: Trial,
    aws: Aws,
    /// Where tasks write what they got, outside the engine's home.
    out: PathBuf,
    secret: String,
}

impl Story {
    fn begin() -> Self {
        let trial = Trial::new("app: unused\nservices: {}\n");
        // A task without a health check has to stay for a while before it counts; see docs/decisions/0003-settle-time.md.
        trial.run(&["engine", "start", "--time-scale", "30"], TALKATIVE).exits(0);
        let aws = Aws::of(&trial);
        let out = trial.directory().join("out");
        std::fs::create_dir(&out).expect("a directory");
        aws.ssm("PutParameter", json!({"Name": "/app/token", "Value": PLAINTEXTS[0], "Type": "SecureString"}));
        let value = json!({"user": "anna", "password": PLAINTEXTS[1]}).to_string();
        let created = aws.secretsmanager("CreateSecret", json!({"Name": "app/db", "SecretString": value}));
        let secret = created["ARN"].as_str().expect("an ARN").to_owned();
        aws.ecs("CreateCluster", json!({"clusterName": CLUSTER}));
        Story { trial, aws, out, secret }
    }

    /// Registers a task definition whose container writes down what it got, and stays.
    fn register(&self, token: &str) -> String {
        let script = "printf '%s %s' \"$TOKEN\" \"$PASSWORD\" > \"$OUT/$$.new\"; mv \"$OUT/$$.new\" \"$OUT/$$.got\"; exec sleep 1000";
        let container = json!({
            "name": "app", "image": "process", "command": ["/bin/sh", "-c", script], "stopTimeout": 2,
            "environment": [{"name": "OUT", "value": self.out}],
            "secrets": [
                {"name": "TOKEN", "valueFrom": token},
                {"name": "PASSWORD", "valueFrom": format!("{}:password::", self.secret)},
            ],
        });
        let input = json!({"family": "vault-web", "memory": "128", "containerDefinitions": [container]});
        let registered = self.aws.ecs("RegisterTaskDefinition", input);
        registered["taskDefinition"]["taskDefinitionArn"].as_str().expect("an ARN").to_owned()
    }

    fn create_service(&self, definition: &str) {
        self.aws.ecs(
            "CreateService",
            json!({
                "cluster": CLUSTER, "serviceName": "web", "taskDefinition": definition, "desiredCount": 1,
                "deploymentConfiguration": {
                    "deploymentCircuitBreaker": {"enable": true, "rollback": true},
                    "minimumHealthyPercent": 100, "maximumPercent": 200,
                },
            }),
        );
    }

    fn service(&self) -> Value {
        self.aws.ecs("DescribeServices", json!({"cluster": CLUSTER, "services": ["web"]}))["services"][0].clone()
    }

    fn update(&self, input: Value) {
        let mut whole = json!({"cluster": CLUSTER, "service": "web"});
        whole.as_object_mut().expect("an object").extend(input.as_object().expect("an object").clone());
        self.aws.ecs("UpdateService", whole);
    }

    /// Waits until some task has got these values and the service is settled on it.
    fn wait_for(&self, token: &str, password: &str) {
        wait_until(PATIENCE, "a task with the values", || self.got().contains(&format!("{token} {password}")));
        wait_until(PATIENCE, "the deployment to be completed", || {
            let deployments = self.service()["deployments"].clone();
            deployments.as_array().is_some_and(|list| list.len() == 1) && deployments[0]["rolloutState"] == "COMPLETED"
        });
    }

    /// What tasks have written down.
    fn got(&self) -> Vec<String> {
        let entries = self.out.read_dir().expect("a directory").map(|entry| entry.expect("an entry").path());
        let whole = entries.filter(|path| path.extension().is_some_and(|extension| extension == "got"));
        whole.map(|path| std::fs::read_to_string(path).expect("readable")).collect()
    }

    fn stopped_reasons(&self) -> String {
        let stopped = self.aws.ecs("ListTasks", json!({"cluster": CLUSTER, "desiredStatus": "STOPPED"}));
        if stopped["taskArns"].as_array().is_none_or(Vec::is_empty) {
            return String::new();
        }
        self.aws.ecs("DescribeTasks", json!({"cluster": CLUSTER, "tasks": stopped["taskArns"]})).to_string()
    }

    /// No plaintext is in any file of the engine, its logs and those of supervisors included.
    #[track_caller]
    fn nothing_is_on_disk(&self) {
        for plaintext in PLAINTEXTS {
            assert_eq!(files_with(self.trial.home(), plaintext), Vec::<PathBuf>::new(), "{plaintext}");
        }
        assert!(!files_with(self.trial.home(), "/app/token").is_empty(), "the home is the right one");
    }
}

#[test]
fn tasks_get_the_values_of_the_moment_and_no_file_does() {
    let story = Story::begin();
    let definition = story.register("/app/token");
    story.create_service(&definition);
    story.wait_for(PLAINTEXTS[0], PLAINTEXTS[1]);
    story.nothing_is_on_disk();
    let tasks = story.aws.ecs("ListTasks", json!({"cluster": CLUSTER}))["taskArns"].clone();
    let shown = [
        story.aws.ecs("DescribeTasks", json!({"cluster": CLUSTER, "tasks": tasks})).to_string(),
        story.aws.ecs("DescribeTaskDefinition", json!({"taskDefinition": definition})).to_string(),
    ];
    assert!(shown[1].contains("/app/token"), "{}", shown[1]);
    assert!(shown.iter().all(|text| PLAINTEXTS.iter().all(|plaintext| !text.contains(plaintext))), "{shown:?}");

    let token = json!({"Name": "/app/token", "Value": PLAINTEXTS[2], "Overwrite": true});
    story.aws.ssm("PutParameter", token);
    let value = json!({"user": "anna", "password": PLAINTEXTS[3]}).to_string();
    story.aws.secretsmanager("PutSecretValue", json!({"SecretId": "app/db", "SecretString": value}));
    assert_eq!(story.got().len(), 1, "what runs keeps what it got");
    story.update(json!({"forceNewDeployment": true}));
    story.wait_for(PLAINTEXTS[2], PLAINTEXTS[3]);

    kill(story.trial.engine_process().expect("the engine runs"));
    let containers = story.trial.containers();
    story.trial.run(&["engine", "start"], TALKATIVE).exits(0);
    assert_eq!(story.trial.containers(), containers, "the task runs on");
    let story = Story { aws: Aws::of(&story.trial), ..story };
    let got = story.aws.ssm("GetParameter", json!({"Name": "/app/token", "WithDecryption": true}));
    assert_eq!(got["Parameter"]["Value"], PLAINTEXTS[2]);
    story.nothing_is_on_disk();
}

#[test]
fn a_missing_value_fails_the_deployment_with_the_reason() {
    let story = Story::begin();
    story.create_service(&story.register("/app/token"));
    story.wait_for(PLAINTEXTS[0], PLAINTEXTS[1]);
    story.update(json!({"taskDefinition": story.register("/app/no-such-token")}));
    wait_until(PATIENCE, "the deployment to fail", || {
        let listed = story.aws.ecs("ListServiceDeployments", json!({"cluster": CLUSTER, "service": "web"})).to_string();
        listed.contains("ROLLBACK_SUCCESSFUL")
    });
    let reasons = story.stopped_reasons();
    let expected = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: TOKEN of \
                    container app from /app/no-such-token: unable to retrieve secrets from ssm: invalid parameters: /app/no-such-token";
    assert!(reasons.contains(expected) && reasons.contains("TaskFailedToStart"), "{reasons}");
    let events = story.service()["events"].to_string();
    assert!(events.contains("/app/no-such-token"), "{events}");
    story.wait_for(PLAINTEXTS[0], PLAINTEXTS[1]);
    assert_eq!(story.got().len(), 1, "no task was started without its value");
    story.nothing_is_on_disk();
}

#[test]
fn a_key_that_is_gone_is_named_and_works_again_when_it_is_back() {
    let story = Story::begin();
    let key = story.trial.home().join("sealing.key");
    let kept = std::fs::read(&key).expect("a key file");
    assert_eq!(mode(&key), 0o600);
    std::fs::remove_file(&key).expect("a file");
    let wanted = json!({"Name": "/app/token", "WithDecryption": true});
    let refused = story.aws.ask("ssm", "AmazonSSM.GetParameter", &wanted).expect_err("no key");
    assert_eq!(refused.code, "InternalServerError");
    assert!(refused.body.contains("sealing.key is missing; put it back from a backup"), "{}", refused.body);
    let again = json!({"Name": "/app/token", "Value": "x", "Overwrite": true});
    story.aws.ask("ssm", "AmazonSSM.PutParameter", &again).expect_err("no key");
    assert!(!key.exists(), "another key would hide what happened");
    std::fs::write(&key, kept).expect("written");
    assert_eq!(story.aws.ssm("GetParameter", wanted)["Parameter"]["Value"], PLAINTEXTS[0]);
}

/// A task is started with its values or not at all, whenever the engine dies.
#[test]
fn engines_that_die_while_tasks_start_leave_none_without_its_values() {
    let mut story = Story::begin();
    story.create_service(&story.register("/app/token"));
    story.wait_for(PLAINTEXTS[0], PLAINTEXTS[1]);
    for death in 0..DEATHS {
        story.update(json!({"forceNewDeployment": true}));
        std::thread::sleep(DEATH_INTERVAL * death);
        kill(story.trial.engine_process().expect("the engine runs"));
        story.trial.run(&["engine", "start"], TALKATIVE).exits(0);
        story.aws = Aws::of(&story.trial);
        story.wait_for(PLAINTEXTS[0], PLAINTEXTS[1]);
    }
    let right = format!("{} {}", PLAINTEXTS[0], PLAINTEXTS[1]);
    assert!(story.got().iter().all(|got| *got == right), "{:?}", story.got());
    wait_until(PATIENCE, "one task to be left", || story.trial.containers().len() == 1);
    story.nothing_is_on_disk();
}

/// A service of the coordinator's, whose password is in Secrets Manager.
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: [sh, -c, 'printf "%s" "$PASSWORD" > seen; exec seatrial demo-app']
    port: 8080
    health_check: { path: /health/ready, interval: 5s }
    listener: { port: @PORT@ }
    secrets: { PASSWORD: "{{ env('SOURCE') }}" }
"#;

#[test]
fn a_release_looks_at_secrets_before_it_touches_anything() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0"], TALKATIVE).exits(0);
    let aws = Aws::of(&trial);
    let deploy = |source: &str| trial.deploy(&[("SOURCE", source)]);
    let refused = |source: &str, why: &str, next: &str| {
        let ran = deploy(source).exits(1);
        assert!(ran.says(&format!("PASSWORD comes from the secret {why}")) && ran.says(next), "{ran:?}");
        let status = trial.run(&["status", "-o", "json"], &[("SOURCE", source)]);
        assert!(!status.stdout.contains("trial-dev-web"), "nothing was made: {status:?}");
    };
    let missing = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/none-AbCd3f";
    let creation = "aws secretsmanager create-secret --name shop/none --secret-string";
    refused(missing, &format!("{missing}, which does not exist; no task would start"), creation);
    let planned = trial.run(&["plan"], &[("SOURCE", missing)]).exits(0);
    assert!(planned.says("which does not exist; no task would start") && planned.says(creation), "{planned:?}");

    let value = json!({"password": PLAINTEXTS[1]}).to_string();
    let created = aws.secretsmanager("CreateSecret", json!({"Name": "shop/db", "SecretString": value}));
    let secret = created["ARN"].as_str().expect("an ARN");
    let of_stage = |stage: &str| format!("{secret}:password:{stage}:");
    refused(
        &of_stage("AWSPREVIOUS"),
        &format!("{secret}, which has no version with the stage AWSPREVIOUS"),
        &format!("aws secretsmanager list-secret-version-ids --secret-id {secret}"),
    );
    aws.secretsmanager("DeleteSecret", json!({"SecretId": secret}));
    refused(
        &of_stage(""),
        &format!("{secret}, which is scheduled for deletion"),
        &format!("aws secretsmanager restore-secret --secret-id {secret}"),
    );
    let looked = trial.run(&["doctor"], &[("SOURCE", &of_stage(""))]);
    assert!(looked.says("which is scheduled for deletion"), "{looked:?}");
    aws.secretsmanager("RestoreSecret", json!({"SecretId": secret}));
    deploy(&of_stage("")).exits(0);
    let seen = std::fs::read_to_string(trial.directory().join("seen")).expect("it was written");
    assert_eq!(seen, PLAINTEXTS[1]);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn kill(process: u32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()), "process {process} could not be killed");
}
