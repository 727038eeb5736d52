//! One look at a deployment: everything that is known about it at one moment, fetched and not yet judged.

use aws_sdk_ecs::types::{DesiredStatus, Service, ServiceDeployment, Task};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;

use super::Subject;
use crate::aws::{CallError, Connection, DoingExt};

/// Most tasks looked at of each kind: one call's worth. More are counted by ECS's own figures only.
const TASKS_MAX: i32 = 100;

/// Everything known about a deployment at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub deployment: ServiceDeployment,
    pub service: Service,
    /// Running tasks and those told to stop, of every version.
    pub tasks: Vec<Task>,
    pub target_groups: Vec<TargetGroupHealth>,
}

/// The health of a target group's targets.
#[derive(Clone, Debug)]
pub(crate) struct TargetGroupHealth {
    pub targets: Vec<TargetHealthDescription>,
}

/// Looks at a deployment. `None`: it or its service is not there (yet).
pub(crate) async fn look(connection: &Connection, subject: &Subject) -> Result<Option<Look>, CallError> {
    let Some(deployment) = deployment(connection, &subject.arn).await? else { return Ok(None) };
    let Some(service) = service(connection, &subject.cluster, &subject.service_name).await? else { return Ok(None) };
    let tasks = tasks(connection, &subject.cluster, &subject.service_name).await?;
    let target_groups = target_groups(connection, &service).await?;
    Ok(Some(Look { deployment, service, tasks, target_groups }))
}

/// A service deployment by its ARN.
pub(crate) async fn deployment(connection: &Connection, arn: &str) -> Result<Option<ServiceDeployment>, CallError> {
    let described = connection
        .ecs
        .describe_service_deployments()
        .service_deployment_arns(arn)
        .send()
        .await
        .doing(|| "looking at the service deployment".into())?;
    Ok(described.service_deployments().first().cloned())
}

/// A service by its name, also one that is being deleted.
pub(crate) async fn service(connection: &Connection, cluster: &str, name: &str) -> Result<Option<Service>, CallError> {
    let described = connection
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(name)
        .send()
        .await
        .doing(|| format!("looking at service {name}"))?;
    Ok(described.services().first().cloned())
}

/// The tasks of a service: first those that shall run, then those that shall not, which include recently stopped ones.
pub(crate) async fn tasks(connection: &Connection, cluster: &str, service: &str) -> Result<Vec<Task>, CallError> {
    let mut tasks = Vec::new();
    for desired in [DesiredStatus::Running, DesiredStatus::Stopped] {
        let listed = connection
            .ecs
            .list_tasks()
            .cluster(cluster)
            .service_name(service)
            .desired_status(desired)
            .max_results(TASKS_MAX)
            .send()
            .await
            .doing(|| format!("listing the tasks of service {service}"))?;
        if listed.task_arns().is_empty() {
            continue;
        }
        let described = connection
            .ecs
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(listed.task_arns)
            .send()
            .await
            .doing(|| format!("looking at the tasks of service {service}"))?;
        tasks.extend(described.tasks.unwrap_or_default());
    }
    Ok(tasks)
}

/// The health of the targets of every target group a service has.
pub(crate) async fn target_groups(
    connection: &Connection,
    service: &Service,
) -> Result<Vec<TargetGroupHealth>, CallError> {
    let mut groups = Vec::new();
    for arn in service.load_balancers().iter().filter_map(|balancer| balancer.target_group_arn()) {
        let described = connection
            .elb
            .describe_target_health()
            .target_group_arn(arn)
            .send()
            .await
            .doing(|| "looking at the health of targets".into())?;
        groups.push(TargetGroupHealth { targets: described.target_health_descriptions.unwrap_or_default() });
    }
    Ok(groups)
}
