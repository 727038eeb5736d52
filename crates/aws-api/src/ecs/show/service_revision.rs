//! Service revisions.

use seatrial_engine::State;
use seatrial_engine::state::ServiceRevisionRecord;
use serde_json::{Value, json};

use super::service::load_balancers;
use super::{Object, instant, put};

/// Shows a service revision.
pub fn service_revision(state: &State, revision: &ServiceRevisionRecord) -> Value {
    let scope = &state.scope;
    let mut object = Object::new();
    for member in [
        "capacityProviderStrategy",
        "launchType",
        "platformVersion",
        "platformFamily",
        "serviceRegistries",
        "networkConfiguration",
        "serviceConnectConfiguration",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
        "gatewayConnectors",
        "monitoring",
    ] {
        put(&mut object, member, revision.document.get(member).cloned());
    }
    if !object.contains_key("capacityProviderStrategy") {
        object.entry("launchType").or_insert_with(|| json!("EC2"));
    }
    let members = [
        ("serviceRevisionArn", json!(scope.service_revision(&revision.cluster, &revision.service, revision.id))),
        ("serviceArn", json!(scope.service(&revision.cluster, &revision.service))),
        ("clusterArn", json!(scope.cluster(&revision.cluster))),
        ("taskDefinition", json!(scope.task_definition(&revision.task_definition))),
        ("loadBalancers", load_balancers(&revision.load_balancers)),
        ("containerImages", container_images(state, revision)),
        ("guardDutyEnabled", json!(false)),
        ("createdAt", instant(revision.created_at)),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    let routed = revision.resolved.iter().filter_map(|attachment| Some((attachment, attachment.route.as_ref()?)));
    let resolved: Vec<Value> = routed
        .map(|(attachment, route)| {
            json!({ "targetGroupArn": attachment.arn, "productionListenerRule": route.production_rule })
        })
        .collect();
    if !resolved.is_empty() {
        object.insert("resolvedConfiguration".to_owned(), json!({ "loadBalancers": resolved }));
    }
    Value::Object(object)
}

fn container_images(state: &State, revision: &ServiceRevisionRecord) -> Value {
    let key = seatrial_engine::state::task_definition_key(&revision.task_definition);
    let containers = state.task_definitions.get(&key).map(|registered| &registered.definition.containers);
    let containers = containers.into_iter().flatten();
    let shown = containers.map(|container| {
        let mut object = json!({ "containerName": container.name, "image": container.image });
        if let Some(digest) = revision.images.get(&container.name) {
            object["imageDigest"] = json!(digest);
        }
        object
    });
    shown.collect()
}
