//! Making what is missing and adjusting what differs, one resource after the other; what exists and is right is not touched.

mod alarm;
mod alarm_request;
mod before;
pub(crate) mod cluster;
pub(crate) mod compare;
mod definition_choice;
pub(crate) mod listener;
pub(crate) mod load_balancer;
mod pair;
mod rule;
pub(crate) mod service;
mod service_changes;
mod stickiness;
pub(crate) mod tags;
pub(crate) mod target_group;
pub(crate) mod task_definition;

use std::collections::{BTreeMap, BTreeSet};

pub use definition_choice::DefinitionChoice;
pub(crate) use service::Effect;
pub use service::Force;

use crate::aws::Connection;
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::firing::FiringAlarms;
use crate::interrupt::Interrupt;
use crate::plan::Plan;
use crate::report::Reporter;

/// What every step needs.
pub(crate) struct Ensuring<'a> {
    pub connection: &'a Connection,
    pub plan: &'a Plan,
    pub report: &'a Reporter,
    pub interrupt: &'a Interrupt,
    pub force: Force,
    pub firing_alarms: FiringAlarms,
    pub definition: DefinitionChoice,
}

/// What is in place once the steps are done.
#[derive(Debug)]
pub(crate) struct Ensured {
    /// In the order of the services' names.
    pub services: Vec<(ServiceName, String, Effect)>,
    /// The host name of the load balancer, when there is one.
    pub dns_name: Option<String>,
}

/// What stands before the services.
#[derive(Debug, Default)]
struct Balanced {
    groups: listener::Groups,
    rules: listener::Rules,
    balancer: Option<load_balancer::Balancer>,
}

impl Ensuring<'_> {
    /// Carries out the plan up to the point where ECS works by itself.
    pub async fn everything(&self) -> Result<Ensured, ReleaseError> {
        for cluster in self.plan.services.iter().map(|service| &service.cluster).collect::<BTreeSet<_>>() {
            cluster::cluster(self, cluster).await?;
        }
        for service in &self.plan.services {
            cluster::log_groups(self, service).await?;
        }
        self.unless_interrupted("the load balancer was looked at")?;
        let balanced = self.balancing().await?;
        let mut services = Vec::new();
        for service in &self.plan.services {
            self.unless_interrupted(&format!("service {} was changed", service.name))?;
            let task_definition = definition_choice::chosen(self, service).await?;
            let effect = service::service(self, service, &task_definition, &balanced).await?;
            services.push((service.name.clone(), task_definition, effect));
        }
        Ok(Ensured { services, dns_name: balanced.balancer.map(|balancer| balancer.dns_name) })
    }

    async fn balancing(&self) -> Result<Balanced, ReleaseError> {
        let Some(wanted) = &self.plan.load_balancer else { return Ok(Balanced::default()) };
        let balanced = || self.plan.services.iter().filter_map(|service| Some((service, service.balancing.as_ref()?)));
        if balanced().next().is_none() {
            return Ok(Balanced::default());
        }
        let balancer = load_balancer::load_balancer(self, wanted).await?;
        let mut groups = BTreeMap::new();
        for (service, balancing) in balanced() {
            let arn = target_group::target_group(self, &service.name, &balancing.target_group, &balancer).await?;
            let alternate = match &balancing.pair {
                None => None,
                Some(pair) => Some(target_group::target_group(self, &service.name, &pair.alternate, &balancer).await?),
            };
            groups.insert(service.name.clone(), listener::ServiceGroups { own: arn, alternate });
        }
        let rules = listener::listeners(self, &balancer, &wanted.listeners, &groups).await?;
        Ok(Balanced { groups, rules, balancer: Some(balancer) })
    }

    fn unless_interrupted(&self, before: &str) -> Result<(), ReleaseError> {
        if self.interrupt.is_raised() { Err(ReleaseError::Interrupted { before: before.to_owned() }) } else { Ok(()) }
    }
}
