//! The constants ECS does not let users configure, one value each, so that an engine and a model of Fargate differ in data only.

use std::time::Duration;

use seatrial_model::TimeScale;
use serde::{Deserialize, Serialize};

/// Constants of the controller. Durations are already scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// A task without load balancer and container health check counts as healthy after running this long (ECS: 40 s).
    pub healthy_after_running: Duration,
    /// The wait after the first failed start; doubles with each further one.
    pub start_throttle_base: Duration,
    /// The longest wait between starts of tasks that never ran (ECS: 27 minutes).
    pub start_throttle_cap: Duration,
    /// The longest wait between starts of tasks that ran and ended early. ECS does not throttle these, but its launch time of
    /// about 50 s does; without a launch time a crashing service would be restarted hundreds of times a second.
    pub crash_throttle_cap: Duration,
    /// A task that ran at least this long before it ended does not count as ended early.
    pub stable_after_running: Duration,
    /// The longest any lifecycle stage may take, and any step of a shift (ECS: 24 hours).
    pub stage_limit: Duration,
    /// The longest a deployment that shifts traffic may take (ECS: 30 days).
    pub deployment_limit: Duration,
    /// The wait before a function is asked again that did not say when (ECS: 30 s).
    pub hook_call_back: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Policy::engine()
    }
}

impl Policy {
    /// The embedded engine: ECS's rules, with retries as quick as one machine allows.
    pub const fn engine() -> Self {
        Policy {
            healthy_after_running: Duration::from_secs(40),
            start_throttle_base: Duration::from_millis(500),
            start_throttle_cap: Duration::from_secs(27 * 60),
            crash_throttle_cap: Duration::from_secs(30),
            stable_after_running: Duration::from_secs(10),
            stage_limit: Duration::from_secs(24 * 3600),
            deployment_limit: Duration::from_secs(30 * 24 * 3600),
            hook_call_back: Duration::from_secs(30),
        }
    }

    pub fn scaled(self, scale: TimeScale) -> Self {
        Policy {
            healthy_after_running: scale.apply(self.healthy_after_running),
            start_throttle_base: scale.apply(self.start_throttle_base),
            start_throttle_cap: scale.apply(self.start_throttle_cap),
            crash_throttle_cap: scale.apply(self.crash_throttle_cap),
            stable_after_running: scale.apply(self.stable_after_running),
            stage_limit: scale.apply(self.stage_limit),
            deployment_limit: scale.apply(self.deployment_limit),
            hook_call_back: scale.apply(self.hook_call_back),
        }
    }
}
