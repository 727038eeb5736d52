//! Bake times: when the present one is over, and ending it before that.
//!
//! Ending one early changes nothing but the clock: hooks, alarms and the tasks that have to be healthy hold a deployment up as before.

use std::time::Duration;

use seatrial_model::{LifecycleStage, ServiceDeploymentId, Timestamp};

use crate::controller::Controller;
use crate::deployment::{ServiceDeployment, ServiceDeploymentStatus};
use crate::shift::Shift;
use crate::step::Step;

impl Shift {
    /// Returns how long the present stage bakes, if it does.
    pub(crate) fn stage_bake(&self) -> Option<Duration> {
        match self.stage {
            LifecycleStage::BakeTime => Some(self.bake_time),
            LifecycleStage::ProductionTrafficShift if !self.has_all_traffic() => Some(self.strategy.step_bake_time()),
            LifecycleStage::ReconcileService
            | LifecycleStage::PreScaleUp
            | LifecycleStage::ScaleUp
            | LifecycleStage::PostScaleUp
            | LifecycleStage::TestTrafficShift
            | LifecycleStage::PostTestTrafficShift
            | LifecycleStage::PreProductionTrafficShift
            | LifecycleStage::ProductionTrafficShift
            | LifecycleStage::PostProductionTrafficShift
            | LifecycleStage::CleanUp => None,
        }
    }
}

impl ServiceDeployment {
    /// Returns when the bake that it is in is over by itself; none when it is in none, or somebody has ended it.
    pub fn bakes_until(&self) -> Option<Timestamp> {
        if self.status != ServiceDeploymentStatus::InProgress || self.bake_skipped {
            return None;
        }
        match &self.shift {
            Some(shift) => shift.stage_bake().map(|bake| shift.stage_since + bake),
            None => self.baking_since.map(|since| since + self.bake_time),
        }
    }

    /// Tells whether no bake holds it up.
    pub(crate) fn has_baked(&self, now: Timestamp) -> bool {
        self.bakes_until().is_none_or(|until| until <= now)
    }
}

impl Controller {
    /// Ends the bake that the deployment is in. In no bake, it changes nothing.
    pub(crate) fn skip_bake(&mut self, now: Timestamp, id: &ServiceDeploymentId, step: &mut Step) {
        let concerned = self.service_deployment.as_mut().filter(|deployment| deployment.id == *id);
        let Some(deployment) = concerned.filter(|deployment| !deployment.has_baked(now)) else { return };
        deployment.bake_skipped = true;
        let of = deployment.deployment;
        self.says(now, step, |words| words.skipped_bake(of));
    }
}
