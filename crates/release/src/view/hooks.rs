//! The hooks a deployment has run or runs, and what each waits for. Pure.

use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentLifecycleHookAction, DeploymentLifecycleHookDetail,
    DeploymentLifecycleHookStatus, DeploymentLifecycleHookTargetType, ServiceDeployment,
};
use seatrial_model::LifecycleStage;
use serde::Serialize;
use time::OffsetDateTime;

use crate::aws::times::timestamp;

/// One run of a hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookView {
    pub id: String,
    pub kind: HookKind,
    /// The stage it holds up; none when it is over, since ECS does not tell then.
    pub stage: Option<LifecycleStage>,
    /// ECS's word, such as `AWAITING_ACTION`.
    pub status: String,
    /// Completes "waits for …"; none when it is over.
    pub waits_for: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// ECS's word for what happens then: `ROLLBACK` or `CONTINUE`.
    pub on_timeout: String,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    /// Somebody, who promotes or rolls back.
    Pause,
    /// A function, by its name.
    Function(String),
}

impl HookView {
    /// Whether it holds the deployment up.
    pub fn is_open(&self) -> bool {
        self.waits_for.is_some()
    }

    /// Whether somebody has to decide.
    pub fn is_open_pause(&self) -> bool {
        self.is_open() && self.kind == HookKind::Pause
    }

    /// What happens when its time is over, in words.
    pub fn after_timeout(&self) -> &'static str {
        if self.on_timeout == DeploymentLifecycleHookAction::Continue.as_str() {
            "it goes on by itself"
        } else {
            "it is rolled back"
        }
    }
}

/// The hooks a deployment tells of, which is in this stage.
pub(super) fn hooks(deployment: &ServiceDeployment, stage: Option<LifecycleStage>) -> Vec<HookView> {
    deployment.lifecycle_hook_details().iter().map(|detail| hook(detail, stage)).collect()
}

fn hook(detail: &DeploymentLifecycleHookDetail, stage: Option<LifecycleStage>) -> HookView {
    let kind = match detail.target_type() {
        Some(DeploymentLifecycleHookTargetType::Pause) => HookKind::Pause,
        Some(_) | None => HookKind::Function(function_name(detail.target_arn().unwrap_or_default()).to_owned()),
    };
    let waits_for = match (detail.status(), &kind) {
        (Some(DeploymentLifecycleHookStatus::AwaitingAction), _) => Some("you".to_owned()),
        (Some(DeploymentLifecycleHookStatus::InProgress), HookKind::Function(name)) => {
            Some(format!("{name} to answer"))
        }
        (Some(_) | None, HookKind::Function(_) | HookKind::Pause) => None,
    };
    HookView {
        id: detail.hook_id().unwrap_or_default().to_owned(),
        kind,
        stage: stage.filter(|_| waits_for.is_some()),
        status: detail.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        waits_for,
        expires_at: timestamp(detail.expires_at()),
        on_timeout: detail.timeout_action().map(|action| action.as_str().to_owned()).unwrap_or_default(),
    }
}

/// The stages that have hooks, each with the name of one.
pub(super) fn configured(configuration: Option<&DeploymentConfiguration>) -> Vec<(LifecycleStage, String)> {
    let hooks = configuration.map(DeploymentConfiguration::lifecycle_hooks).unwrap_or_default();
    hooks
        .iter()
        .flat_map(|hook| {
            let name = match hook.target_type() {
                Some(DeploymentLifecycleHookTargetType::Pause) => "pause",
                Some(_) | None => function_name(hook.hook_target_arn().unwrap_or_default()),
            };
            let stages = hook.lifecycle_stages().iter();
            stages.filter_map(move |stage| Some((LifecycleStage::parse(stage.as_str())?, name.to_owned())))
        })
        .collect()
}

fn function_name(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DeploymentLifecycleHookStatus::{AwaitingAction, Failed, InProgress, Succeeded, TimedOut};
    use aws_smithy_types::DateTime;

    #[test]
    fn a_hook_tells_what_it_waits_for_and_what_happens_without_an_answer() {
        let function = "arn:aws:lambda:us-east-1:0:function:check-orders";
        let cases = [
            (AwaitingAction, None, "pause", Some("you")),
            (Succeeded, None, "pause", None),
            (TimedOut, None, "pause", None),
            (InProgress, Some(function), "check-orders", Some("check-orders to answer")),
            (Failed, Some(function), "check-orders", None),
        ];
        for (status, arn, name, waits_for) in cases {
            let kind = if arn.is_some() {
                DeploymentLifecycleHookTargetType::AwsLambda
            } else {
                DeploymentLifecycleHookTargetType::Pause
            };
            let detail = DeploymentLifecycleHookDetail::builder()
                .hook_id("h")
                .target_type(kind)
                .set_target_arn(arn.map(ToOwned::to_owned))
                .status(status.clone())
                .expires_at(DateTime::from_secs(100))
                .timeout_action(DeploymentLifecycleHookAction::Continue)
                .build();
            let stage = LifecycleStage::PostScaleUp;
            let seen = hook(&detail, Some(stage));
            assert_eq!(seen.stage, waits_for.map(|_| stage), "{status:?}");
            let shown = match &seen.kind {
                HookKind::Pause => "pause",
                HookKind::Function(name) => name,
            };
            assert_eq!((shown, seen.waits_for.as_deref()), (name, waits_for), "{status:?}");
            assert_eq!(seen.after_timeout(), "it goes on by itself");
        }
    }
}
