//! Making what is missing and adjusting what differs, one resource after the other; what exists and is right is not touched.

mod alarm;
mod alarm_request;
pub(crate) mod auto_scaling;
pub(crate) mod cluster;
pub(crate) mod compare;
mod definition_choice;
pub(crate) mod listener;
pub(crate) mod load_balancer;
mod pair;
mod preview;
mod rule;
pub(crate) mod service;
mod service_changes;
mod stickiness;
pub(crate) mod tags;
pub(crate) mod target_group;
pub(crate) mod task_definition;

use std::collections::{BTreeMap, BTreeSet};

pub use definition_choice::DefinitionChoice;
pub use preview::{ServicePreview, TaskPreview};
pub(crate) use service::Effect;
pub use service::Force;

use crate::aws::Connection;
use crate::config::ServiceName;
use crate::error::ReleaseError;
use crate::firing::{FiringAlarm, FiringAlarms};
use crate::interrupt::Interrupt;
use crate::plan::{Plan, ServicePlan};
use crate::report::{Reporter, Resource};

/// Whether what is found missing or different is set right, or only told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    CarryOut,
    Rehearse,
}

/// Whether something was there before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Known,
    New,
}

/// What stands for the ARN of something that a rehearsal would have made.
fn to_come(resource: Resource, name: &str) -> String {
    format!("(new {resource} {name})")
}

/// Whether this stands for something that does not exist yet.
fn is_to_come(arn: &str) -> bool {
    arn.starts_with('(')
}

/// What every step needs.
#[derive(Clone, Copy)]
pub(crate) struct Ensuring<'a> {
    pub mode: Mode,
    pub connection: &'a Connection,
    pub plan: &'a Plan,
    pub report: &'a Reporter,
    pub interrupt: &'a Interrupt,
    pub force: Force,
    /// Services that `force` is no longer meant for.
    pub started: &'a BTreeSet<ServiceName>,
    pub firing_alarms: FiringAlarms,
    pub definition: DefinitionChoice,
}

impl Ensuring<'_> {
    /// Whether a service is to be started anew even if nothing changed.
    pub fn forces(&self, service: &ServiceName) -> bool {
        self.force == Force::Always && !self.started.contains(service)
    }
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
        let balanced = self.around().await?;
        let mut services = Vec::new();
        for plan in &self.plan.services {
            self.unless_interrupted(&format!("service {} was changed", plan.name))?;
            let step = service::compare(self, plan, &balanced).await?;
            let task_definition = step.task_definition.clone();
            services.push((plan.name.clone(), task_definition, step.carry_out().await?));
            auto_scaling::ensure(self, plan, &balanced).await?;
        }
        Ok(Ensured { services, dns_name: balanced.balancer.map(|balancer| balancer.dns_name) })
    }

    /// Walks through the plan and changes nothing: the reporter is told what would change, and the result is what that would start.
    pub async fn rehearsed(self) -> Result<Vec<ServicePreview>, ReleaseError> {
        let rehearsing = Self { mode: Mode::Rehearse, ..self };
        let balanced = rehearsing.around().await?;
        let mut services = Vec::new();
        for plan in &self.plan.services {
            let step = service::compare(&rehearsing, plan, &balanced).await?;
            services.push(step.foresee().await?);
            auto_scaling::ensure(&rehearsing, plan, &balanced).await?;
        }
        Ok(services)
    }

    /// Refuses names of alarms that do not exist, and deployments under a firing alarm, before anything is changed.
    pub async fn refuse_firing_alarms(&self) -> Result<(), ReleaseError> {
        let has_alarms = |plan: &ServicePlan| !plan.alarms.is_empty() || !plan.named_alarms().is_empty();
        if !self.plan.services.iter().any(has_alarms) {
            return Ok(());
        }
        let silent = Reporter::silent();
        let rehearsing = Ensuring { report: &silent, ..*self };
        let services = rehearsing.rehearsed().await?;
        let alarms: Vec<FiringAlarm> = services.into_iter().flat_map(|service| service.blocked_by).collect();
        if alarms.is_empty() || self.firing_alarms == FiringAlarms::Ignore {
            Ok(())
        } else {
            Err(ReleaseError::Blocked { alarms })
        }
    }

    pub fn carries_out(&self) -> bool {
        self.mode == Mode::CarryOut
    }

    /// What stands around the services.
    async fn around(&self) -> Result<Balanced, ReleaseError> {
        for cluster in self.plan.services.iter().map(|service| &service.cluster).collect::<BTreeSet<_>>() {
            cluster::cluster(self, cluster).await?;
        }
        for service in &self.plan.services {
            cluster::log_groups(self, service).await?;
        }
        self.unless_interrupted("the load balancer was looked at")?;
        self.balancing().await
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
