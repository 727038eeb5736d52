//! The way back in steps: a rollback that a person asked for, of a service that cannot take the whole load at once.
//!
//! Only StopServiceDeployment is answered like this. A deployment that failed by itself gives its traffic back at once, since the new
//! version hurts users; so does one whose target has no healthy task left, whose rules were changed by somebody, whose alarms fire on the
//! way, that is stopped a second time, or that has been on its way for as long as a lifecycle stage may take. The tasks of the target stay
//! until everything has been given back (I3, I7).

use seatrial_model::{DeploymentId, ReturnSteps, Timestamp, TrafficPercent};
use serde::{Deserialize, Serialize};

use crate::controller::Controller;
use crate::deployment::ServiceDeploymentStatus;
use crate::shift::Shift;
use crate::step::{Shares, Step};

/// How far production traffic has come on its way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivingBack {
    pub steps: ReturnSteps,
    pub since: Timestamp,
    /// When the last step was made; none while the source cannot take any traffic.
    pub stepped_at: Option<Timestamp>,
    /// What the target was given when the way back began.
    pub(crate) from: Shares,
    /// Whether what is left is to go back at once.
    pub(crate) hurried: bool,
}

impl GivingBack {
    /// Returns when the next step is due.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.stepped_at.map(|at| at + self.steps.every()).filter(|_| !self.hurried)
    }
}

/// What a rollback does with production traffic now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    Nothing,
    /// The target keeps this share.
    Keep(TrafficPercent),
    Everything,
}

impl Shift {
    /// Returns what the target was given before its rollback began.
    pub(crate) fn given(&self) -> Shares {
        self.giving_back.as_ref().map_or(self.shares, |giving_back| giving_back.from)
    }
}

impl Controller {
    /// Lets the rollback that has just begun go in steps, if the service asks for it and there is production traffic to give back.
    pub(crate) fn begin_giving_back(&mut self, now: Timestamp) {
        let Some(steps) = self.settings.shift_back else { return };
        let Some(deployment) = &mut self.service_deployment else { return };
        let rolls_back = deployment.status == ServiceDeploymentStatus::RollbackInProgress;
        let Some(shift) = deployment.shift.as_mut().filter(|_| rolls_back) else { return };
        if shift.shares.production > TrafficPercent::NONE {
            // Whatever they would have said, it is decided.
            shift.runs.clear();
            shift.giving_back =
                Some(GivingBack { steps, since: now, stepped_at: None, from: shift.shares, hurried: false });
        }
    }

    /// Lets what is left of the way back be gone at once.
    pub(crate) fn hurry_back(&mut self) {
        if let Some(giving_back) = self.shift_mut().and_then(|shift| shift.giving_back.as_mut()) {
            giving_back.hurried = true;
        }
    }

    /// Tells what a rollback does with production traffic now, given that the source can take it.
    pub(crate) fn move_back(&self, shift: &Shift, now: Timestamp) -> Move {
        let Some(giving_back) = &shift.giving_back else { return Move::Everything };
        let Some(target) = self.service_deployment.as_ref().map(|deployment| deployment.target) else {
            return Move::Everything;
        };
        let took_too_long = giving_back.since + self.policy.stage_limit <= now;
        let has_target = self.healthy_tasks(target, now) > 0;
        if giving_back.hurried || took_too_long || !has_target || self.check_believed(shift).is_err() {
            return Move::Everything;
        }
        if giving_back.next_at().is_some_and(|at| at > now) {
            return Move::Nothing;
        }
        match giving_back.steps.after(shift.shares.production) {
            TrafficPercent::NONE => Move::Everything,
            left => Move::Keep(left),
        }
    }

    /// Makes one step back: the target keeps a smaller share of production, and no test traffic.
    pub(crate) fn step_back(&mut self, now: Timestamp, left: TrafficPercent, step: &mut Step) {
        let Some(shift) = self.shift() else { return };
        let (routes, test) = (shift.routes.clone(), shift.shares.test);
        let mut believed = Vec::new();
        for route in &routes {
            self.return_traffic(route, Shares { test, production: TrafficPercent::NONE }, step);
            let weights = self.set_weights(&route.production_rule, (&route.target, &route.source), left, step);
            believed.push((route.production_rule.clone(), weights));
        }
        if let Some(shift) = self.shift_mut() {
            shift.shares = Shares { test: TrafficPercent::NONE, production: left };
            shift.believed = believed.into_iter().collect();
            if let Some(giving_back) = &mut shift.giving_back {
                giving_back.stepped_at = Some(now);
            }
        }
        if let Some(target) = self.service_deployment.as_ref().map(|deployment| deployment.target) {
            self.says(now, step, |words| words.stepped_back(DeploymentId::new(target), left));
        }
        self.tell_service_deployment(step);
    }
}
