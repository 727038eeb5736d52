//! A service deployment: what it is, how far it has come, what it waits for, how it ended. Pure.

use std::time::Duration;

use aws_sdk_ecs::types::ServiceDeployment;
use seatrial_model::LifecycleStage;
use serde::Serialize;
use time::OffsetDateTime;

use super::hooks::{HookView, hooks};
use super::revisions::id_of;
use super::stages::{Course, Entered, PresentStage, StageView, present, stages, strategy};
use crate::aws::Clock;
use crate::aws::times::{between, timestamp};
use crate::ensure::service::primary_id;
use crate::report::as_milliseconds;
use crate::steering::Steering;
use crate::steering::decide::{Decision, Drive};
use crate::steering::marks::Mark;
use crate::steering::pilot::{Hold, Pilot};
use crate::watch::count::by_version;
use crate::watch::look::Look;
use crate::watch::traffic::traffic;
use crate::watch::verdict::{End, Purpose, Verdict, ending, length, verdict};
use crate::watch::waiting::waiting_for;
use crate::watch::words::readable;

/// A service deployment at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentView {
    /// `ecs-svc/<digits>`.
    pub id: String,
    pub arn: String,
    /// ECS's word, such as `IN_PROGRESS`.
    pub status: String,
    /// ECS's reason for it.
    pub reason: Option<String>,
    /// ECS's word, such as `CANARY`.
    pub strategy: String,
    /// The new revision's share of production traffic after each shift, in percent.
    pub shares: Vec<f64>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    #[serde(rename = "elapsed_ms", serialize_with = "as_milliseconds")]
    pub elapsed: Duration,
    /// Completes "waiting for …"; none when it is over.
    pub waiting_for: Option<String>,
    /// Whether it waits for somebody's decision.
    pub asks: bool,
    /// Whether somebody holds it at its next step.
    pub is_held: bool,
    /// Whether ECS waits for the coordinator somewhere, so that it can be held.
    pub is_steered: bool,
    /// In their order; empty where no traffic is moved.
    pub stages: Vec<StageView>,
    pub present: Option<PresentStage>,
    /// None where no traffic is moved.
    pub weights: Option<WeightsView>,
    pub hooks: Vec<HookView>,
    /// ECS's word for how alarms are watched, such as `MONITORING` or `TRIGGERED`.
    pub alarms: Option<String>,
    /// None when it is off.
    pub breaker: Option<BreakerView>,
    pub rollback: Option<RollbackView>,
    /// How it ended; none while it goes on.
    pub verdict: Option<Verdict>,
}

/// The new revision's shares of traffic in percent; the old one has the rest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WeightsView {
    pub production: f64,
    pub test: f64,
}

/// What the circuit breaker has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BreakerView {
    /// ECS's word, such as `MONITORING`.
    pub status: String,
    pub failures: i32,
    pub threshold: i32,
}

/// A way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RollbackView {
    pub reason: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub since: Option<OffsetDateTime>,
    /// The revision it returns to, `ecs-svc/<digits>`.
    pub to: Option<String>,
}

impl DeploymentView {
    /// The pause that somebody has to answer.
    pub fn open_pause(&self) -> Option<&HookView> {
        self.hooks.iter().find(|hook| hook.is_open_pause())
    }

    /// Whether ECS lets a bake time pass: after a share of the shift, or before the old version leaves.
    pub fn is_baking(&self) -> bool {
        let stage = self.present.as_ref().map(|present| present.stage);
        let is_watched = stage == Some(LifecycleStage::ProductionTrafficShift) && self.open_pause().is_none();
        is_watched || stage == Some(LifecycleStage::BakeTime)
    }

    /// Whether it goes, or went, back.
    pub fn is_rolling_back(&self) -> bool {
        self.rollback.is_some() || self.status.starts_with("ROLLBACK")
    }
}

/// The view of a deployment; `entered` is the stage it is in.
pub(super) fn view(
    look: &Look,
    steering: &Steering,
    entered: Option<Entered>,
    time_scale: u32,
    now: OffsetDateTime,
) -> DeploymentView {
    let deployment = &look.deployment;
    let configuration = deployment.deployment_configuration();
    let strategy = configuration.map(strategy).unwrap_or_default();
    let hooks = hooks(deployment, entered.map(|entered| entered.stage));
    let end = ending(deployment);
    let rollback = rollback(deployment);
    let id = id(look);
    let (new, old) = by_version(&look.service, &look.tasks, &look.facts, &id);
    let decision = Pilot::new(steering, Drive::AsPlanned).decide(look, &id, Hold::Heeded, Clock { now, time_scale });
    let verdict = end.map(|end| verdict(End::Ended(end), Purpose::Deploy));
    let course = match (verdict, &rollback) {
        (Some(Verdict::Deployed), _) => Course::Succeeded,
        (Some(_), _) | (None, Some(_)) => Course::GoneBack,
        (None, None) => Course::GoingOn,
    };
    let since = timestamp(deployment.created_at());
    let elapsed = length(deployment).or_else(|| between(since?, now)).unwrap_or_default();
    let traffic = traffic(deployment);
    let is_present = course == Course::GoingOn;
    DeploymentView {
        arn: deployment.service_deployment_arn().unwrap_or_default().to_owned(),
        status: deployment.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: deployment.status_reason().map(readable),
        strategy: strategy.as_str().to_owned(),
        shares: strategy.shares().into_iter().map(|share| share.as_percent()).collect(),
        since,
        elapsed,
        waiting_for: decision.waits_for().or_else(|| waiting_for(look, &id, &new, &old, time_scale)),
        asks: matches!(decision, Decision::Ask(_)),
        is_held: Mark::Held.is_on(&look.service, &id),
        is_steered: steering.has_pauses(),
        stages: if strategy.shifts_traffic() {
            stages(configuration, entered.map(|entered| entered.stage), course)
        } else {
            Vec::new()
        },
        present: entered.filter(|_| is_present).map(|entered| present(deployment, entered, &hooks, time_scale)),
        weights: traffic.map(|traffic| WeightsView { production: traffic.production, test: traffic.test }),
        hooks,
        alarms: deployment
            .alarms()
            .filter(|alarms| !alarms.alarm_names().is_empty())
            .and_then(|alarms| alarms.status())
            .map(|status| status.as_str().to_owned()),
        breaker: deployment.deployment_circuit_breaker().filter(|breaker| breaker.threshold() > 0).map(|breaker| {
            let status = breaker.status().map(|status| status.as_str().to_owned()).unwrap_or_default();
            BreakerView { status, failures: breaker.failure_count(), threshold: breaker.threshold() }
        }),
        rollback,
        verdict,
        id,
    }
}

/// The id of a deployment, whose tasks carry it. The service's newest need not be this one: a rollback makes the old one the newest.
pub(super) fn id(look: &Look) -> String {
    let of_target = look.deployment.target_service_revision().and_then(|target| id_of(target.arn()?));
    of_target.or_else(|| primary_id(&look.service).map(ToOwned::to_owned)).unwrap_or_default()
}

fn rollback(deployment: &ServiceDeployment) -> Option<RollbackView> {
    deployment.rollback().map(|rollback| RollbackView {
        reason: rollback.reason().map(readable),
        since: timestamp(rollback.started_at()),
        to: rollback.service_revision_arn().and_then(id_of),
    })
}
