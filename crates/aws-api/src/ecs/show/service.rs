//! Services, their `deployments[]` and `events[]`.

use seatrial_engine::State;
use seatrial_engine::state::{Document, ServiceLoadBalancer, ServiceRecord};
use seatrial_engine::{Deployment, Lifecycle};
use seatrial_model::deployment_configuration::SourceRevisionCleanup;
use seatrial_model::{DeploymentConfiguration, Threshold};
use serde_json::{Value, json};

use super::{Include, Object, instant, put};

/// Members of CreateService that no service shows; some are shown of its deployments and revisions.
const NOT_OF_SERVICES: [&str; 6] = [
    "role",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
];

/// Shows a service.
pub fn service(state: &State, service: &ServiceRecord, include: Include) -> Value {
    let controller = &service.controller;
    let (running, pending) = controller.deployments().iter().fold((0, 0), |(running, pending), entry| {
        let counts = controller.counts(entry.revision);
        (running + counts.running, pending + counts.pending)
    });
    let is_active = controller.lifecycle() == Lifecycle::Active;
    let arn = state.scope.service(&service.cluster, &service.name);
    let mut object = service.document.clone();
    let role = object.get("role").cloned();
    object.retain(|member, _| !NOT_OF_SERVICES.contains(&member.as_str()));
    put(&mut object, "roleArn", role);
    fill_in(&mut object, service);
    let members = [
        ("serviceArn", json!(arn)),
        ("serviceName", json!(service.name)),
        ("clusterArn", json!(state.scope.cluster(&service.cluster))),
        ("status", json!(controller.lifecycle().as_str())),
        ("desiredCount", json!(service.desired_count)),
        ("runningCount", json!(running)),
        ("pendingCount", json!(pending)),
        ("taskDefinition", json!(state.scope.task_definition(&service.task_definition))),
        ("loadBalancers", load_balancers(&service.load_balancers)),
        (
            "deploymentConfiguration",
            deployment_configuration(&service.deployment_configuration, &service.deployment_document),
        ),
        ("deployments", deployments(state, service)),
        ("events", events(service)),
        ("createdAt", instant(service.created_at)),
        ("createdBy", json!(format!("arn:aws:iam::{}:user/seatrial", state.scope.account))),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    if is_active {
        let running = controller.service_deployment().filter(|deployment| !deployment.status.is_terminal());
        let current = running
            .map(|deployment| json!(state.scope.service_deployment(&service.cluster, &service.name, &deployment.id)));
        put(&mut object, "currentServiceDeployment", current);
        object.insert("currentServiceRevisions".to_owned(), current_revisions(state, service));
    }
    if include == Include::Tags {
        object.insert("tags".to_owned(), super::tags_of(state, arn.as_str()));
    }
    Value::Object(object)
}

fn fill_in(object: &mut Object, service: &ServiceRecord) {
    let defaults = [
        ("launchType", json!("EC2")),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({ "type": "ECS" })),
        ("serviceRegistries", json!([])),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
        ("enableECSManagedTags", json!(false)),
        ("propagateTags", json!("NONE")),
        ("enableExecuteCommand", json!(false)),
        ("availabilityZoneRebalancing", json!("ENABLED")),
        ("resourceManagementType", json!("CUSTOMER")),
    ];
    let has_strategy = object.contains_key("capacityProviderStrategy");
    for (member, value) in defaults {
        if !(member == "launchType" && has_strategy) {
            object.entry(member).or_insert(value);
        }
    }
    let grace = service.health_check_grace_period.map(|grace| grace.as_secs());
    let grace = grace.or((!service.load_balancers.is_empty()).then_some(0));
    put(object, "healthCheckGracePeriodSeconds", grace);
}

/// Shows load balancers as ECS does.
pub fn load_balancers(load_balancers: &[ServiceLoadBalancer]) -> Value {
    let show = |attachment: &ServiceLoadBalancer| {
        let mut object = attachment.document.clone();
        object.insert("targetGroupArn".to_owned(), json!(attachment.target_group));
        object.insert("containerName".to_owned(), json!(attachment.container_name));
        object.insert("containerPort".to_owned(), json!(attachment.container_port));
        Value::Object(object)
    };
    load_balancers.iter().map(show).collect()
}

/// Shows a deployment configuration with every default filled in.
pub fn deployment_configuration(configuration: &DeploymentConfiguration, given: &Document) -> Value {
    let breaker = &configuration.circuit_breaker;
    let (kind, value) = match breaker.threshold {
        Threshold::BoundedPercent(value) => ("BOUNDED_PERCENT", value),
        Threshold::UnboundedPercent(value) => ("UNBOUNDED_PERCENT", value),
        Threshold::Count(value) => ("COUNT", value),
    };
    let mut object = given.clone();
    let members = [
        ("maximumPercent", json!(configuration.maximum_percent)),
        ("minimumHealthyPercent", json!(configuration.minimum_healthy_percent)),
        (
            "deploymentCircuitBreaker",
            json!({
                "enable": breaker.enable,
                "rollback": breaker.rollback,
                "resetOnHealthyTask": breaker.reset_on_healthy_task,
                "thresholdConfiguration": { "type": kind, "value": value },
            }),
        ),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    if let Some(criteria) = configuration.early_success {
        let cleanup = match criteria.cleanup {
            SourceRevisionCleanup::Blocking => "BLOCKING",
            SourceRevisionCleanup::Deferred => "DEFERRED",
        };
        let shown = json!({
            "enable": true,
            "healthyPercent": criteria.healthy_percent,
            "sourceServiceRevisionCleanup": cleanup,
        });
        object.insert("earlySuccessCriteria".to_owned(), shown);
    }
    object.entry("strategy").or_insert_with(|| json!("ROLLING"));
    object.entry("bakeTimeInMinutes").or_insert_with(|| json!(0));
    let no_alarms = || json!({ "alarmNames": [], "enable": false, "rollback": false });
    object.entry("alarms").or_insert_with(no_alarms);
    Value::Object(object)
}

fn deployments(state: &State, service: &ServiceRecord) -> Value {
    let entries = service.controller.deployments().iter().enumerate();
    entries.map(|(index, entry)| deployment(state, service, entry, index == 0)).collect()
}

fn deployment(state: &State, service: &ServiceRecord, entry: &Deployment, is_primary: bool) -> Value {
    let counts = service.controller.counts(entry.revision);
    let key = seatrial_engine::state::revision_key(&service.cluster, &service.name, entry.revision);
    let revision = state.service_revisions.get(&key);
    let definition = revision.map_or(&service.task_definition, |revision| &revision.task_definition);
    let mut object = Object::new();
    let document = revision.map_or(&service.document, |revision| &revision.document);
    for member in [
        "launchType",
        "platformVersion",
        "platformFamily",
        "networkConfiguration",
        "capacityProviderStrategy",
        "serviceConnectConfiguration",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    ] {
        put(&mut object, member, document.get(member).cloned());
    }
    if !object.contains_key("capacityProviderStrategy") {
        object.entry("launchType").or_insert_with(|| json!("EC2"));
    }
    let members = [
        ("id", json!(entry.id.to_string())),
        ("status", json!(if is_primary { "PRIMARY" } else { "ACTIVE" })),
        ("taskDefinition", json!(state.scope.task_definition(definition))),
        ("desiredCount", json!(entry.desired_count)),
        ("runningCount", json!(counts.running)),
        ("pendingCount", json!(counts.pending)),
        ("failedTasks", json!(entry.failed_tasks)),
        ("createdAt", instant(entry.created_at)),
        ("updatedAt", instant(entry.updated_at)),
        ("rolloutState", json!(entry.rollout_state.as_str())),
        ("rolloutStateReason", json!(entry.rollout_state_reason)),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    Value::Object(object)
}

fn current_revisions(state: &State, service: &ServiceRecord) -> Value {
    let show = |entry: &Deployment| {
        let counts = service.controller.counts(entry.revision);
        json!({
            "arn": state.scope.service_revision(&service.cluster, &service.name, entry.revision),
            "requestedTaskCount": counts.requested,
            "runningTaskCount": counts.running,
            "pendingTaskCount": counts.pending,
        })
    };
    service.controller.deployments().iter().map(show).collect()
}

fn events(service: &ServiceRecord) -> Value {
    let show = |event: &seatrial_engine::state::ServiceEvent| json!({ "id": event.id, "createdAt": instant(event.at), "message": event.message });
    service.events.iter().map(show).collect()
}
