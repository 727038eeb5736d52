//! What CreateService, UpdateService and the others accept and refuse.

use serde_json::{Value, json};

use super::super::test_support::{read, refusal};
use super::*;

fn create(extra: Value) -> Value {
    let mut body = json!({"serviceName": "web", "taskDefinition": "web:1"});
    let members = extra.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(members);
    body
}

#[test]
fn a_service_is_read_with_what_the_engine_acts_on_and_the_rest_beside_it() {
    let request: CreateService = read(create(json!({
        "cluster": "hello",
        "desiredCount": 2,
        "clientToken": "3f0e",
        "healthCheckGracePeriodSeconds": 60,
        "deploymentConfiguration": {"maximumPercent": 200, "brandNew": true},
        "loadBalancers": [{"targetGroupArn": "arn:tg", "containerName": "app", "containerPort": 8080}],
        "launchType": "FARGATE",
        "enableExecuteCommand": true,
        "tags": [{"key": "team", "value": "sea"}],
    })))
    .expect("a request");
    assert_eq!((request.name.as_str(), request.cluster.as_deref()), ("web", Some("hello")));
    assert_eq!((request.client_token.as_deref(), request.tags.len()), (Some("3f0e"), 1));
    let members = request.members;
    assert_eq!((members.desired_count, members.task_definition.as_deref()), (Some(2), Some("web:1")));
    assert_eq!(members.health_check_grace_period, Some(Duration::from_secs(60)));
    let balancers = members.load_balancers.expect("given");
    assert_eq!((balancers[0].container_name.as_str(), balancers[0].container_port), ("app", 8080));
    assert_eq!(members.deployment_configuration.expect("given").get("brandNew"), Some(&json!(true)));
    assert_eq!(members.document.keys().collect::<Vec<_>>(), ["enableExecuteCommand", "launchType"]);
}

#[test]
fn an_update_tells_absent_members_from_empty_ones() {
    let request: UpdateService = read(json!({"service": "web", "forceNewDeployment": true})).expect("a request");
    assert_eq!(request.force_new_deployment, ForceNewDeployment::Yes);
    assert_eq!((request.members.load_balancers, request.members.desired_count), (None, None));
    let request: UpdateService = read(json!({"service": "web", "loadBalancers": []})).expect("a request");
    assert_eq!(request.members.load_balancers, Some(Vec::new()));
}

#[test]
fn impossible_services_are_refused_in_the_words_of_ecs() {
    let message = |extra: Value| refusal::<CreateService>(create(extra)).1;
    assert_eq!(message(json!({"serviceName": ""})), "Service name can not be blank.");
    assert_eq!(
        message(json!({"launchType": "MOON"})),
        "launch type should be one of [EC2,FARGATE,EXTERNAL,MANAGED_INSTANCES]"
    );
    assert_eq!(message(json!({"desiredCount": -1})), "desiredCount must not be negative.");
    assert!(message(json!({"clientToken": "x".repeat(37)})).contains("36"));
    let balancer = |balancer: Value| message(json!({"loadBalancers": [balancer]}));
    assert_eq!(balancer(json!({"targetGroupArn": "arn"})), "Container name can not be blank.");
    assert_eq!(
        balancer(json!({"targetGroupArn": "arn", "containerName": "app", "containerPort": 0})),
        "The container port must be between 1 and 65535."
    );
}

#[test]
fn what_ecs_could_do_and_the_engine_cannot_is_said_so() {
    let refused = |extra: Value| refusal::<CreateService>(create(extra));
    let expected =
        |what: &str| ("UnsupportedFeatureException".to_owned(), format!("{what} is not implemented by this engine."));
    assert_eq!(refused(json!({"schedulingStrategy": "DAEMON"})), expected("The scheduling strategy DAEMON"));
    assert_eq!(
        refused(json!({"deploymentController": {"type": "CODE_DEPLOY"}})),
        expected("The deployment controller CODE_DEPLOY")
    );
    assert_eq!(
        refused(json!({"loadBalancers": [{"loadBalancerName": "classic"}]})),
        expected("A Classic Load Balancer (loadBalancerName)")
    );
}

#[test]
fn a_wrong_type_deep_inside_is_named() {
    let (code, message) = refusal::<CreateService>(create(json!({"loadBalancers": [{"containerPort": "http"}]})));
    assert_eq!(code, "SerializationException");
    assert!(message.starts_with("Invalid value at 'loadBalancers[0].containerPort'"), "{message}");
}

#[test]
fn descriptions_take_one_to_ten_services() {
    assert_eq!(refusal::<DescribeServices>(json!({})).1, "Services cannot be empty.");
    let many: Vec<String> = (0..11).map(|n| n.to_string()).collect();
    assert_eq!(refusal::<DescribeServices>(json!({"services": many})).1, "Services cannot have more than 10 elements.");
    let listing: ListServices = read(json!({})).expect("a request");
    assert_eq!(listing.page.size, 10, "ListServices alone gives ten a page");
    let delete: DeleteService = read(json!({"service": "web", "force": true})).expect("a request");
    assert_eq!(delete.force, ForceDelete::Yes);
}
