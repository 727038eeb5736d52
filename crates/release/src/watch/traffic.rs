//! How far traffic has come in a deployment that moves it, and the pause that may hold it up. Pure.

use std::time::Duration;

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, ServiceDeployment, ServiceDeploymentStatus,
};
use serde::Serialize;

use super::words::scaled;
use crate::aws::times::timestamp;

/// The new version's shares of traffic.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traffic {
    /// ECS's word for the lifecycle stage, such as `BAKE_TIME`.
    pub stage: String,
    /// In percent.
    pub production: f64,
    pub test: f64,
}

/// A pause that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pause {
    pub hook: String,
    /// ECS's word for the lifecycle stage.
    pub stage: String,
    /// When it ends by itself, and what happens then (`ROLLBACK` or `CONTINUE`).
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<time::OffsetDateTime>,
    pub on_timeout: String,
}

/// Returns how far traffic has come; none when the deployment moves none.
pub(crate) fn traffic(deployment: &ServiceDeployment) -> Option<Traffic> {
    let target = deployment.target_service_revision()?;
    let production = target.requested_production_traffic_weight()?;
    let stage = deployment.lifecycle_stage().map(|stage| stage.as_str().to_owned()).unwrap_or_default();
    Some(Traffic { stage, production, test: target.requested_test_traffic_weight().unwrap_or(0.0) })
}

/// Returns the first pause that a running deployment waits in.
pub(crate) fn pause(deployment: &ServiceDeployment) -> Option<Pause> {
    pauses(deployment).into_iter().next()
}

/// Returns the pauses that a running deployment waits in.
pub(crate) fn pauses(deployment: &ServiceDeployment) -> Vec<Pause> {
    if deployment.status() != Some(&ServiceDeploymentStatus::InProgress) {
        return Vec::new();
    }
    let stage = deployment.lifecycle_stage().map(|stage| stage.as_str().to_owned()).unwrap_or_default();
    let open = deployment.lifecycle_hook_details().iter().filter(|hook| {
        hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause)
            && hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction)
    });
    open.filter_map(|hook| {
        Some(Pause {
            hook: hook.hook_id()?.to_owned(),
            stage: stage.clone(),
            expires_at: timestamp(hook.expires_at()),
            on_timeout: hook.timeout_action().map(|action| action.as_str().to_owned()).unwrap_or_default(),
        })
    })
    .collect()
}

/// Completes "waiting for the rollback: …" while production traffic is on its way back.
pub(crate) fn on_its_way_back(deployment: &ServiceDeployment) -> Option<String> {
    let left = traffic(deployment)?.production;
    (left > 0.0).then(|| format!("the traffic to go back, {left} % is still on the version given up"))
}

/// Completes "waiting for …" for the stages in which no task is what is waited for.
pub(crate) fn waiting_for(deployment: &ServiceDeployment, time_scale: u32) -> Option<String> {
    if let Some(pause) = pause(deployment) {
        return Some(format!("a decision: paused at {}", pause.stage));
    }
    let traffic = traffic(deployment)?;
    let hooks = deployment.lifecycle_hook_details().iter();
    let open = hooks.filter(|hook| hook.status() == Some(&DeploymentLifecycleHookStatus::InProgress));
    let functions: Vec<&str> = open.filter_map(|hook| hook.target_arn()?.rsplit(':').next()).collect();
    if !functions.is_empty() {
        return Some(format!("{} at {}", functions.join(" and "), traffic.stage));
    }
    match traffic.stage.as_str() {
        "PRODUCTION_TRAFFIC_SHIFT" if traffic.production < 100.0 => {
            let after = step_bake(deployment).map(|bake| format!(", {} after the last", scaled(bake, time_scale)));
            Some(format!("the next step of the shift{}", after.unwrap_or_default()))
        }
        "BAKE_TIME" => {
            let bake = deployment.deployment_configuration().and_then(|chosen| chosen.bake_time_in_minutes());
            let length = bake.map(|bake| format!(" of {}", scaled(minutes(bake), time_scale)));
            Some(format!("the bake time{} to end", length.unwrap_or_default()))
        }
        "RECONCILE_SERVICE" => Some("older versions to leave".to_owned()),
        _ => None,
    }
}

/// How long ECS watches each share but the last.
fn step_bake(deployment: &ServiceDeployment) -> Option<Duration> {
    let configuration = deployment.deployment_configuration()?;
    let canary = configuration.canary_configuration().and_then(|canary| canary.canary_bake_time_in_minutes());
    let linear = configuration.linear_configuration().and_then(|linear| linear.step_bake_time_in_minutes());
    canary.or(linear).map(minutes)
}

fn minutes(count: i32) -> Duration {
    Duration::from_secs(60 * u64::from(count.unsigned_abs()))
}
