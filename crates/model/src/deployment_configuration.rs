//! `deploymentConfiguration` of a service: how far a deployment may go below and above the desired count, and when it gives up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lifecycle::LifecycleHook;
use crate::percent::Percent;
use crate::strategy::Strategy;

/// The deployment configuration of a REPLICA service under the `ECS` deployment controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentConfiguration {
    pub minimum_healthy_percent: Percent,
    pub maximum_percent: Percent,
    pub circuit_breaker: CircuitBreaker,
    pub early_success: Option<EarlySuccess>,
    #[serde(default)]
    pub strategy: Strategy,
    /// How long a deployment whose new revision has all the traffic goes on being watched.
    #[serde(default)]
    pub bake_time: Duration,
    #[serde(default)]
    pub alarms: DeploymentAlarms,
    #[serde(default)]
    pub lifecycle_hooks: Vec<LifecycleHook>,
}

impl DeploymentConfiguration {
    /// Returns the configuration with every time in it changed.
    #[must_use]
    pub fn map_times(mut self, change: impl Fn(Duration) -> Duration) -> Self {
        self.strategy = self.strategy.map_times(&change);
        self.bake_time = change(self.bake_time);
        self.lifecycle_hooks.iter_mut().for_each(|hook| hook.timeout = change(hook.timeout));
        self
    }

    /// Returns the fewest running and healthy tasks an action may leave: `ceil(desired × minimumHealthyPercent / 100)` (I1).
    pub const fn floor(&self, desired_count: u32) -> u32 {
        self.minimum_healthy_percent.of_rounded_up(desired_count)
    }

    /// Returns the most running and pending tasks an action may reach: `floor(desired × maximumPercent / 100)` (I2).
    pub const fn cap(&self, desired_count: u32) -> u32 {
        self.maximum_percent.of_rounded_down(desired_count)
    }
}

impl Default for DeploymentConfiguration {
    /// ECS's defaults for the REPLICA scheduling strategy.
    fn default() -> Self {
        DeploymentConfiguration {
            minimum_healthy_percent: Percent::new(100),
            maximum_percent: Percent::new(200),
            circuit_breaker: CircuitBreaker::default(),
            early_success: None,
            strategy: Strategy::Rolling,
            bake_time: Duration::ZERO,
            alarms: DeploymentAlarms::default(),
            lifecycle_hooks: Vec::new(),
        }
    }
}

/// `deploymentCircuitBreaker`: gives a deployment up after too many failed tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    pub enable: bool,
    pub rollback: bool,
    /// Whether one task that becomes healthy sets the failure count back to zero.
    pub reset_on_healthy_task: bool,
    pub threshold: Threshold,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        CircuitBreaker {
            enable: false,
            rollback: false,
            reset_on_healthy_task: true,
            threshold: Threshold::BoundedPercent(50),
        }
    }
}

/// `thresholdConfiguration`: how many failed tasks trip the circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Threshold {
    /// A percentage of the desired count, kept between 3 and 200 tasks.
    BoundedPercent(u32),
    /// A percentage of the desired count as it is.
    UnboundedPercent(u32),
    /// A number of tasks.
    Count(u32),
}

/// The bounds ECS documents for `BOUNDED_PERCENT`.
pub const BOUNDED_THRESHOLD_MIN: u32 = 3;
pub const BOUNDED_THRESHOLD_MAX: u32 = 200;

impl Threshold {
    /// Returns the failure count that trips at the given desired count; `None` when no count can.
    pub fn failures(self, desired_count: u32) -> Option<u32> {
        let failures = match self {
            Threshold::BoundedPercent(value) => {
                Percent::new(value).of_rounded_up(desired_count).clamp(BOUNDED_THRESHOLD_MIN, BOUNDED_THRESHOLD_MAX)
            }
            Threshold::UnboundedPercent(value) => Percent::new(value).of_rounded_up(desired_count),
            Threshold::Count(value) => value,
        };
        (failures > 0).then_some(failures)
    }
}

/// `earlySuccessCriteria` of a ROLLING deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlySuccess {
    pub healthy_percent: Percent,
    pub cleanup: SourceRevisionCleanup,
}

/// `sourceServiceRevisionCleanup`: whether success waits until the old tasks are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceRevisionCleanup {
    Blocking,
    Deferred,
}

/// `alarms`: CloudWatch alarms that fail a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentAlarms {
    pub names: Vec<String>,
    pub enable: bool,
    pub rollback: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_thresholds_hold() {
        let default = CircuitBreaker::default().threshold;
        let failures: Vec<_> = [1, 25, 400, 800].map(|desired| default.failures(desired)).into();
        assert_eq!(failures, [Some(3), Some(13), Some(200), Some(200)]);
        assert_eq!(Threshold::UnboundedPercent(50).failures(800), Some(400));
        assert_eq!(Threshold::UnboundedPercent(50).failures(0), None);
        assert_eq!(Threshold::Count(2).failures(800), Some(2));
    }
}
