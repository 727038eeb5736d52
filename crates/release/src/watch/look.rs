//! One look at a deployment: everything that is known about it at one moment, fetched and not yet judged.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{DesiredStatus, HealthStatus, LoadBalancer, Service, ServiceDeployment, ServiceField, Task};
use aws_sdk_elasticloadbalancingv2::types::TargetHealthDescription;
use time::OffsetDateTime;

use super::Subject;
use super::health::{HealthFacts, PROVEN_AFTER, TargetGroupHealth};
use crate::aws::{CallError, Connection, DoingExt};
use crate::definitions;

/// Most tasks looked at of each kind: one call's worth. More are counted by ECS's own figures only.
const TASKS_MAX: i32 = 100;

/// Begins the id of a target that is an EC2 instance.
const INSTANCE_PREFIX: &str = "i-";

/// Everything known about a deployment at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub deployment: ServiceDeployment,
    pub service: Service,
    /// Running tasks and those told to stop, of every version.
    pub tasks: Vec<Task>,
    pub facts: HealthFacts,
}

/// Looks at a deployment. `None`: it or its service is not there (yet).
pub(crate) async fn look(connection: &Connection, subject: &Subject) -> Result<Option<Look>, CallError> {
    let Some(deployment) = deployment(connection, &subject.arn).await? else { return Ok(None) };
    let Some(service) = service(connection, &subject.cluster, &subject.service_name).await? else { return Ok(None) };
    let tasks = tasks(connection, &subject.cluster, &subject.service_name).await?;
    let facts = health_facts(connection, &subject.cluster, &service, &tasks).await?;
    Ok(Some(Look { deployment, service, tasks, facts }))
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
        .include(ServiceField::Tags)
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

/// What tells which of these tasks are healthy: one call per target group, and one per task definition not seen before.
pub(crate) async fn health_facts(
    connection: &Connection,
    cluster: &str,
    service: &Service,
    tasks: &[Task],
) -> Result<HealthFacts, CallError> {
    let mut target_groups = Vec::new();
    for balancer in service.load_balancers() {
        let mut targets = Vec::new();
        for arn in groups_of(balancer) {
            targets.extend(targets_of(connection, arn).await?);
        }
        target_groups.push(TargetGroupHealth { targets });
    }
    let instances = instances(connection, cluster, &target_groups, tasks).await?;
    let checked = checked(connection, tasks).await?;
    let mut facts = HealthFacts { target_groups, instances, checked, unproven: Vec::new() };
    facts.unproven = facts.unproven(tasks, OffsetDateTime::now_utc(), connection.really(PROVEN_AFTER));
    Ok(facts)
}

/// The target group of a service's load balancer, and the other one of a blue/green pair.
fn groups_of(balancer: &LoadBalancer) -> impl Iterator<Item = &str> {
    let alternate = balancer.advanced_configuration().and_then(|advanced| advanced.alternate_target_group_arn());
    balancer.target_group_arn().into_iter().chain(alternate)
}

async fn targets_of(connection: &Connection, group: &str) -> Result<Vec<TargetHealthDescription>, CallError> {
    let described = connection
        .elb
        .describe_target_health()
        .target_group_arn(group)
        .send()
        .await
        .doing(|| "looking at the health of targets".into())?;
    Ok(described.target_health_descriptions.unwrap_or_default())
}

/// The EC2 instances behind the tasks' container instances; asked for only where targets are instances.
async fn instances(
    connection: &Connection,
    cluster: &str,
    groups: &[TargetGroupHealth],
    tasks: &[Task],
) -> Result<BTreeMap<String, String>, CallError> {
    let ids = groups.iter().flat_map(|group| &group.targets).filter_map(|described| described.target()?.id());
    let are_instances = ids.into_iter().any(|id| id.starts_with(INSTANCE_PREFIX));
    let wanted: BTreeSet<&str> = tasks.iter().filter(running).filter_map(Task::container_instance_arn).collect();
    if !are_instances || wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let described = connection
        .ecs
        .describe_container_instances()
        .cluster(cluster)
        .set_container_instances(Some(wanted.into_iter().map(ToOwned::to_owned).collect()))
        .send()
        .await
        .doing(|| "looking at the instances of tasks".into())?;
    let pair = |instance: &aws_sdk_ecs::types::ContainerInstance| {
        Some((instance.container_instance_arn()?.to_owned(), instance.ec2_instance_id()?.to_owned()))
    };
    Ok(described.container_instances().iter().filter_map(pair).collect())
}

/// The task definitions with container health checks among those whose tasks have an unknown health.
async fn checked(connection: &Connection, tasks: &[Task]) -> Result<BTreeSet<String>, CallError> {
    let is_known = |task: &&Task| matches!(task.health_status(), Some(HealthStatus::Healthy | HealthStatus::Unhealthy));
    let unknown: BTreeSet<&str> =
        tasks.iter().filter(running).filter(|task| !is_known(task)).filter_map(Task::task_definition_arn).collect();
    let mut checked = BTreeSet::new();
    for arn in unknown {
        if definitions::facts(connection, arn).await?.is_some_and(|facts| facts.is_checked) {
            checked.insert(arn.to_owned());
        }
    }
    Ok(checked)
}

fn running(task: &&Task) -> bool {
    task.last_status() == Some("RUNNING")
}
