"""Task definitions, one-off tasks and what they log, tags, account settings."""
from context import QUICK, ecs, logs, pages, refused, sts, until

GROUP = "/clients/job"
COUNTING = "for i in 1 2 3 4 5 6; do echo line $i; done; exit 7"


def register(family, script):
    container = {
        "name": "app", "image": "process", "command": ["/bin/sh", "-c", script],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": GROUP, "awslogs-create-group": "true", "awslogs-stream-prefix": "job", "awslogs-region": "us-east-1"}},
    }
    return ecs.register_task_definition(family=family, memory="512", containerDefinitions=[container])["taskDefinition"]["taskDefinitionArn"]


def run():
    assert sts.get_caller_identity()["Account"].isdigit()
    cluster = ecs.create_cluster()["cluster"]
    assert cluster["clusterName"] == "default"
    cluster_settings()
    definitions()
    task = one_off_tasks()
    log_of(task)
    tags(cluster["clusterArn"], task)
    account_settings()
    ecs.delete_cluster(cluster="default")


def cluster_settings():
    ecs.put_cluster_capacity_providers(cluster="default", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[
        {"capacityProvider": "FARGATE", "weight": 1}])
    ecs.update_cluster_settings(cluster="default", settings=[{"name": "containerInsights", "value": "enabled"}])
    ecs.update_cluster(cluster="default", serviceConnectDefaults={"namespace": "sea"})
    shown = ecs.describe_clusters(include=["SETTINGS", "TAGS"])["clusters"][0]
    assert shown["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert shown["defaultCapacityProviderStrategy"][0]["capacityProvider"] == "FARGATE"
    for name in ("other", "other-2"):
        ecs.create_cluster(clusterName=name)
    assert len(pages(ecs, "list_clusters", "clusterArns", 2)) == 3
    for name in ("other", "other-2"):
        ecs.delete_cluster(cluster=name)


def definitions():
    arns = [register(family, COUNTING) for family in ("job", "job-2", "job")]
    assert pages(ecs, "list_task_definition_families", "families", 1, familyPrefix="job", status="ACTIVE") == ["job", "job-2"]
    assert pages(ecs, "list_task_definitions", "taskDefinitionArns", 1, familyPrefix="job", sort="DESC") == [arns[2], arns[0]]
    assert len(pages(ecs, "list_task_definitions", "taskDefinitionArns", 2)) >= 3
    newest = ecs.describe_task_definition(taskDefinition="job", include=["TAGS"])["taskDefinition"]
    assert newest["revision"] == 2 and newest["registeredAt"].tzinfo
    refused("ClientException", ecs.deregister_task_definition, taskDefinition="job")
    assert ecs.deregister_task_definition(taskDefinition="job-2:1")["taskDefinition"]["status"] == "INACTIVE"
    refused("ClientException", ecs.run_task, taskDefinition="job-2:1")
    gone = ecs.delete_task_definitions(taskDefinitions=["job-2:1", "job:1", "none:1"])
    assert [d["status"] for d in gone["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert [failure["arn"] for failure in gone["failures"]] == ["job:1", "none:1"]


def one_off_tasks():
    order = {"taskDefinition": "job", "count": 2, "clientToken": "once", "startedBy": "clients"}
    tasks = sorted(task["taskArn"] for task in ecs.run_task(**order)["tasks"])
    assert sorted(task["taskArn"] for task in ecs.run_task(**order)["tasks"]) == tasks
    refused("ConflictException", ecs.run_task, **order | {"count": 1})
    ecs.get_waiter("tasks_stopped").wait(tasks=tasks, WaiterConfig=QUICK)
    assert {t["containers"][0]["exitCode"] for t in ecs.describe_tasks(tasks=tasks)["tasks"]} == {7}
    assert len(pages(ecs, "list_tasks", "taskArns", 1, startedBy="clients", desiredStatus="STOPPED")) == 2

    overridden = ecs.run_task(taskDefinition="job", overrides={"containerOverrides": [
        {"name": "app", "command": ["/bin/sh", "-c", "echo $GREETING; sleep 60"], "environment": [
            {"name": "GREETING", "value": "ahoy"}]}]}, tags=[{"key": "team", "value": "sea"}])["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(tasks=[overridden], WaiterConfig=QUICK)
    assert ecs.stop_task(task=overridden, reason="seen enough")["task"]["desiredStatus"] == "STOPPED"
    ecs.get_waiter("tasks_stopped").wait(tasks=[overridden], WaiterConfig=QUICK)
    stopped = ecs.describe_tasks(tasks=[overridden], include=["TAGS"])["tasks"][0]
    assert stopped["stopCode"] == "UserInitiated" and stopped["stoppedReason"] == "seen enough", stopped
    assert stopped["createdAt"] <= stopped["startedAt"] <= stopped["stoppingAt"] <= stopped["stoppedAt"]
    assert stopped["tags"] == [{"key": "team", "value": "sea"}]
    return tasks[0]


def log_of(task):
    identifier = task.rsplit("/", 1)[1]
    assert len(pages(logs, "describe_log_streams", "logStreams", 1, logGroupName=GROUP)) == 3
    newest = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True)["logStreams"]
    stream = next(s["logStreamName"] for s in newest if identifier in s["logStreamName"])
    assert stream == f"job/app/{identifier}"
    first = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, limit=4)
    rest = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, startFromHead=True, nextToken=first["nextForwardToken"])
    lines = [event["message"] for event in first["events"] + rest["events"]]
    assert lines == [f"line {number}" for number in range(1, 7)], lines
    end = logs.get_log_events(logGroupName=GROUP, logStreamName=stream, nextToken=rest["nextForwardToken"])
    assert end["events"] == [] and end["nextForwardToken"] == rest["nextForwardToken"], "the end gives the token that asked"
    found = pages(logs, "filter_log_events", "events", 1, logGroupName=GROUP, filterPattern='"line 6"')
    assert [event["message"] for event in found] == ["line 6"] * 2, found
    until("the greeting", 5, lambda: logs.filter_log_events(logGroupName=GROUP, filterPattern="ahoy")["events"])

    refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName=GROUP)
    refused("ResourceNotFoundException", logs.filter_log_events, logGroupName="/nowhere")
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    logs.create_log_group(logGroupName="/clients/other", tags={"team": "sea"})
    groups = {group["logGroupName"]: group for group in pages(logs, "describe_log_groups", "logGroups", 1)}
    assert groups[GROUP]["retentionInDays"] == 7 and "/clients/other" in groups
    logs.delete_retention_policy(logGroupName=GROUP)
    arn = groups["/clients/other"]["logGroupArn"]
    logs.tag_resource(resourceArn=arn, tags={"stage": "dev"})
    logs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "dev"}
    for name in (GROUP, "/clients/other"):
        logs.delete_log_group(logGroupName=name)


def tags(cluster, task):
    for arn in (cluster, task):
        ecs.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
        ecs.untag_resource(resourceArn=arn, tagKeys=["a"])
        assert ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    refused("ResourceNotFoundException", ecs.tag_resource, resourceArn=cluster + "-2", tags=[{"key": "a"}])


def account_settings():
    ecs.put_account_setting(name="containerInsights", value="enabled")
    ecs.put_account_setting_default(name="guardDutyActivate", value="on")
    assert [s["name"] for s in pages(ecs, "list_account_settings", "settings", 1)] == ["containerInsights", "guardDutyActivate"]
    assert len(ecs.list_account_settings(effectiveSettings=True)["settings"]) > 2
    for name in ("containerInsights", "guardDutyActivate"):
        ecs.delete_account_setting(name=name)
    assert ecs.list_account_settings()["settings"] == []
