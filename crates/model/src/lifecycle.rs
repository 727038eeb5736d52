//! The stages of a deployment that shifts traffic, and the hooks that may hold it up in them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `lifecycleStage` of a service deployment, in the order in which they are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LifecycleStage {
    /// More than one revision is running already: all but the one that serves production leave.
    ReconcileService,
    PreScaleUp,
    /// The new revision is brought to full size.
    ScaleUp,
    PostScaleUp,
    /// The test rule is pointed to the new revision.
    TestTrafficShift,
    PostTestTrafficShift,
    /// Before each shift of production traffic. Hooks know this stage, the status of a service deployment does not.
    PreProductionTrafficShift,
    /// Production traffic is moved by one step; after each but the last, the step's bake time passes.
    ProductionTrafficShift,
    PostProductionTrafficShift,
    /// Both revisions stay up while alarms are watched.
    BakeTime,
    /// The old revision leaves.
    CleanUp,
}

impl LifecycleStage {
    pub const ALL: [LifecycleStage; 11] = [
        LifecycleStage::ReconcileService,
        LifecycleStage::PreScaleUp,
        LifecycleStage::ScaleUp,
        LifecycleStage::PostScaleUp,
        LifecycleStage::TestTrafficShift,
        LifecycleStage::PostTestTrafficShift,
        LifecycleStage::PreProductionTrafficShift,
        LifecycleStage::ProductionTrafficShift,
        LifecycleStage::PostProductionTrafficShift,
        LifecycleStage::BakeTime,
        LifecycleStage::CleanUp,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            LifecycleStage::ReconcileService => "RECONCILE_SERVICE",
            LifecycleStage::PreScaleUp => "PRE_SCALE_UP",
            LifecycleStage::ScaleUp => "SCALE_UP",
            LifecycleStage::PostScaleUp => "POST_SCALE_UP",
            LifecycleStage::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            LifecycleStage::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            LifecycleStage::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            LifecycleStage::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            LifecycleStage::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            LifecycleStage::BakeTime => "BAKE_TIME",
            LifecycleStage::CleanUp => "CLEAN_UP",
        }
    }

    /// Parses one of ECS's names.
    pub fn parse(name: &str) -> Option<Self> {
        LifecycleStage::ALL.into_iter().find(|stage| stage.as_str() == name)
    }

    /// Tells whether a function may be invoked in the stage.
    pub const fn takes_functions(self) -> bool {
        !matches!(self, LifecycleStage::ScaleUp | LifecycleStage::BakeTime | LifecycleStage::CleanUp)
    }

    /// Tells whether a deployment may be paused in the stage.
    pub const fn takes_pauses(self) -> bool {
        self.takes_functions()
            && !matches!(self, LifecycleStage::TestTrafficShift | LifecycleStage::ProductionTrafficShift)
    }
}

/// An entry of `lifecycleHooks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleHook {
    pub target: HookTarget,
    pub stages: Vec<LifecycleStage>,
    /// `hookDetails`: given to the function as it is.
    pub details: Option<Value>,
    /// How long the hook may take in all, in each stage.
    pub timeout: Duration,
    pub on_timeout: TimeoutAction,
}

/// `targetType` of a hook, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookTarget {
    /// `AWS_LAMBDA`: the function's ARN.
    Function(String),
    /// `PAUSE`: waits for ContinueServiceDeployment.
    Pause,
}

/// What happens when a hook's time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TimeoutAction {
    Rollback,
    Continue,
}

impl TimeoutAction {
    pub const fn as_str(self) -> &'static str {
        match self {
            TimeoutAction::Rollback => "ROLLBACK",
            TimeoutAction::Continue => "CONTINUE",
        }
    }
}
