//! What a deployment would do to a service and to the number of its tasks, as a plan tells it.

use serde::Serialize;

use crate::config::ServiceName;
use crate::firing::FiringAlarm;
use crate::plan::ServicePlan;

/// What a deployment would do to a service.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServicePreview {
    pub service: ServiceName,
    /// Why a service deployment would begin; empty when none would.
    pub starts_deployment: Vec<String>,
    pub tasks: TaskPreview,
    /// The alarms that fire, for which the deployment would be refused.
    pub blocked_by: Vec<FiringAlarm>,
}

/// The tasks of a service before, during and after a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TaskPreview {
    /// Now.
    pub running: i32,
    /// In the end.
    pub desired: i32,
    /// The fewest healthy ones that ECS lets there be meanwhile, as long as none fails by itself.
    pub fewest_healthy: i32,
    /// The most there can be meanwhile, without those that are leaving.
    pub most: i32,
}

impl TaskPreview {
    pub(super) fn of(plan: &ServicePlan, running: i32, desired: i32, deploys: bool) -> Self {
        if !deploys {
            return Self { running, desired, fewest_healthy: running.min(desired), most: running.max(desired) };
        }
        if running == 0 {
            return Self { running, desired, fewest_healthy: 0, most: desired };
        }
        if plan.pair().is_some() {
            return Self { running, desired, fewest_healthy: running.min(desired), most: running + desired };
        }
        let percent = |member: &str, default: i64| {
            let daemon = plan.service["schedulingStrategy"] == "DAEMON";
            let default = if daemon { default - 100 } else { default };
            plan.service["deploymentConfiguration"][member].as_i64().unwrap_or(default.max(0))
        };
        let share = |percent: i64, rounded_up: bool| {
            let hundredths = i64::from(desired) * percent + if rounded_up { 99 } else { 0 };
            i32::try_from(hundredths / 100).unwrap_or(i32::MAX)
        };
        Self {
            running,
            desired,
            fewest_healthy: share(percent("minimumHealthyPercent", 100), true).min(running),
            most: share(percent("maximumPercent", 200), false).max(running),
        }
    }
}
