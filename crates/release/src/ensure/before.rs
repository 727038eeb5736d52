//! What is looked at before anything is changed: the alarms that the deployments to come would watch.
//!
//! Nothing here changes anything. Whether a deployment will begin is foreseen from the task definition and the service; what only shows
//! once the load balancer is in place is caught right before the service is changed ([`super::alarm`]).

use serde_json::{Map, Value as Json};

use super::Ensuring;
use super::compare::same_task_definition;
use super::pair::Pairing;
use super::service::{Force, describe, in_place};
use super::service_changes::{differences, last_attempt_failed, starts_deployment};
use super::task_definition;
use crate::error::ReleaseError;
use crate::firing::{self, FiringAlarms};
use crate::plan::{PairSide, ServicePlan};

impl Ensuring<'_> {
    /// Refuses names of alarms that do not exist, and deployments under a firing alarm.
    pub async fn refuse_firing_alarms(&self) -> Result<(), ReleaseError> {
        let mut firing = Vec::new();
        for plan in &self.plan.services {
            let named = plan.named_alarms();
            if named.is_empty() && plan.alarms.is_empty() {
                continue;
            }
            let existing = describe(self.connection, &plan.cluster, &plan.service_name).await?;
            let existing = existing.filter(|(service, _)| service.status() != Some("DRAINING"));
            let document = existing.as_ref().map_or(&Json::Null, |(_, document)| document);
            let names: Vec<String> = named.iter().cloned().chain(self.lasting(plan, document).await?).collect();
            let standings = firing::look(self.connection, &names).await?;
            refuse_missing(plan, &standings.missing(&named))?;
            let found = standings.firing(&plan.name);
            if self.firing_alarms == FiringAlarms::Refuse && !found.is_empty() && self.deploys(plan, existing).await? {
                firing.extend(found);
            }
        }
        if firing.is_empty() { Ok(()) } else { Err(ReleaseError::Blocked { alarms: firing }) }
    }

    /// The alarms in short-hand that a deployment finds as they are. Where traffic is shifted they begin anew, so they cannot be firing.
    async fn lasting(&self, plan: &ServicePlan, existing: &Json) -> Result<Vec<String>, ReleaseError> {
        if plan.pair().is_some() {
            return Ok(Vec::new());
        }
        let side = match Pairing::of_service(plan, existing) {
            Some(pairing) => pairing.side_of_new_revision(self.connection, plan, existing).await?,
            None => PairSide::Own,
        };
        Ok(plan.alarms.iter().map(|alarm| alarm.name_on(side).to_owned()).collect())
    }

    async fn deploys(
        &self,
        plan: &ServicePlan,
        existing: Option<(aws_sdk_ecs::types::Service, Json)>,
    ) -> Result<bool, ReleaseError> {
        let Some((service, document)) = existing else { return Ok(true) };
        if self.force == Force::Always || last_attempt_failed(&service) {
            return Ok(true);
        }
        let mut wanted: Map<String, Json> = plan.service.as_object().cloned().unwrap_or_default();
        // Of these the load balancer's ARNs are not known yet.
        wanted.remove("loadBalancers");
        if differences(&wanted, &document).keys().any(|member| starts_deployment(member)) {
            return Ok(true);
        }
        let in_place = in_place(&service).unwrap_or_default();
        let registered = task_definition::describe(self.connection, in_place).await?;
        Ok(registered.is_none_or(|(_, document)| !same_task_definition(&plan.task_definition, &document)))
    }
}

/// Refuses names of no alarm: ECS would watch nothing under them.
pub(super) fn refuse_missing(plan: &ServicePlan, missing: &[String]) -> Result<(), ReleaseError> {
    match missing {
        [] => Ok(()),
        names => {
            let verb = if names.len() == 1 { "does" } else { "do" };
            Err(ReleaseError::not_possible(
                format!("alarm {}, which service {} names, {verb} not exist", names.join(", "), plan.name),
                "correct `deployment.alarms`, create it (aws cloudwatch put-metric-alarm), or write one in short-hand: { errors: 5%, for: 2m }",
            ))
        }
    }
}
