"""What is sent is shown: every member that the models know, of task definitions, services and clusters, comes back as it was."""
from context import ecs


def run():
    ecs.create_cluster(clusterName="echo")
    cluster = sample("UpdateCluster", cluster="echo", settings=[{"name": "containerInsights", "value": "enhanced"}])
    shown(cluster, ecs.update_cluster(**cluster)["cluster"], without={"cluster"})

    container = {
        "name": "app", "image": "process", "command": ["true"], "essential": True, "dependsOn": [], "startTimeout": 120,
        "volumesFrom": [], "links": [], "environmentFiles": [{"value": "arn:aws:s3:::bucket/app.env", "type": "s3"}],
        "secrets": [{"name": "SECRET", "valueFrom": "text"}],
        "restartPolicy": {"enabled": True, "ignoredExitCodes": [10], "restartAttemptPeriod": 60},
        "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 10, "timeout": 5, "retries": 3, "startPeriod": 0},
        "portMappings": [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp", "name": "web", "appProtocol": "http"}],
    }
    definition = sample("RegisterTaskDefinition", family="echo", cpu="256", memory="512", networkMode="awsvpc")
    definition["containerDefinitions"][0].update(container)
    registered = ecs.register_task_definition(**definition)
    shown(definition, registered["taskDefinition"], without={"tags"})
    assert registered["tags"] == definition["tags"]

    service = sample(
        "CreateService", cluster="echo", serviceName="web", taskDefinition="echo", desiredCount=0, clientToken="echo",
        schedulingStrategy="REPLICA", deploymentController={"type": "ECS"})
    del service["loadBalancers"], service["launchType"]
    service["deploymentConfiguration"].update(
        strategy="BLUE_GREEN", maximumPercent=200, minimumHealthyPercent=50, earlySuccessCriteria={
            "enable": False, "healthyPercent": 80, "sourceServiceRevisionCleanup": "DEFERRED"})
    created = ecs.create_service(**service)["service"]
    of_deployments = {"serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"}
    of_revisions = of_deployments | {"gatewayConnectors", "monitoring"}
    elsewhere = {"cluster", "clientToken", "role", "taskDefinition"}
    shown(service, created, without=elsewhere | of_revisions)
    assert created["roleArn"] == service["role"]
    shown({name: service[name] for name in of_deployments}, created["deployments"][0])
    revision = ecs.describe_service_revisions(
        serviceRevisionArns=[created["currentServiceRevisions"][0]["arn"]])["serviceRevisions"][0]
    shown({name: service[name] for name in of_revisions}, revision)

    ecs.delete_service(cluster="echo", service="web")
    ecs.delete_cluster(cluster="echo")


def sample(operation, **given):
    """Returns an input of an operation that has every member its model has."""
    shape = ecs.meta.service_model.operation_model(operation).input_shape
    return {name: given[name] if name in given else value_of(member) for name, member in shape.members.items()}


def value_of(shape):
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return {"anything": [1, "two"]}
        return {name: value_of(member) for name, member in shape.members.items()}
    if kind == "list":
        return [value_of(shape.member)]
    if kind == "map":
        return {"name": value_of(shape.value)}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "text"
    number = max(10, shape.metadata.get("min", 0))
    return {"boolean": True, "integer": number, "long": number, "double": float(number), "float": float(number)}[kind]


def shown(sent, answer, without=()):
    wrong = {name: (value, answer.get(name)) for name, value in sent.items() if name not in without and answer.get(name) != value}
    assert not wrong, wrong
