//! The lifecycle stages of a deployment: which are behind, which is present since when and until when at most, which lie ahead. Pure.
//!
//! ECS names the stage and not when it was entered. The engine's service events do; without them it is since when the watcher has
//! seen it.

use std::time::Duration;

use aws_sdk_ecs::types::{DeploymentConfiguration, DeploymentStrategy, Service, ServiceDeployment};
use seatrial_model::{LifecycleStage, Strategy, TrafficPercent};
use serde::Serialize;
use time::OffsetDateTime;

use super::hooks::{HookView, configured};
use crate::aws::times::timestamp;
use crate::report::as_milliseconds;
use crate::watch::traffic::traffic;

/// In the engine's service events, before the name of a stage.
const ENTERED: &str = "has entered lifecycle stage ";

/// One lifecycle stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageView {
    pub stage: LifecycleStage,
    pub state: StageState,
    /// The hooks configured for it: `pause`, or the name of a function.
    pub hooks: Vec<String>,
}

/// Where a deployment is with a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    Done,
    Now,
    Ahead,
    /// From here it went back.
    LeftForRollback,
}

/// The stage a deployment is in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PresentStage {
    pub stage: LifecycleStage,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    /// What is known of its end; none when it lasts as long as tasks take.
    pub limit: Option<Limit>,
}

/// When a stage ends at the latest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Limit {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// The whole time as it was configured, such as the ten minutes of a bake time.
    #[serde(rename = "nominal_ms", serialize_with = "as_optional_milliseconds")]
    pub nominal: Option<Duration>,
    /// What happens then, such as "the next step".
    pub then: String,
}

/// A stage that was entered at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entered {
    pub stage: LifecycleStage,
    pub at: OffsetDateTime,
}

/// The stage that a deployment says it is in, with the time of the event that told of it.
pub(super) fn entered(deployment: &ServiceDeployment, service: &Service) -> Option<(LifecycleStage, Option<Entered>)> {
    let told = LifecycleStage::parse(deployment.lifecycle_stage()?.as_str())?;
    let event = latest_event(deployment, service);
    let is_it = |event: &Entered| {
        // ECS has no word of its own for this stage in its answers.
        let stands_for = |stage: LifecycleStage| match stage {
            LifecycleStage::PreProductionTrafficShift => {
                matches!(told, LifecycleStage::PostTestTrafficShift | LifecycleStage::ProductionTrafficShift)
            }
            other => other == told,
        };
        stands_for(event.stage)
    };
    match event.filter(is_it) {
        Some(event) => Some((event.stage, Some(event))),
        None => Some((told, None)),
    }
}

/// The newest event of the deployment about a stage.
fn latest_event(deployment: &ServiceDeployment, service: &Service) -> Option<Entered> {
    let begun = timestamp(deployment.created_at());
    let revision = deployment.target_service_revision()?.arn()?;
    let id = format!("(deployment ecs-svc/{})", revision.rsplit('/').next()?);
    service
        .events()
        .iter()
        .filter_map(|event| Some((timestamp(event.created_at())?, event.message()?)))
        .filter(|(at, message)| Some(*at) >= begun && message.contains(&id))
        .find_map(|(at, message)| {
            let (_, rest) = message.split_once(ENTERED)?;
            let name = rest.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_')).next()?;
            Some(Entered { stage: LifecycleStage::parse(name)?, at })
        })
}

/// All stages of a deployment that passes through them.
pub(super) fn stages(
    configuration: Option<&DeploymentConfiguration>,
    present: Option<LifecycleStage>,
    course: Course,
) -> Vec<StageView> {
    let state = |stage: LifecycleStage| match (course, present) {
        (Course::Succeeded, _) => StageState::Done,
        (_, None) => StageState::Ahead,
        (_, Some(present)) if stage < present => StageState::Done,
        (_, Some(present)) if stage > present => StageState::Ahead,
        (Course::GoingOn, Some(_)) => StageState::Now,
        (Course::GoneBack, Some(_)) => StageState::LeftForRollback,
    };
    let hooks = configured(configuration);
    LifecycleStage::ALL
        .into_iter()
        .map(|stage| StageView {
            stage,
            state: state(stage),
            hooks: hooks.iter().filter(|(at, _)| *at == stage).map(|(_, name)| name.clone()).collect(),
        })
        .collect()
}

/// Which way a deployment goes through its stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    GoingOn,
    GoneBack,
    Succeeded,
}

/// The present stage with its end.
pub(super) fn present(
    deployment: &ServiceDeployment,
    entered: Entered,
    hooks: &[HookView],
    time_scale: u32,
) -> PresentStage {
    let limit = hook_limit(hooks).or_else(|| time_limit(deployment, entered, time_scale));
    PresentStage { stage: entered.stage, since: entered.at, limit }
}

/// The first of the open hooks whose time is over.
fn hook_limit(hooks: &[HookView]) -> Option<Limit> {
    let first = hooks.iter().filter(|hook| hook.is_open()).filter(|hook| hook.expires_at.is_some());
    let first = first.min_by_key(|hook| hook.expires_at)?;
    Some(Limit { at: first.expires_at?, nominal: None, then: first.after_timeout().to_owned() })
}

fn time_limit(deployment: &ServiceDeployment, entered: Entered, time_scale: u32) -> Option<Limit> {
    let configuration = deployment.deployment_configuration()?;
    let (nominal, then) = match entered.stage {
        LifecycleStage::ProductionTrafficShift => {
            let share = traffic(deployment)?.production;
            (strategy(configuration).step_bake_time(), (share < 100.0).then_some("the next step")?)
        }
        LifecycleStage::BakeTime => (minutes(configuration.bake_time_in_minutes()), "the old version leaves"),
        LifecycleStage::ReconcileService
        | LifecycleStage::PreScaleUp
        | LifecycleStage::ScaleUp
        | LifecycleStage::PostScaleUp
        | LifecycleStage::TestTrafficShift
        | LifecycleStage::PostTestTrafficShift
        | LifecycleStage::PreProductionTrafficShift
        | LifecycleStage::PostProductionTrafficShift
        | LifecycleStage::CleanUp => return None,
    };
    let at = entered.at + nominal / time_scale.max(1);
    Some(Limit { at, nominal: Some(nominal), then: then.to_owned() })
}

/// ECS's strategy in our words; what ECS leaves out has its defaults.
pub(super) fn strategy(configuration: &DeploymentConfiguration) -> Strategy {
    let percent = |percent: Option<f64>, default| {
        percent.and_then(|percent| TrafficPercent::parse(percent, 1)).unwrap_or(TrafficPercent::from_tenths(default))
    };
    match configuration.strategy() {
        Some(DeploymentStrategy::BlueGreen) => Strategy::BlueGreen,
        Some(DeploymentStrategy::Canary) => {
            let canary = configuration.canary_configuration();
            Strategy::Canary {
                percent: percent(canary.and_then(|canary| canary.canary_percent()), CANARY_TENTHS),
                bake_time: step_minutes(canary.map(|canary| canary.canary_bake_time_in_minutes()), CANARY_MINUTES),
            }
        }
        Some(DeploymentStrategy::Linear) => {
            let linear = configuration.linear_configuration();
            Strategy::Linear {
                step: percent(linear.and_then(|linear| linear.step_percent()), LINEAR_TENTHS),
                bake_time: step_minutes(linear.map(|linear| linear.step_bake_time_in_minutes()), LINEAR_MINUTES),
            }
        }
        // Also a strategy that is newer than this program.
        Some(_) | None => Strategy::Rolling,
    }
}

/// ECS's defaults: a canary of 5 % for 10 minutes, linear steps of 10 % every 6 minutes.
const CANARY_TENTHS: u16 = 50;
const CANARY_MINUTES: i32 = 10;
const LINEAR_TENTHS: u16 = 100;
const LINEAR_MINUTES: i32 = 6;

fn step_minutes(configured: Option<Option<i32>>, default: i32) -> Duration {
    minutes(Some(configured.flatten().unwrap_or(default)))
}

fn minutes(minutes: Option<i32>) -> Duration {
    Duration::from_secs(60 * u64::try_from(minutes.unwrap_or(0)).unwrap_or(0))
}

fn as_optional_milliseconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => as_milliseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
