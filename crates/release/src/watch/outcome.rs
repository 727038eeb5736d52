//! The outcome of a watched deployment: verdict, causes, timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_ecs::types::{ServiceDeployment, ServiceDeploymentLifecycleStage, ServiceDeploymentStatus, Task};
use serde::Serialize;
use time::OffsetDateTime;

use super::alarm_cause;
use super::cause::{self, Cause, CauseKind};
use super::count::healthy_by_definition;
use super::diagnosis;
use super::log_tail::with_logs;
use super::look::{self, Look};
use super::names::Names;
use super::timeline::{Relatives, TimelineEntry, timeline};
use super::traffic::{Pause, pause, traffic};
use super::verdict::{End, Ending, Purpose, Verdict, had_nowhere_to_go, length, verdict};
use super::words::readable;
use super::{Subject, Watched};
use crate::aws::Connection;
use crate::aws::times::{between, timestamp};
use crate::config::ServiceName;
use crate::ensure::service::{in_place, primary_id};
use crate::ensure::task_definition::short;
use crate::report::as_milliseconds;

/// Most different causes told; more would hide the first.
const CAUSES_MAX: usize = 3;

/// What became of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceOutcome {
    pub service: ServiceName,
    pub verdict: Verdict,
    pub purpose: Purpose,
    /// The task definition (`family:revision`) that was to be deployed, or undone.
    pub task_definition: String,
    /// The task definition that is in place now.
    pub running: String,
    /// How many healthy tasks each task definition has now; empty when nobody looked.
    pub healthy_tasks: BTreeMap<String, usize>,
    /// Id of the deployment, `ecs-svc/…`; none when there was none.
    pub deployment: Option<String>,
    /// ECS's own reason for the end, when it gives one.
    pub reason: Option<String>,
    /// The most frequent first.
    pub causes: Vec<Cause>,
    pub timeline: Vec<TimelineEntry>,
    /// The pause it waits in.
    pub pause: Option<Pause>,
    /// ECS's word for the lifecycle stage of a deployment that goes on; none where it has none.
    pub stage: Option<String>,
    /// Until when the old version stays for the way back, at the latest; none when nothing waits for it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub bakes_until: Option<OffsetDateTime>,
    /// Whether ECS waits for `seatrial` somewhere, so that nothing goes on without it.
    pub is_steered: bool,
    /// How long the deployment took by ECS's own clock; while it goes on, how long it was watched.
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    pub duration: Duration,
}

impl ServiceOutcome {
    /// The outcome of a service that needed no deployment.
    pub(crate) fn without_deployment(
        service: &ServiceName,
        verdict: Verdict,
        task_definition: &str,
        duration: Duration,
    ) -> Self {
        Self {
            service: service.clone(),
            verdict,
            purpose: Purpose::Deploy,
            task_definition: short(task_definition).to_owned(),
            running: short(task_definition).to_owned(),
            healthy_tasks: BTreeMap::new(),
            deployment: None,
            reason: None,
            causes: Vec::new(),
            timeline: Vec::new(),
            pause: None,
            stage: None,
            bakes_until: None,
            is_steered: false,
            duration,
        }
    }

    /// The outcome of a service whose deployment was started and is not waited for.
    pub(crate) fn started(subject: &Subject, duration: Duration) -> Self {
        let deployment = Some(subject.deployment_id.clone());
        let outcome = Self::without_deployment(&subject.service, Verdict::Started, &subject.task_definition, duration);
        Self { deployment, ..outcome }
    }
}

impl ServiceOutcome {
    /// The outcome of a service whose deployment was told to go back and is not waited for.
    pub(crate) fn undoing(subject: &Subject, duration: Duration) -> Self {
        Self { purpose: Purpose::Undo, ..Self::started(subject, duration) }
    }
}

/// Explains a watched deployment. What cannot be fetched any more is left out.
pub(crate) async fn explain(connection: &Connection, watched: Watched, purpose: Purpose) -> ServiceOutcome {
    let Watched { subject, end, look, late_look, elapsed, unverified, is_steered } = watched;
    let verdict = verdict(end, purpose);
    let Some(look) = look else {
        let outcome = ServiceOutcome::without_deployment(&subject.service, verdict, &subject.task_definition, elapsed);
        return ServiceOutcome { deployment: Some(subject.deployment_id), ..outcome };
    };
    let look = refreshed(connection, &subject, look).await;
    let start = timestamp(look.deployment.created_at()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let names = Names::of_messages(connection, &look.service, &messages_since(&look, start)).await;
    let causes = match verdict {
        Verdict::NothingToDo
        | Verdict::Deployed
        | Verdict::Started
        | Verdict::Reached
        | Verdict::Interrupted
        | Verdict::Paused => Vec::new(),
        Verdict::RolledBack | Verdict::TimedOut | Verdict::Failed | Verdict::RollbackFailed => {
            let causes = match &unverified {
                Some(failure) => vec![Cause::of_check(failure)],
                None => {
                    let fired = alarm_cause::of_alarms(connection, &look.deployment).await;
                    causes(&subject, &look, late_look.as_ref(), end, start, fired)
                }
            };
            with_logs(connection, causes, &subject.task_definition).await
        }
    };
    ServiceOutcome {
        service: subject.service.clone(),
        verdict,
        purpose,
        task_definition: short(&subject.task_definition).to_owned(),
        running: short(in_place(&look.service).unwrap_or_default()).to_owned(),
        healthy_tasks: healthy_by_definition(&look.tasks, &look.facts),
        reason: look.deployment.status_reason().map(readable),
        causes,
        timeline: timeline(&look.service, &tasks_of(&look, start), &relatives(&subject, &look), start, &names),
        pause: pause(&look.deployment),
        stage: traffic(&look.deployment).map(|traffic| traffic.stage),
        bakes_until: bakes_until(connection, &look.deployment),
        is_steered,
        duration: length(&look.deployment).or_else(|| age(verdict, start)).unwrap_or(elapsed),
        deployment: Some(subject.deployment_id),
    }
}

/// How long a deployment took to come as far as it was watched, by whatever command.
fn age(verdict: Verdict, start: OffsetDateTime) -> Option<Duration> {
    (verdict == Verdict::Reached).then(|| between(start, OffsetDateTime::now_utc())).flatten()
}

/// When the bake time of a running deployment is over at the latest: ECS does not say when it began.
fn bakes_until(connection: &Connection, deployment: &ServiceDeployment) -> Option<OffsetDateTime> {
    let is_baking = deployment.status() == Some(&ServiceDeploymentStatus::InProgress)
        && deployment.lifecycle_stage() == Some(&ServiceDeploymentLifecycleStage::BakeTime);
    let minutes = deployment.deployment_configuration()?.bake_time_in_minutes()?;
    let bake = Duration::from_secs(60 * u64::from(minutes.unsigned_abs()));
    is_baking.then(|| OffsetDateTime::now_utc() + connection.really(bake))
}

/// The deployment and those that took its place. A rollback's brings an older version, so it is not newer.
fn relatives(subject: &Subject, look: &Look) -> Relatives {
    let own = subject.deployment_id.clone();
    let begun = timestamp(look.deployment.created_at());
    let is_newer = |deployment: &&aws_sdk_ecs::types::Deployment| {
        deployment.id() != Some(&own) && timestamp(deployment.created_at()) > begun
    };
    let newer = match look.deployment.rollback() {
        Some(_) => BTreeSet::new(),
        None => {
            let newer = look.service.deployments().iter().filter(is_newer);
            newer.filter_map(|deployment| deployment.id().map(ToOwned::to_owned)).collect()
        }
    };
    Relatives { own, newer }
}

/// The last moments of tasks and the last events come after the deployment's own end.
async fn refreshed(connection: &Connection, subject: &Subject, look: Look) -> Look {
    match look::look(connection, subject).await {
        Ok(Some(fresh)) => fresh,
        Ok(None) | Err(_) => look,
    }
}

/// The tasks that took part: those that were there when it began count for what they did since.
fn tasks_of(look: &Look, start: OffsetDateTime) -> Vec<Task> {
    let gone_before = |task: &Task| timestamp(task.stopped_at()).is_some_and(|stopped| stopped < start);
    look.tasks.iter().filter(|task| !gone_before(task)).cloned().collect()
}

/// Alarms that fired come first: they ended the deployment.
fn causes(
    subject: &Subject,
    look: &Look,
    late_look: Option<&Look>,
    end: End,
    start: OffsetDateTime,
    fired: Vec<Cause>,
) -> Vec<Cause> {
    let ours = |task: &&Task| task.started_by() == Some(&subject.deployment_id);
    let mut failed: Vec<&Task> = look.tasks.iter().filter(ours).filter(|task| diagnosis::has_failed(task)).collect();
    failed.sort_by_key(|task| timestamp(task.stopped_at()));
    let mut causes = fired;
    causes.extend(cause::gather(failed.into_iter().map(|task| diagnosis::of_task(task, &look.service)).collect()));
    // That a task could not be placed is told once: with the task, where there is one.
    let shown =
        |cause: &Cause| causes.is_empty() || !matches!(cause.kind, CauseKind::NotPlaced | CauseKind::NoContainerEngine);
    let event = cause::of_events(&messages_since(look, start)).filter(shown);
    causes.extend(event);
    if causes.is_empty() {
        causes.extend(unhealthy_now(subject, late_look.unwrap_or(look)));
    }
    causes.truncate(CAUSES_MAX);
    if had_nowhere_to_go(&look.deployment) {
        let what = "there is no earlier completed deployment to return to";
        causes.push(Cause::of_deployment(CauseKind::NothingToRollBackTo, what));
    }
    if let (End::Ended(Ending::Stopped), Some(newer)) = (end, primary_id(&look.service))
        && newer != subject.deployment_id
    {
        causes.push(Cause::of_deployment(
            CauseKind::Superseded,
            format!("deployment {newer} took the place of this one"),
        ));
    }
    if causes.is_empty() {
        let reason = look.deployment.status_reason().map_or_else(|| "ECS gives no reason".to_owned(), readable);
        causes.push(Cause::of_deployment(CauseKind::Unknown, reason));
    }
    causes
}

/// What ECS wrote since a deployment began, newest first.
fn messages_since(look: &Look, start: OffsetDateTime) -> Vec<String> {
    let events = look.service.events().iter();
    let since = events.filter(|event| timestamp(event.created_at()).is_some_and(|at| at >= start));
    since.filter_map(|event| event.message().map(ToOwned::to_owned)).collect()
}

/// A deployment that timed out may have no failed task, only one that never became healthy.
fn unhealthy_now(subject: &Subject, look: &Look) -> Option<Cause> {
    let is_ours =
        |task: &&Task| task.started_by() == Some(&subject.deployment_id) && task.last_status() == Some("RUNNING");
    let task = look.tasks.iter().filter(is_ours).find(|task| !look.facts.is_healthy(task))?;
    Some(diagnosis::of_unhealthy(task, &look.facts))
}
