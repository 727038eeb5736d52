//! Which tasks are in which state, by the version they belong to. Pure.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{Service, Task};

use super::health::HealthFacts;
use crate::ensure::task_definition::short;
use crate::report::TaskCounts;

/// The tasks of one deployment (`ecs-svc/…`) and of all others.
pub(crate) fn by_version(
    service: &Service,
    tasks: &[Task],
    facts: &HealthFacts,
    deployment_id: &str,
) -> (TaskCounts, TaskCounts) {
    let (mut new, mut old) = (TaskCounts::default(), TaskCounts::default());
    for deployment in service.deployments() {
        let counts = if deployment.id() == Some(deployment_id) { &mut new } else { &mut old };
        counts.desired += usize::try_from(deployment.desired_count()).unwrap_or(0);
    }
    // A rollback and the deployment it returns to both want their tasks for a while.
    old.desired = old.desired.min(desired(service));
    for task in tasks {
        let counts = if task.started_by() == Some(deployment_id) { &mut new } else { &mut old };
        count(counts, task, facts);
    }
    (new, old)
}

/// These tasks of a version that shall have so many.
pub(crate) fn of<'a>(desired: usize, tasks: impl Iterator<Item = &'a Task>, facts: &HealthFacts) -> TaskCounts {
    let mut counts = TaskCounts { desired, ..TaskCounts::default() };
    tasks.for_each(|task| count(&mut counts, task, facts));
    counts
}

/// All tasks of a service together.
pub(crate) fn all(service: &Service, tasks: &[Task], facts: &HealthFacts) -> TaskCounts {
    of(desired(service), tasks.iter(), facts)
}

/// How many healthy tasks each task definition (`family:revision`) has, without those that are leaving.
pub(crate) fn healthy_by_definition(tasks: &[Task], facts: &HealthFacts) -> BTreeMap<String, usize> {
    let mut healthy = BTreeMap::new();
    let stays = |task: &&Task| task.desired_status() != Some("STOPPED") && facts.is_healthy(task);
    for task in tasks.iter().filter(stays) {
        *healthy.entry(short(task.task_definition_arn().unwrap_or_default()).to_owned()).or_default() += 1;
    }
    healthy
}

fn desired(service: &Service) -> usize {
    usize::try_from(service.desired_count()).unwrap_or(0)
}

fn count(counts: &mut TaskCounts, task: &Task, facts: &HealthFacts) {
    match (task.last_status(), task.desired_status()) {
        (Some("STOPPED" | "DELETED"), _) => {}
        (_, Some("STOPPED")) => counts.leaving += 1,
        (Some("RUNNING"), _) => {
            counts.running += 1;
            counts.healthy += usize::from(facts.is_healthy(task));
        }
        (_, _) => counts.pending += 1,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::health::tests::{facts, task};
    use super::*;
    use aws_sdk_ecs::types::Deployment;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum::{Healthy, Initial};

    pub(crate) fn service(desired: i32, deployments: &[(&str, &str, i32)]) -> Service {
        let deployment = |(id, status, desired): &(&str, &str, i32)| {
            Deployment::builder()
                .id(*id)
                .status(*status)
                .desired_count(*desired)
                .task_definition(format!("arn:aws:ecs:us-east-1:1:task-definition/{id}:1"))
                .build()
        };
        let deployments = deployments.iter().map(deployment).collect();
        Service::builder().desired_count(desired).set_deployments(Some(deployments)).build()
    }

    #[test]
    fn tasks_are_counted_by_version_state_and_health() {
        let service = service(2, &[("new", "PRIMARY", 2), ("old", "ACTIVE", 1)]);
        let tasks = [
            task("new", "RUNNING", "RUNNING", "10.0.0.1"),
            task("new", "RUNNING", "RUNNING", "10.0.0.2"),
            task("new", "PENDING", "RUNNING", "10.0.0.3"),
            task("new", "STOPPED", "STOPPED", "10.0.0.4"),
            task("old", "RUNNING", "RUNNING", "10.0.0.5"),
            task("old", "DEACTIVATING", "STOPPED", "10.0.0.6"),
        ];
        let facts =
            facts(&[("10.0.0.1", 80, Healthy, None), ("10.0.0.2", 80, Initial, None), ("10.0.0.5", 80, Healthy, None)]);
        let (new, old) = by_version(&service, &tasks, &facts, "new");
        assert_eq!(new, TaskCounts { desired: 2, pending: 1, running: 2, healthy: 1, leaving: 0 });
        assert_eq!(old, TaskCounts { desired: 1, pending: 0, running: 1, healthy: 1, leaving: 1 });
        let by_definition = healthy_by_definition(&tasks, &facts);
        assert_eq!(by_definition, [("new:1".to_owned(), 1), ("old:1".to_owned(), 1)].into());
    }

    #[test]
    fn a_rollback_and_the_deployment_it_returns_to_want_the_same_tasks() {
        let service = service(2, &[("back", "PRIMARY", 2), ("failed", "ACTIVE", 0), ("old", "ACTIVE", 1)]);
        let (_, old) = by_version(&service, &[], &HealthFacts::default(), "failed");
        assert_eq!(old.desired, 2);
    }
}
