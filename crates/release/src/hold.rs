//! `pause` and `continue`: whether the coordinator may take a deployment to its next step.
//!
//! ECS has no call that stops a deployment halfway; it waits only in the pauses it was told of beforehand. A deployment is held by leaving
//! the coordinator's own pauses unanswered, whoever runs it, and it is rolled back when the time of the open one is over.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, ServiceDeployment, ServiceDeploymentStatus};

use crate::aws::Connection;
use crate::config::RollbackOverride;
use crate::deploy::{Waiting, waiting_time};
use crate::ensure::service::describe;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Event, Pause, Reporter};
use crate::rollback::not_deployed;
use crate::steering::decide::{Decision, Drive};
use crate::steering::marks::Mark;
use crate::steering::pilot::{Hold, Pilot, answer};
use crate::watch::locate::locate;
use crate::watch::look::look;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::traffic::{pause, traffic};
use crate::watch::verdict::Purpose;
use crate::watch::{Subject, Watch};

/// The deployment of a service that is going on.
pub(crate) async fn running(
    connection: &Connection,
    plan: &ServicePlan,
    interrupt: &mut Interrupt,
) -> Result<Subject, ReleaseError> {
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described else { return Err(not_deployed(&plan.name)) };
    if service.current_service_deployment().is_none() {
        let what = format!("no deployment of service {} is going on", plan.name);
        return Err(ReleaseError::not_possible(what, "see `seatrial status`"));
    }
    locate(connection, &plan.name, &plan.cluster, &service, interrupt).await
}

/// Holds the deployment of a service at its next step. Returns the pause it waits in already, if it does.
pub async fn hold(
    connection: &Connection,
    plan: &ServicePlan,
    mut interrupt: Interrupt,
) -> Result<Option<Pause>, ReleaseError> {
    let subject = running(connection, plan, &mut interrupt).await?;
    let Some(seen) = look(connection, &subject).await? else { return Err(not_deployed(&plan.name)) };
    let open = pause(&seen.deployment);
    if open.is_none() && !comes_to_a_pause(&seen.deployment, plan) {
        let what = format!("ECS cannot stop the deployment of service {} halfway", plan.name);
        let instead = "give it `steps` or a pause among its `hooks` beforehand; `seatrial rollback` undoes it now";
        return Err(ReleaseError::not_possible(what, instead));
    }
    Mark::Held.put(connection, arn(&seen.service)?, &subject.deployment_id).await?;
    Ok(open)
}

/// Whether a deployment has a pause before it that the coordinator answers.
fn comes_to_a_pause(deployment: &ServiceDeployment, plan: &ServicePlan) -> bool {
    let Some(traffic) = traffic(deployment) else { return false };
    let goes_forward =
        matches!(deployment.status(), Some(ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress));
    let is_before = traffic.production == 0.0;
    let is_between = traffic.production < 100.0 && !plan.steering.steps.is_empty();
    goes_forward && plan.steering.has_pauses() && (is_before || is_between)
}

/// Takes the hold off a deployment, if there is one.
pub(crate) async fn release(
    connection: &Connection,
    plan: &ServicePlan,
    subject: &Subject,
) -> Result<(), ReleaseError> {
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described.filter(|(service, _)| Mark::Held.is_on(service, &subject.deployment_id)) else {
        return Ok(());
    };
    Ok(Mark::Held.remove(connection, arn(&service)?).await?)
}

fn arn(service: &aws_sdk_ecs::types::Service) -> Result<&str, ReleaseError> {
    service.service_arn().ok_or(ReleaseError::Incomplete("the service's ARN"))
}

/// How to let a deployment go on.
#[derive(Clone, Debug)]
pub struct ResumeOptions {
    pub waiting: Waiting,
    /// Bake times come on top.
    pub timeout: Duration,
    /// What happens when it is over.
    pub rollback: RollbackOverride,
}

/// Lets a deployment go on: the hold is taken off, a pause that waits for a decision is answered, and the rest is watched. A share that is
/// being watched is watched to the end of its time.
pub async fn resume(
    connection: &Connection,
    plan: &ServicePlan,
    options: &ResumeOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let subject = running(connection, plan, &mut interrupt).await?;
    release(connection, plan, &subject).await?;
    let mut pilot = Pilot::new(&plan.steering, Drive::AsPlanned);
    if let Some(seen) = look(connection, &subject).await? {
        match pilot.decide(&seen, &subject.deployment_id, Hold::Lifted, connection.clock()) {
            Decision::Ask(paused) => {
                answer(connection, &subject, &paused, DeploymentLifecycleHookAction::Continue).await?;
                pilot.has_answered(&paused.hook);
                report.send(Event::Note(format!("continued service {} at {}", subject.service, paused.stage)));
            }
            Decision::Nothing
            | Decision::Wait(_)
            | Decision::Held(_)
            | Decision::Verify(_)
            | Decision::Continue { .. } => {}
        }
    }
    if options.waiting == Waiting::Not {
        let is_steered = pilot.is_needed();
        return Ok(ServiceOutcome { is_steered, ..ServiceOutcome::started(&subject, started.elapsed()) });
    }
    let timeout = options.timeout + waiting_time(connection, plan);
    let (rollback, until) = (options.rollback, plan.steering.handover.until());
    let watch = Watch { connection, report, interrupt, started, timeout, rollback, pilot, until };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Deploy).await)
}
