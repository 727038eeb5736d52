//! A scaling policy: how a metric becomes a capacity.

mod step;
mod tracking;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::step::StepPolicy;
pub use self::tracking::{PredefinedMetric, ScaleIn, TrackedMetric, TrackingAlarms, TrackingPolicy};
use super::refusals::validation;
use super::resource::ScalableResource;
use crate::refusal::Refusal;

/// The most policies of one scalable target (a quota that AWS does not raise).
pub const POLICIES_PER_TARGET_MAX: usize = 50;
/// The longest name (shape `PolicyName`).
const NAME_LENGTH_MAX: usize = 256;
/// The cool-down of a policy on an ECS service that names none, in seconds (documented).
const COOLDOWN_DEFAULT: i64 = 300;
/// The longest cool-down in seconds. AWS names no limit; this one is a week.
const COOLDOWN_MAX: i64 = 7 * 24 * 3600;

/// A row of `scaling_policies`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScalingPolicy {
    pub name: String,
    pub arn: String,
    pub resource: ScalableResource,
    pub created_at: Timestamp,
    pub kind: PolicyKind,
}

/// `PolicyType` with its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PolicyKind {
    TargetTracking(Box<TrackingPolicy>),
    Step(StepPolicy),
}

impl ScalingPolicy {
    /// The key of a policy in its table.
    pub fn key(resource: &ScalableResource, name: &str) -> String {
        format!("{resource}:{name}")
    }

    /// Returns the names of the alarms that were made for the policy.
    pub fn own_alarms(&self) -> impl Iterator<Item = &str> {
        let alarms = match &self.kind {
            PolicyKind::TargetTracking(tracking) => tracking.alarms.as_ref(),
            PolicyKind::Step(_) => None,
        };
        alarms.into_iter().flat_map(|alarms| alarms.low.iter().chain([&alarms.high])).map(String::as_str)
    }
}

impl PolicyKind {
    pub const fn as_str(&self) -> &'static str {
        match self {
            PolicyKind::TargetTracking(_) => "TargetTrackingScaling",
            PolicyKind::Step(_) => "StepScaling",
        }
    }
}

/// Refuses names that are empty, too long, or not printable.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = (1..=NAME_LENGTH_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        return Ok(());
    }
    Err(validation(format!("PolicyName must have 1 to {NAME_LENGTH_MAX} printable characters.")))
}

/// Reads a cool-down in seconds.
fn cooldown(member: &str, seconds: Option<i64>) -> Result<i64, Refusal> {
    match seconds.unwrap_or(COOLDOWN_DEFAULT) {
        seconds @ 0..=COOLDOWN_MAX => Ok(seconds),
        seconds => Err(validation(format!("{member} must be 0 to {COOLDOWN_MAX} seconds, not {seconds}."))),
    }
}
