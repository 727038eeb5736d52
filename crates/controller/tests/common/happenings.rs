//! Everything that could be seen of a task next, good or bad.

use seatrial_controller::{Observation, StopCause, Task, TaskStatus};
use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::task_definition::HealthStatus;

use super::{Checks, unhealthy};

pub fn happenings(task: &Task, checks: Checks) -> Vec<Observation> {
    let id = || task.id.clone();
    let stopped = |cause| Observation::TaskStopped { task: id(), cause, reason: "why".to_owned() };
    match &task.status {
        TaskStatus::Pending => {
            let running = Observation::TaskRunning { task: id() };
            vec![running, stopped(StopCause::FailedToStart), stopped(StopCause::CannotStart)]
        }
        TaskStatus::Running => {
            let mut all = vec![stopped(StopCause::Exited)];
            all.extend(verdicts(task, checks));
            all
        }
        TaskStatus::Deactivating(_) => {
            let drained = task.targets.iter().filter(|(_, target)| !target.drained);
            let mut all: Vec<_> = drained
                .map(|(group, _)| Observation::TargetDrained { task: id(), target_group: group.clone() })
                .collect();
            all.push(stopped(StopCause::Exited));
            all
        }
        TaskStatus::Stopping(_) => vec![stopped(StopCause::Ordered)],
    }
}

/// The verdicts of a running task's checks that would be news.
fn verdicts(task: &Task, checks: Checks) -> Vec<Observation> {
    let mut all = Vec::new();
    for (group, target) in &task.targets {
        let news = [TargetHealth::healthy(), unhealthy()].into_iter().filter(|health| *health != target.health);
        all.extend(news.map(|health| Observation::TargetHealth {
            task: task.id.clone(),
            target_group: group.clone(),
            port: 80,
            health,
        }));
    }
    if matches!(checks, Checks::Container | Checks::Both) {
        let news = [HealthStatus::Healthy, HealthStatus::Unhealthy].into_iter();
        let news = news.filter(|health| *health != task.container_health);
        all.extend(news.map(|health| Observation::TaskHealth { task: task.id.clone(), health }));
    }
    all
}
