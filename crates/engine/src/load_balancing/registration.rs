//! RegisterTargets and DeregisterTargets: targets that a client puts into a group and takes out of it.
//!
//! A task's target belongs to its service. Registering it once more changes nothing; deregistering it makes the task fail its load
//! balancer's checks, so that the service replaces it, as on AWS.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use seatrial_controller::{Input, Observation};
use seatrial_model::load_balancing::{TargetHealth, TargetReason, TargetState};
use seatrial_model::{TargetGroupArn, TargetId};

use super::quotas::TARGETS_PER_TARGET_GROUP_MAX;
use super::target_health::TargetReference;
use super::{target_groups, targets};
use crate::balancer_config::is_in_use;
use crate::effects::feed;
use crate::refusal::Refusal;
use crate::state::service_key;
use crate::transaction::Transaction;

/// The description ECS's events give of a task whose target somebody deregistered.
const TARGET_IS_NOT_FOUND: &str = "TARGET IS NOT FOUND";

/// Registers targets; those registered already stay as they are, those draining are taken back.
pub fn register(tx: &mut Transaction<'_>, arn: &str, references: &[TargetReference]) -> Result<(), Refusal> {
    let group = target_groups::find(tx.state, arn)?;
    let ids: BTreeSet<TargetId> = references.iter().map(|reference| reference.in_group(group)).collect();
    ids.iter().try_for_each(|id| check_address(id.address))?;
    let known = |id: &TargetId| group.targets.iter().find(|target| target.id == *id);
    let new = ids.iter().filter(|id| known(id).is_none()).count();
    if group.targets.len() + new > TARGETS_PER_TARGET_GROUP_MAX {
        let message = format!("A target group can have at most {TARGETS_PER_TARGET_GROUP_MAX} targets");
        return Err(Refusal::new("TooManyTargets", message));
    }
    let foreign: Vec<TargetId> =
        ids.iter().filter(|id| known(id).is_none_or(|target| target.task.is_none())).copied().collect();
    for id in foreign {
        targets::register(tx, &TargetGroupArn::new(arn), id, None);
    }
    Ok(())
}

/// Deregisters targets: they drain, and at once are gone if the group gets no traffic. Those that are not registered are passed over.
pub fn deregister(tx: &mut Transaction<'_>, arn: &str, references: &[TargetReference]) -> Result<(), Refusal> {
    let group = target_groups::find(tx.state, arn)?;
    let ids: BTreeSet<TargetId> = references.iter().map(|reference| reference.in_group(group)).collect();
    let is_used = is_in_use(tx.state, arn);
    let arn = TargetGroupArn::new(arn);
    for id in ids {
        targets::deregister(tx, &arn, id);
        if !is_used && let Some(group) = tx.state.target_groups.get_mut(arn.as_str()) {
            group.targets.retain(|target| target.id != id || target.task.is_some());
        }
        tell_service(tx, &arn, id);
    }
    Ok(())
}

/// Lets the service behind a target know that its task no longer gets traffic.
fn tell_service(tx: &mut Transaction<'_>, group: &TargetGroupArn, id: TargetId) {
    let targets = tx.state.target_groups.get(group.as_str()).into_iter().flat_map(|group| &group.targets);
    let task = targets.filter(|target| target.id == id).find_map(|target| target.task.clone());
    let record = task.and_then(|task| tx.state.tasks.get(task.as_str()));
    let Some((record, service)) = record.and_then(|record| Some((record, record.service.as_ref()?))) else { return };
    let key = service_key(&record.cluster, service);
    let observation = Observation::TargetHealth {
        task: record.id.clone(),
        target_group: group.clone(),
        port: id.port,
        health: TargetHealth::because(TargetState::Unhealthy, TargetReason::NotRegistered, TARGET_IS_NOT_FOUND),
    };
    feed(tx, &key, Input::Observation(observation));
}

/// Refuses addresses that ELB refuses in a target group: those routed publicly, and those of no single host.
fn check_address(address: IpAddr) -> Result<(), Refusal> {
    /// 100.64.0.0/10, which ELB takes beside the private ranges.
    fn is_shared(address: Ipv4Addr) -> bool {
        let [first, second, ..] = address.octets();
        first == 100 && (64..128).contains(&second)
    }
    let is_allowed = match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || is_shared(address),
        IpAddr::V6(_) => false,
    };
    if is_allowed {
        return Ok(());
    }
    let rule = if address.is_ipv6() {
        "it has IPv4 targets only"
    } else {
        "use a loopback address or one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and 100.64.0.0/10"
    };
    Err(Refusal::new("InvalidTarget", format!("The IP address '{address}' cannot be a target of this engine: {rule}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_of_this_machine_or_its_private_networks_can_be_targets() {
        let allowed = ["127.0.0.1", "127.8.9.1", "10.0.0.7", "172.31.0.1", "192.168.1.1", "100.64.0.1"];
        let refused =
            ["8.8.8.8", "169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "100.128.0.1", "::1", "fc00::1"];
        let check = |text: &&str| check_address(text.parse().expect("an address")).is_ok();
        assert_eq!(allowed.iter().filter(|text| check(text)).count(), allowed.len());
        assert_eq!(refused.iter().filter(|text| check(text)).count(), 0);
    }
}
