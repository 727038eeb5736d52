//! A data plane that keeps the configurations it is given, and reports what the test tells it to.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{TargetGroupArn, TargetId};
use seatrial_ports::balancer::TargetGroupConfig;
use seatrial_ports::{Balancer, BalancerConfig, BalancerReport};

use super::{CurrentInbox, lock};

pub struct FakeBalancer {
    applied: Mutex<Vec<BalancerConfig>>,
    /// Ports held by other programs, and what the operating system says about them.
    occupied: Mutex<BTreeMap<u16, String>>,
    inbox: CurrentInbox,
}

impl FakeBalancer {
    pub fn new(inbox: CurrentInbox) -> Self {
        FakeBalancer { applied: Mutex::default(), occupied: Mutex::default(), inbox }
    }

    /// Returns every configuration it was given, oldest first.
    pub fn applied(&self) -> Vec<BalancerConfig> {
        lock(&self.applied).clone()
    }

    /// Returns the newest configuration.
    pub fn config(&self) -> BalancerConfig {
        lock(&self.applied).last().cloned().unwrap_or_default()
    }

    /// Returns a target group of the newest configuration.
    pub fn group(&self, arn: &str) -> Option<TargetGroupConfig> {
        self.config().target_groups.into_iter().find(|group| group.arn.as_str() == arn)
    }

    /// Lets another program have a port.
    pub fn occupy(&self, port: u16) {
        lock(&self.occupied).insert(port, "Address already in use (os error 98)".to_owned());
    }

    /// Reports that the newest configuration is in effect.
    pub fn report_applied(&self) {
        self.report(BalancerReport::Applied { generation: self.config().generation });
    }

    /// Reports the health of a target as it is registered in the newest configuration.
    pub fn report_health(&self, group: &str, target: TargetId, health: TargetHealth) {
        let registration = self.registration(group, target);
        let target_group = TargetGroupArn::new(group);
        self.report(BalancerReport::Health { target_group, target, registration, health });
    }

    /// Reports that nothing is in flight to a draining target.
    pub fn report_drained(&self, group: &str, target: TargetId) {
        let registration = self.registration(group, target);
        let (target_group, generation) = (TargetGroupArn::new(group), self.config().generation);
        self.report(BalancerReport::Drained { target_group, target, registration, generation });
    }

    pub fn report(&self, report: BalancerReport) {
        lock(&self.inbox).balancer(report);
    }

    fn registration(&self, group: &str, target: TargetId) -> u64 {
        let group = self.group(group).expect("the target group is configured");
        let target = group.targets.iter().find(|config| config.id == target);
        target.expect("the target is configured").registration
    }
}

impl Balancer for FakeBalancer {
    fn apply(&self, config: BalancerConfig) {
        lock(&self.applied).push(config);
    }

    fn check_listen(&self, address: SocketAddr) -> Result<(), String> {
        match lock(&self.occupied).get(&address.port()) {
            Some(why) => Err(why.clone()),
            None => Ok(()),
        }
    }
}
