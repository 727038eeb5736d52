//! Task definitions: the registered document, with ECS's defaults filled in.

use seatrial_engine::State;
use seatrial_engine::state::RegisteredTaskDefinition;
use serde_json::{Value, json};

use super::{instant, put};

/// Shows a task definition.
pub fn task_definition(state: &State, registered: &RegisteredTaskDefinition) -> Value {
    let mut object = registered.document.clone();
    object.remove("tags");
    for member in ["volumes", "placementConstraints"] {
        object.entry(member).or_insert_with(|| json!([]));
    }
    if let Some(Value::Array(containers)) = object.get_mut("containerDefinitions") {
        containers.iter_mut().for_each(fill_in_container);
    }
    let requires = object.get("requiresCompatibilities").and_then(Value::as_array).cloned();
    let mut compatibilities = vec![json!("EC2")];
    compatibilities.extend(requires.into_iter().flatten().filter(|value| *value != json!("EC2")));
    object.insert("taskDefinitionArn".to_owned(), json!(state.scope.task_definition(&registered.id)));
    object.insert("family".to_owned(), json!(registered.id.family));
    object.insert("revision".to_owned(), json!(registered.id.revision));
    object.insert("status".to_owned(), json!(registered.status.as_str()));
    object.insert("compatibilities".to_owned(), Value::Array(compatibilities));
    object.insert("registeredAt".to_owned(), instant(registered.registered_at));
    put(&mut object, "deregisteredAt", registered.deregistered_at.map(instant));
    Value::Object(object)
}

fn fill_in_container(container: &mut Value) {
    let Value::Object(container) = container else { return };
    for (member, value) in [
        ("cpu", json!(0)),
        ("essential", json!(true)),
        ("portMappings", json!([])),
        ("environment", json!([])),
        ("mountPoints", json!([])),
        ("volumesFrom", json!([])),
        ("systemControls", json!([])),
    ] {
        container.entry(member).or_insert(value);
    }
    if let Some(Value::Array(mappings)) = container.get_mut("portMappings") {
        for mapping in mappings.iter_mut().filter_map(Value::as_object_mut) {
            mapping.entry("protocol").or_insert_with(|| json!("tcp"));
            let port = mapping.get("containerPort").cloned().unwrap_or(json!(0));
            mapping.entry("hostPort").or_insert(port);
        }
    }
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        for (member, value) in [("interval", 30), ("timeout", 5), ("retries", 3)] {
            check.entry(member).or_insert_with(|| json!(value));
        }
    }
}
