//! Waiting for a service whose number of tasks changed: there is no deployment to watch, only the service itself.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{Service, Task};

use crate::aws::{CallError, Connection};
use crate::config::ServiceName;
use crate::ensure::service::in_place;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Activity, Event, Progress, Reporter, TaskCounts};
use crate::watch::cause::Cause;
use crate::watch::count;
use crate::watch::diagnosis;
use crate::watch::health::HealthFacts;
use crate::watch::log_tail::with_logs;
use crate::watch::look;
use crate::watch::outcome::ServiceOutcome;
use crate::watch::verdict::Verdict;
use crate::watch::words::tasks_in_words;

/// How to wait.
pub(crate) struct Waiting<'a> {
    pub connection: &'a Connection,
    pub report: &'a Reporter,
    pub interrupt: Interrupt,
    pub started: Instant,
    pub timeout: Duration,
}

/// A service at one moment.
struct Seen {
    service: Service,
    tasks: Vec<Task>,
    facts: HealthFacts,
    counts: TaskCounts,
}

impl Waiting<'_> {
    /// Waits until as many tasks run as are desired, all of them healthy, and none is leaving. `at_once` is the verdict if that is
    /// so from the start: what to say of it depends on whether anything was changed.
    pub async fn until_steady(mut self, plan: &ServicePlan, at_once: Verdict) -> Result<ServiceOutcome, ReleaseError> {
        let mut last: Option<Seen> = None;
        let mut is_interrupted = self.interrupt.wait(self.connection.looks.turn()).await;
        let verdict = loop {
            if is_interrupted {
                break Verdict::Interrupted;
            }
            match self.look(plan).await {
                Ok(Some(seen)) => {
                    let is_steady = is_steady(&seen.counts);
                    let verdict = if last.is_none() { at_once } else { Verdict::Deployed };
                    if !(is_steady && verdict == Verdict::NothingToDo) {
                        self.report.send(Event::Progress(progress(&plan.name, &seen, self.started.elapsed())));
                    }
                    last = Some(seen);
                    if is_steady {
                        break verdict;
                    }
                }
                Ok(None) => {
                    let what = format!("service {} is gone", plan.service_name);
                    return Err(ReleaseError::not_possible(what, "deploy it again: seatrial deploy"));
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
            if self.started.elapsed() >= self.timeout {
                break Verdict::TimedOut;
            }
            is_interrupted = self.interrupt.wait(self.connection.next_look()).await;
        };
        Ok(self.outcome(plan, verdict, last).await)
    }

    async fn look(&self, plan: &ServicePlan) -> Result<Option<Seen>, CallError> {
        let Some(service) = look::service(self.connection, &plan.cluster, &plan.service_name).await? else {
            return Ok(None);
        };
        let tasks = look::tasks(self.connection, &plan.cluster, &plan.service_name).await?;
        let facts = look::health_facts(self.connection, &plan.cluster, &service, &tasks).await?;
        let counts = count::all(&service, &tasks, &facts);
        Ok(Some(Seen { service, tasks, facts, counts }))
    }

    async fn outcome(&self, plan: &ServicePlan, verdict: Verdict, last: Option<Seen>) -> ServiceOutcome {
        let Some(seen) = last else {
            return ServiceOutcome::without_deployment(&plan.name, verdict, &plan.family, self.started.elapsed());
        };
        let task_definition = in_place(&seen.service).unwrap_or_default();
        let outcome = ServiceOutcome::without_deployment(&plan.name, verdict, task_definition, self.started.elapsed());
        let causes = match verdict {
            Verdict::TimedOut => with_logs(self.connection, unhealthy(&seen), task_definition).await,
            Verdict::NothingToDo
            | Verdict::Deployed
            | Verdict::Started
            | Verdict::Reached
            | Verdict::Interrupted
            | Verdict::Paused
            | Verdict::RolledBack
            | Verdict::Failed
            | Verdict::RollbackFailed => Vec::new(),
        };
        ServiceOutcome { healthy_tasks: count::healthy_by_definition(&seen.tasks, &seen.facts), causes, ..outcome }
    }
}

/// Why the first task that is not healthy is not.
fn unhealthy(seen: &Seen) -> Vec<Cause> {
    let is_unhealthy = |task: &&Task| task.last_status() == Some("RUNNING") && !seen.facts.is_healthy(task);
    let cause = seen.tasks.iter().find(is_unhealthy).map(|task| diagnosis::of_unhealthy(task, &seen.facts));
    cause.into_iter().collect()
}

fn is_steady(counts: &TaskCounts) -> bool {
    counts.healthy == counts.desired && counts.running == counts.desired && counts.pending == 0 && counts.leaving == 0
}

fn progress(name: &ServiceName, seen: &Seen, elapsed: Duration) -> Progress {
    Progress {
        service: name.clone(),
        status: seen.service.status().unwrap_or_default().to_owned(),
        traffic: None,
        new: seen.counts,
        old: TaskCounts::default(),
        failures: None,
        activity: activity(&seen.counts, elapsed),
        elapsed,
    }
}

fn activity(counts: &TaskCounts, elapsed: Duration) -> Activity {
    let surplus = (counts.running + counts.pending).saturating_sub(counts.desired) + counts.leaving;
    match () {
        () if is_steady(counts) => Activity::Over { what: "done".to_owned(), after: elapsed },
        () if counts.healthy < counts.desired => {
            Activity::WaitingFor(format!("{} to become healthy", tasks_in_words(counts.desired - counts.healthy)))
        }
        () => Activity::WaitingFor(format!("{} to stop", tasks_in_words(surplus))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_steady_when_all_its_tasks_are_healthy_and_none_is_leaving() {
        let told = |desired, running, healthy, leaving| {
            activity(&TaskCounts { desired, pending: 0, running, healthy, leaving }, Duration::ZERO)
        };
        let waiting = |what: &str| Activity::WaitingFor(what.to_owned());
        assert_eq!(told(2, 2, 1, 0), waiting("1 task to become healthy"));
        assert_eq!(told(1, 3, 3, 0), waiting("2 tasks to stop"));
        assert_eq!(told(0, 0, 0, 1), waiting("1 task to stop"));
        assert_eq!(told(0, 0, 0, 0), Activity::Over { what: "done".into(), after: Duration::ZERO });
    }
}
