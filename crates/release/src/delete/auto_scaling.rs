//! The scalable target that was made for a service. It goes before the service, which nothing is to scale while it drains.

use super::Deleting;
use crate::aws::CallError;
use crate::ensure::auto_scaling::{deregister, find, is_own};
use crate::error::ReleaseError;
use crate::plan::ServicePlan;
use crate::report::{Event, Resource};

impl Deleting<'_> {
    /// Takes the scaling of a service away. Credentials that may not look at scaling have made none.
    pub(super) async fn auto_scaling(&mut self, service: &ServicePlan) -> Result<(), ReleaseError> {
        match self.deregistered(service).await {
            Ok(true) => self.deleted(Resource::ScalableTarget, &service.service_name, Some(&service.name)),
            Ok(false) => {}
            Err(error) if error.is_transient() || service.auto_scaling.plan().is_some() => return Err(error.into()),
            Err(error) => self.report.send(Event::Note(format!("automatic scaling is left alone: {error}"))),
        }
        Ok(())
    }

    async fn deregistered(&self, service: &ServicePlan) -> Result<bool, CallError> {
        let Some(target) = find(self.connection, service).await? else { return Ok(false) };
        if !is_own(self.connection, self.plan, service, &target).await? {
            return Ok(false);
        }
        deregister(self.connection, service).await.map(|()| true)
    }
}
