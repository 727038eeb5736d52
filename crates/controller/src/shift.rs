//! How far a deployment that shifts traffic has come.

use std::collections::BTreeMap;
use std::time::Duration;

use seatrial_model::{
    LifecycleHook, LifecycleStage, ListenerRuleArn, RevisionId, Strategy, TargetGroupArn, Timestamp, TrafficPercent,
};
use serde::{Deserialize, Serialize};

use crate::giving_back::GivingBack;
use crate::hooks::HookRun;
use crate::rules::Weights;
use crate::settings::{Revision, TargetGroupAttachment};
use crate::step::Shares;

/// The progress of a BLUE_GREEN, CANARY or LINEAR deployment, with its configuration as it was at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift {
    pub strategy: Strategy,
    pub bake_time: Duration,
    pub hooks: Vec<LifecycleHook>,
    pub stage: LifecycleStage,
    /// When the stage was entered; a stage that is entered for each step counts from the last time.
    pub stage_since: Timestamp,
    /// How many shifts of production traffic have been made.
    pub steps_taken: usize,
    /// The target revision's shares of traffic.
    pub shares: Shares,
    /// The revision that served when the deployment began; none when there was nothing to take over from.
    pub source: Option<RevisionId>,
    pub routes: Vec<ShiftRoute>,
    /// What the rules do that this deployment relies on; anything else is somebody's interference.
    pub believed: BTreeMap<ListenerRuleArn, Weights>,
    /// The hooks of the present stage.
    pub runs: Vec<HookRun>,
    /// Whether a rollback has given all traffic back to the source.
    pub returned: bool,
    /// A rollback that gives production traffic back in steps.
    #[serde(default)]
    pub giving_back: Option<GivingBack>,
}

/// Two target groups that share a rule's traffic, by their roles in one deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShiftRoute {
    pub production_rule: ListenerRuleArn,
    pub test_rule: Option<ListenerRuleArn>,
    pub target: TargetGroupArn,
    pub source: TargetGroupArn,
}

impl ShiftRoute {
    pub(crate) fn pairs(&self, group: &TargetGroupArn) -> bool {
        self.target == *group || self.source == *group
    }

    /// Returns the routes of a target revision.
    pub(crate) fn of(revision: &Revision) -> Vec<ShiftRoute> {
        let route = |attachment: &TargetGroupAttachment| {
            let route = attachment.route.clone()?;
            Some(ShiftRoute {
                production_rule: route.production_rule,
                test_rule: route.test_rule,
                target: attachment.arn.clone(),
                source: route.alternate,
            })
        };
        revision.target_groups.iter().filter_map(route).collect()
    }
}

impl Shift {
    /// Returns the target's share of production traffic after each shift. With nothing to take over from there is one.
    pub fn schedule(&self) -> Vec<TrafficPercent> {
        match self.source {
            Some(_) => self.strategy.shares(),
            None => vec![TrafficPercent::ALL],
        }
    }

    pub(crate) fn has_all_traffic(&self) -> bool {
        self.steps_taken >= self.schedule().len()
    }
}
