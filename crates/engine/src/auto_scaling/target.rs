//! A scalable target: a service with the bounds within which it is scaled.

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::resource::ScalableResource;

/// The most scalable targets of ECS (a default quota).
pub const TARGETS_MAX: usize = 3000;

/// A row of `scalable_targets`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalableTarget {
    pub resource: ScalableResource,
    pub arn: String,
    pub bounds: Bounds,
    pub role_arn: String,
    pub suspended: Suspended,
    pub created_at: Timestamp,
    pub(super) cooldowns: Cooldowns,
    /// The key of the activity that ECS has not fulfilled yet.
    pub(super) open_activity: Option<String>,
}

/// `MinCapacity` and `MaxCapacity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    pub min: u32,
    pub max: u32,
}

/// `SuspendedState`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {
    pub scale_in: bool,
    pub scale_out: bool,
    pub scheduled: bool,
}

/// What has been done lately, as far as it holds up what comes next. Instants are real.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cooldowns {
    pub scaled_out: Option<ScaledOut>,
    pub scale_in_until: Option<Timestamp>,
}

/// A scale-out whose effect is still awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ScaledOut {
    /// The capacity before it: until the cool-down is over, what it added is part of what comes next.
    pub from: u32,
    pub until: Timestamp,
}

impl Bounds {
    pub(super) fn clamp(self, capacity: u32) -> u32 {
        capacity.clamp(self.min, self.max)
    }
}
