//! `abort`: ends the deployment that is going on and goes back to the version before. It never deploys anything.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{Service, ServiceDeployment, ServiceDeploymentStatus};
use seatrial_model::{ReturnSteps, SHIFT_BACK_TAG, TrafficPercent};

use crate::aws::Connection;
use crate::config::RollbackOverride;
use crate::deploy::{Waiting, waiting_time};
use crate::ensure::service::{describe, set_tag};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::{Extensions, RETURNS_AT_ONCE, ServicePlan};
use crate::report::{Event, Reporter};
use crate::rollback::not_deployed;
use crate::steering::Steering;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;
use crate::watch::goal::Until;
use crate::watch::locate::locate;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::traffic::traffic;
use crate::watch::verdict::Purpose;
use crate::watch::{Watch, look, stop};

/// How to abort.
#[derive(Clone, Debug)]
pub struct AbortOptions {
    pub way: WayBack,
    pub waiting: Waiting,
    /// The time that going back in steps takes comes on top.
    pub timeout: Duration,
}

/// How production traffic goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// As the service is set up: at once unless its configuration says otherwise.
    AsConfigured,
    /// In these steps.
    InSteps(ReturnSteps),
}

impl WayBack {
    /// Chooses the way that an endpoint can go; with what there is to say where it is not the one asked for.
    pub fn on(self, extensions: Extensions) -> (WayBack, Option<&'static str>) {
        match (self, extensions) {
            (WayBack::InSteps(_), Extensions::Missing) => (WayBack::AsConfigured, Some(RETURNS_AT_ONCE)),
            (WayBack::InSteps(_), Extensions::Available) | (WayBack::AsConfigured, _) => (self, None),
        }
    }
}

/// Ends the running deployment of one service.
pub async fn abort(
    connection: &Connection,
    plan: &ServicePlan,
    options: &AbortOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described else { return Err(not_deployed(&plan.name)) };
    if service.current_service_deployment().is_none() {
        let what = format!("no deployment of service {} is going on, so there is nothing to abort", plan.name);
        return Err(ReleaseError::not_possible(
            what,
            format!("to return to the version before: seatrial rollback {}", plan.name),
        ));
    }
    let subject = locate(connection, &plan.name, &plan.cluster, &service, &mut interrupt).await?;
    let deployment = look::deployment(connection, &subject.arn).await?;
    prepare(connection, plan, options, &service, deployment.as_ref(), report).await?;
    if goes_on(options.way, deployment.as_ref()) {
        report.send(Event::Note(format!("service {} is on its way back already", plan.name)));
    } else {
        stop(connection, &subject).await?;
    }
    if options.waiting == Waiting::Not {
        return Ok(ServiceOutcome::undoing(&subject, started.elapsed()));
    }
    let timeout = options.timeout + waiting_time(connection, plan) + time_of(plan, options.way);
    let rollback = RollbackOverride::Never;
    let steering = Steering::default();
    let (pilot, until) = (Pilot::new(&steering, Drive::AsPlanned), Until::Stable);
    let watch = Watch { connection, report, interrupt, started, timeout, rollback, pilot, until };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Undo).await)
}

/// Tells the service how to go back, just before it is told to.
async fn prepare(
    connection: &Connection,
    plan: &ServicePlan,
    options: &AbortOptions,
    service: &Service,
    deployment: Option<&ServiceDeployment>,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    match options.way {
        WayBack::AsConfigured => Ok(()),
        WayBack::InSteps(_) if deployment.and_then(traffic).is_none() => {
            let what = format!("the deployment of service {} moves no traffic: its tasks are replaced back", plan.name);
            report.send(Event::Note(what));
            Ok(())
        }
        WayBack::InSteps(steps) => {
            set_tag(connection, &plan.service_name, service, SHIFT_BACK_TAG, Some(steps.to_string())).await
        }
    }
}

/// Whether stopping it once more would only hurry a way back that is to take its time.
fn goes_on(way: WayBack, deployment: Option<&ServiceDeployment>) -> bool {
    let status = deployment.and_then(ServiceDeployment::status);
    let is_back = status == Some(&ServiceDeploymentStatus::RollbackInProgress);
    is_back && matches!(way, WayBack::InSteps(_))
}

/// The longest that going back takes on purpose.
pub(crate) fn time_of(plan: &ServicePlan, way: WayBack) -> Duration {
    let steps = match way {
        WayBack::InSteps(steps) => Some(steps),
        WayBack::AsConfigured => plan.shift_back,
    };
    let time =
        |steps: ReturnSteps| steps.every() * u32::from(TrafficPercent::ALL.tenths().div_ceil(steps.step().tenths()));
    steps.map(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken_only_where_the_endpoint_can_and_what_happens_instead_is_told() {
        let steps = WayBack::InSteps("25%/30s".parse().expect("steps"));
        assert_eq!(steps.on(Extensions::Available), (steps, None));
        let (way, remark) = steps.on(Extensions::Missing);
        assert_eq!(way, WayBack::AsConfigured);
        assert!(remark.is_some_and(|remark| remark.contains("ECS gives all traffic back at once")));
        assert_eq!(WayBack::AsConfigured.on(Extensions::Missing), (WayBack::AsConfigured, None));
    }

    #[test]
    fn a_way_back_that_takes_its_time_is_not_hurried_by_asking_for_it_again() {
        let steps = WayBack::InSteps("25%/30s".parse().expect("steps"));
        let back = ServiceDeployment::builder().status(ServiceDeploymentStatus::RollbackInProgress).build();
        let forward = ServiceDeployment::builder().status(ServiceDeploymentStatus::InProgress).build();
        assert!(goes_on(steps, Some(&back)));
        assert!(!goes_on(WayBack::AsConfigured, Some(&back)), "a second abort means at once");
        assert!(!goes_on(steps, Some(&forward)));
        assert!(!goes_on(steps, None));
    }
}
