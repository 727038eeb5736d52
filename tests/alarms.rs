//! Alarms of deployments: written in one line, made for the target group of the version they judge, rolling back what fails or is slow,
//! and never standing in the way of the repair; and an alarm that fires already, under which nothing is deployed.

#[path = "../benches/support/client.rs"]
mod client;
mod harness;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_cloudwatch::types::{ComparisonOperator, StateValue, Statistic};
use aws_sdk_ecs::types::{ServiceDeployment, ServiceDeploymentRollbackMonitorsStatus as Monitors};
use harness::{Ran, Trial, wait_until};
use seatrial_load::{Length, LoadHandle, LoadPlan};
use tokio::runtime::Runtime;

/// A minute takes a second.
const TIME_SCALE: &str = "60";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }} --error-rate {{ env('ERRORS', '0') }} --latency {{ env('LATENCY', '0s') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 60s, timeout: 30s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 60s
    listener: { port: @PORT@ }
    desired_count: 1
    deployment: @DEPLOYMENT@
environments:
  dev: { target: embedded, stage: prod }
"#;
const CANARY: &str = "{ strategy: canary, percent: 50, step_bake: 10m, bake: 8m, alarms: [{ errors: 5%, for: 2m }, { p95: 300ms, for: 3m }] }";
const PATIENCE: Duration = Duration::from_secs(30);

/// How long after the decision a request may still be sent to the version that was given up.
const LAST_REQUEST: Duration = Duration::from_millis(250);

#[test]
fn a_version_that_fails_or_is_slow_is_rolled_back_and_its_repair_is_judged_by_what_it_does_itself() {
    let trial = start(CANARY);
    let runtime = Runtime::new().expect("a runtime");
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    let load = runtime.block_on(plain_load(&trial));

    // Replaced in the target group that serves, which is the alternate one since the first deployment.
    let replaced = [("VERSION", "worst"), ("ERRORS", "0.5")];
    let replaced = trial.run(&["deploy", "--strategy", "rolling"], &replaced).exits(3);
    assert!(replaced.says("cause: alarm trial-dev-web-errors-alt fired"), "{replaced:?}");

    let sampler = Sampler::start(trial.port);
    let bad = trial.deploy(&[("VERSION", "bad"), ("ERRORS", "0.5")]).exits(3);
    assert!(bad.says("cause: alarm trial-dev-web-errors fired: Threshold Crossed: 2 datapoints ["), "{bad:?}");
    assert!(bad.says("were greater than the threshold (5.0)"), "{bad:?}");
    let decided = decision(&runtime.block_on(last(&trial)));
    let after = sampler.stop().saturating_sub(decided);
    println!("the last request to the bad version was sent {after:?} after the decision");
    assert!(after <= LAST_REQUEST, "{after:?}");

    // The repair comes while the alarm on its target group still sees the errors.
    assert_eq!(alarm(&trial, &runtime, "trial-dev-web-errors"), Some(StateValue::Alarm));
    trial.deploy(&[("VERSION", "v2")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
    assert_eq!(monitors(&runtime.block_on(last(&trial))), Some(Monitors::MonitoringComplete), "it was watched");
    for _ in 0..2 {
        let again = trial.deploy(&[("VERSION", "v2")]).exits(0);
        assert!(again.says("nothing to do") && !again.says("~ "), "{again:?}");
    }

    let slow = trial.deploy(&[("VERSION", "slow"), ("LATENCY", "600ms")]).exits(3);
    assert!(slow.says("cause: alarm trial-dev-web-p95-alt fired: Threshold Crossed: 3 datapoints ["), "{slow:?}");
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

    // Half of the requests go to either version: the one that served before stays, and the next takes the place of the newest.
    trial.run(&["deploy", "--no-wait"], &[("VERSION", "v3")]).exits(0);
    wait_until(PATIENCE, "an equal split", || share(&runtime.block_on(last(&trial))) == Some(50.0));
    let bad = trial.deploy(&[("VERSION", "worse"), ("ERRORS", "0.5")]).exits(3);
    assert!(bad.says("cause: alarm trial-dev-web-errors-alt fired"), "{bad:?}");
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

    runtime.block_on(load.stop());
    trial.run(&["delete", "--yes"], &[("VERSION", "v2")]).exits(0);
    let cloudwatch = cloudwatch(&trial.aws_environment());
    let left = runtime.block_on(cloudwatch.describe_alarms().send()).expect("the engine answers");
    assert!(left.metric_alarms().is_empty(), "{left:?}");
}

#[test]
fn nothing_is_deployed_under_an_alarm_that_fires_unless_that_is_meant() {
    let trial = start("{ strategy: blue_green, alarms: pager }");
    let runtime = Runtime::new().expect("a runtime");
    let unknown = trial.deploy(&[("VERSION", "v1")]).exits(1);
    assert!(unknown.says("alarm pager, which service web names, does not exist"), "{unknown:?}");
    assert!(!unknown.says("+ "), "nothing was made: {unknown:?}");

    let cloudwatch = cloudwatch(&trial.aws_environment());
    runtime.block_on(put_pager(&cloudwatch));
    trial.deploy(&[("VERSION", "v1")]).exits(0);
    let state = cloudwatch.set_alarm_state().alarm_name("pager").state_value(StateValue::Alarm);
    runtime.block_on(state.state_reason("the database is on fire").send()).expect("the state is set");

    let blocked = trial.deploy(&[("VERSION", "v2")]).exits(7);
    assert!(blocked.says("alarm pager of service web is firing since 20"), "{blocked:?}");
    assert!(blocked.says("the database is on fire") && blocked.says("--ignore-firing-alarms"), "{blocked:?}");
    let planned = trial.run(&["plan"], &[("VERSION", "v2")]).exits(7);
    assert!(planned.says("the deployment would be refused: alarm pager is firing"), "{planned:?}");
    let json = trial.run(&["deploy", "-o", "json"], &[("VERSION", "v2")]).exits(7);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json["verdict"], &json["alarms"][0]["alarm"]), (&"blocked".into(), &"pager".into()));
    assert_eq!(runtime.block_on(revisions(&trial)), 1, "nothing was changed");

    let nothing = trial.deploy(&[("VERSION", "v1")]).exits(0);
    assert!(nothing.says("nothing to do"), "what starts no deployment is not refused: {nothing:?}");
    let meant = trial.run(&["deploy"], &[("VERSION", "v2"), ("SEATRIAL_IGNORE_FIRING_ALARMS", "true")]).exits(0);
    assert!(meant.says("ECS watches no alarm during this deployment"), "{meant:?}");
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
    let back = trial.run(&["rollback"], &[("VERSION", "v2")]).exits(0);
    assert!(back.says("watches no alarms on the way back"), "{back:?}");
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");
}

/// Tasks that are replaced share a target group with the new ones, so an alarm sees both.
#[test]
fn where_tasks_are_replaced_an_alarm_on_what_serves_blocks_until_the_repair_is_meant() {
    let trial = start("{ alarms: { errors: 5%, for: 1m } }");
    let runtime = Runtime::new().expect("a runtime");
    trial.deploy(&[("VERSION", "bad"), ("ERRORS", "0.5")]).exits(0);
    let load = runtime.block_on(plain_load(&trial));
    wait_until(PATIENCE, "the alarm to fire", || {
        alarm(&trial, &runtime, "trial-dev-web-errors") == Some(StateValue::Alarm)
    });
    let blocked = trial.deploy(&[("VERSION", "v2")]).exits(7);
    assert!(blocked.says("alarm trial-dev-web-errors of service web is firing since"), "{blocked:?}");
    trial.run(&["deploy", "--ignore-firing-alarms"], &[("VERSION", "v2")]).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

    wait_until(PATIENCE, "the alarm to be quiet", || {
        alarm(&trial, &runtime, "trial-dev-web-errors") == Some(StateValue::Ok)
    });
    let bad: Ran = trial.deploy(&[("VERSION", "worse"), ("ERRORS", "0.5")]).exits(3);
    assert!(bad.says("cause: alarm trial-dev-web-errors fired: Threshold Crossed: 1 datapoint ["), "{bad:?}");
    runtime.block_on(load.stop());
}

fn start(deployment: &str) -> Trial {
    let trial = Trial::new(&CONFIGURATION.replace("@DEPLOYMENT@", deployment));
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial
}

async fn plain_load(trial: &Trial) -> LoadHandle {
    let target = trial.url("/").parse().expect("a loopback URL is a target");
    let rate = "100".parse().expect("a rate");
    LoadHandle::start(LoadPlan::new(target, rate, Length::UntilStopped)).await.expect("the load can start")
}

fn cloudwatch(environment: &BTreeMap<String, String>) -> aws_sdk_cloudwatch::Client {
    let value = |name: &str| environment.get(name).unwrap_or_else(|| panic!("engine env prints {name}")).clone();
    let key = Credentials::new(value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"), None, None, "trial");
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(value("AWS_REGION")))
        .credentials_provider(key)
        .endpoint_url(value("AWS_ENDPOINT_URL"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}

fn alarm(trial: &Trial, runtime: &Runtime, name: &str) -> Option<StateValue> {
    let described = cloudwatch(&trial.aws_environment()).describe_alarms().alarm_names(name);
    let described = runtime.block_on(described.send()).expect("the engine answers");
    described.metric_alarms().first().and_then(|alarm| alarm.state_value()).cloned()
}

/// An alarm on a metric without data, which stays in the state it is set to.
async fn put_pager(cloudwatch: &aws_sdk_cloudwatch::Client) {
    let alarm = cloudwatch
        .put_metric_alarm()
        .alarm_name("pager")
        .namespace("Database")
        .metric_name("Fires")
        .statistic(Statistic::Sum)
        .period(60)
        .evaluation_periods(1)
        .threshold(0.0)
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .treat_missing_data("ignore");
    alarm.send().await.expect("the alarm is made");
}

async fn revisions(trial: &Trial) -> usize {
    let listed = client::ecs(&trial.aws_environment()).list_task_definitions().send().await;
    listed.expect("the engine answers").task_definition_arns().len()
}

/// The last deployment as ECS shows it.
async fn last(trial: &Trial) -> ServiceDeployment {
    let ecs = client::ecs(&trial.aws_environment());
    let listed = ecs.list_service_deployments().cluster("trial-dev").service("web").max_results(1).send().await;
    let arn = listed.expect("the engine answers").service_deployments()[0].service_deployment_arn().map(str::to_owned);
    let described = ecs.describe_service_deployments().set_service_deployment_arns(arn.map(|arn| vec![arn]));
    let described = described.send().await.expect("the engine answers");
    described.service_deployments()[0].clone()
}

fn monitors(deployment: &ServiceDeployment) -> Option<Monitors> {
    deployment.alarms().and_then(|alarms| alarms.status()).cloned()
}

/// The new version's share of production traffic, in percent.
fn share(deployment: &ServiceDeployment) -> Option<f64> {
    deployment.target_service_revision().and_then(|revision| revision.requested_production_traffic_weight())
}

/// Returns when a deployment was given up, since 1970.
fn decision(deployment: &ServiceDeployment) -> Duration {
    let at = deployment.rollback().and_then(|rollback| rollback.started_at()).expect("it was rolled back");
    Duration::from_millis(u64::try_from(at.to_millis().expect("in range")).expect("after 1970"))
}

/// Asks again and again on a kept-alive connection, and remembers when the last request was sent that the bad version answered.
struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Option<Duration>>,
}

const SAMPLE_INTERVAL: Duration = Duration::from_millis(2);

impl Sampler {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the listener is open");
            let mut last = None;
            while !stopping.load(Ordering::Relaxed) {
                let sent = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
                if version(&mut stream) == "bad" {
                    last = Some(sent);
                }
                std::thread::sleep(SAMPLE_INTERVAL);
            }
            last
        });
        Sampler { stop, thread }
    }

    fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("every request is answered").expect("the bad version was seen")
    }
}

/// Asks once; returns the version that answered, well or not.
fn version(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: trial\r\n\r\n").expect("the connection is open");
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("an answer comes");
        assert!(read > 0, "the connection was closed");
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
        let length: usize = header("content-length:").and_then(|length| length.parse().ok()).expect("a length");
        if body.len() >= length {
            return header("x-demo-version:").unwrap_or_default().to_owned();
        }
    }
}
