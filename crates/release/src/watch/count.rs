//! Which tasks are in which state, by the version they belong to. Pure.

use aws_sdk_ecs::types::{HealthStatus, Service, Task};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealth, TargetHealthStateEnum};

use super::look::TargetGroupHealth;
use crate::report::TaskCounts;

/// The tasks of one deployment (`ecs-svc/…`) and of all others.
pub(crate) fn by_version(
    service: &Service,
    tasks: &[Task],
    groups: &[TargetGroupHealth],
    deployment_id: &str,
) -> (TaskCounts, TaskCounts) {
    let (mut new, mut old) = (TaskCounts::default(), TaskCounts::default());
    for deployment in service.deployments() {
        let counts = if deployment.id() == Some(deployment_id) { &mut new } else { &mut old };
        counts.desired += usize::try_from(deployment.desired_count()).unwrap_or(0);
    }
    for task in tasks {
        let counts = if task.started_by() == Some(deployment_id) { &mut new } else { &mut old };
        count(counts, task, groups);
    }
    (new, old)
}

/// All tasks of a service together.
pub(crate) fn all(service: &Service, tasks: &[Task], groups: &[TargetGroupHealth]) -> TaskCounts {
    let mut counts =
        TaskCounts { desired: usize::try_from(service.desired_count()).unwrap_or(0), ..TaskCounts::default() };
    for task in tasks {
        count(&mut counts, task, groups);
    }
    counts
}

fn count(counts: &mut TaskCounts, task: &Task, groups: &[TargetGroupHealth]) {
    match (task.last_status(), task.desired_status()) {
        (Some("STOPPED" | "DELETED"), _) => {}
        (_, Some("STOPPED")) => counts.leaving += 1,
        (Some("RUNNING"), _) => {
            counts.running += 1;
            counts.healthy += usize::from(is_healthy(task, groups));
        }
        (_, _) => counts.pending += 1,
    }
}

/// Whether a running task is healthy: in every target group, and by its own checks as far as it has any.
pub(crate) fn is_healthy(task: &Task, groups: &[TargetGroupHealth]) -> bool {
    let own = task.health_status() != Some(&HealthStatus::Unhealthy);
    own && groups
        .iter()
        .all(|group| target_health(task, group).and_then(TargetHealth::state) == Some(&TargetHealthStateEnum::Healthy))
}

/// The health of a task's target in one group.
pub(crate) fn target_health<'g>(task: &Task, group: &'g TargetGroupHealth) -> Option<&'g TargetHealth> {
    let addresses = addresses(task);
    group
        .targets
        .iter()
        .filter(|description| {
            let target = description.target();
            let id = target.and_then(|target| target.id()).unwrap_or_default();
            let port = target.and_then(|target| target.port());
            addresses.iter().any(|address| {
                address.host == id
                    && (address.ports.is_empty() || port.is_none_or(|port| address.ports.contains(&port)))
            })
        })
        .find_map(|description| description.target_health())
}

struct Address<'t> {
    host: &'t str,
    /// Host ports of its containers; empty when ECS does not say.
    ports: Vec<i32>,
}

/// The addresses of a task: of its network interface, or of the interfaces and bindings of its containers.
fn addresses(task: &Task) -> Vec<Address<'_>> {
    let attached = task
        .attachments()
        .iter()
        .flat_map(|attachment| attachment.details())
        .filter(|detail| detail.name() == Some("privateIPv4Address"))
        .filter_map(|detail| detail.value());
    let of_containers = task
        .containers()
        .iter()
        .flat_map(|container| container.network_interfaces())
        .filter_map(|interface| interface.private_ipv4_address());
    let ports: Vec<i32> = task
        .containers()
        .iter()
        .flat_map(|container| container.network_bindings())
        .filter_map(|binding| binding.host_port())
        .collect();
    attached.chain(of_containers).map(|host| Address { host, ports: ports.clone() }).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_sdk_ecs::types::{Attachment, Deployment, KeyValuePair};
    use aws_sdk_elasticloadbalancingv2::types::{TargetDescription, TargetHealthDescription};

    pub(crate) fn task(deployment: &str, last: &str, desired: &str, address: &str) -> Task {
        let detail = KeyValuePair::builder().name("privateIPv4Address").value(address).build();
        Task::builder()
            .task_arn(format!("arn:aws:ecs:us-east-1:1:task/c/{address}"))
            .started_by(deployment)
            .last_status(last)
            .desired_status(desired)
            .attachments(Attachment::builder().details(detail).build())
            .build()
    }

    pub(crate) fn group(states: &[(&str, TargetHealthStateEnum, Option<&str>)]) -> TargetGroupHealth {
        let describe = |(address, state, description): &(&str, TargetHealthStateEnum, Option<&str>)| {
            TargetHealthDescription::builder()
                .target(TargetDescription::builder().id(*address).port(80).build())
                .target_health(
                    TargetHealth::builder().state(state.clone()).set_description(description.map(Into::into)).build(),
                )
                .build()
        };
        TargetGroupHealth { targets: states.iter().map(describe).collect() }
    }

    pub(crate) fn service(deployments: &[(&str, &str, i32)]) -> Service {
        let deployment = |(id, status, desired): &(&str, &str, i32)| {
            Deployment::builder().id(*id).status(*status).desired_count(*desired).build()
        };
        Service::builder().set_deployments(Some(deployments.iter().map(deployment).collect())).build()
    }

    #[test]
    fn tasks_are_counted_by_version_state_and_health() {
        let service = service(&[("new", "PRIMARY", 2), ("old", "ACTIVE", 1)]);
        let tasks = [
            task("new", "RUNNING", "RUNNING", "10.0.0.1"),
            task("new", "RUNNING", "RUNNING", "10.0.0.2"),
            task("new", "PENDING", "RUNNING", "10.0.0.3"),
            task("new", "STOPPED", "STOPPED", "10.0.0.4"),
            task("old", "RUNNING", "RUNNING", "10.0.0.5"),
            task("old", "DEACTIVATING", "STOPPED", "10.0.0.6"),
        ];
        let groups = [group(&[
            ("10.0.0.1", TargetHealthStateEnum::Healthy, None),
            ("10.0.0.2", TargetHealthStateEnum::Initial, None),
            ("10.0.0.5", TargetHealthStateEnum::Healthy, None),
        ])];
        let (new, old) = by_version(&service, &tasks, &groups, "new");
        assert_eq!(new, TaskCounts { desired: 2, pending: 1, running: 2, healthy: 1, leaving: 0 });
        assert_eq!(old, TaskCounts { desired: 1, pending: 0, running: 1, healthy: 1, leaving: 1 });
    }

    #[test]
    fn without_a_load_balancer_a_running_task_is_healthy_unless_its_own_check_fails() {
        let running = task("new", "RUNNING", "RUNNING", "10.0.0.1");
        assert!(is_healthy(&running, &[]));
        let failing = Task::builder().last_status("RUNNING").health_status(HealthStatus::Unhealthy).build();
        assert!(!is_healthy(&failing, &[]));
    }
}
