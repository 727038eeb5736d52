//! What a user may change without starting a deployment, and the facts of a service revision.

use std::time::Duration;

use seatrial_model::{
    DeploymentConfiguration, ListenerRuleArn, ReturnSteps, RevisionId, TargetGroupArn, TaskDefinitionRevision,
};
use serde::{Deserialize, Serialize};

/// The part of a service that applies to all of its revisions. Durations are already scaled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub desired_count: u32,
    pub deployment: DeploymentConfiguration,
    /// Counted from a task's start; failing checks within it are ignored.
    pub health_check_grace_period: Duration,
    pub fail_fast: FailFast,
    /// How a rollback that a person asks for gives production traffic back; at once without it. An engine extension.
    #[serde(default)]
    pub shift_back: Option<ReturnSteps>,
}

/// Whether a cause that no retry can heal fails a deployment at its first occurrence. An engine extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailFast {
    On,
    Off,
}

/// A service revision, as far as deciding needs it. Immutable but for the deregistration delays, which belong to the target groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    pub id: RevisionId,
    pub task_definition: TaskDefinitionRevision,
    pub target_groups: Vec<TargetGroupAttachment>,
    /// Whether an essential container has a health check.
    pub has_health_check: bool,
}

impl Revision {
    /// Returns how long a leaving task's requests may take at most, in any of its target groups.
    pub(crate) fn deregistration_delay(&self) -> Duration {
        self.target_groups.iter().map(|group| group.deregistration_delay).max().unwrap_or_default()
    }

    /// Returns the target groups that share a rule's traffic with another, each with its route.
    pub(crate) fn routes(&self) -> Vec<(TargetGroupArn, Route)> {
        self.target_groups.iter().filter_map(|group| Some((group.arn.clone(), group.route.clone()?))).collect()
    }
}

/// A target group that a revision's tasks are registered in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroupAttachment {
    pub arn: TargetGroupArn,
    /// How long a leaving task's requests may take at most.
    pub deregistration_delay: Duration,
    /// The listener rules that share traffic between this target group and its alternate; none without `advancedConfiguration`.
    #[serde(default)]
    pub route: Option<Route>,
}

/// `advancedConfiguration` of a load balancer, seen from one revision: its own target group is the attachment's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub production_rule: ListenerRuleArn,
    pub test_rule: Option<ListenerRuleArn>,
    /// The pair's other target group, which the revision before is registered in.
    pub alternate: TargetGroupArn,
}
