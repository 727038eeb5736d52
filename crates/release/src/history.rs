//! `history`: the deployments of a service, newest first.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ecs::types::ServiceDeployment;
use serde::Serialize;
use time::OffsetDateTime;

use crate::aws::times::{between, timestamp};
use crate::aws::{Connection, DoingExt, MISSING_SERVICE};
use crate::config::ServiceName;
use crate::ensure::task_definition::short;
use crate::error::ReleaseError;
use crate::plan::{Plan, ServicePlan};
use crate::status::version;

/// Most deployments told of one service: one call's worth.
pub const HISTORY_MAX: u8 = 20;

/// One deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    pub service: ServiceName,
    /// The last part of the service deployment's ARN.
    pub id: String,
    /// ECS's word, such as `ROLLBACK_SUCCESSFUL`.
    pub status: String,
    /// `family:revision` that was deployed.
    pub task_definition: Option<String>,
    pub version: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub created_at: Option<OffsetDateTime>,
    /// How long it took; none while it goes on.
    #[serde(rename = "duration_ms", serialize_with = "optional_milliseconds")]
    pub duration: Option<Duration>,
    pub reason: Option<String>,
}

/// The newest deployments of the services of a plan, at most `limit` (up to [`HISTORY_MAX`]) of each, newest first.
pub async fn history(connection: &Connection, plan: &Plan, limit: u8) -> Result<Vec<HistoryEntry>, ReleaseError> {
    let mut entries = Vec::new();
    for service in &plan.services {
        entries.extend(of_service(connection, service, limit.clamp(1, HISTORY_MAX)).await?);
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.created_at));
    Ok(entries)
}

async fn of_service(connection: &Connection, plan: &ServicePlan, limit: u8) -> Result<Vec<HistoryEntry>, ReleaseError> {
    let listed = connection
        .ecs
        .list_service_deployments()
        .cluster(&plan.cluster)
        .service(&plan.service_name)
        .max_results(i32::from(limit))
        .send()
        .await;
    let arns: Vec<String> = match listed.doing(|| format!("listing the deployments of service {}", plan.name)) {
        Ok(output) => output
            .service_deployments()
            .iter()
            .filter_map(|brief| brief.service_deployment_arn().map(ToOwned::to_owned))
            .collect(),
        Err(error) if error.has_code(MISSING_SERVICE) || error.has_code("ClusterNotFoundException") => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error.into()),
    };
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let described = connection
        .ecs
        .describe_service_deployments()
        .set_service_deployment_arns(Some(arns))
        .send()
        .await
        .doing(|| format!("reading the deployments of service {}", plan.name))?;
    let deployments = described.service_deployments();
    let definitions = task_definitions(connection, plan, deployments).await?;
    let mut versions = BTreeMap::new();
    for arn in definitions.values() {
        versions.insert(arn.clone(), version(connection, arn).await?);
    }
    Ok(deployments
        .iter()
        .map(|deployment| {
            let definition = revision(deployment).and_then(|arn| definitions.get(arn));
            let version = definition.and_then(|arn| versions.get(arn).cloned().flatten());
            entry(&plan.name, deployment, definition, version)
        })
        .collect())
}

fn revision(deployment: &ServiceDeployment) -> Option<&str> {
    deployment.target_service_revision().and_then(|revision| revision.arn())
}

/// The task definition of each service revision that was deployed.
async fn task_definitions(
    connection: &Connection,
    plan: &ServicePlan,
    deployments: &[ServiceDeployment],
) -> Result<BTreeMap<String, String>, ReleaseError> {
    let mut arns: Vec<String> =
        deployments.iter().filter_map(|deployment| revision(deployment).map(ToOwned::to_owned)).collect();
    arns.sort();
    arns.dedup();
    if arns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let described = connection
        .ecs
        .describe_service_revisions()
        .set_service_revision_arns(Some(arns))
        .send()
        .await
        .doing(|| format!("reading the revisions of service {}", plan.name))?;
    let pair = |revision: &aws_sdk_ecs::types::ServiceRevision| {
        Some((revision.service_revision_arn()?.to_owned(), revision.task_definition()?.to_owned()))
    };
    Ok(described.service_revisions().iter().filter_map(pair).collect())
}

fn entry(
    name: &ServiceName,
    deployment: &ServiceDeployment,
    definition: Option<&String>,
    version: Option<String>,
) -> HistoryEntry {
    let arn = deployment.service_deployment_arn().unwrap_or_default();
    let created_at = timestamp(deployment.created_at());
    let end = timestamp(deployment.finished_at()).or_else(|| timestamp(deployment.stopped_at()));
    let rollback_reason = deployment.rollback().and_then(|rollback| rollback.reason());
    HistoryEntry {
        service: name.clone(),
        id: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
        status: deployment.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        task_definition: definition.map(|arn| short(arn).to_owned()),
        version,
        created_at,
        duration: created_at.zip(end).and_then(|(start, end)| between(start, end)),
        reason: deployment.status_reason().or(rollback_reason).map(ToOwned::to_owned),
    }
}

fn optional_milliseconds<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => crate::report::as_milliseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::{Rollback, ServiceDeploymentStatus};
    use aws_smithy_types::DateTime;

    #[test]
    fn an_entry_tells_state_duration_and_reason() {
        let deployment = ServiceDeployment::builder()
            .service_deployment_arn("arn:aws:ecs:us-east-1:0:service-deployment/c/s/abc")
            .status(ServiceDeploymentStatus::RollbackSuccessful)
            .created_at(DateTime::from_secs(100))
            .finished_at(DateTime::from_millis(104_500))
            .rollback(Rollback::builder().reason("the breaker tripped").build())
            .build();
        let name = "web".parse().expect("name");
        let entry = entry(&name, &deployment, Some(&"arn:aws:ecs:us-east-1:0:task-definition/f:3".to_owned()), None);
        assert_eq!((entry.id.as_str(), entry.status.as_str()), ("abc", "ROLLBACK_SUCCESSFUL"));
        assert_eq!(entry.task_definition.as_deref(), Some("f:3"));
        assert_eq!(entry.duration, Some(Duration::from_millis(4500)));
        assert_eq!(entry.reason.as_deref(), Some("the breaker tripped"));
    }
}
