//! `skip-bake`: ends the bake that a deployment is in before its time, and watches what follows.
//!
//! ECS has no call for it (aws/containers-roadmap#2266). It travels as a ContinueServiceDeployment that no hook could be meant by; an
//! endpoint that does not know it refuses, which is told in plain words.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, ServiceDeployment};
use seatrial_model::skip_bake::{NO_BAKE, SKIP_BAKE_HOOK};

use crate::aws::{Connection, DoingExt};
use crate::config::{RollbackOverride, ServiceName};
use crate::deploy::{Waiting, waiting_time};
use crate::ensure::service::describe;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Event, Reporter};
use crate::rollback::not_deployed;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;
use crate::watch::goal::Until;
use crate::watch::locate::locate;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::traffic::{pause, traffic};
use crate::watch::verdict::Purpose;
use crate::watch::{Subject, Watch, look};

/// The code of ECS's refusal of a hook id that cannot be one.
const REFUSED: &str = "InvalidParameterException";

/// How to end a bake.
#[derive(Clone, Debug)]
pub struct SkipBakeOptions {
    pub waiting: Waiting,
    /// Bake times come on top.
    pub timeout: Duration,
}

/// Ends the bake that the deployment of one service is in.
pub async fn skip_bake(
    connection: &Connection,
    plan: &ServicePlan,
    options: &SkipBakeOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described else { return Err(not_deployed(&plan.name)) };
    if service.current_service_deployment().is_none() {
        let what = format!("no deployment of service {} is going on, so there is no bake time to end", plan.name);
        return Err(ReleaseError::not_possible(what, "see `seatrial status`"));
    }
    let subject = locate(connection, &plan.name, &plan.cluster, &service, &mut interrupt).await?;
    let deployment = look::deployment(connection, &subject.arn).await?;
    refuse_other_stages(&plan.name, deployment.as_ref())?;
    end_bake(connection, &subject).await?;
    report.send(Event::Note(format!("ended the bake time of service {}", plan.name)));
    if options.waiting == Waiting::Not {
        return Ok(ServiceOutcome::started(&subject, started.elapsed()));
    }
    let timeout = options.timeout + waiting_time(connection, plan);
    let rollback = RollbackOverride::AsConfigured;
    let (pilot, until) = (Pilot::new(&plan.steering, Drive::AsPlanned), Until::Stable);
    let watch = Watch { connection, report, interrupt, started, timeout, rollback, pilot, until };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Deploy).await)
}

/// Says what a deployment waits for instead, where that can be seen. One that replaces tasks shows no stage.
fn refuse_other_stages(name: &ServiceName, deployment: Option<&ServiceDeployment>) -> Result<(), ReleaseError> {
    let Some(deployment) = deployment else { return Ok(()) };
    if let Some(pause) = pause(deployment) {
        let what = format!("the deployment of service {name} is in no bake time: it is paused at {}", pause.stage);
        return Err(ReleaseError::not_possible(what, format!("let it go on: seatrial promote {name}")));
    }
    match traffic(deployment) {
        Some(traffic) if !matches!(traffic.stage.as_str(), "PRODUCTION_TRAFFIC_SHIFT" | "BAKE_TIME") => {
            let what = format!("the deployment of service {name} is in no bake time: it is at {}", traffic.stage);
            Err(ReleaseError::not_possible(what, "see what it waits for: seatrial status"))
        }
        Some(_) | None => Ok(()),
    }
}

async fn end_bake(connection: &Connection, subject: &Subject) -> Result<(), ReleaseError> {
    let ended = connection
        .ecs
        .continue_service_deployment()
        .service_deployment_arn(&subject.arn)
        .hook_id(SKIP_BAKE_HOOK)
        .action(DeploymentLifecycleHookAction::Continue)
        .send()
        .await
        .doing(|| format!("ending the bake time of service {}", subject.service));
    match ended {
        Ok(_) => Ok(()),
        Err(error) if error.has_code(REFUSED) => Err(in_plain_words(&subject.service, &error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Tells an endpoint that cannot end a bake from one that has none to end.
fn in_plain_words(name: &ServiceName, refusal: &str) -> ReleaseError {
    match refusal.split_once(NO_BAKE) {
        Some((_, why)) => ReleaseError::not_possible(
            format!("the deployment of service {name} has no bake time to end{}", why.trim_end_matches('.')),
            "see what it waits for: seatrial status",
        ),
        None => ReleaseError::not_possible(
            format!("ECS cannot end a bake time early, so the deployment of service {name} goes on as it is"),
            format!("wait for its end and write a shorter `bake` next time, or undo it: seatrial rollback {name}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{ServiceDeploymentLifecycleStage as Stage, ServiceRevisionSummary};

    use super::*;

    fn at(stage: Stage) -> ServiceDeployment {
        let target = ServiceRevisionSummary::builder().requested_production_traffic_weight(5.0).build();
        ServiceDeployment::builder().lifecycle_stage(stage).target_service_revision(target).build()
    }

    #[test]
    fn an_endpoint_that_cannot_end_a_bake_is_told_from_one_that_has_none_to_end() {
        let name: ServiceName = "web".parse().expect("a name");
        let told = |refusal: &str| {
            let error = in_plain_words(&name, refusal);
            (error.to_string(), error.advice().unwrap_or_default())
        };
        let of_ecs = "InvalidParameterException: Invalid hookId: hookId must follow the format: ecs-{hookType}-{id}";
        let (what, instead) = told(of_ecs);
        assert_eq!(what, "ECS cannot end a bake time early, so the deployment of service web goes on as it is");
        assert!(instead.contains("shorter `bake`") && instead.contains("seatrial rollback web"), "{instead}");
        let of_engine = format!("InvalidParameterException: {NO_BAKE}: the service deployment still replaces tasks.");
        let (what, _) = told(&of_engine);
        let expected =
            "the deployment of service web has no bake time to end: the service deployment still replaces tasks";
        assert_eq!(what, expected);
    }

    #[test]
    fn a_stage_without_a_bake_time_is_named() {
        let name: ServiceName = "web".parse().expect("a name");
        let error = refuse_other_stages(&name, Some(&at(Stage::ScaleUp))).expect_err("no bake");
        assert_eq!(error.to_string(), "the deployment of service web is in no bake time: it is at SCALE_UP");
        for stage in [Stage::ProductionTrafficShift, Stage::BakeTime] {
            assert!(refuse_other_stages(&name, Some(&at(stage))).is_ok());
        }
        assert!(refuse_other_stages(&name, Some(&ServiceDeployment::builder().build())).is_ok(), "a rolling one");
        assert!(refuse_other_stages(&name, None).is_ok());
    }
}
