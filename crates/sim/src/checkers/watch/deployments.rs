//! One service deployment at a time, through the states and stages it may pass (I8).

use seatrial_controller::{
    Event, HookInvocation, Input, MonitorStatus, Observation, ServiceDeployment, ServiceDeploymentStatus,
};
use seatrial_model::LifecycleStage;

use super::{Watch, ensure};

impl Watch {
    /// I8: only the present deployment asks its hooks, each time for the first time.
    pub(super) fn invoke(&mut self, invocation: &HookInvocation) -> Result<(), String> {
        let target = self.deployments.last().map(|deployment| deployment.target);
        ensure(Some(invocation.target) == target, "I8: a hook of another deployment is invoked")?;
        let is_first = self.invoked.insert((invocation.hook.clone(), invocation.attempt));
        ensure(is_first, "a hook is invoked twice for the same attempt")
    }

    /// Whether an input is an alarm that the present deployment watches.
    pub(super) fn is_watched_alarm(&self, input: &Input) -> bool {
        let Input::Observation(Observation::AlarmFired { name }) = input else { return false };
        let watches = |deployment: &&ServiceDeployment| {
            deployment.alarms.status == MonitorStatus::Monitoring && deployment.alarms.names.contains(name)
        };
        self.goes_on() && self.deployments.last().filter(watches).is_some()
    }

    /// Whether the newest deployment is on its way to success.
    pub(super) fn goes_on(&self) -> bool {
        self.deployments.last().is_some_and(|deployment| deployment.status == ServiceDeploymentStatus::InProgress)
    }

    /// Returns which service deployment was the last to begin, once it has ended.
    pub(super) fn latest_end(&self) -> Option<usize> {
        self.deployments.last().filter(|latest| latest.status.is_terminal()).map(|_| self.deployments.len())
    }

    /// Tells whether two revisions may stand side by side, each at its own size.
    pub(super) fn is_shifting(&self) -> bool {
        use ServiceDeploymentStatus::{RollbackSuccessful, Successful};
        self.deployments.last().is_some_and(|deployment| {
            deployment.shift.is_some() && !matches!(deployment.status, Successful | RollbackSuccessful)
        })
    }

    pub(super) fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Service { message, .. } => {
                ensure(message.starts_with("(service web"), &format!("an event names its service: {message}"))
            }
            Event::ServiceDeployment(deployment) => self.service_deployment(deployment),
            Event::ServiceInactive { .. } => {
                ensure(self.deleted && self.tasks.is_empty(), "only a deleted service without tasks is INACTIVE")?;
                ensure(!std::mem::replace(&mut self.inactive, true), "a service becomes INACTIVE once")
            }
        }
    }

    /// I8, and the table of §5.1 of the semantics.
    fn service_deployment(&mut self, deployment: &ServiceDeployment) -> Result<(), String> {
        use ServiceDeploymentStatus::{
            InProgress, Pending, RollbackFailed, RollbackInProgress, RollbackRequested, RollbackSuccessful,
            StopRequested, Stopped, Successful,
        };
        let others_active =
            self.deployments.iter().any(|known| known.id != deployment.id && !known.status.is_terminal());
        ensure(!others_active, "I8: another service deployment is active")?;
        let Some(known) = self.deployments.iter_mut().find(|known| known.id == deployment.id) else {
            ensure(deployment.status == InProgress, "a service deployment begins IN_PROGRESS")?;
            self.deployments.push(deployment.clone());
            return Ok(());
        };
        let next: &[ServiceDeploymentStatus] = match known.status {
            Pending => &[InProgress, RollbackRequested, StopRequested, Stopped],
            InProgress => &[Successful, StopRequested, RollbackRequested, RollbackInProgress, Stopped],
            StopRequested => &[Stopped],
            RollbackRequested => &[RollbackInProgress, Successful, Stopped],
            RollbackInProgress => &[RollbackSuccessful, RollbackFailed],
            Stopped | Successful | RollbackSuccessful | RollbackFailed => &[],
        };
        let (from, to) = (known.status.as_str(), deployment.status.as_str());
        if known.status == deployment.status && known.shift != deployment.shift {
            let stage = |deployment: &ServiceDeployment| deployment.shift.as_ref().map(|shift| shift.stage);
            let goes_on =
                stage(known) <= stage(deployment) || stage(known) == Some(LifecycleStage::ProductionTrafficShift);
            ensure(goes_on, "stages are passed in their order")?;
            known.clone_from(deployment);
            return Ok(());
        }
        ensure(next.contains(&deployment.status), &format!("I8: a service deployment goes from {from} to {to}"))?;
        known.clone_from(deployment);
        Ok(())
    }
}
