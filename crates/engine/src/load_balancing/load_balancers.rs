//! Commands on load balancers. Only Application Load Balancers exist here.

use std::collections::{BTreeMap, BTreeSet};

use super::arn::{self, Kind};
use super::attributes::{DELETION_PROTECTION, LOAD_BALANCER, is_on};
use super::name::ResourceName;
use super::quotas::LOAD_BALANCERS_MAX;
use super::refusals::{load_balancer_not_found, not_permitted};
use crate::refusal::Refusal;
use crate::state::{LoadBalancer, Network, State, Tags};
use crate::transaction::Transaction;

/// Finds a load balancer by ARN.
pub fn find<'a>(state: &'a State, arn: &str) -> Result<&'a LoadBalancer, Refusal> {
    Kind::LoadBalancer.check(arn)?;
    state.load_balancers.get(arn).ok_or_else(|| load_balancer_not_found(arn))
}

/// Creates a load balancer; one of the same name and settings is returned as it is.
pub fn create(
    tx: &mut Transaction<'_>,
    name: &ResourceName,
    network: Network,
    tags: Tags,
) -> Result<LoadBalancer, Refusal> {
    if let Some(existing) = tx.state.load_balancers.values().find(|balancer| balancer.name == name.as_str()) {
        if is_same(&existing.network, &network) {
            return Ok(existing.clone());
        }
        let message = format!("A load balancer with the same name '{name}' exists, but with different settings");
        return Err(Refusal::new("DuplicateLoadBalancerName", message));
    }
    if tx.state.load_balancers.len() >= LOAD_BALANCERS_MAX {
        let message = format!("The maximum number of load balancers ({LOAD_BALANCERS_MAX}) has been reached");
        return Err(Refusal::new("TooManyLoadBalancers", message));
    }
    let balancer = LoadBalancer {
        arn: arn::load_balancer(&tx.state.scope, name, &tx.draw_hex16()),
        name: name.as_str().to_owned(),
        created_at: tx.now,
        attributes: BTreeMap::new(),
        network,
    };
    super::tagging::put_new(tx, &balancer.arn, tags);
    tx.state.load_balancers.insert(balancer.arn.clone(), balancer.clone());
    Ok(balancer)
}

/// Deletes a load balancer with its listeners and rules. One that is not there is as good as deleted.
pub fn delete(tx: &mut Transaction<'_>, arn: &str) -> Result<(), Refusal> {
    Kind::LoadBalancer.check(arn)?;
    let Some(balancer) = tx.state.load_balancers.get(arn) else { return Ok(()) };
    if is_on(&balancer.attributes, DELETION_PROTECTION) {
        let message = format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled");
        return Err(not_permitted(message));
    }
    let listeners: Vec<String> = super::listeners::of(tx.state, arn).map(|listener| listener.arn.clone()).collect();
    for listener in listeners {
        super::listeners::remove(tx, &listener);
    }
    tx.state.load_balancers.remove(arn);
    tx.state.tags.remove(arn);
    Ok(())
}

/// Changes attributes and returns all of them, defaults included.
pub fn set_attributes(
    tx: &mut Transaction<'_>,
    arn: &str,
    changes: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    find(tx.state, arn)?;
    LOAD_BALANCER.check(&changes)?;
    let balancer = tx.state.load_balancers.get_mut(arn).ok_or_else(|| load_balancer_not_found(arn))?;
    balancer.attributes.extend(changes);
    Ok(LOAD_BALANCER.shown(&balancer.attributes))
}

/// Changes where the load balancer would stand (SetSubnets, SetSecurityGroups, SetIpAddressType).
pub fn set_network(
    tx: &mut Transaction<'_>,
    arn: &str,
    change: impl FnOnce(&mut Network),
) -> Result<LoadBalancer, Refusal> {
    find(tx.state, arn)?;
    let balancer = tx.state.load_balancers.get_mut(arn).ok_or_else(|| load_balancer_not_found(arn))?;
    change(&mut balancer.network);
    Ok(balancer.clone())
}

/// The order in which subnets and security groups are named means nothing.
fn is_same(one: &Network, other: &Network) -> bool {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    one.scheme == other.scheme
        && one.ip_address_type == other.ip_address_type
        && set(&one.subnets) == set(&other.subnets)
        && set(&one.security_groups) == set(&other.security_groups)
}
