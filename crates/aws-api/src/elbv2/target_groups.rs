//! CreateTargetGroup, DescribeTargetGroups, ModifyTargetGroup, DeleteTargetGroup.

use seatrial_aws_wire::Input;
use seatrial_aws_wire::page::Listing;
use seatrial_engine::load_balancing::forwarding::load_balancers_of;
use seatrial_engine::load_balancing::load_balancers;
use seatrial_engine::load_balancing::name::ResourceName;
use seatrial_engine::load_balancing::target_groups::{self, NewTargetGroup, TARGET_TYPE};
use seatrial_engine::state::TargetGroup;
use seatrial_engine::{Engine, Refusal};
use seatrial_model::load_balancing::ProtocolVersion;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{PageRequest, check_named, cut, not_implemented, page, validation, within};
use super::read::{HealthCheckMembers, MatcherMember, check_protocol};
use super::{show, tags};
use crate::operations::OperationError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateTargetGroup {
    name: String,
    protocol: Option<String>,
    protocol_version: Option<String>,
    port: Option<i64>,
    vpc_id: Option<String>,
    target_type: Option<String>,
    ip_address_type: Option<String>,
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    health_check_enabled: Option<bool>,
    health_check_path: Option<String>,
    health_check_interval_seconds: Option<i64>,
    health_check_timeout_seconds: Option<i64>,
    healthy_threshold_count: Option<i64>,
    unhealthy_threshold_count: Option<i64>,
    matcher: Option<MatcherMember>,
    #[serde(default)]
    tags: tags::TagList,
}

pub(super) fn create(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: CreateTargetGroup = input.read()?;
    check_target_type(request.target_type.as_deref())?;
    let protocol = request.protocol.as_deref().ok_or_else(|| validation("A protocol must be specified"))?;
    check_protocol("Protocol", protocol)?;
    match request.ip_address_type.as_deref() {
        None | Some("ipv4") => {}
        Some("ipv6") => return Err(not_implemented("A target group with IP address type 'ipv6'").into()),
        Some(other) => return Err(validation(format!("IP address type '{}' is not valid", cut(other))).into()),
    }
    let port = request.port.ok_or_else(|| validation("A port must be specified"))?;
    let health_check = HealthCheckMembers {
        protocol: request.health_check_protocol,
        enabled: request.health_check_enabled,
        port: request.health_check_port,
        path: request.health_check_path,
        interval_seconds: request.health_check_interval_seconds,
        timeout_seconds: request.health_check_timeout_seconds,
        healthy_threshold_count: request.healthy_threshold_count,
        unhealthy_threshold_count: request.unhealthy_threshold_count,
        matcher: request.matcher,
    };
    let new = NewTargetGroup {
        name: ResourceName::parse("Target group", &request.name)?,
        port: within("Port", port, 1..=u16::MAX)?,
        protocol_version: protocol_version(request.protocol_version.as_deref())?,
        vpc_id: request.vpc_id,
        health_check: health_check.parse()?,
    };
    let tags = tags::parse(request.tags)?;
    let group = engine.transact(|tx| target_groups::create(tx, new, tags))?;
    Ok(answer(engine, &group))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ModifyTargetGroup {
    target_group_arn: String,
    health_check_protocol: Option<String>,
    health_check_port: Option<String>,
    health_check_enabled: Option<bool>,
    health_check_path: Option<String>,
    health_check_interval_seconds: Option<i64>,
    health_check_timeout_seconds: Option<i64>,
    healthy_threshold_count: Option<i64>,
    unhealthy_threshold_count: Option<i64>,
    matcher: Option<MatcherMember>,
}

pub(super) fn modify(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: ModifyTargetGroup = input.read()?;
    let change = HealthCheckMembers {
        protocol: request.health_check_protocol,
        enabled: request.health_check_enabled,
        port: request.health_check_port,
        path: request.health_check_path,
        interval_seconds: request.health_check_interval_seconds,
        timeout_seconds: request.health_check_timeout_seconds,
        healthy_threshold_count: request.healthy_threshold_count,
        unhealthy_threshold_count: request.unhealthy_threshold_count,
        matcher: request.matcher,
    };
    let change = change.parse()?;
    let group = engine.transact(|tx| target_groups::modify(tx, &request.target_group_arn, change))?;
    Ok(answer(engine, &group))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeTargetGroups {
    load_balancer_arn: Option<String>,
    #[serde(default)]
    target_group_arns: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
    marker: Option<String>,
    page_size: Option<i64>,
}

pub(super) fn describe(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DescribeTargetGroups = input.read()?;
    let (balancer, arns, names) = (&request.load_balancer_arn, &request.target_group_arns, &request.names);
    let filters = [balancer.is_some(), !arns.is_empty(), !names.is_empty()];
    if filters.into_iter().filter(|given| *given).count() > 1 {
        let message = "A load balancer ARN, target group ARNs and names cannot be specified at the same time";
        return Err(validation(message).into());
    }
    check_named(arns)?;
    check_named(names)?;
    engine.read(|state| {
        if let Some(balancer) = balancer {
            load_balancers::find(state, balancer)?;
        }
        for arn in arns {
            target_groups::find(state, arn)?;
        }
        for name in names {
            if !state.target_groups.values().any(|group| group.name == *name) {
                return Err(Refusal::new("TargetGroupNotFound", "One or more target groups not found").into());
            }
        }
        let is_asked = |group: &&TargetGroup| match balancer {
            Some(balancer) => load_balancers_of(state, group.arn.as_str()).contains(balancer.as_str()),
            None if arns.is_empty() && names.is_empty() => true,
            None => arns.iter().any(|arn| arn == group.arn.as_str()) || names.contains(&group.name),
        };
        let filters = balancer.iter().chain(arns).chain(names).map(String::as_str);
        page(
            &Listing::new("DescribeTargetGroups", filters),
            "TargetGroups",
            state.target_groups.values().filter(is_asked),
            |group| group.arn.clone(),
            |group| show::target_group(state, group),
            PageRequest { marker: request.marker.as_deref(), size: request.page_size },
        )
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteTargetGroup {
    target_group_arn: String,
}

pub(super) fn delete(engine: &Engine, input: &Input) -> Result<Value, OperationError> {
    let request: DeleteTargetGroup = input.read()?;
    engine.transact(|tx| target_groups::delete(tx, &request.target_group_arn))?;
    Ok(json!({}))
}

fn answer(engine: &Engine, group: &TargetGroup) -> Value {
    json!({ "TargetGroups": [engine.read(|state| show::target_group(state, group))] })
}

fn check_target_type(target_type: Option<&str>) -> Result<(), Refusal> {
    match target_type {
        Some(TARGET_TYPE) => Ok(()),
        // ELB's default.
        None => other_target_type("instance, which is meant when a request names none,"),
        Some(other @ ("instance" | "lambda" | "alb")) => other_target_type(&format!("'{other}'")),
        Some(other) => Err(validation(format!("Target type '{}' is not valid", cut(other)))),
    }
}

fn other_target_type(kind: &str) -> Result<(), Refusal> {
    let message = format!("The target type {kind} is not implemented by this engine; use '{TARGET_TYPE}'");
    Err(Refusal::new("InvalidConfigurationRequest", message))
}

fn protocol_version(text: Option<&str>) -> Result<ProtocolVersion, Refusal> {
    match text {
        None | Some("HTTP1") => Ok(ProtocolVersion::Http1),
        Some("HTTP2") => Ok(ProtocolVersion::Http2),
        Some("GRPC") => Ok(ProtocolVersion::Grpc),
        Some(other) => Err(validation(format!("Protocol version '{}' is not valid", cut(other)))),
    }
}
