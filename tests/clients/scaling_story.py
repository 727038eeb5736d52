"""Application Auto Scaling, by boto3 and the AWS CLI: targets, policies, what an alarm makes of them, activities, tags."""
import datetime
import json

from cli_story import aws
from context import autoscaling, cloudwatch, ecs, pages, refused, until

SERVICE = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/scaled/web"}
TRACKED = {"TargetValue": 70.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}


def run():
    ecs.create_cluster(clusterName="scaled")
    container = {"name": "app", "image": "process", "command": ["seatrial", "demo-app"], "memory": 64,
                 "portMappings": [{"containerPort": 8080}]}
    ecs.register_task_definition(family="scaled", containerDefinitions=[container])
    ecs.create_service(cluster="scaled", serviceName="web", taskDefinition="scaled", desiredCount=1)
    refused("ObjectNotFoundException", autoscaling.put_scaling_policy, PolicyName="cpu", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=TRACKED, **SERVICE)
    target = autoscaling.register_scalable_target(MinCapacity=2, MaxCapacity=6, Tags={"team": "blue"}, **SERVICE)["ScalableTargetARN"]
    assert desired() == 2, "what is below the minimum is raised to it"
    tracked(target)
    stepped()
    done()
    autoscaling.deregister_scalable_target(**SERVICE)
    assert cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-service/scaled/")["MetricAlarms"] == []
    refused("ObjectNotFoundException", autoscaling.deregister_scalable_target, **SERVICE)
    cloudwatch.delete_alarms(AlarmNames=["jobs"])
    ecs.delete_service(cluster="scaled", service="web", force=True)
    until("the service to be gone", 60, lambda: ecs.describe_services(cluster="scaled", services=["web"])["services"][0]["status"] == "INACTIVE")
    ecs.delete_cluster(cluster="scaled")


def tracked(target):
    put = autoscaling.put_scaling_policy(PolicyName="cpu", PolicyType="TargetTrackingScaling",
                                         TargetTrackingScalingPolicyConfiguration=TRACKED, **SERVICE)
    alarms = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"] for alarm in put["Alarms"]])["MetricAlarms"]
    assert [(it["Threshold"], it["EvaluationPeriods"], it["AlarmActions"]) for it in alarms] == [
        (70.0, 3, [put["PolicyARN"]]), (63.0, 15, [put["PolicyARN"]])], alarms
    aws("application-autoscaling", "put-scaling-policy", "--service-namespace", "ecs", "--resource-id", SERVICE["ResourceId"],
        "--scalable-dimension", SERVICE["ScalableDimension"], "--policy-name", "memory", "--policy-type", "TargetTrackingScaling",
        "--target-tracking-scaling-policy-configuration", json.dumps({
            "TargetValue": 80.0, "DisableScaleIn": True,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"}}))
    policies = pages(autoscaling, "describe_scaling_policies", "ScalingPolicies", 1, ServiceNamespace="ecs")
    assert [policy["PolicyName"] for policy in policies] == ["cpu", "memory"], policies
    assert len(policies[1]["Alarms"]) == 1, "a policy that scales out only has one alarm"
    suspended = autoscaling.describe_scalable_targets(ResourceIds=[SERVICE["ResourceId"]], ServiceNamespace="ecs")["ScalableTargets"]
    assert not any(suspended[0]["SuspendedState"].values()), suspended
    shown = aws("application-autoscaling", "describe-scalable-targets", "--service-namespace", "ecs")["ScalableTargets"]
    assert [(it["MinCapacity"], it["MaxCapacity"], it["ScalableTargetARN"]) for it in shown] == [(2, 6, target)], shown
    autoscaling.tag_resource(ResourceARN=target, Tags={"cost": "1"})
    autoscaling.untag_resource(ResourceARN=target, TagKeys=["team"])
    assert autoscaling.list_tags_for_resource(ResourceARN=target)["Tags"] == {"cost": "1"}
    refused("ResourceNotFoundException", autoscaling.list_tags_for_resource, ResourceARN=target + "0")
    autoscaling.delete_scaling_policy(PolicyName="memory", **SERVICE)
    refused("ObjectNotFoundException", autoscaling.delete_scaling_policy, PolicyName="memory", **SERVICE)


def stepped():
    policy = autoscaling.put_scaling_policy(PolicyName="jobs", PolicyType="StepScaling", StepScalingPolicyConfiguration={
        "AdjustmentType": "ChangeInCapacity", "Cooldown": 60,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 2}]}, **SERVICE)["PolicyARN"]
    minutes_ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=2)
    cloudwatch.put_metric_data(Namespace="Queue", MetricData=[{"MetricName": "Jobs", "Timestamp": minutes_ago, "Value": 12}])
    cloudwatch.put_metric_alarm(
        AlarmName="jobs", Namespace="Queue", MetricName="Jobs", Statistic="Average", Period=60, EvaluationPeriods=1, Threshold=10,
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[policy])
    until("the alarm to scale out", 10, lambda: desired() == 4)


def done():
    activities = autoscaling.describe_scaling_activities(IncludeNotScaledActivities=True, **SERVICE)["ScalingActivities"]
    assert activities[0]["Cause"] == "monitor alarm jobs in state ALARM triggered policy jobs", activities
    assert activities[-1]["Cause"] == "minimum capacity was set to 2", activities
    events = [event["message"] for event in ecs.describe_services(cluster="scaled", services=["web"])["services"][0]["events"]]
    assert any(event.startswith("Message: Successfully set desired count to 4.") for event in events), events
    newest = pages(autoscaling, "describe_scaling_activities", "ScalingActivities", 1, **SERVICE)[0]
    assert newest["StatusCode"] == "InProgress" and newest["Description"] == "Setting desired count to 4.", newest


def desired():
    return ecs.describe_services(cluster="scaled", services=["web"])["services"][0]["desiredCount"]
