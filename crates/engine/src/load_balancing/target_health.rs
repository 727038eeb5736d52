//! The health of targets as DescribeTargetHealth tells it: what the data plane last reported, unless the group gets no traffic at all
//! or the target is on its way out.

use std::net::IpAddr;

use seatrial_model::TargetId;
use seatrial_model::load_balancing::{TargetHealth, TargetReason, TargetState};
use seatrial_ports::balancer::TargetIntent;

use crate::balancer_config::is_in_use;
use crate::state::{State, Target, TargetGroup};

/// A target as a request names it; without a port it is the one at the group's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetReference {
    pub address: IpAddr,
    pub port: Option<u16>,
}

impl TargetReference {
    /// Fills in the group's port.
    pub fn in_group(self, group: &TargetGroup) -> TargetId {
        TargetId { address: self.address, port: self.port.or(group.port).unwrap_or_default() }
    }
}

/// A target and its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealthDescription {
    pub target: TargetId,
    /// Where the target is checked.
    pub health_check_port: u16,
    pub health: TargetHealth,
}

/// Describes every target of a group in order of address and port, or only those asked for.
pub fn describe(state: &State, group: &TargetGroup, asked: Option<&[TargetReference]>) -> Vec<TargetHealthDescription> {
    let is_used = is_in_use(state, group.arn.as_str());
    let describe = |target: TargetId, health: TargetHealth| TargetHealthDescription {
        target,
        health_check_port: group.health_check.port.unwrap_or(target.port),
        health,
    };
    let Some(asked) = asked else {
        let mut targets: Vec<&Target> = group.targets.iter().collect();
        targets.sort_by_key(|target| target.id);
        return targets.into_iter().map(|target| describe(target.id, health(target, is_used))).collect();
    };
    let health_of = |id: TargetId| match group.targets.iter().find(|target| target.id == id) {
        Some(target) => health(target, is_used),
        None => TargetHealth::because(
            TargetState::Unused,
            TargetReason::NotRegistered,
            "Target is not registered to the target group",
        ),
    };
    asked.iter().map(|reference| reference.in_group(group)).map(|id| describe(id, health_of(id))).collect()
}

fn health(target: &Target, is_used: bool) -> TargetHealth {
    match target.intent {
        TargetIntent::Draining => TargetHealth::because(
            TargetState::Draining,
            TargetReason::DeregistrationInProgress,
            "Target deregistration is in progress",
        ),
        TargetIntent::Registered if !is_used => TargetHealth::because(
            TargetState::Unused,
            TargetReason::NotInUse,
            "Target group is not configured to receive traffic from the load balancer",
        ),
        TargetIntent::Registered => target.health.clone(),
    }
}
