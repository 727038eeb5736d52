//! What a deployment waits for, in words. Pure.

use aws_sdk_ecs::types::{ServiceDeploymentStatus, Task};
use aws_sdk_elasticloadbalancingv2::types::TargetHealth;

use super::count::{is_healthy, target_health};
use super::look::{Look, TargetGroupHealth};
use crate::report::TaskCounts;

/// Completes "waiting for …".
pub(crate) fn waiting_for(look: &Look, deployment_id: &str, new: &TaskCounts, old: &TaskCounts) -> String {
    match look.deployment.status() {
        None | Some(ServiceDeploymentStatus::Pending) => "the deployment to begin".to_owned(),
        Some(ServiceDeploymentStatus::StopRequested) => "the deployment to stop".to_owned(),
        Some(ServiceDeploymentStatus::RollbackRequested | ServiceDeploymentStatus::RollbackInProgress) => {
            rollback(new, old)
        }
        Some(ServiceDeploymentStatus::InProgress) => progress(look, deployment_id, new, old),
        Some(_) => "nothing".to_owned(),
    }
}

fn rollback(failed: &TaskCounts, restored: &TaskCounts) -> String {
    let missing = restored.desired.saturating_sub(restored.healthy);
    if missing > 0 {
        return format!("the rollback: {} of the previous version to become healthy", tasks(missing));
    }
    let remaining = failed.pending + failed.running + failed.leaving;
    if remaining > 0 {
        format!("the rollback: {} of the failed version to stop", tasks(remaining))
    } else {
        "the rollback to complete".to_owned()
    }
}

fn progress(look: &Look, deployment_id: &str, new: &TaskCounts, old: &TaskCounts) -> String {
    if new.pending > 0 {
        return format!("{} to start", tasks(new.pending));
    }
    let unhealthy = new.running - new.healthy;
    if unhealthy > 0 {
        return match answer(look, deployment_id) {
            Some(answer) => format!("{} to become healthy ({answer})", tasks(unhealthy)),
            None => format!("{} to become healthy", tasks(unhealthy)),
        };
    }
    let wanted = usize::try_from(look.service.desired_count()).unwrap_or(0);
    if new.running < wanted {
        return format!("{} to be started", tasks(wanted - new.running));
    }
    if old.leaving > 0 {
        return format!("{} of the old version to finish requests and stop", tasks(old.leaving));
    }
    if old.running + old.pending > 0 {
        return format!("{} of the old version to be stopped", tasks(old.running + old.pending));
    }
    "ECS to complete the deployment".to_owned()
}

/// What the load balancer says of the first new task that is not healthy.
fn answer(look: &Look, deployment_id: &str) -> Option<String> {
    let is_new = |task: &&Task| task.started_by() == Some(deployment_id) && task.last_status() == Some("RUNNING");
    let unhealthy = look.tasks.iter().filter(is_new).find(|task| !is_healthy(task, &look.target_groups))?;
    describe_health(unhealthy, &look.target_groups)
}

/// The load balancer's words about a task, such as "Health checks failed with these codes: [503]".
pub(crate) fn describe_health(task: &Task, groups: &[TargetGroupHealth]) -> Option<String> {
    groups.iter().filter_map(|group| target_health(task, group)).find_map(|health: &TargetHealth| {
        health.description().map(ToOwned::to_owned).or_else(|| health.reason().map(|reason| reason.as_str().to_owned()))
    })
}

fn tasks(count: usize) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

#[cfg(test)]
mod tests {
    use super::super::count::by_version;
    use super::super::count::tests::{group, service, task};
    use super::*;
    use aws_sdk_ecs::types::ServiceDeployment;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;

    fn waiting(status: ServiceDeploymentStatus, tasks: Vec<Task>, groups: Vec<TargetGroupHealth>) -> String {
        let mut service = service(&[("new", "PRIMARY", 1), ("old", "ACTIVE", 1)]);
        service.desired_count = 1;
        let look = Look {
            deployment: ServiceDeployment::builder().status(status).build(),
            service,
            tasks,
            target_groups: groups,
        };
        let (new, old) = by_version(&look.service, &look.tasks, &look.target_groups, "new");
        waiting_for(&look, "new", &new, &old)
    }

    #[test]
    fn every_moment_of_a_rolling_update_is_told() {
        use ServiceDeploymentStatus::{InProgress, Pending, RollbackInProgress};
        let new = |last: &str| task("new", last, "RUNNING", "10.0.0.1");
        let old = |last: &str, desired: &str| task("old", last, desired, "10.0.0.2");
        let healthy = || {
            vec![group(&[
                ("10.0.0.1", TargetHealthStateEnum::Healthy, None),
                ("10.0.0.2", TargetHealthStateEnum::Healthy, None),
            ])]
        };
        let failing = || {
            vec![group(&[(
                "10.0.0.1",
                TargetHealthStateEnum::Unhealthy,
                Some("Health checks failed with these codes: [503]"),
            )])]
        };
        let cases = [
            (Pending, vec![], vec![], "the deployment to begin"),
            (InProgress, vec![old("RUNNING", "RUNNING")], healthy(), "1 task to be started"),
            (InProgress, vec![new("PENDING")], healthy(), "1 task to start"),
            (
                InProgress,
                vec![new("RUNNING")],
                failing(),
                "1 task to become healthy (Health checks failed with these codes: [503])",
            ),
            (
                InProgress,
                vec![new("RUNNING"), old("RUNNING", "RUNNING")],
                healthy(),
                "1 task of the old version to be stopped",
            ),
            (
                InProgress,
                vec![new("RUNNING"), old("DEACTIVATING", "STOPPED")],
                healthy(),
                "1 task of the old version to finish requests and stop",
            ),
            (InProgress, vec![new("RUNNING")], healthy(), "ECS to complete the deployment"),
            (
                RollbackInProgress,
                vec![new("RUNNING")],
                failing(),
                "the rollback: 1 task of the previous version to become healthy",
            ),
            (
                RollbackInProgress,
                vec![new("RUNNING"), old("RUNNING", "RUNNING")],
                healthy(),
                "the rollback: 1 task of the failed version to stop",
            ),
            (RollbackInProgress, vec![old("RUNNING", "RUNNING")], healthy(), "the rollback to complete"),
        ];
        for (status, tasks, groups, expected) in cases {
            assert_eq!(waiting(status, tasks, groups), expected);
        }
    }
}
