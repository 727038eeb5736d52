"""The AWS CLI deploys a service, waits, reads its log, is refused and cleans up.

Its waiters look again only every 6 or 15 seconds: boto3 waits first, so that they find what they wait for.
"""
import contextlib
import io
import json

import awscli.clidriver

from context import QUICK, ecs, elbv2, free_port, until


def aws(*arguments, code=0):
    """Runs the AWS CLI in this process, which spares it its start, and returns what it printed, as JSON where it is JSON."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        ended = awscli.clidriver.create_clidriver().main(list(arguments))
    assert ended == code, (arguments, ended, out.getvalue(), err.getvalue())
    if code:
        return err.getvalue()
    try:
        return json.loads(out.getvalue() or "null")
    except ValueError:
        return out.getvalue().strip()


def run():
    assert aws("sts", "get-caller-identity")["Arn"].startswith("arn:aws:iam::")
    aws("ecs", "create-cluster", "--cluster-name", "terminal")
    balancer = aws("elbv2", "create-load-balancer", "--name", "terminal", "--subnets", "subnet-a", "subnet-b",
                   "--query", "LoadBalancers[0].LoadBalancerArn", "--output", "text")
    aws("elbv2", "wait", "load-balancer-available", "--load-balancer-arns", balancer)
    group = aws("elbv2", "create-target-group", "--name", "terminal", "--protocol", "HTTP", "--port", "80", "--target-type", "ip",
                "--vpc-id", "vpc-1", "--health-check-path", "/health/ready", "--health-check-interval-seconds", "5",
                "--health-check-timeout-seconds", "2", "--query", "TargetGroups[0].TargetGroupArn", "--output", "text")
    aws("elbv2", "modify-target-group-attributes", "--target-group-arn", group,
        "--attributes", "Key=deregistration_delay.timeout_seconds,Value=1")
    aws("elbv2", "create-listener", "--load-balancer-arn", balancer, "--protocol", "HTTP", "--port", str(free_port()),
        "--default-actions", f"Type=forward,TargetGroupArn={group}")
    container = {
        "name": "app", "image": "process", "command": ["seatrial", "demo-app"], "portMappings": [{"containerPort": 8080}],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": "/terminal", "awslogs-create-group": "true", "awslogs-stream-prefix": "ecs",
            "awslogs-region": "us-east-1"}}}
    aws("ecs", "register-task-definition", "--family", "terminal", "--memory", "512", "--container-definitions", json.dumps([container]))
    created = aws("ecs", "create-service", "--cluster", "terminal", "--service-name", "web", "--task-definition", "terminal",
                  "--desired-count", "1", "--load-balancers", f"targetGroupArn={group},containerName=app,containerPort=8080")
    assert created["service"]["status"] == "ACTIVE"
    rolled_out()
    elbv2.get_waiter("target_in_service").wait(TargetGroupArn=group, WaiterConfig=QUICK)
    aws("elbv2", "wait", "target-in-service", "--target-group-arn", group)

    aws("ecs", "update-service", "--cluster", "terminal", "--service", "web", "--force-new-deployment")
    rolled_out()
    tasks = aws("ecs", "list-tasks", "--cluster", "terminal", "--service-name", "web")["taskArns"]
    aws("ecs", "wait", "tasks-running", "--cluster", "terminal", "--tasks", *tasks)
    found = aws("logs", "filter-log-events", "--log-group-name", "/terminal", "--filter-pattern", "ready")["events"]
    stream = found[0]["logStreamName"]
    assert aws("logs", "get-log-events", "--log-group-name", "/terminal", "--log-stream-name", stream)["events"]

    shown = aws("ecs", "describe-services", "--cluster", "terminal", "--services", "web", "--query", "services[0].status")
    assert shown == "ACTIVE", shown
    assert "ClusterNotFoundException" in aws("ecs", "describe-services", "--cluster", "none", "--services", "web", code=255)
    assert "ServiceNotFoundException" in aws("ecs", "update-service", "--cluster", "terminal", "--service", "none", code=255)
    assert "TargetGroupNotFound" in aws("elbv2", "describe-target-groups", "--names", "none", code=255)
    refused = aws("ecs", "create-express-gateway-service", "--execution-role-arn", "arn:aws:iam::123456789012:role/x",
                  "--infrastructure-role-arn", "arn:aws:iam::123456789012:role/x", "--primary-container", "image=x", code=255)
    assert "CreateExpressGatewayService of ECS is not implemented by this engine" in refused, refused

    aws("ecs", "update-service", "--cluster", "terminal", "--service", "web", "--desired-count", "0")
    aws("ecs", "delete-service", "--cluster", "terminal", "--service", "web")
    until("the service to be inactive", 30, lambda: described()["status"] == "INACTIVE")
    aws("ecs", "wait", "services-inactive", "--cluster", "terminal", "--services", "web")
    ecs.get_waiter("tasks_stopped").wait(cluster="terminal", tasks=tasks, WaiterConfig=QUICK)
    aws("ecs", "wait", "tasks-stopped", "--cluster", "terminal", "--tasks", *tasks)
    aws("elbv2", "delete-load-balancer", "--load-balancer-arn", balancer)
    aws("elbv2", "wait", "load-balancers-deleted", "--load-balancer-arns", balancer)
    aws("elbv2", "delete-target-group", "--target-group-arn", group)
    aws("logs", "delete-log-group", "--log-group-name", "/terminal")
    aws("ecs", "delete-cluster", "--cluster", "terminal")


def described():
    return ecs.describe_services(cluster="terminal", services=["web"])["services"][0]


def rolled_out():
    """Waits for the end of a deployment."""
    until("the rollout", 60, lambda: [d["rolloutState"] for d in described()["deployments"]] == ["COMPLETED"])
    aws("ecs", "wait", "services-stable", "--cluster", "terminal", "--services", "web")
