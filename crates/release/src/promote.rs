//! `promote`: takes a deployment to its next step, and watches what follows.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::DeploymentLifecycleHookAction;

use crate::aws::Connection;
use crate::config::RollbackOverride;
use crate::deploy::{Waiting, waiting_time};
use crate::error::ReleaseError;
use crate::hold;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Event, Reporter};
use crate::steering::decide::{Decision, Drive};
use crate::steering::pilot::{Hold, Pilot, answer};
use crate::watch::Watch;
use crate::watch::look::{Look, look};
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::traffic::pause;
use crate::watch::verdict::Purpose;

/// How to promote.
#[derive(Clone, Debug)]
pub struct PromoteOptions {
    pub reach: Reach,
    pub waiting: Waiting,
    /// Bake times come on top.
    pub timeout: Duration,
    /// What happens when it is over.
    pub rollback: RollbackOverride,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the next step: the share that is being watched is left now.
    NextStep,
    /// Through every step and pause, to the end.
    End,
}

/// Takes the deployment of one service on. Checks that the new version has to pass are not skipped.
pub async fn promote(
    connection: &Connection,
    plan: &ServicePlan,
    options: &PromoteOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let subject = hold::running(connection, plan, &mut interrupt).await?;
    let drive = match options.reach {
        Reach::NextStep => Drive::AsPlanned,
        Reach::End => Drive::Through,
    };
    let mut pilot = Pilot::new(&plan.steering, drive);
    let seen = look(connection, &subject).await?;
    let decide = |seen: &Look| pilot.decide(seen, &subject.deployment_id, Hold::Lifted, connection.clock());
    let decision = seen.as_ref().map_or(Decision::Nothing, decide);
    let paused = seen.as_ref().and_then(|seen| pause(&seen.deployment));
    match (decision, paused) {
        // The pilot tries the version first and then goes on by itself.
        (Decision::Verify(_), _) => {}
        // The pause that was looked at, and no other: somebody else may have taken the deployment further meanwhile.
        (_, Some(paused)) => {
            answer(connection, &subject, &paused, DeploymentLifecycleHookAction::Continue).await?;
            pilot.has_answered(&paused.hook);
            report.send(Event::Note(format!("continued service {} at {}", subject.service, paused.stage)));
        }
        (_, None) => {
            let what = format!("the deployment of service {} is not paused", plan.name);
            return Err(ReleaseError::not_possible(what, "it goes on by itself; see `seatrial status`"));
        }
    }
    hold::release(connection, plan, &subject).await?;
    if options.waiting == Waiting::Not {
        let is_steered = pilot.is_needed();
        return Ok(ServiceOutcome { is_steered, ..ServiceOutcome::started(&subject, started.elapsed()) });
    }
    let watch = Watch {
        connection,
        report,
        interrupt,
        started,
        timeout: options.timeout + waiting_time(connection, plan),
        rollback: options.rollback,
        pilot,
        until: plan.steering.handover.until(),
    };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Deploy).await)
}
