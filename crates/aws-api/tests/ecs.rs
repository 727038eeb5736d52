//! ECS over the wire, in plain JSON: what no SDK would send, what is left out, what is too much, page by page.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
mod support;

use std::sync::Arc;

use common::World;
use seatrial_aws_api::Limits;
use seatrial_aws_api::ecs::Ecs;
use seatrial_aws_wire::Service;
use serde_json::{Value, json};
use support::{Endpoint, Request};

struct Cluster {
    world: World,
    front: Endpoint,
}

async fn start() -> Cluster {
    let world = World::new();
    let operations = Arc::new(Ecs::new(world.engine.clone()));
    let front = support::start(Limits::default(), vec![(Service::Ecs, operations)]).await;
    let it = Cluster { world, front };
    it.ok("CreateCluster", json!({})).await;
    it
}

impl Cluster {
    async fn call(&self, operation: &str, body: &Value) -> (u16, Value) {
        let answer = self.front.send(&Request::json(operation, &body.to_string())).await;
        (answer.status, answer.json())
    }

    async fn ok(&self, operation: &str, body: Value) -> Value {
        let (status, answer) = self.call(operation, &body).await;
        assert_eq!(status, 200, "{operation} {body}: {answer}");
        answer
    }

    /// Returns the code and message of the refusal.
    async fn refusal(&self, operation: &str, body: Value) -> (String, String) {
        let (status, answer) = self.call(operation, &body).await;
        assert_eq!(status, 400, "{operation} {body}: {answer}");
        let text = |member: &str| answer[member].as_str().expect("a text").to_owned();
        (text("__type"), text("message"))
    }

    async fn register(&self, family: &str) -> String {
        let container = json!({"name": "app", "image": "process", "command": ["true"]});
        let answer = self
            .ok(
                "RegisterTaskDefinition",
                json!({"family": family, "memory": "512", "containerDefinitions": [container]}),
            )
            .await;
        answer["taskDefinition"]["taskDefinitionArn"].as_str().expect("an ARN").to_owned()
    }

    /// Walks through a listing, two items a page.
    async fn walk(&self, operation: &str, member: &str, filters: Value) -> Vec<Value> {
        let (mut items, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut body = filters.clone();
            body["maxResults"] = json!(2);
            body["nextToken"] = token;
            let answer = self.ok(operation, body).await;
            let page = answer[member].as_array().expect("a page").clone();
            assert!(page.len() <= 2, "{operation}: {answer}");
            items.extend(page);
            match answer.get("nextToken") {
                Some(next) => token = next.clone(),
                None => return items,
            }
        }
    }
}

fn texts(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value.as_str().expect("a text")).collect()
}

#[tokio::test]
async fn a_member_of_a_wrong_type_is_named() {
    let it = start().await;
    for (operation, body, path) in [
        ("CreateService", json!({"serviceName": 5}), "serviceName"),
        ("CreateService", json!({"desiredCount": "two"}), "desiredCount"),
        ("CreateService", json!({"loadBalancers": [{"containerPort": "http"}]}), "loadBalancers[0].containerPort"),
        (
            "UpdateService",
            json!({"deploymentConfiguration": {"deploymentCircuitBreaker": {"enable": "true"}}}),
            "deploymentConfiguration.deploymentCircuitBreaker.enable",
        ),
        ("CreateService", json!({"networkConfiguration": {"awsvpcConfiguration": []}}), "networkConfiguration"),
        (
            "RegisterTaskDefinition",
            json!({"containerDefinitions": [{"portMappings": [{"containerPort": "80"}]}]}),
            "containerDefinitions[0].portMappings[0].containerPort",
        ),
        ("RegisterTaskDefinition", json!({"cpu": 256}), "cpu"),
        ("RunTask", json!({"overrides": {"containerOverrides": [{"command": "sh"}]}}), "containerOverrides[0].command"),
        ("DescribeTasks", json!({"tasks": "all"}), "tasks"),
        ("ListTasks", json!({"maxResults": "10"}), "maxResults"),
        ("TagResource", json!({"tags": {"team": "sea"}}), "tags"),
        ("CreateCluster", json!({"settings": [{"name": 1}]}), "settings[0].name"),
        ("ListServiceDeployments", json!({"service": "web", "createdAt": {"after": "today"}}), "createdAt.after"),
    ] {
        let (code, message) = it.refusal(operation, body.clone()).await;
        assert_eq!(code, "SerializationException", "{operation} {body}");
        assert!(message.starts_with("Invalid value at '") && message.contains(path), "{operation} {body}: {message}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn what_must_be_there_and_is_not_is_refused_in_the_words_of_ecs() {
    let it = start().await;
    let container = json!({"name": "app", "image": "process"});
    for (operation, body, expected) in [
        ("CreateService", json!({"taskDefinition": "web"}), "Service name can not be blank."),
        ("CreateService", json!({"serviceName": "web"}), "TaskDefinition can not be blank."),
        ("UpdateService", json!({"desiredCount": 1}), "Service can not be blank."),
        ("DeleteService", json!({"service": ""}), "Service can not be blank."),
        ("ListServiceDeployments", json!({}), "Service can not be blank."),
        ("DescribeServices", json!({}), "Services cannot be empty."),
        ("RunTask", json!({}), "TaskDefinition can not be blank."),
        ("StopTask", json!({}), "Task can not be blank."),
        ("DescribeTasks", json!({"tasks": null}), "Tasks cannot be empty."),
        ("DescribeTaskDefinition", json!({}), "Task Definition can not be blank."),
        ("DeleteCluster", json!({}), "Cluster can not be blank."),
        ("UpdateCluster", json!({}), "Cluster can not be blank."),
        ("TagResource", json!({"tags": []}), "Resource ARN can not be blank."),
        ("StopServiceDeployment", json!({}), "Service deployment ARN can not be blank."),
        ("DescribeServiceRevisions", json!({}), "ServiceRevisionArns cannot be empty."),
        ("PutAccountSetting", json!({"value": "on"}), "Setting name can not be blank."),
    ] {
        let (code, message) = it.refusal(operation, body.clone()).await;
        assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterException", expected), "{operation} {body}");
    }
    for (operation, body, expected) in [
        ("RegisterTaskDefinition", json!({"containerDefinitions": [container]}), "Family can not be blank."),
        ("RegisterTaskDefinition", json!({"family": "web"}), "Container list cannot be empty."),
        ("DeregisterTaskDefinition", json!({"taskDefinition": "web"}), "Revision is missing."),
        ("DeleteTaskDefinitions", json!({"taskDefinitions": ["web"]}), "Revision is missing."),
        ("RunTask", json!({"taskDefinition": "web"}), "TaskDefinition not found."),
    ] {
        let (code, message) = it.refusal(operation, body.clone()).await;
        assert_eq!((code.as_str(), message.as_str()), ("ClientException", expected), "{operation} {body}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn values_that_ecs_does_not_know_are_refused_with_those_it_does() {
    let it = start().await;
    it.register("web").await;
    let service = |extra: Value| {
        let mut body = json!({"serviceName": "web", "taskDefinition": "web"});
        body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        body
    };
    for (operation, body, expected) in [
        (
            "CreateService",
            service(json!({"launchType": "MOON"})),
            "launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]",
        ),
        ("CreateService", service(json!({"desiredCount": -1})), "desiredCount must be between 0 and 5000."),
        (
            "CreateService",
            service(json!({"loadBalancers": [{"targetGroupArn": "arn", "containerName": "app", "containerPort": 0}]})),
            "The container port must be between 1 and 65535.",
        ),
        ("RunTask", json!({"taskDefinition": "web", "count": 11}), "count must be between 1 and 10."),
        ("ListTasks", json!({"desiredStatus": "DONE"}), "desired status should be one of [RUNNING,PENDING,STOPPED]"),
        ("ListTasks", json!({"startedBy": "ci", "family": "web"}), "Cannot specify startedBy with any other filter."),
        ("ListTaskDefinitions", json!({"sort": "UP"}), "sort should be one of [ASC,DESC]"),
        ("ListClusters", json!({"maxResults": 101}), "maxResults must be between 1 and 100."),
        ("DescribeTasks", json!({"tasks": ["None"]}), "taskId length should be one of [32,36]"),
    ] {
        let (code, message) = it.refusal(operation, body.clone()).await;
        assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterException", expected), "{operation} {body}");
    }
    for (extra, what) in [
        (json!({"schedulingStrategy": "DAEMON"}), "The scheduling strategy DAEMON"),
        (json!({"deploymentController": {"type": "CODE_DEPLOY"}}), "The deployment controller CODE_DEPLOY"),
        (json!({"loadBalancers": [{"loadBalancerName": "old"}]}), "A Classic Load Balancer (loadBalancerName)"),
    ] {
        let refused = it.refusal("CreateService", service(extra)).await;
        assert_eq!(
            refused,
            ("UnsupportedFeatureException".to_owned(), format!("{what} is not implemented by this engine."))
        );
    }
    it.front.stop().await;
}

#[tokio::test]
async fn members_newer_than_the_engine_are_accepted_and_shown() {
    let it = start().await;
    let container = json!({"name": "app", "image": "process", "brandNew": [1]});
    let definition =
        json!({"family": "web", "memory": "512", "containerDefinitions": [container], "newHere": {"x": true}});
    let shown = it.ok("RegisterTaskDefinition", definition).await["taskDefinition"].clone();
    assert_eq!((&shown["newHere"], &shown["containerDefinitions"][0]["brandNew"]), (&json!({"x": true}), &json!([1])));
    let service = json!({
        "serviceName": "web", "taskDefinition": "web", "desiredCount": 0, "clientToken": "once", "role": "ecs",
        "brandNew": "yes", "deploymentConfiguration": {"newToo": 1},
        "serviceConnectConfiguration": {"enabled": false},
    });
    let shown = it.ok("CreateService", service).await["service"].clone();
    assert_eq!((&shown["brandNew"], &shown["deploymentConfiguration"]["newToo"]), (&json!("yes"), &json!(1)));
    assert_eq!((&shown["roleArn"], &shown["role"], &shown["clientToken"]), (&json!("ecs"), &Value::Null, &Value::Null));
    assert_eq!(shown["deployments"][0]["serviceConnectConfiguration"], json!({"enabled": false}));
    assert_eq!(shown["serviceConnectConfiguration"], Value::Null);
    let cluster = it.ok("UpdateCluster", json!({"cluster": "default", "brandNew": {"a": 1}})).await;
    assert_eq!(cluster["cluster"]["brandNew"], json!({"a": 1}));
    it.front.stop().await;
}

#[tokio::test]
async fn one_call_describes_so_many_and_no_more() {
    let it = start().await;
    for (operation, member, highest) in [
        ("DescribeServices", "services", 10),
        ("DescribeTasks", "tasks", 100),
        ("DescribeClusters", "clusters", 100),
        ("DescribeServiceDeployments", "serviceDeploymentArns", 20),
        ("DescribeServiceRevisions", "serviceRevisionArns", 20),
        ("DeleteTaskDefinitions", "taskDefinitions", 10),
    ] {
        let many = |count: usize| json!({ member: (0..count).map(|n| format!("web:{n:028}")).collect::<Vec<_>>() });
        let (code, message) = it.refusal(operation, many(highest + 1)).await;
        assert_eq!(code, "InvalidParameterException", "{operation}");
        assert!(message.ends_with(&format!("cannot have more than {highest} elements.")), "{operation}: {message}");
        if operation != "DescribeServices" {
            assert_eq!(it.call(operation, &many(highest)).await.0, 200, "{operation}");
        }
    }
    it.front.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_listed_as_missing() {
    let it = start().await;
    let arn = |resource: &str| format!("arn:aws:ecs:us-east-1:123456789012:{resource}");
    let id = "0123456789abcdef0123456789abcdef";
    for (operation, member, asked, missing) in [
        ("DescribeClusters", "clusters", "nowhere".to_owned(), arn("cluster/nowhere")),
        ("DescribeServices", "services", "web".to_owned(), arn("service/default/web")),
        ("DescribeServices", "services", arn("service/default/web"), arn("service/default/web")),
        ("DescribeTasks", "tasks", id.to_owned(), arn(&format!("task/default/{id}"))),
        (
            "DescribeServiceDeployments",
            "serviceDeploymentArns",
            arn("service-deployment/default/web/abc"),
            arn("service-deployment/default/web/abc"),
        ),
        (
            "DescribeServiceRevisions",
            "serviceRevisionArns",
            arn("service-revision/default/web/1"),
            arn("service-revision/default/web/1"),
        ),
    ] {
        let answer = it.ok(operation, json!({ member: [asked] })).await;
        assert_eq!(answer["failures"], json!([{"arn": missing, "reason": "MISSING"}]), "{operation}");
    }
    let unknown = it.ok("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1"]})).await;
    assert_eq!(unknown["failures"][0]["arn"], "web:1");
    for (operation, body, code) in [
        ("DescribeServices", json!({"cluster": "nowhere", "services": ["web"]}), "ClusterNotFoundException"),
        ("UpdateService", json!({"service": "web"}), "ServiceNotFoundException"),
        ("ListTasks", json!({"serviceName": "web"}), "ServiceNotFoundException"),
        ("ListServiceDeployments", json!({"service": "web"}), "ServiceNotFoundException"),
        ("StopTask", json!({"task": id}), "InvalidParameterException"),
        ("StopServiceDeployment", json!({"serviceDeploymentArn": "a/b"}), "ServiceDeploymentNotFoundException"),
        ("TagResource", json!({"resourceArn": arn("cluster/x"), "tags": [{"key": "a"}]}), "ResourceNotFoundException"),
        ("UntagResource", json!({"resourceArn": arn("task/x/y"), "tagKeys": ["a"]}), "ResourceNotFoundException"),
        ("ListTagsForResource", json!({"resourceArn": "web"}), "InvalidParameterException"),
    ] {
        assert_eq!(it.refusal(operation, body).await.0, code, "{operation}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn a_service_of_another_cluster_is_not_taken_for_one_of_this() {
    let it = start().await;
    it.register("web").await;
    it.ok("CreateService", json!({"serviceName": "web", "taskDefinition": "web", "desiredCount": 0})).await;
    let arn = "arn:aws:ecs:us-east-1:123456789012:service/other/web";
    let (code, message) = it.refusal("DescribeServices", json!({"services": [arn]})).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "Identifier is for other. Your cluster is default")
    );
    assert_eq!(it.refusal("DeleteService", json!({"service": arn})).await.0, "InvalidParameterException");
    it.front.stop().await;
}

#[tokio::test]
async fn listings_give_everything_once_in_pages() {
    let it = start().await;
    for cluster in ["a", "a-b", "a_b"] {
        it.ok("CreateCluster", json!({"clusterName": cluster})).await;
    }
    for family in ["web", "web-2", "web", "web_3", "web"] {
        it.register(family).await;
    }
    for service in ["web", "web-2", "web_3"] {
        it.ok("CreateService", json!({"serviceName": service, "taskDefinition": "web", "desiredCount": 0})).await;
    }
    it.ok("RunTask", json!({"taskDefinition": "web", "count": 5, "startedBy": "ci"})).await;

    assert_eq!(it.walk("ListClusters", "clusterArns", json!({})).await.len(), 4);
    assert_eq!(it.walk("ListServices", "serviceArns", json!({})).await.len(), 3);
    assert_eq!(it.walk("ListTasks", "taskArns", json!({"startedBy": "ci"})).await.len(), 5);
    let families = it.walk("ListTaskDefinitionFamilies", "families", json!({})).await;
    assert_eq!(texts(&families), ["web", "web-2", "web_3"]);
    let up = it.walk("ListTaskDefinitions", "taskDefinitionArns", json!({})).await;
    let mut down = it.walk("ListTaskDefinitions", "taskDefinitionArns", json!({"sort": "DESC"})).await;
    down.reverse();
    assert_eq!((up.len(), &up), (5, &down));
    let of_web = it.walk("ListTaskDefinitions", "taskDefinitionArns", json!({"familyPrefix": "web"})).await;
    assert!(of_web.len() == 3 && texts(&of_web)[2].ends_with("task-definition/web:3"), "{of_web:?}");
    let settings = it.walk("ListAccountSettings", "settings", json!({"effectiveSettings": true})).await;
    assert_eq!(settings.len(), 11);

    let token = it.ok("ListClusters", json!({"maxResults": 1})).await["nextToken"].clone();
    for (operation, body) in [
        ("ListServices", json!({"nextToken": token})),
        ("ListClusters", json!({"nextToken": "bm9uc2Vuc2U"})),
        ("ListClusters", json!({"nextToken": "!"})),
    ] {
        assert_eq!(it.refusal(operation, body).await.0, "InvalidParameterException", "{operation}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn a_client_token_runs_tasks_once() {
    let it = start().await;
    it.register("job").await;
    let order = json!({"taskDefinition": "job", "count": 2, "clientToken": "launch-once", "startedBy": "ci"});
    let first = it.ok("RunTask", order.clone()).await;
    let again = it.ok("RunTask", order.clone()).await;
    let arns = |answer: &Value| {
        let tasks = answer["tasks"].as_array().expect("tasks").iter();
        tasks.map(|task| task["taskArn"].to_string()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((arns(&first).len(), arns(&first)), (2, arns(&again)));
    assert!(!first.to_string().contains("launch-once"), "the token is nobody else's business: {first}");

    let mut other = order;
    other["count"] = json!(1);
    let (status, conflict) = it.call("RunTask", &other).await;
    assert_eq!((status, conflict["__type"].as_str()), (400, Some("ConflictException")));
    assert_eq!(conflict["resourceIds"].as_array().map(Vec::len), Some(2));

    other["clientToken"] = json!("x".repeat(65));
    assert_eq!(it.refusal("RunTask", other).await.0, "InvalidParameterException");
    assert_eq!(it.ok("ListTasks", json!({})).await["taskArns"].as_array().map(Vec::len), Some(2));
    it.front.stop().await;
}

#[tokio::test]
async fn overrides_change_the_task_and_are_shown_with_it() {
    let it = start().await;
    it.register("job").await;
    let overrides = json!({
        "cpu": "1 vCPU", "memory": "2 GB", "taskRoleArn": "arn:aws:iam::123456789012:role/task",
        "executionRoleArn": "arn:aws:iam::123456789012:role/start", "ephemeralStorage": {"sizeInGiB": 30},
        "containerOverrides": [{
            "name": "app", "cpu": 512, "memory": 1024, "memoryReservation": 256, "command": ["false"],
            "environmentFiles": [{"value": "arn:aws:s3:::bucket/app.env", "type": "s3"}],
        }],
    });
    let order = |overrides: Value| json!({"taskDefinition": "job", "launchType": "FARGATE", "overrides": overrides});
    let task = it.ok("RunTask", order(overrides.clone())).await["tasks"][0].clone();
    assert_eq!((&task["cpu"], &task["memory"]), (&json!("1024"), &json!("2048")));
    assert_eq!(task["ephemeralStorage"], json!({"sizeInGiB": 30}));
    let container = &task["containers"][0];
    assert_eq!(
        (&container["cpu"], &container["memory"], &container["memoryReservation"]),
        (&json!("512"), &json!("1024"), &json!("256"))
    );
    let mut shown = overrides;
    shown["inferenceAcceleratorOverrides"] = json!([]);
    assert_eq!(task["overrides"], shown);
    let launched = it.world.runtime.launches().remove(0).definition;
    assert_eq!((launched.cpu, launched.memory), (Some(1024), Some(2048)));
    assert_eq!(launched.containers[0].memory, Some(1024));
    assert_eq!(launched.containers[0].environment_files, ["arn:aws:s3:::bucket/app.env"]);

    for (overrides, message) in [
        (json!({"cpu": "much"}), "Invalid 'cpu' setting for task: 'much'."),
        (
            json!({"cpu": "256", "memory": "4096"}),
            "No Fargate configuration exists for given values: 256 CPU, 4096 memory.",
        ),
        (
            json!({"cpu": "256", "memory": "512", "containerOverrides": [{"name": "app", "memory": 1024}]}),
            "The 'memory' of 1024 MiB is greater than the task's 512 MiB.",
        ),
        (
            json!({"containerOverrides": [{"name": "app", "memory": 3}]}),
            "The override of memory must be at least 4, got 3.",
        ),
        (json!({"containerOverrides": [{"name": "db"}]}), "Override for container named db is not a container"),
    ] {
        let (code, said) = it.refusal("RunTask", order(overrides.clone())).await;
        assert_eq!(code, "InvalidParameterException", "{overrides}");
        assert!(said.contains(message), "{overrides}: {said}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn a_client_token_creates_a_service_once() {
    let it = start().await;
    it.register("web").await;
    let order = |token: &str| json!({"serviceName": "web", "taskDefinition": "web", "clientToken": token});
    let first = it.ok("CreateService", order("one")).await;
    let again = it.ok("CreateService", order("one")).await;
    assert_eq!(first["service"]["deployments"][0]["id"], again["service"]["deployments"][0]["id"]);
    let (code, message) = it.refusal("CreateService", order("two")).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterException", "Creation of service was not idempotent.")
    );
    let mut other = order("one");
    other["desiredCount"] = json!(3);
    for other in [other, json!({"serviceName": "web-2", "taskDefinition": "web", "clientToken": "one"})] {
        let refused = it.refusal("CreateService", other).await;
        assert_eq!(refused.1, "Creation of service was not idempotent.");
    }
    assert_eq!(it.refusal("CreateService", order(&"x".repeat(37))).await.0, "InvalidParameterException");
    it.front.stop().await;
}

#[tokio::test]
async fn a_task_shows_the_capacity_provider_that_its_strategy_chooses() {
    let it = start().await;
    it.register("web").await;
    let on =
        |provider: &str, weight: i64, base: i64| json!({"capacityProvider": provider, "weight": weight, "base": base});
    let run = |strategy: Value| json!({"taskDefinition": "web", "capacityProviderStrategy": strategy});
    for (strategy, expected) in [
        (json!([on("FARGATE", 1, 0), on("FARGATE_SPOT", 3, 0)]), "FARGATE_SPOT"),
        (json!([on("FARGATE", 1, 1), on("FARGATE_SPOT", 3, 0)]), "FARGATE"),
        (json!([on("FARGATE_SPOT", 1, 0), on("FARGATE", 1, 0)]), "FARGATE_SPOT"),
    ] {
        let task = it.ok("RunTask", run(strategy)).await["tasks"][0].clone();
        assert_eq!((&task["capacityProviderName"], &task["launchType"]), (&json!(expected), &json!("FARGATE")));
    }
    let mut both = run(json!([on("FARGATE", 1, 0)]));
    both["launchType"] = json!("FARGATE");
    for (order, words) in [
        (run(json!([on("asg", 1, 0)])), "'asg' was not found"),
        (run(json!([on("FARGATE", 1, 0), on("FARGATE", 1, 0)])), "appears twice"),
        (run(json!([on("FARGATE", 1001, 0)])), "between 0 and 1000"),
        (both, "exclude each other"),
    ] {
        let (code, message) = it.refusal("RunTask", order).await;
        assert!(code == "InvalidParameterException" && message.contains(words), "{code}: {message}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn a_task_is_given_the_tags_that_are_to_be_propagated() {
    let it = start().await;
    let definition = it.register("web").await;
    let pair = |key: &str, value: &str| json!({"key": key, "value": value});
    it.ok("TagResource", json!({"resourceArn": definition, "tags": [pair("team", "sea"), pair("tier", "web")]})).await;
    let run =
        |propagate: &str| json!({"taskDefinition": "web", "propagateTags": propagate, "tags": [pair("team", "ci")]});
    let tags = |answer: Value| answer["tasks"][0]["tags"].clone();
    assert_eq!(tags(it.ok("RunTask", run("TASK_DEFINITION")).await), json!([pair("team", "ci"), pair("tier", "web")]));
    assert_eq!(tags(it.ok("RunTask", run("NONE")).await), json!([pair("team", "ci")]));
    for (propagate, words) in [("SERVICE", "without a service"), ("ALL", "TASK_DEFINITION,SERVICE,NONE")] {
        let (code, message) = it.refusal("RunTask", run(propagate)).await;
        assert!(code == "InvalidParameterException" && message.contains(words), "{propagate}: {code}: {message}");
    }

    let service = |name: &str, propagate: &str, managed: bool| {
        json!({"serviceName": name, "taskDefinition": "web", "desiredCount": 1, "propagateTags": propagate,
               "enableECSManagedTags": managed, "tags": [pair("cost", "7")]})
    };
    for (name, propagate, managed, expected) in [
        ("a", "NONE", false, json!([])),
        ("b", "SERVICE", false, json!([pair("cost", "7")])),
        ("c", "TASK_DEFINITION", false, json!([pair("team", "sea"), pair("tier", "web")])),
        ("d", "NONE", true, json!([pair("aws:ecs:clusterName", "default"), pair("aws:ecs:serviceName", "d")])),
    ] {
        it.ok("CreateService", service(name, propagate, managed)).await;
        let tasks = it.ok("ListTasks", json!({"serviceName": name})).await["taskArns"].clone();
        let described = it.ok("DescribeTasks", json!({"tasks": tasks, "include": ["TAGS"]})).await;
        assert_eq!(tags(described), expected, "{name}");
    }
    let (code, _) = it.refusal("CreateService", service("e", "TASKS", false)).await;
    assert_eq!(code, "InvalidParameterException");
    it.front.stop().await;
}

#[tokio::test]
async fn tags_are_kept_for_what_is_there_and_shown_when_asked_for() {
    let it = start().await;
    let definition = it.register("web").await;
    let tags = json!([{"key": "team", "value": "sea"}, {"key": "é".repeat(128)}]);
    it.ok("TagResource", json!({"resourceArn": definition, "tags": tags})).await;
    let listed = it.ok("ListTagsForResource", json!({"resourceArn": definition})).await;
    assert_eq!(listed["tags"].as_array().map(Vec::len), Some(2));
    it.ok("UntagResource", json!({"resourceArn": definition, "tagKeys": ["team", "none"]})).await;
    let described = |include: Value| json!({"taskDefinition": "web", "include": include});
    let shown = it.ok("DescribeTaskDefinition", described(json!(["TAGS"]))).await;
    assert_eq!(shown["tags"].as_array().map(Vec::len), Some(1));
    assert_eq!(it.ok("DescribeTaskDefinition", described(json!([]))).await["tags"], Value::Null);

    let tags = json!([{"key": "team", "value": "sea"}]);
    let task = it.ok("RunTask", json!({"taskDefinition": "web", "tags": tags})).await["tasks"][0].clone();
    assert_eq!(task["tags"], tags);
    let tasks = json!([task["taskArn"]]);
    let described = it.ok("DescribeTasks", json!({"tasks": tasks, "include": ["TAGS"]})).await;
    assert_eq!(described["tasks"][0]["tags"], tags);
    assert_eq!(it.ok("DescribeTasks", json!({"tasks": tasks})).await["tasks"][0]["tags"], json!([]));

    for tags in [
        json!([]),
        json!([{"value": "1"}]),
        json!([{"key": "a"}, {"key": "a"}]),
        json!([{"key": "AWS:x"}]),
        json!([{"key": "k".repeat(129)}]),
        json!([{"key": "k", "value": "v".repeat(257)}]),
        json!((0..51).map(|n| json!({"key": n.to_string()})).collect::<Vec<_>>()),
    ] {
        let request = json!({"resourceArn": definition, "tags": tags});
        assert_eq!(it.refusal("TagResource", request).await.0, "InvalidParameterException", "{tags}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn a_cluster_shows_its_parts_when_asked_for() {
    let it = start().await;
    let cluster = json!({
        "clusterName": "main", "tags": [{"key": "team", "value": "sea"}],
        "settings": [{"name": "containerInsights", "value": "enabled"}], "configuration": {"executeCommandConfiguration": {}},
    });
    let created = it.ok("CreateCluster", cluster.clone()).await["cluster"].clone();
    assert_eq!((&created["tags"], &created["settings"]), (&cluster["tags"], &cluster["settings"]));
    let plain = it.ok("DescribeClusters", json!({"clusters": ["main"]})).await["clusters"][0].clone();
    assert_eq!((&plain["tags"], &plain["settings"], &plain["configuration"]), (&json!([]), &json!([]), &Value::Null));
    let include = json!(["TAGS", "SETTINGS", "CONFIGURATIONS"]);
    let full =
        it.ok("DescribeClusters", json!({"clusters": ["main"], "include": include})).await["clusters"][0].clone();
    assert_eq!((&full["tags"], &full["settings"]), (&cluster["tags"], &cluster["settings"]));
    assert_eq!(full["configuration"], cluster["configuration"]);
    it.front.stop().await;
}

#[tokio::test]
async fn a_cluster_has_no_capacity_provider_that_does_not_exist() {
    let it = start().await;
    let put = |providers: Value, strategy: Value| json!({"cluster": "default", "capacityProviders": providers, "defaultCapacityProviderStrategy": strategy});
    let spot = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    let shown = it.ok("PutClusterCapacityProviders", put(json!(["FARGATE", "FARGATE_SPOT"]), spot.clone())).await;
    assert_eq!(shown["cluster"]["capacityProviders"], json!(["FARGATE", "FARGATE_SPOT"]));
    it.ok("PutClusterCapacityProviders", put(json!([]), json!([]))).await;
    for (operation, body, message) in [
        (
            "PutClusterCapacityProviders",
            put(json!(["asg"]), json!([])),
            "The specified capacity provider 'asg' was not found.",
        ),
        ("PutClusterCapacityProviders", put(json!(["FARGATE"]), spot), "not associated with the cluster"),
        (
            "PutClusterCapacityProviders",
            put(json!([]), Value::Null),
            "defaultCapacityProviderStrategy can not be blank",
        ),
        (
            "CreateCluster",
            json!({"clusterName": "b", "capacityProviders": ["asg"]}),
            "The specified capacity provider 'asg' was not found.",
        ),
        (
            "UpdateClusterSettings",
            json!({"cluster": "default", "settings": [{"name": "containerInsights", "value": "on"}]}),
            "Invalid setting 'value'. containerInsights should be one of [enhanced,enabled,disabled], got 'on'.",
        ),
        (
            "UpdateClusterSettings",
            json!({"cluster": "default", "settings": [{"name": "colour", "value": "on"}]}),
            "Cluster setting name should be one of [containerInsights]",
        ),
    ] {
        let (code, said) = it.refusal(operation, body.clone()).await;
        assert_eq!(code, "InvalidParameterException", "{operation} {body}");
        assert!(said.contains(message), "{operation} {body}: {said}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn account_settings_take_the_values_of_ecs_in_its_spelling() {
    let it = start().await;
    for (name, value) in [
        ("taskLongArnFormat", "disabled"),
        ("containerInsights", "enhanced"),
        ("fargateTaskRetirementWaitPeriod", "14"),
        ("defaultLogDriverMode", "blocking"),
        ("guardDutyActivate", "on"),
    ] {
        let shown = it.ok("PutAccountSetting", json!({"name": name, "value": value})).await;
        assert_eq!(shown["setting"]["value"], value, "{name}");
    }
    for (name, value, message) in [
        ("taskLongArnFormat", "ENABLED", "taskLongArnFormat should be one of [enabled,disabled], got 'ENABLED'."),
        ("tagResourceAuthorization", "enabled", "should be one of [on,off]"),
        ("fargateTaskRetirementWaitPeriod", "3", "should be one of [0,7,14]"),
        ("colour", "red", "Setting name should be one of [awsvpcTrunking,"),
    ] {
        let (code, said) = it.refusal("PutAccountSetting", json!({"name": name, "value": value})).await;
        assert_eq!(code, "InvalidParameterException", "{name}");
        assert!(said.contains(message), "{name}: {said}");
        assert_eq!(it.refusal("PutAccountSettingDefault", json!({"name": name, "value": value})).await.0, code);
    }
    it.front.stop().await;
}

#[tokio::test]
async fn a_task_definition_is_shown_the_way_ecs_writes_it() {
    let it = start().await;
    let definition = |members: Value| {
        let mut document = json!({
            "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": ".5 vCPU", "memory": "2 GB",
            "containerDefinitions": [{"name": "app", "image": "i", "portMappings": [{"containerPort": 80, "protocol": "sctp"}]}],
        });
        document.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
        document
    };
    let shown = it.ok("RegisterTaskDefinition", definition(json!({}))).await["taskDefinition"].clone();
    assert_eq!((&shown["cpu"], &shown["memory"]), (&json!("512"), &json!("2048")));
    assert_eq!(shown["containerDefinitions"][0]["portMappings"][0]["protocol"], "tcp");
    let bare = definition(json!({"containerDefinitions": [{"name": "app", "image": "i"}]}));
    let shown = it.ok("RegisterTaskDefinition", bare).await["taskDefinition"].clone();
    assert_eq!(shown["containerDefinitions"][0]["portMappings"], json!([]));
    for (members, message) in [
        (
            json!({"cpu": "256", "memory": "4096"}),
            "No Fargate configuration exists for given values: 256 CPU, 4096 memory.",
        ),
        (json!({"networkMode": "bridge"}), "Fargate only supports network mode ‘awsvpc’."),
        (json!({"networkMode": "vpc"}), "networkMode should be one of [bridge,host,awsvpc,none], got 'vpc'."),
        (json!({"containerDefinitions": [{"image": "i"}]}), "Container.name should not be null or empty."),
    ] {
        let (code, said) = it.refusal("RegisterTaskDefinition", definition(members.clone())).await;
        assert_eq!(code, "ClientException", "{members}: {said}");
        assert!(said.contains(message), "{members}: {said}");
    }
    it.front.stop().await;
}

#[tokio::test]
async fn tasks_with_a_network_of_their_own_are_told_where() {
    let it = start().await;
    it.register("web").await;
    let container = json!({"name": "app", "image": "i"});
    let own = json!({"family": "own", "memory": "512", "networkMode": "awsvpc", "containerDefinitions": [container]});
    it.ok("RegisterTaskDefinition", own).await;
    let network = |subnets: Value| json!({"awsvpcConfiguration": {"subnets": subnets, "assignPublicIp": "DISABLED"}});
    let missing = "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
    let unfit = "Network Configuration is not valid for the given networkMode of this task definition.";
    for (definition, network, expected) in [
        ("own", Value::Null, missing),
        ("own", json!({}), missing),
        ("own", network(json!([])), "subnets can not be empty."),
        ("web", network(json!(["subnet-a"])), unfit),
    ] {
        let service = json!({"serviceName": "web", "taskDefinition": definition, "networkConfiguration": network});
        for (operation, body) in [
            ("CreateService", service),
            ("RunTask", json!({"taskDefinition": definition, "networkConfiguration": network})),
        ] {
            let (code, said) = it.refusal(operation, body.clone()).await;
            assert_eq!((code.as_str(), said.as_str()), ("InvalidParameterException", expected), "{operation} {body}");
        }
    }
    let service =
        json!({"serviceName": "own", "taskDefinition": "own", "networkConfiguration": network(json!(["subnet-a"]))});
    it.ok("CreateService", service).await;
    // The network stays the service's when an update does not mention it.
    it.ok("UpdateService", json!({"service": "own", "desiredCount": 0})).await;
    it.ok("RunTask", json!({"taskDefinition": "own", "networkConfiguration": network(json!(["subnet-a"]))})).await;
    it.front.stop().await;
}

#[tokio::test]
async fn a_body_that_is_no_json_object_of_utf_8_is_refused() {
    let it = start().await;
    for body in [&b"{\"cluster"[..], b"[]", b"{\"cluster\":\"\xff\xfe\"}", b"{} {}", b"<xml/>", b"cluster=default"] {
        let request = Request { body: body.to_vec(), ..Request::json("ListServices", "") };
        let answer = it.front.send(&request).await;
        assert_eq!(
            (answer.status, answer.json()["__type"].as_str()),
            (400, Some("SerializationException")),
            "{body:?}"
        );
    }
    it.front.stop().await;
}
