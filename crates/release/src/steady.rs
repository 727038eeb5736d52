//! Waiting for a service whose number of tasks changed: there is no deployment to watch, only the service itself.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::Service;

use crate::aws::{CallError, Connection};
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::report::{Event, Progress, Reporter, TaskCounts};
use crate::watch::count;
use crate::watch::look;
use crate::watch::verdict::Verdict;

/// How to wait.
pub(crate) struct Waiting<'a> {
    pub connection: &'a Connection,
    pub report: &'a Reporter,
    pub interrupt: Interrupt,
    pub started: Instant,
    pub timeout: Duration,
}

impl Waiting<'_> {
    /// Waits until as many tasks run as are desired, all of them healthy, and none is leaving.
    pub async fn until_steady(
        mut self,
        name: &ServiceName,
        cluster: &str,
        service: &str,
    ) -> Result<Verdict, ReleaseError> {
        loop {
            match self.look(cluster, service).await {
                Ok(Some((found, counts))) => {
                    self.report.send(Event::Progress(progress(name, &found, counts, self.started.elapsed())));
                    if is_steady(&counts) {
                        return Ok(Verdict::Deployed);
                    }
                }
                Ok(None) => {
                    let what = format!("service {service} is gone");
                    return Err(ReleaseError::not_possible(what, "deploy it again: seatrial deploy"));
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error.into()),
            }
            if self.started.elapsed() >= self.timeout {
                return Ok(Verdict::TimedOut);
            }
            if self.interrupt.sleep(self.connection.poll_interval()).await {
                return Ok(Verdict::Interrupted);
            }
        }
    }

    async fn look(&self, cluster: &str, service: &str) -> Result<Option<(Service, TaskCounts)>, CallError> {
        let Some(found) = look::service(self.connection, cluster, service).await? else { return Ok(None) };
        let tasks = look::tasks(self.connection, cluster, service).await?;
        let groups = look::target_groups(self.connection, &found).await?;
        let counts = count::all(&found, &tasks, &groups);
        Ok(Some((found, counts)))
    }
}

fn is_steady(counts: &TaskCounts) -> bool {
    counts.healthy == counts.desired && counts.running == counts.desired && counts.pending == 0 && counts.leaving == 0
}

fn progress(name: &ServiceName, service: &Service, new: TaskCounts, elapsed: Duration) -> Progress {
    let waiting_for = match () {
        () if is_steady(&new) => "nothing".to_owned(),
        () if new.healthy < new.desired => {
            format!("{} of {} tasks to become healthy", new.desired - new.healthy, new.desired)
        }
        () => format!("{} tasks to stop", (new.running + new.pending).saturating_sub(new.desired) + new.leaving),
    };
    Progress {
        service: name.clone(),
        status: service.status().unwrap_or_default().to_owned(),
        new,
        old: TaskCounts::default(),
        failures: None,
        waiting_for,
        elapsed,
    }
}
