//! Finds the service deployment that an update of a service started.
//!
//! ECS names it in the answer to the update (`currentServiceDeployment`), but that may still be the one before. The digits
//! of the new deployment's id (`ecs-svc/<digits>`) are those of the service revision it leads to, which settles it.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{CreatedAt, Service, ServiceDeployment, ServiceDeploymentBrief};
use aws_smithy_types::DateTime;

use super::{Subject, look};
use crate::aws::{CallError, Connection, DoingExt};
use crate::config::ServiceName;
use crate::ensure::service::primary_id;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;

/// Longest wait for ECS to list a deployment it has just started; it does so within seconds.
const LISTED_LIMIT: Duration = Duration::from_secs(60);

/// How much earlier than our clock ECS's may stamp a deployment.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// Finds the deployment of the service's newest (`PRIMARY`) entry.
pub(crate) async fn locate(
    connection: &Connection,
    name: &ServiceName,
    cluster: &str,
    service: &Service,
    interrupt: &mut Interrupt,
) -> Result<Subject, ReleaseError> {
    let service_name = service.service_name().ok_or(ReleaseError::Incomplete("the service's name"))?;
    let deployment_id = primary_id(service).ok_or(ReleaseError::Incomplete("the service's newest deployment"))?;
    let task_definition = service.task_definition().unwrap_or_default();
    let subject = |arn: String| Subject {
        service: name.clone(),
        cluster: cluster.to_owned(),
        service_name: service_name.to_owned(),
        deployment_id: deployment_id.to_owned(),
        arn,
        task_definition: task_definition.to_owned(),
    };
    tokio::select! {
        biased;
        () = connection.looks.turn_to_find() => {}
        () = interrupt.raised() => return Err(interrupted()),
    }
    if let Some(arn) = service.current_service_deployment()
        && let Some(named) = look::deployment(connection, arn).await?
        && (leads_to(&named, deployment_id) || named.rollback().is_some())
    {
        return Ok(subject(arn.to_owned()));
    }
    let deadline = Instant::now() + LISTED_LIMIT;
    loop {
        if let Some(arn) = listed(connection, cluster, service_name, deployment_id).await? {
            return Ok(subject(arn));
        }
        if Instant::now() >= deadline {
            let what = format!("ECS to list deployment {deployment_id} of service {service_name}");
            return Err(ReleaseError::TookTooLong { what, limit: LISTED_LIMIT });
        }
        let next = async {
            tokio::join!(tokio::time::sleep(connection.poll_interval()), connection.looks.turn_to_find());
        };
        if interrupt.wait(next).await {
            return Err(interrupted());
        }
    }
}

fn interrupted() -> ReleaseError {
    ReleaseError::Interrupted { before: "the deployment could be watched".into() }
}

/// The latest deployment of a service, whatever became of it.
pub(crate) async fn latest(
    connection: &Connection,
    plan: &ServicePlan,
) -> Result<Option<ServiceDeploymentBrief>, CallError> {
    let listed = connection
        .ecs
        .list_service_deployments()
        .cluster(&plan.cluster)
        .service(&plan.service_name)
        .max_results(1)
        .send()
        .await
        .doing(|| format!("listing the deployments of service {}", plan.name))?;
    Ok(listed.service_deployments().first().cloned())
}

async fn listed(
    connection: &Connection,
    cluster: &str,
    service: &str,
    deployment_id: &str,
) -> Result<Option<String>, ReleaseError> {
    let since = DateTime::from(std::time::SystemTime::now() - LISTED_LIMIT - CLOCK_SKEW);
    let output = connection
        .ecs
        .list_service_deployments()
        .cluster(cluster)
        .service(service)
        .created_at(CreatedAt::builder().after(since).build())
        .send()
        .await
        .doing(|| format!("listing the deployments of service {service}"))?;
    let found = output
        .service_deployments()
        .iter()
        .find(|brief| brief.target_service_revision_arn().is_some_and(|revision| same_number(revision, deployment_id)));
    Ok(found.and_then(|brief| brief.service_deployment_arn()).map(ToOwned::to_owned))
}

fn leads_to(deployment: &ServiceDeployment, deployment_id: &str) -> bool {
    let revision = deployment.target_service_revision().and_then(|revision| revision.arn());
    revision.is_some_and(|revision| same_number(revision, deployment_id))
}

/// Whether `…/service-revision/…/<digits>` and `ecs-svc/<digits>` have the same digits.
fn same_number(revision_arn: &str, deployment_id: &str) -> bool {
    let number = |text: &str| text.rsplit('/').next().map(ToOwned::to_owned);
    number(revision_arn) == number(deployment_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_belongs_to_the_revision_of_the_same_number() {
        let revision = "arn:aws:ecs:us-east-1:0:service-revision/c/s/1234567890123456789";
        assert!(same_number(revision, "ecs-svc/1234567890123456789"));
        assert!(!same_number(revision, "ecs-svc/234567890123456789"));
    }
}
