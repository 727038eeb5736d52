//! Application Auto Scaling over the wire, on an engine whose machine is in memory.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;

use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::application_autoscaling::ApplicationAutoScaling;
use seatrial_aws_api::cloudwatch::CloudWatch;
use seatrial_aws_api::ecs::Ecs;
use seatrial_aws_wire::Service;
use serde_json::{Value, json};
use support::{Answer, Endpoint, Request};

struct Scaling {
    world: World,
    front: Endpoint,
}

async fn start() -> Scaling {
    let world = World::new();
    let front = serve(&world).await;
    let it = Scaling { world, front };
    it.ecs("CreateCluster", json!({"clusterName": "c"})).await;
    let container = json!({"name": "app", "image": "app", "memory": 256});
    it.ecs("RegisterTaskDefinition", json!({"family": "web", "containerDefinitions": [container]})).await;
    for service in ["api", "web"] {
        it.ecs(
            "CreateService",
            json!({"cluster": "c", "serviceName": service, "taskDefinition": "web", "desiredCount": 3}),
        )
        .await;
    }
    it
}

async fn serve(world: &World) -> Endpoint {
    let scaling = ApplicationAutoScaling::new(world.engine.clone());
    let services: Vec<(Service, Arc<dyn seatrial_aws_api::Operations>)> = vec![
        (Service::ApplicationAutoScaling, Arc::new(scaling)),
        (Service::CloudWatch, Arc::new(CloudWatch::new(world.engine.clone()))),
        (Service::Ecs, Arc::new(Ecs::new(world.engine.clone()))),
    ];
    support::start(Limits::default(), services).await
}

/// The members that name the service, with more.
fn of(service: &str, more: Value) -> Value {
    let mut members = json!({
        "ServiceNamespace": "ecs",
        "ResourceId": format!("service/c/{service}"),
        "ScalableDimension": "ecs:service:DesiredCount",
    });
    let more = more.as_object().expect("an object").clone();
    members.as_object_mut().expect("an object").extend(more);
    members
}

fn cpu(name: &str, target: f64) -> Value {
    let configuration = json!({
        "TargetValue": target,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        "ScaleInCooldown": 600,
    });
    json!({
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    })
}

impl Scaling {
    async fn send(&self, service: &'static str, target: &str, body: Value) -> Answer {
        let headers =
            vec![("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target.to_owned())];
        let request = Request { service, headers, ..Request::json("", &body.to_string()) };
        self.front.send(&request).await
    }

    async fn ask(&self, operation: &str, body: Value) -> Answer {
        self.send("application-autoscaling", &format!("AnyScaleFrontendService.{operation}"), body).await
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let answer = self.ask(operation, body).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    async fn ecs(&self, operation: &str, body: Value) -> Value {
        let answer = self.send("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
        answer.json()
    }

    /// Returns the code and the message of a refusal.
    async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let answer = self.ask(operation, body.clone()).await;
        assert_eq!(answer.status, 400, "{operation} {body}: {}", answer.body);
        let error = answer.json();
        let message = error["message"].as_str().or(error["Message"].as_str()).unwrap_or_default();
        (error["__type"].as_str().expect("a code").to_owned(), message.to_owned())
    }

    async fn register(&self, service: &str, more: Value) -> String {
        let answer = self.call("RegisterScalableTarget", of(service, more)).await;
        answer["ScalableTargetARN"].as_str().expect("an ARN").to_owned()
    }

    async fn desired(&self, service: &str) -> Value {
        let described = self.ecs("DescribeServices", json!({"cluster": "c", "services": [service]})).await;
        described["services"][0]["desiredCount"].clone()
    }
}

#[tokio::test]
async fn a_target_is_registered_changed_in_part_and_kept() {
    let mut it = start().await;
    let arn = it.register("web", json!({"MinCapacity": 1, "MaxCapacity": 5, "Tags": {"team": "web"}})).await;
    assert!(arn.starts_with("arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/"), "{arn}");
    assert_eq!(it.desired("web").await, 3, "it is within the bounds");
    let suspended = json!({"SuspendedState": {"DynamicScalingInSuspended": true}});
    assert_eq!(it.register("web", suspended).await, arn);
    assert_eq!(it.register("web", json!({"MinCapacity": 4})).await, arn);
    assert_eq!(it.desired("web").await, 4);
    let described = it.call("DescribeScalableTargets", json!({"ServiceNamespace": "ecs"})).await;
    let target = &described["ScalableTargets"][0];
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(4), &json!(5)));
    assert_eq!(
        target["RoleARN"],
        "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
    );
    let suspended = json!({
        "DynamicScalingInSuspended": true, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false
    });
    assert_eq!(target["SuspendedState"], suspended);
    it.register("web", json!({"MinCapacity": 1, "MaxCapacity": 2})).await;
    assert_eq!(it.desired("web").await, 2);
    let activities = it.call("DescribeScalingActivities", of("web", json!({}))).await;
    let told: Vec<_> = activities["ScalingActivities"].as_array().expect("a list").iter().collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["Cause"], "maximum capacity was set to 2");
    assert_eq!(
        (&told[1]["Cause"], &told[1]["StatusCode"]),
        (&json!("minimum capacity was set to 4"), &json!("Overridden"))
    );
    assert_eq!(told[0]["Description"], "Setting desired count to 2.");

    it.world.restart();
    let after = Scaling { front: serve(&it.world).await, ..it };
    let again = after.call("DescribeScalableTargets", json!({"ServiceNamespace": "ecs"})).await;
    assert_eq!(again["ScalableTargets"][0]["ScalableTargetARN"], arn);
    assert_eq!(after.call("ListTagsForResource", json!({"ResourceARN": arn})).await, json!({"Tags": {"team": "web"}}));
    after.call("DeregisterScalableTarget", of("web", json!({}))).await;
    let gone = after.call("DescribeScalableTargets", json!({"ServiceNamespace": "ecs"})).await;
    assert_eq!(gone, json!({"ScalableTargets": []}));
}

#[tokio::test]
async fn a_policy_is_shown_as_it_was_put_with_its_alarms() {
    let it = start().await;
    it.register("web", json!({"MinCapacity": 1, "MaxCapacity": 5})).await;
    let put = it.call("PutScalingPolicy", of("web", cpu("cpu", 70.0))).await;
    let arn = put["PolicyARN"].as_str().expect("an ARN");
    let (before, after) = arn.split_once(":scalingPolicy:").expect("a policy's ARN");
    assert_eq!(before, "arn:aws:autoscaling:us-east-1:123456789012");
    assert!(after.ends_with(":resource/ecs/service/c/web:policyName/cpu"), "{arn}");
    let alarms = put["Alarms"].as_array().expect("alarms");
    let names: Vec<&str> = alarms.iter().filter_map(|alarm| alarm["AlarmName"].as_str()).collect();
    assert!(names[0].starts_with("TargetTracking-service/c/web-AlarmHigh-"), "{names:?}");
    assert!(names[1].starts_with("TargetTracking-service/c/web-AlarmLow-"), "{names:?}");
    let described = it.call("DescribeScalingPolicies", of("web", json!({"PolicyNames": ["cpu"]}))).await;
    let policy = &described["ScalingPolicies"][0];
    assert_eq!(policy["Alarms"], put["Alarms"]);
    assert_eq!(policy["PolicyType"], "TargetTrackingScaling");
    assert_eq!(
        policy["TargetTrackingScalingPolicyConfiguration"],
        cpu("cpu", 70.0)["TargetTrackingScalingPolicyConfiguration"]
    );
    let described = it.send("monitoring", "GraniteServiceVersion20100801.DescribeAlarms", json!({})).await.json();
    let low = &described["MetricAlarms"][1];
    assert_eq!(
        (&low["Threshold"], &low["EvaluationPeriods"], &low["Period"], &low["ComparisonOperator"]),
        (&json!(63.0), &json!(15), &json!(60), &json!("LessThanThreshold"))
    );
    assert_eq!((&low["Namespace"], &low["MetricName"]), (&json!("AWS/ECS"), &json!("CPUUtilization")));
    assert_eq!(low["AlarmActions"], json!([arn]));
    let kept = it.call("PutScalingPolicy", of("web", json!({"PolicyName": "cpu"}))).await;
    assert_eq!(kept, put, "what is not given is not changed");
    it.call("DeleteScalingPolicy", of("web", json!({"PolicyName": "cpu"}))).await;
    let described = it.send("monitoring", "GraniteServiceVersion20100801.DescribeAlarms", json!({})).await.json();
    assert_eq!(described["MetricAlarms"], json!([]));
}

#[tokio::test]
async fn customized_metrics_and_steps_are_taken_and_shown() {
    let it = start().await;
    it.register("web", json!({"MinCapacity": 1, "MaxCapacity": 5})).await;
    let metrics = json!([
        {"Id": "jobs", "MetricStat": {"Metric": {"Namespace": "Queue", "MetricName": "Jobs"}, "Stat": "Sum"}, "ReturnData": false},
        {"Id": "each", "Expression": "jobs / 2", "Label": "jobs of each", "ReturnData": true},
    ]);
    let tracked = |specification: Value| {
        let configuration = json!({"TargetValue": 10.0, "CustomizedMetricSpecification": specification});
        json!({
            "PolicyName": "jobs",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": configuration,
        })
    };
    it.call("PutScalingPolicy", of("web", tracked(json!({"Metrics": metrics})))).await;
    let described = it.send("monitoring", "GraniteServiceVersion20100801.DescribeAlarms", json!({})).await.json();
    assert_eq!(described["MetricAlarms"][0]["Metrics"][1]["Expression"], "jobs / 2");
    let single = json!({"Namespace": "Queue", "MetricName": "Jobs", "Statistic": "Average", "Dimensions": [{"Name": "q", "Value": "a"}]});
    it.call("PutScalingPolicy", of("web", tracked(single.clone()))).await;
    let described = it.call("DescribeScalingPolicies", of("web", json!({}))).await;
    let shown = &described["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(shown["CustomizedMetricSpecification"], single);
    for wrong in [
        json!({}),
        json!({"Namespace": "Queue"}),
        json!({"Namespace": "Queue", "MetricName": "Jobs", "Statistic": "p50"}),
    ] {
        assert_eq!(it.refused("PutScalingPolicy", of("web", tracked(wrong))).await.0, "ValidationException");
    }

    let steps = json!({
        "AdjustmentType": "PercentChangeInCapacity",
        "MinAdjustmentMagnitude": 2,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 25}],
    });
    let step = json!({"PolicyName": "steps", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps});
    let put = it.call("PutScalingPolicy", of("web", step)).await;
    assert_eq!(put["Alarms"], json!([]));
    let described = it.call("DescribeScalingPolicies", of("web", json!({"PolicyNames": ["steps"]}))).await;
    assert_eq!(described["ScalingPolicies"][0]["StepScalingPolicyConfiguration"], steps);
    let (code, _) = it.refused("PutScalingPolicy", of("web", cpu("steps", 70.0))).await;
    assert_eq!(code, "ValidationException", "its type stays");
}

#[tokio::test]
async fn listings_come_in_pages() {
    let it = start().await;
    for service in ["web", "api"] {
        it.register(service, json!({"MinCapacity": 1, "MaxCapacity": 5})).await;
    }
    for number in 0..12 {
        it.call("PutScalingPolicy", of("web", cpu(&format!("cpu-{number:02}"), 70.0))).await;
    }
    let targets = it.call("DescribeScalableTargets", json!({"ServiceNamespace": "ecs", "MaxResults": 1})).await;
    assert_eq!(targets["ScalableTargets"][0]["ResourceId"], "service/c/api");
    let next = json!({"ServiceNamespace": "ecs", "MaxResults": 1, "NextToken": targets["NextToken"]});
    let targets = it.call("DescribeScalableTargets", next.clone()).await;
    assert_eq!(
        (&targets["ScalableTargets"][0]["ResourceId"], &targets["NextToken"]),
        (&json!("service/c/web"), &Value::Null)
    );
    let first = it.call("DescribeScalingPolicies", json!({"ServiceNamespace": "ecs"})).await;
    assert_eq!(first["ScalingPolicies"].as_array().map(Vec::len), Some(10));
    let rest = json!({"ServiceNamespace": "ecs", "NextToken": first["NextToken"]});
    let rest = it.call("DescribeScalingPolicies", rest).await;
    assert_eq!(rest["ScalingPolicies"].as_array().map(Vec::len), Some(2));
    let (code, _) = it.refused("DescribeScalingPolicies", next).await;
    assert_eq!(code, "InvalidNextTokenException", "a token of another listing");
    for number in 0..3 {
        it.register("api", json!({"MinCapacity": number % 2 * 4, "MaxCapacity": 4 + number % 2})).await;
    }
    let newest = it.call("DescribeScalingActivities", of("api", json!({"MaxResults": 1}))).await;
    assert_eq!(newest["ScalingActivities"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn what_is_wrong_is_refused_under_its_code() {
    let it = start().await;
    let nobody = "No scalable target registered for service namespace: ecs, resource ID: service/c/web, scalable dimension: ecs:service:DesiredCount";
    for (operation, more) in [("DeregisterScalableTarget", json!({})), ("PutScalingPolicy", cpu("cpu", 70.0))] {
        let refusal = it.refused(operation, of("web", more)).await;
        assert_eq!(refusal, ("ObjectNotFoundException".to_owned(), nobody.to_owned()));
    }
    let (code, message) = it.refused("DeleteScalingPolicy", of("web", json!({"PolicyName": "cpu"}))).await;
    assert_eq!(code, "ObjectNotFoundException");
    assert!(message.starts_with("No scaling policy found for "), "{message}");
    let both = json!({"MinCapacity": 1, "MaxCapacity": 5});
    let (code, message) = it.refused("RegisterScalableTarget", of("nobody", both.clone())).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("ValidationException", "ECS service doesn't exist: service/c/nobody")
    );
    for wrong in [
        json!({}),
        json!({"MinCapacity": 1}),
        json!({"MinCapacity": 6, "MaxCapacity": 5}),
        json!({"MinCapacity": -1, "MaxCapacity": 5}),
        json!({"MinCapacity": 1, "MaxCapacity": 5_000_000_000_i64}),
        json!({"MinCapacity": 1, "MaxCapacity": 5, "Tags": {"aws:x": "y"}}),
        json!({"MinCapacity": 1, "MaxCapacity": 5, "ServiceNamespace": "dynamodb"}),
        json!({"MinCapacity": 1, "MaxCapacity": 5, "ServiceNamespace": "nothing"}),
        json!({"MinCapacity": 1, "MaxCapacity": 5, "ResourceId": "service/web"}),
        json!({"MinCapacity": 1, "MaxCapacity": 5, "ScalableDimension": "ecs:service:Weight"}),
    ] {
        let (code, _) = it.refused("RegisterScalableTarget", of("web", wrong.clone())).await;
        assert_eq!(code, "ValidationException", "{wrong}");
    }
    let described = it.call("DescribeScalableTargets", json!({"ServiceNamespace": "ecs"})).await;
    assert_eq!(described["ScalableTargets"], json!([]), "a refused registration leaves nothing");

    let arn = it.register("web", both).await;
    for wrong in [
        json!({"PolicyName": "", "PolicyType": "StepScaling"}),
        json!({"PolicyName": "x"}),
        json!({"PolicyName": "x", "PolicyType": "Guessing"}),
        json!({"PolicyName": "x", "PolicyType": "TargetTrackingScaling"}),
        json!({"PolicyName": "x", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {}}),
    ] {
        let (code, _) = it.refused("PutScalingPolicy", of("web", wrong.clone())).await;
        assert_eq!(code, "ValidationException", "{wrong}");
    }
    for number in 0..50 {
        it.call("PutScalingPolicy", of("web", cpu(&format!("{number}"), 70.0))).await;
    }
    assert_eq!(it.refused("PutScalingPolicy", of("web", cpu("one more", 70.0))).await.0, "LimitExceededException");
    let many: serde_json::Map<_, _> = (0..51).map(|number| (format!("key-{number}"), json!("x"))).collect();
    let (code, _) = it.refused("TagResource", json!({"ResourceARN": arn, "Tags": many})).await;
    assert_eq!(code, "TooManyTagsException");
    let nowhere = arn.replace("scalable-target/", "scalable-target/0");
    assert_eq!(it.refused("ListTagsForResource", json!({"ResourceARN": nowhere})).await.0, "ResourceNotFoundException");
    it.call("TagResource", json!({"ResourceARN": arn, "Tags": {"a": "1", "b": "2"}})).await;
    it.call("UntagResource", json!({"ResourceARN": arn, "TagKeys": ["a"]})).await;
    assert_eq!(it.call("ListTagsForResource", json!({"ResourceARN": arn})).await, json!({"Tags": {"b": "2"}}));
    let (code, message) = it.refused("PutScheduledAction", of("web", json!({"ScheduledActionName": "night"}))).await;
    assert!(message.contains("PutScheduledAction"), "{code}: {message}");
}
