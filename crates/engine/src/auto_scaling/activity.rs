//! What has been done to scalable targets, newest last, as DescribeScalingActivities tells it.

use std::time::Duration;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::resource::ScalableResource;
use crate::state::State;
use crate::transaction::Transaction;

/// How long activities are kept (documented), real: a record is not a wait.
const RETENTION: Duration = Duration::from_secs(42 * 24 * 3600);
/// The most activities kept of one scalable target: what a person reads, several times over.
const ACTIVITIES_PER_TARGET_MAX: usize = 200;

/// A row of `scaling_activities`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingActivity {
    pub id: String,
    pub resource: ScalableResource,
    pub description: String,
    pub cause: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub status: ActivityStatus,
    pub status_message: Option<String>,
    /// Present when nothing was scaled.
    pub not_scaled: Option<NotScaledReason>,
}

/// `StatusCode`, as far as the engine's activities have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityStatus {
    InProgress,
    Successful,
    Overridden,
    Failed,
}

/// `NotScaledReason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotScaledReason {
    pub code: String,
    pub max: Option<u32>,
    pub min: Option<u32>,
    pub current: Option<u32>,
}

impl ActivityStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ActivityStatus::InProgress => "InProgress",
            ActivityStatus::Successful => "Successful",
            ActivityStatus::Overridden => "Overridden",
            ActivityStatus::Failed => "Failed",
        }
    }
}

/// Returns the activities, newest first, with keys that grow with them.
pub fn newest_first(state: &State) -> impl Iterator<Item = (&String, &ScalingActivity)> {
    state.scaling_activities.iter().rev()
}

/// Writes an activity down, drops what is too old or too much, and returns its key.
pub(super) fn record(tx: &mut Transaction<'_>, activity: ScalingActivity) -> String {
    let key = format!("{:016}", tx.state.draw("scaling activities"));
    let resource = activity.resource.clone();
    tx.state.scaling_activities.insert(key.clone(), activity);
    let now = tx.now;
    let of_resource = tx.state.scaling_activities.iter().rev().filter(|(_, activity)| activity.resource == resource);
    let gone: Vec<String> = of_resource
        .enumerate()
        .filter(|(index, (_, it))| *index >= ACTIVITIES_PER_TARGET_MAX || now.since(it.started_at) > RETENTION)
        .map(|(_, (key, _))| key.clone())
        .collect();
    for key in &gone {
        tx.state.scaling_activities.remove(key);
    }
    key
}
