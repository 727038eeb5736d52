//! The cluster and the log groups: made when missing, otherwise left alone.

use super::Ensuring;
use super::tags::{for_ecs, tags};
use crate::aws::{Connection, DoingExt};
use crate::error::ReleaseError;
use crate::plan::ServicePlan;
use crate::report::{Change, Resource};

/// CloudWatch's code for a log group that somebody made in the meantime.
const LOG_GROUP_EXISTS: &str = "ResourceAlreadyExistsException";

/// Makes the cluster of a service unless it is active.
pub(super) async fn cluster(ensuring: &Ensuring<'_>, name: &str) -> Result<(), ReleaseError> {
    let ecs = &ensuring.connection.ecs;
    let described =
        ecs.describe_clusters().clusters(name).send().await.doing(|| format!("looking for cluster {name}"))?;
    let active = described.clusters().iter().any(|cluster| cluster.status() == Some("ACTIVE"));
    let change = if active {
        Change::Unchanged
    } else {
        if ensuring.carries_out() {
            let create = ecs.create_cluster().cluster_name(name).set_tags(Some(for_ecs(tags(ensuring.plan, None))));
            create.send().await.doing(|| format!("creating cluster {name}"))?;
        }
        Change::Created(Vec::new())
    };
    ensuring.report.ensured(Resource::Cluster, name, None, change);
    Ok(())
}

/// Makes the log groups a service writes to.
pub(super) async fn log_groups(ensuring: &Ensuring<'_>, service: &ServicePlan) -> Result<(), ReleaseError> {
    for name in &service.log_groups {
        let change = if log_group_exists(ensuring.connection, name).await? {
            Change::Unchanged
        } else if !ensuring.carries_out() {
            Change::Created(Vec::new())
        } else {
            let created = ensuring.connection.logs.create_log_group().log_group_name(name).send().await;
            match created.doing(|| format!("creating log group {name}")) {
                Ok(_) => Change::Created(Vec::new()),
                Err(error) if error.has_code(LOG_GROUP_EXISTS) => Change::Unchanged,
                Err(error) => return Err(error.into()),
            }
        };
        ensuring.report.ensured(Resource::LogGroup, name, Some(&service.name), change);
    }
    Ok(())
}

/// Whether a log group exists. The exact name sorts first among those that begin with it, so one page is enough.
pub(crate) async fn log_group_exists(connection: &Connection, name: &str) -> Result<bool, ReleaseError> {
    let described = connection
        .logs
        .describe_log_groups()
        .log_group_name_prefix(name)
        .send()
        .await
        .doing(|| format!("looking for log group {name}"))?;
    Ok(described.log_groups().iter().any(|group| group.log_group_name() == Some(name)))
}
