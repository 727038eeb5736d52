"""A canary with pauses and an alarm, driven by AWS calls alone: continued to its end by boto3 and the AWS CLI, rolled back by an answer
and by the alarm."""
import json

from cli_story import aws
from context import QUICK, cloudwatch, ecs, elbv2, free_port, refused, until

CLUSTER = "canaries"
ENDED = ("SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED")


def run():
    balancer, groups, rules = build_network()
    ecs.create_cluster(clusterName=CLUSTER)
    created(groups, rules)
    promoted(rules["production"], groups)
    answered_with_rollback(rules["production"], groups)
    alarmed(rules["production"], groups)
    ecs.delete_service(cluster=CLUSTER, service="web", force=True)
    ecs.get_waiter("services_inactive").wait(cluster=CLUSTER, services=["web"], WaiterConfig=QUICK)
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    for group in groups.values():
        elbv2.delete_target_group(TargetGroupArn=group)
    ecs.delete_cluster(cluster=CLUSTER)


def build_network():
    balancer = elbv2.create_load_balancer(Name="canaries", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]["LoadBalancerArn"]
    groups = {name: elbv2.create_target_group(
        Name=name, Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/health/ready",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2)["TargetGroups"][0]["TargetGroupArn"]
        for name in ("blue", "green")}
    for group in groups.values():
        elbv2.modify_target_group_attributes(
            TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "2"}])
    closed = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    listener = elbv2.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=free_port(), DefaultActions=closed)["Listeners"][0]["ListenerArn"]
    pair = {"Type": "forward", "ForwardConfig": {"TargetGroups": [
        {"TargetGroupArn": groups["blue"], "Weight": 1}, {"TargetGroupArn": groups["green"], "Weight": 0}]}}
    everything = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
    tried = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Try", "Values": ["new"]}}
    rules = {name: elbv2.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[pair])["Rules"][0]["RuleArn"]
             for name, priority, conditions in (("test", 1, [everything, tried]), ("production", 2, [everything]))}
    return balancer, groups, rules


def register(version):
    container = {"name": "app", "image": "process", "command": ["seatrial", "demo-app", "--version", version],
                 "portMappings": [{"containerPort": 8080}]}
    registered = ecs.register_task_definition(family="canaries-web", memory="512", containerDefinitions=[container])
    return registered["taskDefinition"]["taskDefinitionArn"]


def configuration(stage):
    return {"strategy": "CANARY", "bakeTimeInMinutes": 0,
            "canaryConfiguration": {"canaryPercent": 12.5, "canaryBakeTimeInMinutes": 0},
            "lifecycleHooks": [{"targetType": "PAUSE", "lifecycleStages": [stage],
                                "timeoutConfiguration": {"timeoutInMinutes": 5, "action": "ROLLBACK"}}]}


def created(groups, rules):
    attachment = {"targetGroupArn": groups["blue"], "containerName": "app", "containerPort": 8080}
    message = refused("InvalidParameterException", ecs.create_service, cluster=CLUSTER, serviceName="web", desiredCount=1,
                      taskDefinition=register("v1"), loadBalancers=[attachment], deploymentConfiguration={"strategy": "CANARY"})
    assert message.startswith("advancedConfiguration field is required for all loadBalancers"), message
    attachment["advancedConfiguration"] = {
        "alternateTargetGroupArn": groups["green"], "productionListenerRule": rules["production"],
        "testListenerRule": rules["test"], "roleArn": "arn:aws:iam::123456789012:role/ecsInfrastructureRole"}
    service = ecs.create_service(
        cluster=CLUSTER, serviceName="web", taskDefinition="canaries-web", desiredCount=1, loadBalancers=[attachment],
        deploymentConfiguration={"strategy": "CANARY", "bakeTimeInMinutes": 0})["service"]
    done = ended(service["currentServiceDeployment"])
    assert done["status"] == "SUCCESSFUL", done
    assert weights(rules["production"]) == {groups["blue"]: 0, groups["green"]: 100}, "the alternate group comes first"


def promoted(rule, groups):
    """Each of the two steps waits for an answer; the second comes from the AWS CLI."""
    updated = ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=register("v2"),
                                 deploymentConfiguration=configuration("PRE_PRODUCTION_TRAFFIC_SHIFT"))["service"]
    arn = updated["currentServiceDeployment"]
    first = paused(arn)
    assert first["expiresAt"] and first["timeoutAction"] == "ROLLBACK", first
    assert weights(rule) == {groups["blue"]: 0, groups["green"]: 100}
    message = refused("InvalidParameterException", ecs.continue_service_deployment, serviceDeploymentArn=arn, hookId="nonsense")
    assert message == "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}", message
    for odd in ["ecs-", "ecs-pause-", "seatrial:skip", "SEATRIAL:SKIP-BAKE", "seatrial:skip-bake "]:
        message = refused("InvalidParameterException", ecs.continue_service_deployment, serviceDeploymentArn=arn, hookId=odd)
        assert message == "Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}", (odd, message)
    # The engine's extension: only in a bake, and only forwards.
    message = refused("InvalidParameterException", ecs.continue_service_deployment, serviceDeploymentArn=arn, hookId="seatrial:skip-bake")
    assert message.startswith("There is no bake time to end: "), message
    message = refused("InvalidParameterException", ecs.continue_service_deployment, serviceDeploymentArn=arn, hookId="seatrial:skip-bake",
                      action="ROLLBACK")
    assert "StopServiceDeployment" in message, message
    assert ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=first["hookId"])["serviceDeploymentArn"] == arn
    second = paused(arn)
    assert second["hookId"] != first["hookId"], "each step has a pause of its own"
    assert weights(rule) == {groups["blue"]: 125, groups["green"]: 875}
    shown = deployment(arn)
    assert shown["lifecycleStage"] == "PRODUCTION_TRAFFIC_SHIFT", shown
    assert shown["targetServiceRevision"]["requestedProductionTrafficWeight"] == 12.5, shown
    assert shown["targetServiceRevision"]["requestedTestTrafficWeight"] == 100, shown
    aws("ecs", "continue-service-deployment", "--service-deployment-arn", arn, "--hook-id", second["hookId"])
    assert ended(arn)["status"] == "SUCCESSFUL"
    assert weights(rule) == {groups["blue"]: 100, groups["green"]: 0}
    message = refused("InvalidParameterException", ecs.continue_service_deployment, serviceDeploymentArn=arn, hookId=second["hookId"])
    assert "terminal states" in message, message
    revision = ecs.describe_service_revisions(
        serviceRevisionArns=[shown["targetServiceRevision"]["arn"]])["serviceRevisions"][0]
    assert revision["resolvedConfiguration"]["loadBalancers"] == [
        {"targetGroupArn": groups["blue"], "productionListenerRule": rule}], revision


def answered_with_rollback(rule, groups):
    arn = aws("ecs", "update-service", "--cluster", CLUSTER, "--service", "web", "--task-definition", register("v3"),
              "--deployment-configuration", json.dumps(configuration("POST_TEST_TRAFFIC_SHIFT")))["service"]["currentServiceDeployment"]
    hook = paused(arn)["hookId"]
    ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=hook, action="ROLLBACK")
    assert weights(rule) == {groups["blue"]: 100, groups["green"]: 0}
    back = ended(arn)
    assert back["status"] == "ROLLBACK_SUCCESSFUL" and "POST_TEST_TRAFFIC_SHIFT" in back["statusReason"], back
    assert ecs.describe_services(cluster=CLUSTER, services=["web"])["services"][0]["taskDefinition"].endswith("canaries-web:2")


def alarmed(rule, groups):
    """While a share of traffic is on the new version and the deployment waits, an alarm fires on data that a client puts."""
    metric = {"Namespace": "Canaries", "MetricName": "Complaints"}
    cloudwatch.put_metric_alarm(
        AlarmName="complaints", Period=10, EvaluationPeriods=1, Threshold=5, Statistic="Maximum",
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching", **metric)
    watched = configuration("PRE_PRODUCTION_TRAFFIC_SHIFT")
    watched["alarms"] = {"alarmNames": ["complaints"], "enable": True, "rollback": True}
    arn = ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=register("v4"),
                             deploymentConfiguration=watched)["service"]["currentServiceDeployment"]
    ecs.continue_service_deployment(serviceDeploymentArn=arn, hookId=paused(arn)["hookId"])
    paused(arn)
    assert deployment(arn)["alarms"]["status"] == "MONITORING", deployment(arn)["alarms"]
    assert weights(rule) == {groups["blue"]: 875, groups["green"]: 125}
    cloudwatch.put_metric_data(Namespace=metric["Namespace"], MetricData=[
        {"MetricName": metric["MetricName"], "Value": 17, "StorageResolution": 1}])
    back = ended(arn)
    assert back["status"] == "ROLLBACK_SUCCESSFUL", back
    assert back["alarms"] == {"status": "TRIGGERED", "alarmNames": ["complaints"], "triggeredAlarmNames": ["complaints"]}, back
    assert weights(rule) == {groups["blue"]: 100, groups["green"]: 0}
    alarm = aws("cloudwatch", "describe-alarms", "--alarm-names", "complaints")["MetricAlarms"][0]
    assert alarm["StateReason"].startswith("Threshold Crossed: 1 datapoint [17.0"), alarm
    cloudwatch.delete_alarms(AlarmNames=["complaints"])


def deployment(arn):
    return ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]


def paused(arn):
    """Returns the pause that a service deployment waits in, once it does."""
    return until("a pause", 60, lambda: next(
        (hook for hook in deployment(arn).get("lifecycleHookDetails", []) if hook["status"] == "AWAITING_ACTION"), None))


def ended(arn):
    """Returns a service deployment once it has ended."""
    return until(f"the end of {arn}", 60, lambda: (found := deployment(arn))["status"] in ENDED and found)


def weights(rule):
    forward = elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]["ForwardConfig"]
    return {group["TargetGroupArn"]: group["Weight"] for group in forward["TargetGroups"]}
