//! CreateLoadBalancer, DescribeLoadBalancers, DeleteLoadBalancer, SetSubnets, SetSecurityGroups, SetIpAddressType.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::load_balancing::load_balancers;
use seatrial_engine::load_balancing::name::ResourceName;
use seatrial_engine::state::{IpAddressType, LoadBalancer, Network, Scheme};
use seatrial_engine::{Engine, Refusal};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, check_named, cut, not_implemented, page, validation};
use super::{show, tags};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateLoadBalancer {
    name: String,
    r#type: Option<String>,
    scheme: Option<String>,
    ip_address_type: Option<String>,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    subnet_mappings: Vec<SubnetMapping>,
    #[serde(default)]
    security_groups: Vec<String>,
    #[serde(default)]
    tags: tags::TagList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SubnetMapping {
    subnet_id: String,
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateLoadBalancer = input.read()?;
    let name = ResourceName::parse("Load balancer", &request.name)?;
    if name.as_str().starts_with("internal-") {
        return Err(validation(format!("Load balancer name '{name}' cannot begin with 'internal-'")).into());
    }
    match request.r#type.as_deref() {
        None | Some("application") => {}
        Some(other @ ("network" | "gateway")) => {
            return Err(not_implemented(format_args!("The load balancer type '{other}'")).into());
        }
        Some(other) => return Err(validation(format!("Load balancer type '{}' is not valid", cut(other))).into()),
    }
    let network = Network {
        scheme: match request.scheme.as_deref() {
            None | Some("internet-facing") => Scheme::InternetFacing,
            Some("internal") => Scheme::Internal,
            Some(other) => {
                return Err(Refusal::new("InvalidScheme", format!("Scheme '{}' is not valid", cut(other))).into());
            }
        },
        subnets: subnets(request.subnets, request.subnet_mappings)?,
        security_groups: request.security_groups,
        ip_address_type: request.ip_address_type.as_deref().map_or(Ok(IpAddressType::Ipv4), ip_address_type)?,
    };
    let tags = tags::parse(request.tags)?;
    let balancer = engine.transact(|tx| load_balancers::create(tx, &name, network, tags))?;
    let host = engine.settings().balancer_host();
    let shown =
        engine.read_all(|state, volatile| show::load_balancer(state, &host, &volatile.closed_listeners, &balancer));
    Ok(json!({ "LoadBalancers": [shown] }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeLoadBalancers {
    #[serde(default)]
    load_balancer_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeLoadBalancers = input.read()?;
    let (arns, names) = (&request.load_balancer_arns, &request.names);
    if !arns.is_empty() && !names.is_empty() {
        return Err(validation("Load balancer ARNs and names cannot be specified at the same time").into());
    }
    check_named(arns)?;
    check_named(names)?;
    let host = engine.settings().balancer_host();
    engine.read_all(|state, volatile| {
        let all = || state.load_balancers.values();
        for name in names {
            if !all().any(|balancer| balancer.name == *name) {
                let message = format!("Load balancers '[{}]' not found", cut(name));
                return Err(Refusal::new("LoadBalancerNotFound", message).into());
            }
        }
        for arn in arns {
            load_balancers::find(state, arn)?;
        }
        let is_asked = |balancer: &&LoadBalancer| {
            (arns.is_empty() && names.is_empty()) || arns.contains(&balancer.arn) || names.contains(&balancer.name)
        };
        page(
            &Listing::new("DescribeLoadBalancers", arns.iter().chain(names).map(String::as_str)),
            "LoadBalancers",
            all().filter(is_asked),
            |balancer| balancer.arn.clone(),
            |balancer| show::load_balancer(state, &host, &volatile.closed_listeners, balancer),
            PageRequest { marker: request.marker.as_deref(), size: request.page_size },
        )
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteLoadBalancer {
    load_balancer_arn: String,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteLoadBalancer = input.read()?;
    engine.transact(|tx| load_balancers::delete(tx, &request.load_balancer_arn))?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetSubnets {
    load_balancer_arn: String,
    #[serde(default)]
    subnets: Vec<String>,
    #[serde(default)]
    subnet_mappings: Vec<SubnetMapping>,
    ip_address_type: Option<String>,
}

pub(super) fn set_subnets(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: SetSubnets = input.read()?;
    let subnets = subnets(request.subnets, request.subnet_mappings)?;
    let kind = request.ip_address_type.as_deref().map(ip_address_type).transpose()?;
    let balancer = engine.transact(|tx| {
        load_balancers::set_network(tx, &request.load_balancer_arn, |network| {
            network.subnets = subnets;
            network.ip_address_type = kind.unwrap_or(network.ip_address_type);
        })
    })?;
    Ok(json!({
        "AvailabilityZones": engine.read(|state| show::availability_zones(state, &balancer)),
        "IpAddressType": balancer.network.ip_address_type.as_str(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetSecurityGroups {
    load_balancer_arn: String,
    security_groups: Vec<String>,
}

pub(super) fn set_security_groups(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: SetSecurityGroups = input.read()?;
    let balancer = engine.transact(|tx| {
        load_balancers::set_network(tx, &request.load_balancer_arn, |network| {
            network.security_groups = request.security_groups;
        })
    })?;
    Ok(json!({ "SecurityGroupIds": balancer.network.security_groups }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SetIpAddressType {
    load_balancer_arn: String,
    ip_address_type: String,
}

pub(super) fn set_ip_address_type(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: SetIpAddressType = input.read()?;
    let kind = ip_address_type(&request.ip_address_type)?;
    let balancer = engine.transact(|tx| {
        load_balancers::set_network(tx, &request.load_balancer_arn, |network| network.ip_address_type = kind)
    })?;
    Ok(json!({ "IpAddressType": balancer.network.ip_address_type.as_str() }))
}

/// Takes the subnets from the one place where they are. There may be none: the engine has no VPC.
fn subnets(plain: Vec<String>, mappings: Vec<SubnetMapping>) -> Result<Vec<String>, Refusal> {
    if !plain.is_empty() && !mappings.is_empty() {
        return Err(validation("Subnets and SubnetMappings cannot be specified at the same time"));
    }
    Ok(plain.into_iter().chain(mappings.into_iter().map(|mapping| mapping.subnet_id)).collect())
}

fn ip_address_type(text: &str) -> Result<IpAddressType, Refusal> {
    match text {
        "ipv4" => Ok(IpAddressType::Ipv4),
        "dualstack" => Ok(IpAddressType::Dualstack),
        "dualstack-without-public-ipv4" => Ok(IpAddressType::DualstackWithoutPublicIpv4),
        other => Err(validation(format!("IP address type '{}' is not valid", cut(other)))),
    }
}
