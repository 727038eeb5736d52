//! Tells the difference between two looks: progress at every look, and each service event and failed task once.

use std::collections::BTreeSet;
use std::time::Instant;

use aws_sdk_ecs::types::ServiceEvent;
use time::OffsetDateTime;

use super::Subject;
use super::count::by_version;
use super::diagnosis;
use super::look::Look;
use super::names::Names;
use super::traffic::traffic;
use super::waiting::activity;
use super::words::short_id;
use crate::aws::times::{between, timestamp};
use crate::report::{Activity, Event, Progress, Reporter};

/// What has been told of one deployment. Bounded by what ECS keeps: 100 events, and the tasks one look returns.
pub(super) struct Teller {
    subject: Subject,
    /// When the deployment began; known from the first look on.
    began: Option<Instant>,
    told_events: BTreeSet<String>,
    told_tasks: BTreeSet<String>,
}

impl Teller {
    pub fn new(subject: &Subject) -> Self {
        Self { subject: subject.clone(), began: None, told_events: BTreeSet::new(), told_tasks: BTreeSet::new() }
    }

    /// Reports what is new since the last look. What the coordinator itself waits for stands before what ECS waits for.
    pub fn tell(&mut self, look: &Look, waiting_for: Option<String>, time_scale: u32, report: &Reporter) {
        self.began.get_or_insert_with(|| began(look));
        self.tell_events(look, report);
        self.tell_failures(look, report);
        let progress = self.progress(look, time_scale);
        let activity = match (waiting_for, progress.activity) {
            (Some(what), Activity::WaitingFor(_)) => Activity::WaitingFor(what),
            (_, activity) => activity,
        };
        report.send(Event::Progress(Progress { activity, ..progress }));
    }

    fn tell_events(&mut self, look: &Look, report: &Reporter) {
        let begun = timestamp(look.deployment.created_at());
        let names = Names::of_service(&look.service);
        let is_ours = |event: &&ServiceEvent| begun.is_none() || timestamp(event.created_at()) >= begun;
        for event in look.service.events().iter().rev().filter(is_ours) {
            if self.told_events.insert(event.id().unwrap_or_default().to_owned()) {
                report.send(Event::ServiceEvent {
                    service: self.subject.service.clone(),
                    at: timestamp(event.created_at()),
                    message: names.readable(event.message().unwrap_or_default()),
                });
            }
        }
    }

    fn tell_failures(&mut self, look: &Look, report: &Reporter) {
        let begun: Option<OffsetDateTime> = timestamp(look.deployment.created_at());
        let ours = |task: &&aws_sdk_ecs::types::Task| {
            task.started_by() == Some(&self.subject.deployment_id) && timestamp(task.created_at()) >= begun
        };
        for task in look.tasks.iter().filter(ours).filter(|task| diagnosis::has_failed(task)) {
            let failure = diagnosis::of_task(task, &look.service);
            let id = failure.task.clone().unwrap_or_default();
            if self.told_tasks.insert(id.clone()) {
                let service = self.subject.service.clone();
                report.send(Event::TaskStopped { service, task: short_id(&id).to_owned(), why: failure.what });
            }
        }
    }

    fn progress(&self, look: &Look, time_scale: u32) -> Progress {
        let (new, old) = by_version(&look.service, &look.tasks, &look.facts, &self.subject.deployment_id);
        let breaker = look.deployment.deployment_circuit_breaker();
        Progress {
            service: self.subject.service.clone(),
            status: look.deployment.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            traffic: traffic(&look.deployment),
            new,
            old,
            failures: breaker
                .filter(|breaker| breaker.threshold() > 0)
                .map(|breaker| (breaker.failure_count(), breaker.threshold())),
            activity: activity(look, &self.subject, &new, &old, time_scale),
            elapsed: self.began.map(|began| began.elapsed()).unwrap_or_default(),
        }
    }
}

/// When a deployment began, on this process's own clock.
fn began(look: &Look) -> Instant {
    let now = OffsetDateTime::now_utc();
    let age = timestamp(look.deployment.created_at()).and_then(|created| between(created, now)).unwrap_or_default();
    Instant::now().checked_sub(age).unwrap_or_else(Instant::now)
}
