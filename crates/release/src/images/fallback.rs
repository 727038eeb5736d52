//! What stands in for a service whose image is missing: a server that passes the health check and says that the service is not there yet.

use std::path::Path;

use seatrial_fallback::{HEALTH_PATH_VARIABLE, SERVER, SERVICE_VARIABLE};
use serde_json::{Map, Value as Json, json};

use crate::plan::ServicePlan;

/// The Docker label that marks a task definition as one that only stands in.
pub(crate) const FALLBACK_LABEL: &str = "seatrial.fallback";

/// What a stand-in has no use for, or must not have: the service's own program and what it is given.
const TAKEN: [&str; 10] = [
    "command",
    "entryPoint",
    "workingDirectory",
    "user",
    "secrets",
    "environmentFiles",
    "healthCheck",
    "dependsOn",
    "mountPoints",
    "volumesFrom",
];

/// Returns the service with a stand-in for its program; other containers are left out.
pub(crate) fn stand_in(service: &ServicePlan, image: &str) -> ServicePlan {
    let mut plan = service.clone();
    let health_path = service.balancing.as_ref().map_or("/", |balancing| balancing.target_group.health_check_path.as_str());
    let balanced = service.balancing.as_ref().map(|balancing| balancing.container.clone());
    let Some(containers) = plan.task_definition["containerDefinitions"].as_array_mut() else { return plan };
    let named = balanced.as_deref().unwrap_or(service.name.as_str());
    let place = containers.iter().position(|container| container["name"] == named).unwrap_or(0);
    if place >= containers.len() {
        return plan;
    }
    let mut container = containers.swap_remove(place);
    if let Json::Object(container) = &mut container {
        replace(container, image, service.name.as_str(), health_path);
    }
    *containers = vec![container];
    plan
}

fn replace(container: &mut Map<String, Json>, image: &str, service: &str, health_path: &str) {
    for member in TAKEN {
        container.remove(member);
    }
    let port = container.get("portMappings").and_then(|ports| ports[0]["containerPort"].as_i64());
    let mut environment = vec![
        json!({ "name": HEALTH_PATH_VARIABLE, "value": health_path }),
        json!({ "name": SERVICE_VARIABLE, "value": service }),
    ];
    environment.extend(port.map(|port| json!({ "name": "PORT", "value": port.to_string() })));
    container.insert("image".to_owned(), json!(image));
    container.insert("essential".to_owned(), json!(true));
    container.insert("environment".to_owned(), Json::Array(environment));
    container.insert("dockerLabels".to_owned(), json!({ FALLBACK_LABEL: "true" }));
}

/// Whether a registered task definition only stands in.
pub(crate) fn is_stand_in(definition: &aws_sdk_ecs::types::TaskDefinition) -> bool {
    let labels = definition.container_definitions().iter().filter_map(|container| container.docker_labels());
    labels.into_iter().any(|labels| labels.contains_key(FALLBACK_LABEL))
}
