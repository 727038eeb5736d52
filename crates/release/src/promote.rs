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
use crate::report::{Event, Reporter};
use crate::rollback::not_deployed;
use crate::watch::Watch;
use crate::watch::locate::locate;
use crate::watch::look;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::traffic::pause;
use crate::watch::verdict::Purpose;

/// How to promote.
#[derive(Clone, Debug)]
pub struct PromoteOptions {
    pub waiting: Waiting,
    /// Bake times come on top.
    pub timeout: Duration,
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
    let Some(paused) = deployment.as_ref().and_then(pause) else {
        let what = format!("the deployment of service {} is not paused", plan.name);
        return Err(ReleaseError::not_possible(what, "it goes on by itself; see `seatrial status`"));
    };
    connection
        .ecs
        .continue_service_deployment()
        .service_deployment_arn(&subject.arn)
        .hook_id(&paused.hook)
        .action(DeploymentLifecycleHookAction::Continue)
        .send()
        .await
        .doing(|| format!("continuing the deployment of service {}", plan.name))?;
    report.send(Event::Note(format!("continued service {} at {}", plan.name, paused.stage)));
    if options.waiting == Waiting::Not {
        return Ok(ServiceOutcome::started(&subject, started.elapsed()));
    }
    let watch = Watch {
        connection,
        report,
        interrupt,
        started,
        timeout: options.timeout + bake_times(&plan.service),
        rollback: RollbackOverride::AsConfigured,
        answered: Some(paused.hook),
    };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Deploy).await)
}
