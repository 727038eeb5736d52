//! Load balancers. Where a VPC would be there is a stand-in: every listener binds one address of this machine.

use std::collections::BTreeMap;

use seatrial_aws_wire::Iso8601;
use seatrial_engine::State;
use seatrial_engine::load_balancing::listeners;
use seatrial_engine::state::LoadBalancer;
use serde_json::{Value, json};

/// The VPC everything is in, for clients that pass it on.
const VPC_ID: &str = "vpc-00000000000000000";
/// A hosted zone that no Route 53 knows.
const HOSTED_ZONE_ID: &str = "Z0000000000SEATRIAL";

/// Shows a load balancer, which clients reach by `host`; `closed` tells which listeners could not be opened and why.
pub(in crate::elbv2) fn load_balancer(
    state: &State,
    host: &str,
    closed: &BTreeMap<String, String>,
    balancer: &LoadBalancer,
) -> Value {
    let network = &balancer.network;
    json!({
        "LoadBalancerArn": balancer.arn,
        "LoadBalancerName": balancer.name,
        "DNSName": host,
        "CanonicalHostedZoneId": HOSTED_ZONE_ID,
        "CreatedTime": Iso8601(balancer.created_at),
        "Scheme": network.scheme.as_str(),
        "VpcId": VPC_ID,
        "State": condition(state, closed, balancer),
        "Type": "application",
        "AvailabilityZones": availability_zones(state, balancer),
        "SecurityGroups": network.security_groups,
        "IpAddressType": network.ip_address_type.as_str(),
    })
}

/// Spreads the subnets over the zones of the Region, one after the other.
pub(in crate::elbv2) fn availability_zones(state: &State, balancer: &LoadBalancer) -> Value {
    let zones = ["a", "b", "c"].iter().cycle();
    let placed = balancer.network.subnets.iter().zip(zones);
    let region = &state.scope.region;
    placed
        .map(|(subnet, zone)| json!({ "ZoneName": format!("{region}{zone}"), "SubnetId": subnet, "LoadBalancerAddresses": [] }))
        .collect()
}

/// A load balancer is active at once, and impaired while one of its listeners is not open.
fn condition(state: &State, closed: &BTreeMap<String, String>, balancer: &LoadBalancer) -> Value {
    let reasons: Vec<String> = listeners::of(state, &balancer.arn)
        .filter_map(|listener| Some(format!("Port {} is not open: {}", listener.port, closed.get(&listener.arn)?)))
        .collect();
    if reasons.is_empty() {
        json!({ "Code": "active" })
    } else {
        json!({ "Code": "active_impaired", "Reason": reasons.join("; ") })
    }
}
