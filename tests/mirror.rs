//! Mirroring: a new version is given copies of real requests before it is given any request, and is judged by them.

#[path = "../benches/support/client.rs"]
mod client;
mod harness;

use std::time::{Duration, SystemTime};

use aws_sdk_cloudwatch::types::{ComparisonOperator, Dimension, StateValue, Statistic};
use harness::{Trial, wait_until};

/// Everything ECS counts in minutes takes three seconds for each.
const TIME_SCALE: &str = "20";
const CONFIGURATION: &str = r#"
app: trial
services:
  web:
    command: "seatrial demo-app --version {{ env('VERSION') }} --error-rate {{ env('ERRORS', '0') }}"
    port: 8080
    health_check: { path: /health/ready, interval: 20s, timeout: 2s, unhealthy_threshold: 2, grace_period: 0s }
    deregistration_delay: 200s
    listener: { port: @PORT@ }
    desired_count: 2
    deployment:
      strategy: canary
      percent: 10
      step_bake: 1m
      bake: 1m
      mirror: 50%
      hooks: [{ stage: post_test_traffic_shift }]
      {{ env('WATCHED', '') }}
environments:
  dev: { target: embedded, stage: prod }
"#;
const PATIENCE: Duration = Duration::from_secs(60);
/// Copies that are enough to tell anything from.
const MANY: f64 = 500.0;

#[test]
fn a_version_is_judged_by_copies_of_requests_before_it_gets_any() {
    let trial = Trial::new(CONFIGURATION);
    trial.run(&["engine", "start", "--port", "0", "--time-scale", TIME_SCALE], &[]).exits(0);
    trial.deploy(&[("VERSION", "v1")]).exits(6);
    trial.run(&["promote"], &[("VERSION", "v1")]).exits(0);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let metrics = Metrics { runtime: &runtime, cloudwatch: cloudwatch(&trial) };
    let load = runtime.block_on(trial.load("500"));
    assert_eq!(metrics.mirror(), None, "without a new version nothing is copied");

    // A version that answers every request with an error: users never see it, its copies do.
    let bad = [("VERSION", "bad"), ("ERRORS", "1")];
    trial.deploy(&bad).exits(6);
    wait_until(PATIENCE, "copies", || {
        metrics.mirror().is_some_and(|mirror| metrics.sum(&mirror, "StatusMismatchCount") > MANY)
    });
    let group = metrics.mirror().expect("just seen");
    let (made, mismatches) = (metrics.sum(&group, "MirroredRequestCount"), metrics.sum(&group, "StatusMismatchCount"));
    println!("{made} copies, {mismatches} answered with another status");
    assert!(mismatches <= made && metrics.sum(&group, "Mirror5XXCount") > MANY);
    let status = trial.run(&["status"], &bad).exits(0);
    println!("{}", status.stdout);
    assert!(status.says("  mirrored ") && status.says(" answered with another status, p95 "), "{status:?}");
    let requests = metrics.statistic("AWS/ApplicationELB", &group, "RequestCount");
    assert_eq!(requests, 0.0, "copies are no requests to whoever judges requests");
    let said = trial.run(&["rollback"], &bad).exits(0);
    println!("{}", said.stdout);

    // The same again, with an alarm that watches the copies.
    metrics.put_alarm("other-answers", &group);
    let watched = [("VERSION", "bad"), ("ERRORS", "1"), ("WATCHED", "alarms: other-answers")];
    // It may still fire for the copies of before, and then nothing is deployed.
    wait_until(PATIENCE, "the alarm to be calm and the version to be deployed", || {
        let is_calm = metrics.state("other-answers") == Some(StateValue::Ok);
        // Paused, or rolled back already.
        is_calm && matches!(trial.run(&["deploy"], &watched).code, Some(6 | 3))
    });
    let service = Service(client::ecs(&trial.aws_environment()));
    wait_until(PATIENCE, "the alarm to roll the deployment back", || {
        runtime.block_on(service.status()) == "ROLLBACK_SUCCESSFUL"
    });
    let reason = runtime.block_on(service.reason());
    assert!(reason.contains("alarms were triggered: [other-answers]"), "{reason}");
    assert_eq!(trial.answer().body, "Hello from the demo service, version v1");

    // A version that answers like the one before: copies until it has all requests, and no difference.
    wait_until(PATIENCE, "the alarm to be calm", || metrics.state("other-answers") == Some(StateValue::Ok));
    let before = (metrics.sum(&group, "MirroredRequestCount"), metrics.sum(&group, "StatusMismatchCount"));
    let good = [("VERSION", "v2"), ("WATCHED", "alarms: other-answers")];
    trial.deploy(&good).exits(6);
    wait_until(PATIENCE, "copies", || metrics.sum(&group, "MirroredRequestCount") > before.0 + MANY);
    trial.run(&["promote"], &good).exits(0);
    assert_eq!(trial.answer().body, "Hello from the demo service, version v2");
    assert_eq!(metrics.sum(&group, "StatusMismatchCount"), before.1, "the same answers");
    let (copies, originals) = (metrics.p95(&group, "MirrorResponseTime"), metrics.p95(&group, "OriginalResponseTime"));
    println!("p95 of copies {copies:.4} s, of their originals {originals:.4} s");

    let report = runtime.block_on(load.stop());
    println!("{}", report.render());
    assert_eq!(report.failed(), 0, "no user met the bad version: {}", report.render());
}

fn cloudwatch(trial: &Trial) -> aws_sdk_cloudwatch::Client {
    use aws_sdk_cloudwatch::config::{BehaviorVersion, Credentials, Region};

    let environment = trial.aws_environment();
    let value = |name: &str| environment.get(name).expect("engine env prints it").clone();
    let credentials = Credentials::new(value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"), None, None, "story");
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(value("AWS_REGION")))
        .credentials_provider(credentials)
        .endpoint_url(value("AWS_ENDPOINT_URL"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}

/// What the engine's CloudWatch knows.
struct Metrics<'a> {
    runtime: &'a tokio::runtime::Runtime,
    cloudwatch: aws_sdk_cloudwatch::Client,
}

/// The dimensions of a target group's metrics.
type Group = Vec<Dimension>;

impl Metrics<'_> {
    /// The target group that copies were sent to.
    fn mirror(&self) -> Option<Group> {
        let listed = self.cloudwatch.list_metrics().namespace("Seatrial/Mirror").metric_name("MirroredRequestCount");
        let listed = self.runtime.block_on(listed.send()).expect("the engine answers");
        listed.metrics().first().map(|metric| metric.dimensions().to_vec())
    }

    fn sum(&self, group: &Group, name: &str) -> f64 {
        self.statistic("Seatrial/Mirror", group, name)
    }

    fn statistic(&self, namespace: &str, group: &Group, name: &str) -> f64 {
        let points = self.points(namespace, group, name, |request| request.statistics(Statistic::Sum));
        points.iter().filter_map(|point| point.sum()).sum()
    }

    fn p95(&self, group: &Group, name: &str) -> f64 {
        let points = self.points("Seatrial/Mirror", group, name, |request| request.extended_statistics("p95"));
        let newest = points.iter().max_by_key(|point| point.timestamp().map(|at| at.secs()));
        newest.and_then(|point| point.extended_statistics()?.get("p95").copied()).expect("copies were answered")
    }

    fn points(
        &self,
        namespace: &str,
        group: &Group,
        name: &str,
        of: impl FnOnce(GetStatistics) -> GetStatistics,
    ) -> Vec<aws_sdk_cloudwatch::types::Datapoint> {
        let now = SystemTime::now();
        let request = self
            .cloudwatch
            .get_metric_statistics()
            .namespace(namespace)
            .metric_name(name)
            .set_dimensions(Some(group.clone()))
            .start_time((now - Duration::from_secs(3600)).into())
            .end_time((now + Duration::from_secs(60)).into())
            .period(3600);
        let answer = self.runtime.block_on(of(request).send()).expect("the engine answers");
        answer.datapoints().to_vec()
    }

    fn put_alarm(&self, name: &str, group: &Group) {
        let put = self
            .cloudwatch
            .put_metric_alarm()
            .alarm_name(name)
            .namespace("Seatrial/Mirror")
            .metric_name("StatusMismatchCount")
            .set_dimensions(Some(group.clone()))
            .statistic(Statistic::Sum)
            .period(60)
            .evaluation_periods(1)
            .threshold(20.0)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .treat_missing_data("notBreaching");
        self.runtime.block_on(put.send()).expect("the alarm is put");
    }

    fn state(&self, name: &str) -> Option<StateValue> {
        let described = self.runtime.block_on(self.cloudwatch.describe_alarms().alarm_names(name).send());
        described.expect("the engine answers").metric_alarms().first()?.state_value().cloned()
    }
}

type GetStatistics = aws_sdk_cloudwatch::operation::get_metric_statistics::builders::GetMetricStatisticsFluentBuilder;

/// The service as ECS shows it.
struct Service(aws_sdk_ecs::Client);

impl Service {
    async fn last(&self) -> aws_sdk_ecs::types::ServiceDeployment {
        let listed = self.0.list_service_deployments().cluster("trial-dev").service("web").max_results(1);
        let listed = listed.send().await.expect("the engine answers");
        let arn = listed.service_deployments()[0].service_deployment_arn().expect("every one has an ARN").to_owned();
        let described = self.0.describe_service_deployments().service_deployment_arns(arn).send().await;
        described.expect("the engine answers").service_deployments()[0].clone()
    }

    async fn status(&self) -> String {
        self.last().await.status().map(|status| status.as_str().to_owned()).unwrap_or_default()
    }

    async fn reason(&self) -> String {
        self.last().await.status_reason().unwrap_or_default().to_owned()
    }
}
