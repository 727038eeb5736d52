//! `promote`: answers the pause that a deployment waits in, and watches what follows.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::DeploymentLifecycleHookAction;

use crate::aws::{Connection, DoingExt};
use crate::config::RollbackOverride;
use crate::deploy::{Waiting, bake_times};
use crate::ensure::service::describe;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Event, Pause, Reporter};
use crate::rollback::not_deployed;
use crate::watch::locate::locate;
use crate::watch::look;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::traffic::pause;
use crate::watch::verdict::{Purpose, Verdict};
use crate::watch::{Subject, Watch};

/// How to promote.
#[derive(Clone, Debug)]
pub struct PromoteOptions {
    pub reach: Reach,
    pub waiting: Waiting,
    /// Bake times come on top.
    pub timeout: Duration,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the next pause.
    NextPause,
    /// Through every pause, to the end.
    End,
}

/// Continues the paused deployment of one service.
pub async fn promote(
    connection: &Connection,
    plan: &ServicePlan,
    options: &PromoteOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described else { return Err(not_deployed(&plan.name)) };
    if service.current_service_deployment().is_none() {
        let what = format!("no deployment of service {} is going on", plan.name);
        return Err(ReleaseError::not_possible(what, "see `seatrial status`"));
    }
    let subject = locate(connection, &plan.name, &plan.cluster, &service, &mut interrupt).await?;
    let deployment = look::deployment(connection, &subject.arn).await?;
    let Some(mut paused) = deployment.as_ref().and_then(pause) else {
        let what = format!("the deployment of service {} is not paused", plan.name);
        return Err(ReleaseError::not_possible(what, "it goes on by itself; see `seatrial status`"));
    };
    // Bounded: every pause that is answered brings the deployment a stage or a step further.
    loop {
        answer(connection, &subject, &paused, report).await?;
        if options.waiting == Waiting::Not {
            return Ok(ServiceOutcome::started(&subject, started.elapsed()));
        }
        let watch = Watch {
            connection,
            report,
            interrupt: interrupt.clone(),
            started,
            timeout: options.timeout + connection.really(bake_times(&plan.service)),
            rollback: RollbackOverride::AsConfigured,
            answered: Some(paused.hook),
        };
        let outcome = explain(connection, watch.follow(subject.clone()).await?, Purpose::Deploy).await;
        match (options.reach, outcome.verdict, &outcome.pause) {
            (Reach::End, Verdict::Paused, Some(next)) => paused = next.clone(),
            (Reach::End | Reach::NextPause, _, _) => return Ok(outcome),
        }
    }
}

async fn answer(
    connection: &Connection,
    subject: &Subject,
    paused: &Pause,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    connection
        .ecs
        .continue_service_deployment()
        .service_deployment_arn(&subject.arn)
        .hook_id(&paused.hook)
        .action(DeploymentLifecycleHookAction::Continue)
        .send()
        .await
        .doing(|| format!("continuing the deployment of service {}", subject.service))?;
    report.send(Event::Note(format!("continued service {} at {}", subject.service, paused.stage)));
    Ok(())
}
