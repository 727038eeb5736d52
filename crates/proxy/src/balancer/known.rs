//! Owns what is known of every target of the configuration: so that nothing is told twice, and so that a proxy started anew begins where
//! the dead one stood.

use std::collections::BTreeMap;

use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::{BalancerConfig, BalancerReport, TargetIntent};

type Key = (TargetGroupArn, TargetId, u64);

#[derive(Debug, Default)]
pub(super) struct Known {
    targets: BTreeMap<Key, Facts>,
}

#[derive(Debug, Default)]
struct Facts {
    health: Option<TargetHealth>,
    drained: bool,
}

impl Known {
    /// Keeps what is known of the configuration's targets and forgets the rest.
    pub fn configure(&mut self, config: &BalancerConfig) {
        let mut former = std::mem::take(&mut self.targets);
        for group in &config.target_groups {
            for target in &group.targets {
                let key = (group.arn.clone(), target.id, target.registration);
                let mut facts = former.remove(&key).unwrap_or_default();
                facts.drained &= target.intent == TargetIntent::Draining;
                self.targets.insert(key, facts);
            }
        }
    }

    /// Takes note of a report; tells whether it says anything new. Reports on targets no longer configured do not.
    pub fn is_news(&mut self, report: &BalancerReport) -> bool {
        match report {
            BalancerReport::Health { target_group, target, registration, health } => {
                let facts = self.targets.get_mut(&(target_group.clone(), *target, *registration));
                facts.is_some_and(|facts| facts.health.replace(health.clone()).as_ref() != Some(health))
            }
            BalancerReport::Drained { target_group, target, registration, .. } => {
                let facts = self.targets.get_mut(&(target_group.clone(), *target, *registration));
                facts.is_some_and(|facts| !std::mem::replace(&mut facts.drained, true))
            }
            BalancerReport::Listener { .. } | BalancerReport::Applied { .. } | BalancerReport::Metrics(_) => true,
        }
    }

    /// Writes the latest health into a configuration.
    pub fn complete(&self, config: &mut BalancerConfig) {
        for group in &mut config.target_groups {
            for target in &mut group.targets {
                let facts = self.targets.get(&(group.arn.clone(), target.id, target.registration));
                if let Some(health) = facts.and_then(|facts| facts.health.clone()) {
                    target.last_health = Some(health);
                }
            }
        }
    }
}
