"""The life of a service: created, waited for, described, updated, failed and rolled back, stopped midway, deleted."""
import datetime

from context import QUICK, ecs, elbv2, free_port, logs, pages, refused, until

CLUSTER = "clients"
GROUP = "/clients/web"


def register(*arguments):
    container = {
        "name": "app", "image": "process", "essential": True, "command": ["seatrial", "demo-app", *arguments],
        "portMappings": [{"containerPort": 8080}],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": GROUP, "awslogs-stream-prefix": "ecs", "awslogs-region": "us-east-1"}},
    }
    registered = ecs.register_task_definition(
        family="clients-web", containerDefinitions=[container], cpu="256", memory="512", tags=[{"key": "team", "value": "sea"}])
    assert registered["tags"] == [{"key": "team", "value": "sea"}]
    return registered["taskDefinition"]["taskDefinitionArn"]


def describe(**more):
    return ecs.describe_services(cluster=CLUSTER, services=["web"], **more)["services"][0]


def stable():
    ecs.get_waiter("services_stable").wait(cluster=CLUSTER, services=["web"], WaiterConfig=QUICK)


def deployment(arn):
    return ecs.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]


def ended(arn):
    """Returns a service deployment once it has ended."""
    return until(f"the end of {arn}", 60, lambda: (found := deployment(arn))["status"] in (
        "SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED") and found)


def run():
    cluster = ecs.create_cluster(clusterName=CLUSTER, tags=[{"key": "team", "value": "sea"}])["cluster"]
    assert cluster["status"] == "ACTIVE" and cluster["tags"] == [{"key": "team", "value": "sea"}]
    logs.create_log_group(logGroupName=GROUP)
    network = build_network()
    created(network)
    updated()
    rolled_back()
    stopped_midway()
    scaled_to_zero_and_deleted(network)


def build_network():
    balancer = elbv2.create_load_balancer(Name="clients", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]["LoadBalancerArn"]
    elbv2.get_waiter("load_balancer_available").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
    group = elbv2.create_target_group(
        Name="clients-web", Protocol="HTTP", Port=80, VpcId="vpc-1", TargetType="ip", HealthCheckPath="/health/ready",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    elbv2.modify_target_group_attributes(
        TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "2"}])
    v1, attachment = register(), [{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}]
    message = refused("InvalidParameterException", ecs.create_service, cluster=CLUSTER, serviceName="web",
                      taskDefinition=v1, desiredCount=2, loadBalancers=attachment)
    assert "does not have an associated load balancer" in message, message
    listener = elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=free_port(), DefaultActions=[
        {"Type": "forward", "TargetGroupArn": group}])["Listeners"][0]["ListenerArn"]
    return balancer, group, listener, attachment


def created(network):
    _, group, _, attachment = network
    before = datetime.datetime.now(datetime.timezone.utc)
    order = dict(
        cluster=CLUSTER, serviceName="web", taskDefinition="clients-web:1", desiredCount=2, loadBalancers=attachment,
        deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 200,
                                 "deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        clientToken="once", tags=[{"key": "team", "value": "sea"}])
    service = ecs.create_service(**order)["service"]
    assert service["deployments"][0]["status"] == "PRIMARY" and service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert abs(service["createdAt"] - before) < datetime.timedelta(seconds=10), service["createdAt"]
    again = ecs.create_service(**order)["service"]
    assert again["deployments"][0]["id"] == service["deployments"][0]["id"]
    for other in ({"desiredCount": 3}, {"clientToken": "twice"}):
        assert refused("InvalidParameterException", ecs.create_service, **order | other) == (
            "Creation of service was not idempotent."), other
    stable()
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, WaiterConfig=QUICK)

    tasks = ecs.list_tasks(cluster=CLUSTER, serviceName="web")["taskArns"]
    assert len(tasks) == 2, tasks
    ecs.get_waiter("tasks_running").wait(cluster=CLUSTER, tasks=tasks, WaiterConfig=QUICK)
    missing = tasks[0][:-32] + "0" * 32
    described = ecs.describe_tasks(cluster=CLUSTER, tasks=[*tasks, missing], include=["TAGS"])
    assert described["failures"] == [{"arn": missing, "reason": "MISSING"}], described["failures"]
    assert [task["group"] for task in described["tasks"]] == ["service:web"] * 2
    assert sorted(pages(ecs, "list_tasks", "taskArns", 1, cluster=CLUSTER)) == sorted(tasks)
    assert pages(ecs, "list_services", "serviceArns", 1, cluster=CLUSTER) == [service["serviceArn"]]


def updated():
    """A good update replaces every task; one that changes nothing but a number starts no deployment."""
    v2 = register("--version", "v2")
    primary = ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=v2)["service"]["deployments"][0]["id"]
    stable()
    settled = describe(include=["TAGS"])
    assert [d["id"] for d in settled["deployments"]] == [primary] and settled["deployments"][0]["rolloutState"] == "COMPLETED"
    assert settled["tags"] == [{"key": "team", "value": "sea"}]
    assert any("has reached a steady state" in event["message"] for event in settled["events"])
    done = ecs.list_service_deployments(cluster=CLUSTER, service="web", status=["SUCCESSFUL"])["serviceDeployments"]
    assert len(done) == 2, done
    newest, oldest = done[0]["createdAt"], done[1]["createdAt"]
    only = ecs.list_service_deployments(cluster=CLUSTER, service="web", createdAt={"after": oldest})["serviceDeployments"]
    assert newest > oldest and [d["serviceDeploymentArn"] for d in only] == [done[0]["serviceDeploymentArn"]], only
    revisions = ecs.describe_service_revisions(serviceRevisionArns=[d["targetServiceRevisionArn"] for d in done])
    assert revisions["serviceRevisions"][0]["taskDefinition"] == v2
    scaled = ecs.update_service(cluster=CLUSTER, service="web", desiredCount=1, healthCheckGracePeriodSeconds=5)["service"]
    assert [d["id"] for d in scaled["deployments"]] == [primary] and scaled["desiredCount"] == 1
    stable()


def rolled_back():
    v3 = register("--exit-at-start", "3")
    failing = ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=v3)["service"]["currentServiceDeployment"]
    failed = ended(failing)
    assert failed["status"] == "ROLLBACK_SUCCESSFUL", failed
    assert failed["statusReason"] == "Service deployment rolled back because the circuit breaker threshold was exceeded."
    assert failed["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    stable()
    stopped = pages(ecs, "list_tasks", "taskArns", 2, cluster=CLUSTER, serviceName="web", desiredStatus="STOPPED")
    tasks = [t for t in ecs.describe_tasks(cluster=CLUSTER, tasks=stopped)["tasks"] if t["taskDefinitionArn"] == v3]
    assert tasks and tasks[0]["stopCode"] == "EssentialContainerExited", tasks
    assert tasks[0]["containers"][0]["exitCode"] == 3, tasks
    refused("ConflictException", ecs.stop_service_deployment, serviceDeploymentArn=failing)


def stopped_midway():
    v4 = register("--health", "unhealthy")
    running = ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=v4)["service"]["currentServiceDeployment"]
    stopping = ecs.stop_service_deployment(serviceDeploymentArn=running, stopType="ROLLBACK")
    assert stopping["serviceDeploymentArn"] == running
    assert ended(running)["status"] == "ROLLBACK_SUCCESSFUL"
    stable()


def scaled_to_zero_and_deleted(network):
    balancer, group, listener, _ = network
    refused("InvalidParameterException", ecs.delete_service, cluster=CLUSTER, service="web")
    refused("ClusterContainsServicesException", ecs.delete_cluster, cluster=CLUSTER)
    ecs.update_service(cluster=CLUSTER, service="web", desiredCount=0)
    until("no task", 60, lambda: describe()["runningCount"] == 0)
    ecs.delete_service(cluster=CLUSTER, service="web")
    ecs.get_waiter("services_inactive").wait(cluster=CLUSTER, services=["web"], WaiterConfig=QUICK)
    refused("ServiceNotActiveException", ecs.update_service, cluster=CLUSTER, service="web", desiredCount=1)
    assert ecs.list_services(cluster=CLUSTER)["serviceArns"] == []
    refused("ResourceInUse", elbv2.delete_target_group, TargetGroupArn=group)
    elbv2.delete_listener(ListenerArn=listener)
    elbv2.delete_target_group(TargetGroupArn=group)
    elbv2.delete_load_balancer(LoadBalancerArn=balancer)
    elbv2.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[balancer], WaiterConfig=QUICK)
    logs.delete_log_group(logGroupName=GROUP)
    ecs.delete_cluster(cluster=CLUSTER)
    assert ecs.describe_clusters(clusters=[CLUSTER])["clusters"][0]["status"] == "INACTIVE"
