"""Bad input of many kinds, each answered with the exception a client of AWS expects; and who is not let in at all."""
import contextlib
import datetime
import json
import os
import urllib.parse
from unittest import mock

import botocore.auth

from context import client, ecs, elbv2, logs, pages, refused, unchecked

ARN = "arn:aws:ecs:us-east-1:123456789012:"
ELB_ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:"
TASK = "0123456789abcdef0123456789abcdef"


def run():
    ecs.create_cluster()
    names_that_are_not_there()
    input_of_a_wrong_shape()
    too_much_at_once()
    operations_that_are_not_there()
    strangers()
    ecs.delete_cluster(cluster="default")


def names_that_are_not_there():
    assert refused("ClusterNotFoundException", ecs.describe_services, cluster="nowhere", services=["web"]) == "Cluster not found."
    refused("ClusterNotFoundException", ecs.run_task, cluster="nowhere", taskDefinition="web")
    refused("ClusterNotFoundException", ecs.delete_cluster, cluster="nowhere")
    refused("ServiceNotFoundException", ecs.update_service, service="web")
    refused("ServiceNotFoundException", ecs.list_service_deployments, service="web")
    refused("ServiceDeploymentNotFoundException", ecs.stop_service_deployment, serviceDeploymentArn=ARN + "service-deployment/a/b/c")
    refused("ClientException", ecs.describe_task_definition, taskDefinition="web")
    refused("ClientException", ecs.create_service, serviceName="web", taskDefinition="web")
    refused("InvalidParameterException", ecs.stop_task, task=TASK)
    for call, member, missing in [
        (ecs.describe_clusters, "clusters", ARN + "cluster/nowhere"),
        (ecs.describe_services, "services", ARN + "service/default/web"),
        (ecs.describe_tasks, "tasks", f"{ARN}task/default/{TASK}"),
        (ecs.describe_service_deployments, "serviceDeploymentArns", ARN + "service-deployment/default/web/x"),
        (ecs.describe_service_revisions, "serviceRevisionArns", ARN + "service-revision/default/web/1"),
    ]:
        assert call(**{member: [missing]})["failures"] == [{"arn": missing, "reason": "MISSING"}], call

    nowhere = ELB_ARN + "targetgroup/none/0123456789abcdef"
    refused("TargetGroupNotFound", elbv2.describe_target_groups, TargetGroupArns=[nowhere])
    refused("TargetGroupNotFound", elbv2.register_targets, TargetGroupArn=nowhere, Targets=[{"Id": "127.0.0.1", "Port": 80}])
    refused("LoadBalancerNotFound", elbv2.describe_load_balancers, Names=["none"])
    refused("LoadBalancerNotFound", elbv2.create_listener, Protocol="HTTP", Port=80, DefaultActions=[
        {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
            LoadBalancerArn=ELB_ARN + "loadbalancer/app/none/0123456789abcdef")
    refused("ListenerNotFound", elbv2.describe_rules, ListenerArn=ELB_ARN + "listener/app/none/0123456789abcdef/0123456789abcdef")
    refused("ResourceNotFoundException", logs.describe_log_streams, logGroupName="/nowhere")
    refused("ResourceNotFoundException", logs.get_log_events, logGroupName="/nowhere", logStreamName="a")


def input_of_a_wrong_shape():
    loose, loose_elb, loose_logs = unchecked["ecs"], unchecked["elbv2"], unchecked["logs"]
    container = {"name": "app", "image": "process", "portMappings": [{"containerPort": "http"}]}
    message = refused("SerializationException", loose.register_task_definition, family="web", containerDefinitions=[container])
    assert "containerDefinitions[0].portMappings[0].containerPort" in message, message
    assert "cpu" in refused("SerializationException", loose.register_task_definition, family="web", cpu=256)
    assert "cluster" in refused("SerializationException", loose.describe_services, cluster=5, services=["web"])
    refused("ClientException", loose.register_task_definition, family="web")
    refused("ClientException", ecs.register_task_definition, family="a b", containerDefinitions=[
        {"name": "app", "image": "process"}])
    refused("InvalidParameterException", loose.update_service, desiredCount=1)
    refused("InvalidParameterException", ecs.create_service, serviceName="web")
    refused("InvalidParameterException", ecs.create_cluster, clusterName="a b")
    refused("InvalidParameterException", ecs.list_tasks, desiredStatus="DONE")
    refused("InvalidParameterException", ecs.list_clusters, nextToken="of another listing")
    refused("InvalidParameterException", ecs.put_account_setting, name="colour", value="red")
    refused("InvalidParameterException", ecs.put_account_setting, name="taskLongArnFormat", value="ENABLED")
    refused("InvalidParameterException", ecs.put_cluster_capacity_providers, cluster="default", capacityProviders=["asg"],
            defaultCapacityProviderStrategy=[])
    newer = client("ecs")
    newer.meta.events.register("before-call.ecs.CreateCluster", _with_a_new_member)
    assert newer.create_cluster(clusterName="default")["cluster"]["status"] == "ACTIVE", "unknown members are accepted"

    refused("ValidationError", loose_elb.create_load_balancer)
    refused("ValidationError", loose_elb.describe_load_balancers, PageSize="many")
    refused("ValidationError", elbv2.describe_load_balancers, Marker="of another listing")
    refused("ValidationError", elbv2.create_load_balancer, Name="no_underscores", Subnets=["subnet-a"])
    refused("InvalidParameterException", loose_logs.create_log_group)
    refused("InvalidParameterException", logs.create_log_group, logGroupName="no spaces")
    refused("InvalidParameterException", logs.put_retention_policy, logGroupName="/a", retentionInDays=2)
    refused("SerializationException", loose_logs.describe_log_groups, limit="many")


def too_much_at_once():
    for call, member, highest in [
        (ecs.describe_services, "services", 10),
        (ecs.describe_tasks, "tasks", 100),
        (ecs.describe_clusters, "clusters", 100),
        (ecs.describe_service_deployments, "serviceDeploymentArns", 20),
        (ecs.describe_service_revisions, "serviceRevisionArns", 20),
        (ecs.delete_task_definitions, "taskDefinitions", 10),
    ]:
        message = refused("InvalidParameterException", call, **{member: [f"web:{n:028}" for n in range(highest + 1)]})
        assert str(highest) in message, message
    refused("InvalidParameterException", ecs.run_task, taskDefinition="web", count=11)
    refused("InvalidParameterException", ecs.list_clusters, maxResults=101)
    refused("ValidationError", elbv2.describe_target_groups, PageSize=401)
    refused("InvalidParameterException", logs.describe_log_groups, limit=51)
    assert pages(ecs, "list_services", "serviceArns", 100) == []


def operations_that_are_not_there():
    """Whatever protocol a service speaks, the operation is named."""
    def says(operation, code, call, **arguments):
        message = refused(code, call, **arguments)
        assert operation in message and "not implemented by this engine" in message, message

    says("ExecuteCommand", "UnknownOperationException", ecs.execute_command, task=TASK, interactive=True, command="sh")
    says("CreateExpressGatewayService", "UnknownOperationException", ecs.create_express_gateway_service,
         infrastructureRoleArn="arn:aws:iam::123456789012:role/x")
    says("CreateTaskSet", "UnknownOperationException", ecs.create_task_set, service="a", cluster="b", taskDefinition="c")
    says("StartQuery", "UnknownOperationException", logs.start_query, startTime=0, endTime=1, queryString="fields")
    says("CreateTrustStore", "InvalidAction", elbv2.create_trust_store, Name="a", CaCertificatesBundleS3Bucket="b",
         CaCertificatesBundleS3Key="c")
    says("GetSessionToken", "InvalidAction", client("sts").get_session_token)
    says("DescribeVpcs", "InvalidAction", client("ec2").describe_vpcs)
    says("DescribeScheduledActions", "UnknownOperationException", client("application-autoscaling").describe_scheduled_actions,
         ServiceNamespace="ecs")
    says("/applications", "UnknownOperationException", client("appconfig").list_applications)
    says("/2013-04-01/hostedzone", "InvalidAction", client("route53").list_hosted_zones)


def strangers():
    known = os.environ["AWS_ACCESS_KEY_ID"]
    for service, list_all, unknown, wrong in [
        ("ecs", "list_clusters", "UnrecognizedClientException", "InvalidSignatureException"),
        ("elbv2", "describe_load_balancers", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ]:
        stranger = client(service, aws_access_key_id="AKIAAAAAAAAAAAAAAAAA", aws_secret_access_key="guessed")
        assert "seatrial engine env" in refused(unknown, getattr(stranger, list_all))
        liar = client(service, aws_access_key_id=known, aws_secret_access_key="guessed")
        refused(wrong, getattr(liar, list_all))
        abroad = client(service, region_name="eu-west-1")
        refused(wrong, getattr(abroad, list_all))
        for minutes in (-10, 10):
            with clock_shifted_by(minutes):
                message = refused(wrong, getattr(client(service), list_all))
            assert "expired" in message or "not yet current" in message, message

    rebound = client("ecs")
    rebound.meta.events.register("before-sign.*.*", _under_another_name)
    assert "host name" in refused("AccessDeniedException", rebound.list_clusters)
    by_name = os.environ["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost")
    assert client("ecs", endpoint=by_name).list_clusters()["clusterArns"]


@contextlib.contextmanager
def clock_shifted_by(minutes):
    """Signs as a machine with a wrong clock would."""
    real = botocore.auth.get_current_datetime
    with mock.patch.object(botocore.auth, "get_current_datetime",
                           lambda *a, **k: real(*a, **k) + datetime.timedelta(minutes=minutes)):
        yield


def _with_a_new_member(params, **_):
    params["body"] = json.dumps(json.loads(params["body"]) | {"brandNew": {"member": True}}).encode()


def _under_another_name(request, **_):
    port = urllib.parse.urlsplit(request.url).port
    request.headers["Host"] = f"rebound.example:{port}"
