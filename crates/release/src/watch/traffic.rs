//! How far traffic has come in a deployment that moves it, and the pause that may hold it up. Pure.

use aws_sdk_ecs::types::{
    DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, ServiceDeployment, ServiceDeploymentStatus,
};
use serde::Serialize;

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

/// Returns the pause that a running deployment waits in.
pub(crate) fn pause(deployment: &ServiceDeployment) -> Option<Pause> {
    if deployment.status() != Some(&ServiceDeploymentStatus::InProgress) {
        return None;
    }
    let hook = deployment.lifecycle_hook_details().iter().find(|hook| {
        hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause)
            && hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction)
    })?;
    Some(Pause {
        hook: hook.hook_id()?.to_owned(),
        stage: deployment.lifecycle_stage().map(|stage| stage.as_str().to_owned()).unwrap_or_default(),
        expires_at: timestamp(hook.expires_at()),
        on_timeout: hook.timeout_action().map(|action| action.as_str().to_owned()).unwrap_or_default(),
    })
}

/// Completes "waiting for the rollback: …" while production traffic is on its way back.
pub(crate) fn on_its_way_back(deployment: &ServiceDeployment) -> Option<String> {
    let left = traffic(deployment)?.production;
    (left > 0.0).then(|| format!("the traffic to go back, {left} % is still on the version given up"))
}

/// Completes "waiting for …" for the stages in which no task is what is waited for.
pub(crate) fn waiting_for(deployment: &ServiceDeployment) -> Option<String> {
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
        "PRODUCTION_TRAFFIC_SHIFT" if traffic.production < 100.0 => Some("the next step of the shift".to_owned()),
        "BAKE_TIME" => Some("the bake time to end".to_owned()),
        "RECONCILE_SERVICE" => Some("older versions to leave".to_owned()),
        _ => None,
    }
}
