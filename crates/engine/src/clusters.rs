//! Commands on clusters.

use seatrial_model::{Arn, ClusterName};

use crate::refusal::Refusal;
use crate::state::{Cluster, DesiredStatus, Document, State};
use crate::transaction::Transaction;

/// The cluster meant when a request names none.
pub const DEFAULT_CLUSTER: &str = "default";

/// Finds an ACTIVE cluster by name or ARN; `None` means the default one.
pub fn resolve(state: &State, reference: Option<&str>) -> Result<ClusterName, Refusal> {
    let name = parse(reference)?;
    match state.clusters.get(name.as_str()) {
        Some(cluster) if cluster.status == "ACTIVE" => Ok(name),
        Some(_) | None => Err(Refusal::cluster_not_found()),
    }
}

/// Reads a cluster's name out of a name or ARN without looking it up.
pub fn parse(reference: Option<&str>) -> Result<ClusterName, Refusal> {
    let reference = reference.filter(|text| !text.is_empty()).unwrap_or(DEFAULT_CLUSTER);
    let arn = Arn::new(reference);
    let name = match arn.resource() {
        Some(resource) => resource.strip_prefix("cluster/").unwrap_or_default(),
        None => reference,
    };
    ClusterName::parse(name).map_err(|_| Refusal::invalid("Invalid cluster identifier."))
}

/// Creates a cluster; an existing one of the same name is returned as it is.
pub fn create(tx: &mut Transaction<'_>, name: ClusterName, document: Document) -> Result<Cluster, Refusal> {
    if let Some(cluster) = tx.state.clusters.get(name.as_str()).filter(|cluster| cluster.status == "ACTIVE") {
        return Ok(cluster.clone());
    }
    let cluster = Cluster { name: name.clone(), status: "ACTIVE".to_owned(), created_at: tx.now, document };
    tx.state.clusters.insert(name.as_str(), cluster.clone());
    Ok(cluster)
}

/// Replaces members of a cluster's document (UpdateCluster, UpdateClusterSettings, PutClusterCapacityProviders).
pub fn update(tx: &mut Transaction<'_>, name: &ClusterName, document: Document) -> Result<Cluster, Refusal> {
    let cluster = tx.state.clusters.get_mut(name.as_str()).ok_or_else(Refusal::cluster_not_found)?;
    cluster.document.extend(document);
    Ok(cluster.clone())
}

/// Deletes an empty cluster: it becomes INACTIVE and can still be described.
pub fn delete(tx: &mut Transaction<'_>, name: &ClusterName) -> Result<Cluster, Refusal> {
    let active_service = |service: &crate::state::ServiceRecord| {
        service.cluster == *name && service.controller.lifecycle() != seatrial_controller::Lifecycle::Inactive
    };
    if tx.state.services.values().any(active_service) {
        let message = "The Cluster cannot be deleted while Services are active.";
        return Err(Refusal::new("ClusterContainsServicesException", message));
    }
    let running =
        |task: &crate::state::TaskRecord| task.desired_status == DesiredStatus::Running || task.stopped_at.is_none();
    if tx.state.tasks_of(name).any(running) {
        let message = "The Cluster cannot be deleted while Tasks are active.";
        return Err(Refusal::new("ClusterContainsTasksException", message));
    }
    let cluster = tx.state.clusters.get_mut(name.as_str()).ok_or_else(Refusal::cluster_not_found)?;
    cluster.status = "INACTIVE".to_owned();
    Ok(cluster.clone())
}
