"""The life of a service as boto3 sees it: created, waited for, described, updated, failed, rolled back, deleted.

Run with the variables of `seatrial engine env`. Arguments: the `seatrial` binary, a free port for the listener.
"""
import subprocess
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

from strict import Strict

seatrial, port = sys.argv[1], int(sys.argv[2])
strict = Strict()
config = botocore.config.Config(retries={"max_attempts": 1})
ecs, elbv2, sts, logs = (strict.watch(boto3.client(name, config=config)) for name in ("ecs", "elbv2", "sts", "logs"))
QUICK = {"Delay": 1, "MaxAttempts": 60}


def refused(code, call, **arguments):
    """Calls and returns the message of the expected error."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["RequestId"], error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected of {call}")


def until(what, limit, condition):
    deadline = time.monotonic() + limit
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {limit} s for {what}"
        time.sleep(0.1)
    return value


def register(command, **extra):
    container = {
        "name": "app", "image": "process", "essential": True, "command": command,
        "portMappings": [{"containerPort": 8080}],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "/clients/web", "awslogs-stream-prefix": "ecs", "awslogs-region": "us-east-1"}},
    } | extra
    definition = ecs.register_task_definition(family="clients-web", containerDefinitions=[container], cpu="256", memory="512")
    return definition["taskDefinition"]["taskDefinitionArn"]


assert sts.get_caller_identity()["Account"].isdigit()

# Errors have AWS's codes and messages.
assert refused("ClusterNotFoundException", ecs.describe_services, cluster="nowhere", services=["web"]) == "Cluster not found."
assert ecs.describe_clusters(clusters=["nowhere"])["failures"][0]["reason"] == "MISSING"
refused("TargetGroupNotFound", elbv2.describe_target_groups,
        TargetGroupArns=["arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/none/0123456789abcdef"])

ecs.create_cluster(clusterName="clients", tags=[{"key": "team", "value": "sea"}])
assert ecs.describe_clusters(clusters=["clients"])["clusters"][0]["status"] == "ACTIVE"
logs.create_log_group(logGroupName="/clients/web")
refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/clients/web")

balancer = elbv2.create_load_balancer(Name="clients", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]["LoadBalancerArn"]
elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
group = elbv2.create_target_group(
    Name="clients-web", Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/health/ready",
    HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
elbv2.modify_target_group_attributes(
    TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "2"}])

v1 = register([seatrial, "demo-app", "--version", "v1"])
attachment = [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]
message = refused("InvalidParameterException", ecs.create_service, cluster="clients", serviceName="web",
                  taskDefinition=v1, desiredCount=2, loadBalancers=attachment)
assert "does not have an associated load balancer" in message, message
listener = elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port,
                                 DefaultActions=[{"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
rule = elbv2.create_rule(ListenerArn=listener, Priority=10, Conditions=[{"Field": "path-pattern", "Values": ["/teapot"]}],
                         Actions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no tea"}}])
assert [r["Priority"] for r in elbv2.describe_rules(ListenerArn=listener)["Rules"]] == ["10", "default"]
refused("PriorityInUse", elbv2.create_rule, ListenerArn=listener, Priority=10,
        Conditions=[{"Field": "path-pattern", "Values": ["/x"]}], Actions=rule["Rules"][0]["Actions"])

service = ecs.create_service(
    cluster="clients", serviceName="web", taskDefinition=v1, desiredCount=2, loadBalancers=attachment,
    deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200, "deploymentCircuitBreaker": {
        "enable": True, "rollback": True}},
    clientToken="once", tags=[{"key": "team", "value": "sea"}])["service"]
assert service["deployments"][0]["status"] == "PRIMARY" and service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
again = ecs.create_service(cluster="clients", serviceName="web", taskDefinition=v1, desiredCount=2, clientToken="once")["service"]
assert again["serviceArn"] == service["serviceArn"]
assert refused("InvalidParameterException", ecs.create_service, cluster="clients", serviceName="web",
               taskDefinition=v1, desiredCount=2) == "Creation of service was not idempotent."
ecs.get_waiter("services_stable").wait(cluster="clients", services=["web"], WaiterConfig=QUICK)
elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, WaiterConfig=QUICK)

tasks = ecs.list_tasks(cluster="clients", serviceName="web")["taskArns"]
assert len(tasks) == 2, tasks
ecs.get_waiter("tasks_running").wait(cluster="clients", tasks=tasks, WaiterConfig=QUICK)
described = ecs.describe_tasks(cluster="clients", tasks=tasks + [tasks[0][:-1] + "0"])
assert len(described["tasks"]) >= 2 and all(task["group"] == "service:web" for task in described["tasks"])
pages = list(ecs.get_paginator("list_tasks").paginate(cluster="clients", PaginationConfig={"PageSize": 1}))
assert len(pages) == 2 and sorted(page["taskArns"][0] for page in pages) == sorted(tasks)

# A good update replaces every task.
v2 = register([seatrial, "demo-app", "--version", "v2"])
updated = ecs.update_service(cluster="clients", service="web", taskDefinition=v2)["service"]
primary = updated["deployments"][0]["id"]
ecs.get_waiter("services_stable").wait(cluster="clients", services=["web"], WaiterConfig=QUICK)
settled = ecs.describe_services(cluster="clients", services=["web"], include=["TAGS"])["services"][0]
assert [d["id"] for d in settled["deployments"]] == [primary] and settled["deployments"][0]["rolloutState"] == "COMPLETED"
assert any("has reached a steady state" in event["message"] for event in settled["events"])
done = ecs.list_service_deployments(cluster="clients", service="web")["serviceDeployments"]
assert [d["status"] for d in done] == ["SUCCESSFUL", "SUCCESSFUL"], done
revisions = ecs.describe_service_revisions(serviceRevisionArns=[done[0]["targetServiceRevisionArn"]])["serviceRevisions"]
assert revisions[0]["taskDefinition"] == v2

# A bad one trips the circuit breaker and is rolled back.
v3 = register([seatrial, "demo-app", "--exit-at-start", "3"])
failing = ecs.update_service(cluster="clients", service="web", taskDefinition=v3)["service"]["currentServiceDeployment"]


def ended():
    deployment = ecs.describe_service_deployments(serviceDeploymentArns=[failing])["serviceDeployments"][0]
    return deployment if deployment["status"].startswith("ROLLBACK_") and deployment["status"] != "ROLLBACK_IN_PROGRESS" else None


rolled_back = until("the rollback", 60, ended)
assert rolled_back["status"] == "ROLLBACK_SUCCESSFUL", rolled_back
assert rolled_back["statusReason"] == "Service deployment rolled back because the circuit breaker threshold was exceeded."
assert rolled_back["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
ecs.get_waiter("services_stable").wait(cluster="clients", services=["web"], WaiterConfig=QUICK)
stopped = ecs.list_tasks(cluster="clients", serviceName="web", desiredStatus="STOPPED")["taskArns"]
failed = [t for t in ecs.describe_tasks(cluster="clients", tasks=stopped)["tasks"] if t["taskDefinitionArn"] == v3]
assert failed and failed[0]["stopCode"] == "EssentialContainerExited" and failed[0]["containers"][0]["exitCode"] == 3, failed
refused("ConflictException", ecs.stop_service_deployment, serviceDeploymentArn=failing)

# Logs of a task.
streams = logs.describe_log_streams(logGroupName="/clients/web")["logStreams"]
assert streams, "the tasks have log streams"
lines = logs.get_log_events(logGroupName="/clients/web", logStreamName=streams[0]["logStreamName"], startFromHead=True)["events"]
assert lines and logs.filter_log_events(logGroupName="/clients/web", filterPattern="ready")["events"]

# A one-off task.
task = ecs.run_task(cluster="clients", taskDefinition=v1, overrides={"containerOverrides": [
    {"name": "app", "command": ["/bin/sh", "-c", "exit 7"]}]})["tasks"][0]["taskArn"]
ecs.get_waiter("tasks_stopped").wait(cluster="clients", tasks=[task], WaiterConfig=QUICK)
assert ecs.describe_tasks(cluster="clients", tasks=[task])["tasks"][0]["containers"][0]["exitCode"] == 7

# The AWS CLI speaks to it as well.
cli = [sys.executable, "-m", "awscli"]
said = subprocess.run(cli + ["ecs", "describe-services", "--cluster", "clients", "--services", "web", "--query",
                             "services[0].status", "--output", "text"], capture_output=True, text=True, check=True).stdout
assert said.strip() == "ACTIVE", said
said = subprocess.run(cli + ["logs", "tail", "/clients/web", "--since", "1h"], capture_output=True, text=True, check=True).stdout
assert "ready" in said, said

# Deletion.
refused("InvalidParameterException", ecs.delete_service, cluster="clients", service="web")
refused("ClusterContainsServicesException", ecs.delete_cluster, cluster="clients")
ecs.update_service(cluster="clients", service="web", desiredCount=0)
until("no task", 60, lambda: ecs.describe_services(cluster="clients", services=["web"])["services"][0]["runningCount"] == 0)
ecs.delete_service(cluster="clients", service="web")
ecs.get_waiter("services_inactive").wait(cluster="clients", services=["web"], WaiterConfig=QUICK)
refused("ServiceNotActiveException", ecs.update_service, cluster="clients", service="web", desiredCount=1)
refused("ResourceInUse", elbv2.delete_target_group, TargetGroupArn=group)
elbv2.delete_rule(RuleArn=rule["Rules"][0]["RuleArn"])
elbv2.delete_listener(ListenerArn=listener)
elbv2.delete_target_group(TargetGroupArn=group)
elbv2.delete_load_balancer(LoadBalancerArn=balancer)
elbv2.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
ecs.delete_cluster(cluster="clients")

# What does not exist says so by name; a wrong key gets in nowhere.
try:
    ecs.execute_command(cluster="clients", task=tasks[0], interactive=True, command="sh")
    raise AssertionError("ExecuteCommand is not there")
except botocore.exceptions.ClientError as error:
    assert "ExecuteCommand" in error.response["Error"]["Message"], error
stranger = boto3.client("ecs", aws_access_key_id="AKIAAAAAAAAAAAAAAAAA", aws_secret_access_key="wrong", config=config)
refused("UnrecognizedClientException", stranger.list_clusters)

assert not strict.complaints, "\n".join(strict.complaints)
print(f"{strict.answers} answers, each as its model says")
