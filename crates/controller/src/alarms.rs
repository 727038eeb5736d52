//! Deployment alarms (§3 of the semantics): one that fires between the start and the end of the bake time fails the deployment.

use seatrial_model::{DeploymentAlarms, Timestamp};

use crate::controller::Controller;
use crate::deployment::{MonitorStatus, ServiceDeploymentStatus, WatchedAlarms};
use crate::rollback::{self, Failure};
use crate::step::Step;

impl WatchedAlarms {
    /// Begins to watch. If any alarm is firing already, none is watched, so that a repair can be deployed.
    pub(crate) fn begin(alarms: &DeploymentAlarms, firing: &[String]) -> Self {
        let is_blind = alarms.names.iter().any(|name| firing.contains(name));
        WatchedAlarms {
            status: if alarms.enable && !is_blind { MonitorStatus::Monitoring } else { MonitorStatus::Disabled },
            names: if alarms.enable { alarms.names.clone() } else { Vec::new() },
            triggered: Vec::new(),
            rollback: alarms.rollback,
        }
    }
}

impl Controller {
    pub(crate) fn alarm_fired(&mut self, name: String) {
        let Some(deployment) = &mut self.service_deployment else { return };
        let alarms = &mut deployment.alarms;
        let is_watched = deployment.status == ServiceDeploymentStatus::InProgress
            && alarms.status == MonitorStatus::Monitoring
            && alarms.names.contains(&name);
        let speeds_return = deployment.status == ServiceDeploymentStatus::RollbackInProgress
            && alarms.status == MonitorStatus::Monitoring
            && alarms.names.contains(&name);
        if is_watched && !alarms.triggered.contains(&name) {
            alarms.triggered.push(name);
        }
        if speeds_return {
            self.hurry_back();
        }
    }
}

/// Fails the deployment when a watched alarm has fired.
pub(crate) fn judge(controller: &mut Controller, now: Timestamp, step: &mut Step) {
    let Some(deployment) = &mut controller.service_deployment else { return };
    let alarms = &mut deployment.alarms;
    if alarms.status != MonitorStatus::Monitoring || alarms.triggered.is_empty() {
        return;
    }
    alarms.status = MonitorStatus::Triggered;
    let failure = Failure::alarms(&alarms.triggered, alarms.rollback);
    rollback::fail(controller, now, &failure, step);
}
