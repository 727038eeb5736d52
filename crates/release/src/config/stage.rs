//! Stage presets: what a setting is when the file does not say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::FallbackRule;

/// How an environment trades speed for safety.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Fast: one task, quick checks, a gap between versions is acceptable.
    Dev,
    /// Safe: capacity never falls below the desired count.
    #[default]
    Prod,
    /// No preset at all: what the file leaves out has ECS's and Elastic Load Balancing's own default.
    Custom,
}

/// The settings of a stage; `None` leaves the service's own default in place. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preset {
    pub desired_count: i32,
    pub health_check_interval: Option<i32>,
    pub health_check_timeout: Option<i32>,
    pub healthy_threshold: Option<i32>,
    pub unhealthy_threshold: Option<i32>,
    pub grace_period: Option<i32>,
    pub deregistration_delay: Option<i32>,
    pub minimum_healthy_percent: Option<i32>,
    pub maximum_percent: Option<i32>,
    pub circuit_breaker: bool,
    pub fail_fast: bool,
    pub fallback: FallbackRule,
}

impl Stage {
    pub(crate) fn preset(self) -> Preset {
        match self {
            Stage::Dev => Preset {
                desired_count: 1,
                health_check_interval: Some(15),
                health_check_timeout: Some(5),
                healthy_threshold: Some(2),
                unhealthy_threshold: Some(2),
                grace_period: Some(30),
                deregistration_delay: Some(10),
                minimum_healthy_percent: Some(0),
                maximum_percent: Some(100),
                circuit_breaker: true,
                fail_fast: true,
                fallback: FallbackRule::OnRequest,
            },
            Stage::Prod => Preset {
                desired_count: 2,
                health_check_interval: Some(30),
                health_check_timeout: Some(10),
                healthy_threshold: Some(2),
                unhealthy_threshold: Some(3),
                grace_period: Some(60),
                deregistration_delay: Some(30),
                minimum_healthy_percent: Some(100),
                maximum_percent: Some(200),
                circuit_breaker: true,
                fail_fast: false,
                fallback: FallbackRule::Never,
            },
            Stage::Custom => Preset {
                // CreateService has no default of its own for a replica service.
                desired_count: 1,
                health_check_interval: None,
                health_check_timeout: None,
                healthy_threshold: None,
                unhealthy_threshold: None,
                grace_period: None,
                deregistration_delay: None,
                minimum_healthy_percent: None,
                maximum_percent: None,
                circuit_breaker: false,
                fail_fast: false,
                fallback: FallbackRule::Never,
            },
        }
    }
}
