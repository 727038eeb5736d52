//! Automatic scaling: a service under load gets more tasks, keeps them over a deployment, and gives them back when the load has gone;
//! no request is lost on the way.

mod harness;

use std::time::Duration;

use harness::aws::Aws;
use harness::{Trial, wait_until};
use seatrial_load::{Length, LoadHandle, LoadPlan};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A minute takes a second.
const TIME_SCALE: &str = "60";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION', 'v1') }}"
    port: 8080
    cpu: "256"
    health_check: { path: /health/ready, interval: 60s, timeout: 30s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 60s
    listener: { port: @PORT@ }
    auto_scaling: {{ env('SCALING', '{ min: 1, max: 4, cpu: 70, scale_in_cooldown: 2m, scale_out_cooldown: 1m }') }}
environments:
  dev: { target: embedded, stage: prod }
"#;
/// Three minutes of load, a few seconds to start tasks, fifteen minutes of quiet, cool-downs; and a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_service_follows_its_load_and_a_deployment_keeps_its_count() {
    let trial = start();
    let planned = trial.run(&["plan"], &[]).exits(0);
    assert!(planned.says("+ scalable target web") && planned.says("+ scaling policy trial-dev-web-cpu"), "{planned:?}");
    trial.deploy(&[]).exits(0);
    let aws = Aws::of(&trial);
    // The prod preset's 2 is between 1 and 4.
    assert_eq!(desired(&aws), 2);
    let runtime = Runtime::new().expect("a runtime");
    let visitors = runtime.block_on(load(&trial, "/", "30"));
    wait_until(PATIENCE, "the service to be scaled in", || desired(&aws) == 1);

    // Two fifths of a processor, of which a task has a quarter.
    let work = runtime.block_on(load(&trial, "/burn?ms=20", "20"));
    wait_until(PATIENCE, "the service to be scaled out", || desired(&aws) >= 3);
    let cause = causes(&aws).into_iter().next().expect("an activity");
    assert!(
        cause.contains("AlarmHigh") && cause.ends_with(" in state ALARM triggered policy trial-dev-web-cpu"),
        "{cause}"
    );
    let status = trial.run(&["status"], &[]).exits(0);
    assert!(status.says("scaled automatically: 1–4 tasks, now "), "{status:?}");
    let events = trial.run(&["events"], &[]).exits(0);
    assert!(events.says("Message: Successfully set desired count to "), "{events:?}");

    let planned = trial.run(&["plan"], &[("VERSION", "v2")]).exits(0);
    assert!(!planned.says("desiredCount"), "{planned:?}");
    trial.deploy(&[("VERSION", "v2")]).exits(0);
    assert!(desired(&aws) >= 3, "a deployment does not set the count back");
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");

    let worked = runtime.block_on(work.stop());
    assert_eq!(worked.failed(), 0, "{}", worked.render());
    wait_until(PATIENCE, "the service to be scaled in", || desired(&aws) == 1);
    let cause = causes(&aws).into_iter().next().expect("an activity");
    assert!(cause.contains("AlarmLow"), "{cause}");
    wait_until(PATIENCE, "the tasks to be gone", || running(&aws) == 1);
    let visited = runtime.block_on(visitors.stop());
    println!("{}\n{}", worked.render(), visited.render());
    assert_eq!(visited.failed(), 0, "{}", visited.render());
}

#[test]
fn what_the_file_says_is_made_changed_and_taken_away_and_what_others_made_is_not() {
    let trial = start();
    trial.deploy(&[]).exits(0);
    let aws = Aws::of(&trial);
    let again = trial.deploy(&[]).exits(0);
    assert!(again.says("nothing to do") && !again.says("~ "), "{again:?}");

    let more = [("SCALING", "{ min: 3, max: 8, cpu: 60, memory: 80 }")];
    let planned = trial.run(&["plan"], &more).exits(0);
    for line in
        ["MinCapacity      1 → 3", "MaxCapacity      4 → 8", "TargetValue        70.0 → 60.0", "from 2 to 3 tasks"]
    {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = planned.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&words), "{words}: {planned:?}");
    }
    assert_eq!(target(&aws)["MaxCapacity"], 4, "a plan changes nothing");
    trial.deploy(&more).exits(0);
    assert_eq!((target(&aws)["MinCapacity"].clone(), desired(&aws)), (json!(3), 3), "raised to the minimum");
    assert_eq!(policies(&aws), ["trial-dev-web-cpu", "trial-dev-web-memory"]);
    let fewer = [("SCALING", "{ min: 3, max: 8, requests_per_target: 600 }")];
    trial.deploy(&fewer).exits(0);
    assert_eq!(policies(&aws), ["trial-dev-web-requests"]);
    let rendered: Value = serde_json::from_str(&trial.run(&["render"], &fewer).exits(0).stdout).expect("JSON");
    assert_eq!(rendered["web"]["autoScaling"]["scalableTarget"]["MaxCapacity"], 8);

    // Somebody's own policy, and a suspension by hand, outlast deployments.
    let mut of_service = json!({
        "ServiceNamespace": "ecs",
        "ResourceId": "service/trial-dev/web",
        "ScalableDimension": "ecs:service:DesiredCount",
        "SuspendedState": { "DynamicScalingInSuspended": true },
    });
    aws.scaling("RegisterScalableTarget", of_service.clone());
    of_service.as_object_mut().expect("an object").remove("SuspendedState");
    let steps = json!({ "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{ "MetricIntervalLowerBound": 0, "ScalingAdjustment": 1 }] });
    let mut by_hand = of_service.clone();
    by_hand["PolicyName"] = json!("by-hand");
    by_hand["PolicyType"] = json!("StepScaling");
    by_hand["StepScalingPolicyConfiguration"] = steps;
    aws.scaling("PutScalingPolicy", by_hand);
    trial.deploy(&[more[0], ("VERSION", "v2")]).exits(0);
    assert_eq!(policies(&aws), ["by-hand", "trial-dev-web-cpu", "trial-dev-web-memory"]);
    assert_eq!(target(&aws)["SuspendedState"]["DynamicScalingInSuspended"], true);
    assert!(trial.run(&["status"], &more).exits(0).says("3–8 tasks, now 3 (scaling in is suspended)"));

    let mut scale = vec!["scale", "web=9"];
    assert!(trial.run(&scale, &more).exits(0).says("9 lasts until the next time"));
    scale[1] = "web=3";
    trial.run(&scale, &more).exits(0);

    let none = trial.deploy(&[("SCALING", "none"), ("VERSION", "v2")]).exits(0);
    assert!(none.says("scalable target web"), "{none:?}");
    assert_eq!((target(&aws), policies(&aws).len(), desired(&aws)), (Value::Null, 0, 3));

    // One that a stack or a person made stays, and is told.
    let mut theirs = of_service;
    theirs["MinCapacity"] = json!(1);
    theirs["MaxCapacity"] = json!(5);
    aws.scaling("RegisterScalableTarget", theirs);
    let told = trial.deploy(&[more[0], ("VERSION", "v2")]).exits(0);
    assert!(told.says("was not made by Seatrial and is left alone"), "{told:?}");
    trial.deploy(&[("SCALING", "none"), ("VERSION", "v2")]).exits(0);
    assert_eq!(target(&aws)["MaxCapacity"], 5);
    trial.run(&["delete", "--yes"], &[]).exits(0);
}

fn start() -> Trial {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial
}

async fn load(trial: &Trial, path: &str, requests_per_second: &str) -> LoadHandle {
    let target = trial.url(path).parse().expect("a loopback URL is a target");
    let rate = requests_per_second.parse().expect("a rate");
    LoadHandle::start(LoadPlan::new(target, rate, Length::UntilStopped)).await.expect("the load can start")
}

fn service(aws: &Aws) -> Value {
    aws.ecs("DescribeServices", json!({ "cluster": "trial-dev", "services": ["web"] }))["services"][0].clone()
}

fn desired(aws: &Aws) -> u64 {
    service(aws)["desiredCount"].as_u64().expect("a count")
}

fn running(aws: &Aws) -> u64 {
    service(aws)["runningCount"].as_u64().expect("a count")
}

fn target(aws: &Aws) -> Value {
    aws.scaling("DescribeScalableTargets", json!({ "ServiceNamespace": "ecs" }))["ScalableTargets"][0].clone()
}

fn policies(aws: &Aws) -> Vec<String> {
    let described = aws.scaling("DescribeScalingPolicies", json!({ "ServiceNamespace": "ecs" }));
    let policies = described["ScalingPolicies"].as_array().expect("a list").iter();
    policies.filter_map(|policy| policy["PolicyName"].as_str().map(str::to_owned)).collect()
}

/// Why the count was changed, the newest first.
fn causes(aws: &Aws) -> Vec<String> {
    let described = aws.scaling("DescribeScalingActivities", json!({ "ServiceNamespace": "ecs" }));
    let activities = described["ScalingActivities"].as_array().expect("a list").iter();
    activities.filter_map(|activity| activity["Cause"].as_str().map(str::to_owned)).collect()
}
