//! What a deployment waits for, or how it ended, in words. Pure.

use aws_sdk_ecs::types::{ServiceDeployment, ServiceDeploymentStatus, Task};

use super::Subject;
use super::health::PROVEN_AFTER;
use super::look::Look;
use super::traffic;
use super::verdict::{Ending, ending, had_nowhere_to_go, length};
use super::words::tasks_in_words;
use crate::ensure::service::{in_place, primary_id};
use crate::ensure::task_definition::short;
use crate::report::{Activity, TaskCounts};

/// What a deployment waits for, or how it ended.
pub(crate) fn activity(
    look: &Look,
    subject: &Subject,
    new: &TaskCounts,
    old: &TaskCounts,
    time_scale: u32,
) -> Activity {
    match waiting_for(look, &subject.deployment_id, new, old, time_scale) {
        Some(what) => Activity::WaitingFor(what),
        None => Activity::Over { what: over(look, subject), after: length(&look.deployment).unwrap_or_default() },
    }
}

/// Completes "waiting for …"; none when the deployment is over.
pub(crate) fn waiting_for(
    look: &Look,
    deployment_id: &str,
    new: &TaskCounts,
    old: &TaskCounts,
    time_scale: u32,
) -> Option<String> {
    match look.deployment.status() {
        None | Some(ServiceDeploymentStatus::Pending) => Some("the deployment to begin".to_owned()),
        Some(ServiceDeploymentStatus::StopRequested) => Some("the deployment to stop".to_owned()),
        Some(ServiceDeploymentStatus::RollbackRequested | ServiceDeploymentStatus::RollbackInProgress) => {
            Some(rollback(&look.deployment, new, old))
        }
        Some(ServiceDeploymentStatus::InProgress) => {
            let of_traffic = traffic::waiting_for(&look.deployment, time_scale);
            Some(of_traffic.unwrap_or_else(|| progress(look, deployment_id, new, old)))
        }
        Some(_) if ending(&look.deployment).is_some() => None,
        Some(newer) => Some(format!("the end of {newer}")),
    }
}

fn over(look: &Look, subject: &Subject) -> String {
    let wanted = short(&subject.task_definition);
    let in_place = short(in_place(&look.service).unwrap_or_default());
    match ending(&look.deployment) {
        Some(Ending::Successful) => format!("deployed {wanted}"),
        Some(Ending::RolledBack) => format!("rolled back to {in_place}"),
        Some(Ending::RollbackFailed) if had_nowhere_to_go(&look.deployment) => {
            "failed, with no earlier version to go back to".to_owned()
        }
        Some(Ending::RollbackFailed) => "failed, and so did the rollback".to_owned(),
        Some(Ending::Stopped) if primary_id(&look.service) != Some(&subject.deployment_id) => {
            "gave way to a newer deployment".to_owned()
        }
        Some(Ending::Stopped) | None => "failed without a rollback".to_owned(),
    }
}

fn rollback(deployment: &ServiceDeployment, failed: &TaskCounts, restored: &TaskCounts) -> String {
    let missing = restored.desired.saturating_sub(restored.healthy);
    if missing > 0 {
        return format!("the rollback: {} of the previous version to become healthy", tasks_in_words(missing));
    }
    if let Some(way) = traffic::on_its_way_back(deployment) {
        return format!("the rollback: {way}");
    }
    let remaining = failed.pending + failed.running + failed.leaving;
    if remaining > 0 {
        format!("the rollback: {} of the failed version to stop", tasks_in_words(remaining))
    } else {
        "the rollback to complete".to_owned()
    }
}

fn progress(look: &Look, deployment_id: &str, new: &TaskCounts, old: &TaskCounts) -> String {
    if new.pending > 0 {
        return format!("{} to start", tasks_in_words(new.pending));
    }
    let unproven = look.facts.unproven.iter().filter(|deployment| *deployment == deployment_id).count();
    if unproven > 0 {
        return format!(
            "{} to have been running for {} s: without a health check that is what ECS counts as healthy",
            tasks_in_words(unproven),
            PROVEN_AFTER.as_secs()
        );
    }
    let unhealthy = new.running - new.healthy;
    if unhealthy > 0 {
        return match answer(look, deployment_id) {
            Some(answer) => format!("{} to become healthy ({answer})", tasks_in_words(unhealthy)),
            None => format!("{} to become healthy", tasks_in_words(unhealthy)),
        };
    }
    let wanted = usize::try_from(look.service.desired_count()).unwrap_or(0);
    if new.running < wanted {
        return format!("{} to be started", tasks_in_words(wanted - new.running));
    }
    if old.leaving > 0 {
        return format!("{} of the old version to finish requests and stop", tasks_in_words(old.leaving));
    }
    if old.running + old.pending > 0 {
        return format!("{} of the old version to be stopped", tasks_in_words(old.running + old.pending));
    }
    "ECS to complete the deployment".to_owned()
}

/// What the load balancer says of the first new task that is not healthy.
fn answer(look: &Look, deployment_id: &str) -> Option<String> {
    let is_new = |task: &&Task| task.started_by() == Some(deployment_id) && task.last_status() == Some("RUNNING");
    let unhealthy = look.tasks.iter().filter(is_new).find(|task| !look.facts.is_healthy(task))?;
    look.facts.answer(unhealthy)
}

#[cfg(test)]
mod tests {
    use super::super::count::by_version;
    use super::super::count::tests::service;
    use super::super::health::HealthFacts;
    use super::super::health::tests::{facts, task};
    use super::*;
    use aws_sdk_ecs::types::ServiceRevisionSummary;
    use aws_sdk_elasticloadbalancingv2::types::TargetHealthStateEnum;
    use aws_smithy_types::DateTime;

    fn subject() -> Subject {
        Subject {
            service: "web".parse().expect("name"),
            cluster: "c".into(),
            service_name: "web".into(),
            deployment_id: "new".into(),
            arn: "arn".into(),
            task_definition: "arn:aws:ecs:us-east-1:1:task-definition/new:1".into(),
        }
    }

    fn waiting(status: ServiceDeploymentStatus, tasks: Vec<Task>, facts: HealthFacts) -> String {
        let service = service(1, &[("new", "PRIMARY", 1), ("old", "ACTIVE", 1)]);
        let look = Look { deployment: ServiceDeployment::builder().status(status).build(), service, tasks, facts };
        let (new, old) = by_version(&look.service, &look.tasks, &look.facts, "new");
        waiting_for(&look, "new", &new, &old, 1).expect("it is not over")
    }

    #[test]
    fn the_end_of_a_deployment_is_told_in_plain_words() {
        use ServiceDeploymentStatus::{RollbackFailed, RollbackSuccessful, Stopped, Successful};
        let cases = [
            (Successful, "new", "deployed new:1"),
            (RollbackSuccessful, "old", "rolled back to old:1"),
            (RollbackFailed, "new", "failed, and so did the rollback"),
            (Stopped, "new", "failed without a rollback"),
            (Stopped, "newer", "gave way to a newer deployment"),
        ];
        let subject = subject();
        for (status, primary, expected) in cases {
            let deployment = ServiceDeployment::builder()
                .status(status)
                .created_at(DateTime::from_secs(100))
                .finished_at(DateTime::from_millis(101_100));
            let service = service(1, &[(primary, "PRIMARY", 1)]);
            let look = Look { deployment: deployment.build(), service, tasks: vec![], facts: HealthFacts::default() };
            let (new, old) = by_version(&look.service, &look.tasks, &look.facts, "new");
            let after = std::time::Duration::from_millis(1100);
            assert_eq!(activity(&look, &subject, &new, &old, 1), Activity::Over { what: expected.into(), after });
        }
    }

    #[test]
    fn traffic_on_its_way_back_is_told_with_what_is_left() {
        let target = ServiceRevisionSummary::builder().requested_production_traffic_weight(75.0).build();
        let deployment = ServiceDeployment::builder()
            .status(ServiceDeploymentStatus::RollbackInProgress)
            .target_service_revision(target)
            .build();
        let service = service(1, &[("old", "PRIMARY", 1), ("new", "ACTIVE", 1)]);
        let tasks = vec![task("new", "RUNNING", "RUNNING", "10.0.0.1"), task("old", "RUNNING", "RUNNING", "10.0.0.2")];
        let healthy = TargetHealthStateEnum::Healthy;
        let facts = facts(&[("10.0.0.1", 80, healthy.clone(), None), ("10.0.0.2", 80, healthy, None)]);
        let look = Look { deployment, service, tasks, facts };
        let (new, old) = by_version(&look.service, &look.tasks, &look.facts, "new");
        assert_eq!(
            waiting_for(&look, "new", &new, &old, 1).as_deref(),
            Some("the rollback: the traffic to go back, 75 % is still on the version given up")
        );
    }

    #[test]
    fn a_first_version_that_failed_had_nowhere_to_go() {
        let deployment = ServiceDeployment::builder()
            .status(ServiceDeploymentStatus::RollbackFailed)
            .status_reason("No rollback candidate was found to run the rollback.")
            .build();
        let service = service(1, &[("new", "PRIMARY", 1)]);
        let look = Look { deployment, service, tasks: vec![], facts: HealthFacts::default() };
        assert_eq!(over(&look, &subject()), "failed, with no earlier version to go back to");
    }

    #[test]
    fn a_task_without_a_check_has_to_run_for_a_while_before_it_counts() {
        let service = service(1, &[("new", "PRIMARY", 1)]);
        let deployment = ServiceDeployment::builder().status(ServiceDeploymentStatus::InProgress).build();
        let facts = HealthFacts { unproven: vec!["new".into(), "other".into()], ..HealthFacts::default() };
        let look = Look { deployment, service, tasks: vec![task("new", "RUNNING", "RUNNING", "10.0.0.1")], facts };
        let (new, old) = by_version(&look.service, &look.tasks, &look.facts, "new");
        assert_eq!(
            waiting_for(&look, "new", &new, &old, 1).as_deref(),
            Some("1 task to have been running for 40 s: without a health check that is what ECS counts as healthy")
        );
    }

    #[test]
    fn every_moment_of_a_rolling_update_is_told() {
        use ServiceDeploymentStatus::{InProgress, Pending, RollbackInProgress};
        let new = |last: &str| task("new", last, "RUNNING", "10.0.0.1");
        let old = |last: &str, desired: &str| task("old", last, desired, "10.0.0.2");
        let healthy = || {
            facts(&[
                ("10.0.0.1", 80, TargetHealthStateEnum::Healthy, None),
                ("10.0.0.2", 80, TargetHealthStateEnum::Healthy, None),
            ])
        };
        let failing = || {
            facts(&[(
                "10.0.0.1",
                80,
                TargetHealthStateEnum::Unhealthy,
                Some("Health checks failed with these codes: [503]"),
            )])
        };
        let cases = [
            (Pending, vec![], HealthFacts::default(), "the deployment to begin"),
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
