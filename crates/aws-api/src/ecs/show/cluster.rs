//! Clusters.

use seatrial_engine::Lifecycle;
use seatrial_engine::State;
use seatrial_engine::state::{Cluster, LastStatus};
use serde_json::{Value, json};

/// The parts of a cluster that DescribeClusters shows only when asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterFields {
    pub tags: bool,
    pub settings: bool,
    pub configuration: bool,
}

impl ClusterFields {
    /// What the operations that change a cluster show.
    pub const ALL: ClusterFields = ClusterFields { tags: true, settings: true, configuration: true };

    /// Reads `include` of DescribeClusters.
    pub fn asked(include: &[String]) -> Self {
        let asks = |field: &str| include.iter().any(|asked| asked == field);
        ClusterFields { tags: asks("TAGS"), settings: asks("SETTINGS"), configuration: asks("CONFIGURATIONS") }
    }
}

/// Shows a cluster with its counts.
pub fn cluster(state: &State, cluster: &Cluster, fields: ClusterFields) -> Value {
    let arn = state.scope.cluster(&cluster.name);
    let tasks: Vec<_> = state.tasks_of(&cluster.name).filter(|task| task.stopped_at.is_none()).collect();
    let running = tasks.iter().filter(|task| task.last_status == LastStatus::Running).count();
    let pending = tasks.iter().filter(|task| task.last_status < LastStatus::Running).count();
    let is_active = |lifecycle| lifecycle == Lifecycle::Active;
    let services = state.services.values();
    let services = services.filter(|s| s.cluster == cluster.name && is_active(s.controller.lifecycle())).count();
    let mut object = cluster.document.clone();
    if !fields.configuration {
        object.remove("configuration");
    }
    let no_insights = || json!([{ "name": "containerInsights", "value": "disabled" }]);
    let settings = fields.settings.then(|| object.get("settings").cloned().unwrap_or_else(no_insights));
    object.insert("settings".to_owned(), settings.unwrap_or_else(|| json!([])));
    for member in ["statistics", "capacityProviders", "defaultCapacityProviderStrategy"] {
        object.entry(member).or_insert_with(|| json!([]));
    }
    let tags = if fields.tags { super::tags_of(state, arn.as_str()) } else { json!([]) };
    let members = [
        ("clusterArn", json!(arn)),
        ("clusterName", json!(cluster.name)),
        ("status", json!(cluster.status)),
        ("registeredContainerInstancesCount", json!(0)),
        ("runningTasksCount", json!(running)),
        ("pendingTasksCount", json!(pending)),
        ("activeServicesCount", json!(services)),
        ("tags", tags),
    ];
    object.extend(members.map(|(member, value)| (member.to_owned(), value)));
    Value::Object(object)
}
