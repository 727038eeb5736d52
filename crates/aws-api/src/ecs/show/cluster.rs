//! Clusters.

use seatrial_engine::Lifecycle;
use seatrial_engine::State;
use seatrial_engine::state::{Cluster, LastStatus};
use serde_json::{Value, json};

/// Shows a cluster with its counts.
pub fn cluster(state: &State, cluster: &Cluster) -> Value {
    let arn = state.scope.cluster(&cluster.name);
    let tasks: Vec<_> = state.tasks_of(&cluster.name).filter(|task| task.stopped_at.is_none()).collect();
    let running = tasks.iter().filter(|task| task.last_status == LastStatus::Running).count();
    let pending = tasks.iter().filter(|task| task.last_status < LastStatus::Running).count();
    let is_active = |lifecycle| lifecycle == Lifecycle::Active;
    let services = state.services.values();
    let services = services.filter(|s| s.cluster == cluster.name && is_active(s.controller.lifecycle())).count();
    let mut object = cluster.document.clone();
    let defaults = [
        ("statistics", json!([])),
        ("settings", json!([{ "name": "containerInsights", "value": "disabled" }])),
        ("capacityProviders", json!([])),
        ("defaultCapacityProviderStrategy", json!([])),
    ];
    for (member, value) in defaults {
        object.entry(member).or_insert(value);
    }
    object.insert("clusterArn".to_owned(), json!(arn));
    object.insert("clusterName".to_owned(), json!(cluster.name));
    object.insert("status".to_owned(), json!(cluster.status));
    object.insert("registeredContainerInstancesCount".to_owned(), json!(0));
    object.insert("runningTasksCount".to_owned(), json!(running));
    object.insert("pendingTasksCount".to_owned(), json!(pending));
    object.insert("activeServicesCount".to_owned(), json!(services));
    object.insert("tags".to_owned(), super::tags_of(state, arn.as_str()));
    Value::Object(object)
}
