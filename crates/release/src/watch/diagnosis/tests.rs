//! Every way to fail, and the cause that is found for it.

use super::*;
use aws_sdk_ecs::types::ServiceEvent;
use aws_smithy_types::DateTime;

struct Case {
    stopped_reason: &'static str,
    stop_code: TaskStopCode,
    container_reason: Option<&'static str>,
    exit_code: Option<i32>,
    seconds: Option<i64>,
}

fn task(case: &Case) -> Task {
    let container = Container::builder()
        .name("web")
        .set_exit_code(case.exit_code)
        .set_reason(case.container_reason.map(Into::into))
        .build();
    Task::builder()
        .task_arn("arn:aws:ecs:us-east-1:0:task/c/0123456789abcdef0123456789abcdef")
        .desired_status("STOPPED")
        .last_status("STOPPED")
        .stopped_reason(case.stopped_reason)
        .stop_code(case.stop_code.clone())
        .set_started_at(case.seconds.map(|_| DateTime::from_secs(100)))
        .set_execution_stopped_at(case.seconds.map(|seconds| DateTime::from_secs(100 + seconds)))
        .containers(container)
        .build()
}

#[test]
fn every_way_to_fail_has_its_cause() {
    use TaskStopCode::{EssentialContainerExited, ServiceSchedulerInitiated, TaskFailedToStart, UserInitiated};
    let exited = "Essential container in task exited";
    let cases = [
        (
            exited,
            EssentialContainerExited,
            None,
            Some(1),
            Some(1),
            CauseKind::ExitedAtStart,
            "container web of task 01234567 exited with code 1 after 1.0 s",
        ),
        (
            exited,
            EssentialContainerExited,
            None,
            Some(139),
            Some(60),
            CauseKind::Exited,
            "container web of task 01234567 was ended by SIGSEGV (exit code 139) after 60.0 s",
        ),
        (
            exited,
            EssentialContainerExited,
            None,
            Some(127),
            Some(0),
            CauseKind::CommandNotFound,
            "the command of container web was not found (task 01234567: Essential container in task exited)",
        ),
        (
            exited,
            EssentialContainerExited,
            Some("OutOfMemoryError: Container killed due to memory usage"),
            Some(137),
            Some(60),
            CauseKind::OutOfMemory,
            "container web of task 01234567 was killed: it used more memory than it may",
        ),
        (
            "CannotPullContainerError: manifest unknown",
            TaskFailedToStart,
            None,
            None,
            None,
            CauseKind::ImageNotPulled,
            "task 01234567: CannotPullContainerError: manifest unknown",
        ),
        (
            "ResourceInitializationError: unable to pull secrets",
            TaskFailedToStart,
            None,
            None,
            None,
            CauseKind::SecretMissing,
            "task 01234567: ResourceInitializationError: unable to pull secrets",
        ),
        (
            "Task failed to start",
            TaskFailedToStart,
            Some("CannotStartContainerError: serverd: No such file or directory"),
            None,
            None,
            CauseKind::CommandNotFound,
            "the command of container web was not found (task 01234567: CannotStartContainerError: serverd: No such file or directory)",
        ),
        (
            "Task failed to start",
            TaskFailedToStart,
            Some("CannotStartContainerError: permission denied"),
            None,
            None,
            CauseKind::CommandNotExecutable,
            "the command of container web cannot be executed (task 01234567: CannotStartContainerError: permission denied)",
        ),
        (
            "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:r:0:targetgroup/g/1)",
            ServiceSchedulerInitiated,
            None,
            Some(143),
            Some(60),
            CauseKind::TargetUnhealthy,
            "task 01234567 failed the load balancer's health checks: Health checks failed with these codes: [503]",
        ),
        (
            "Task failed container health checks",
            ServiceSchedulerInitiated,
            None,
            Some(143),
            Some(60),
            CauseKind::ContainerUnhealthy,
            "container web of task 01234567 failed its own health check",
        ),
        (
            "Task stopped by user",
            UserInitiated,
            None,
            Some(143),
            Some(60),
            CauseKind::StoppedByHand,
            "task 01234567: Task stopped by user",
        ),
    ];
    let event = "(service web) (task 0123456789abcdef0123456789abcdef) (port 8080) is unhealthy in (target-group arn:x) due to (reason Health checks failed with these codes: [503]).";
    let service = Service::builder().events(ServiceEvent::builder().message(event).build()).build();
    for (stopped_reason, stop_code, container_reason, exit_code, seconds, kind, what) in cases {
        let task = task(&Case { stopped_reason, stop_code, container_reason, exit_code, seconds });
        assert!(has_failed(&task));
        let cause = of_task(&task, &service);
        assert_eq!((cause.kind, cause.what.as_str()), (kind, what));
        let own_end = matches!(kind, CauseKind::ExitedAtStart | CauseKind::Exited | CauseKind::OutOfMemory);
        let own_end = own_end || (kind == CauseKind::CommandNotFound && exit_code.is_some());
        assert_eq!(
            cause.exit_code,
            exit_code.filter(|_| own_end),
            "the code of a task that was told to stop says nothing"
        );
    }
}

#[test]
fn a_task_that_was_scaled_in_has_not_failed() {
    let case = Case {
        stopped_reason: "Scaling activity initiated by (deployment ecs-svc/1)",
        stop_code: TaskStopCode::ServiceSchedulerInitiated,
        container_reason: None,
        exit_code: Some(143),
        seconds: Some(60),
    };
    assert!(!has_failed(&task(&case)));
}
