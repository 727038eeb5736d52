//! Commands on target groups. Only groups of `ip` targets reached by plain HTTP exist here.

use std::collections::BTreeMap;

use seatrial_model::TargetGroupArn;
use seatrial_model::load_balancing::ProtocolVersion;

use super::arn::{self, Kind};
use super::attributes::{ALGORITHM, DEREGISTRATION_DELAY, SLOW_START, STICKINESS_ENABLED, TARGET_GROUP, is_on};
use super::forwarding;
use super::health_check::{self, HealthCheckChange};
use super::name::ResourceName;
use super::quotas::TARGET_GROUPS_MAX;
use super::refusals::{invalid_configuration, target_group_not_found};
use crate::balancer_config::is_in_use;
use crate::refusal::Refusal;
use crate::services;
use crate::state::{State, Tags, TargetGroup};
use crate::transaction::Transaction;

/// The only protocol of target groups here.
pub const PROTOCOL: &str = "HTTP";
/// The only target type here.
pub const TARGET_TYPE: &str = "ip";

/// A target group to be.
#[derive(Clone, Debug)]
pub struct NewTargetGroup {
    pub name: ResourceName,
    pub port: u16,
    pub protocol_version: ProtocolVersion,
    pub vpc_id: Option<String>,
    /// Laid over the defaults.
    pub health_check: HealthCheckChange,
}

/// Finds a target group by ARN.
pub fn find<'a>(state: &'a State, arn: &str) -> Result<&'a TargetGroup, Refusal> {
    Kind::TargetGroup.check(arn)?;
    state.target_groups.get(arn).ok_or_else(|| target_group_not_found(arn))
}

/// Creates a target group; one of the same name and settings is returned as it is.
pub fn create(tx: &mut Transaction<'_>, new: NewTargetGroup, tags: Tags) -> Result<TargetGroup, Refusal> {
    let version = new.protocol_version;
    let health_check = health_check::changed(&health_check::default(version), version, new.health_check)?;
    if let Some(existing) = tx.state.target_groups.values().find(|group| group.name == new.name.as_str()) {
        let is_same = existing.port == Some(new.port)
            && existing.protocol_version == version
            && existing.vpc_id == new.vpc_id
            && existing.health_check == health_check;
        if is_same {
            return Ok(existing.clone());
        }
        let message = format!("A target group with the same name '{}' exists, but with different settings", new.name);
        return Err(Refusal::new("DuplicateTargetGroupName", message));
    }
    if tx.state.target_groups.len() >= TARGET_GROUPS_MAX {
        let message = format!("The maximum number of target groups ({TARGET_GROUPS_MAX}) has been reached");
        return Err(Refusal::new("TooManyTargetGroups", message));
    }
    let arn = arn::target_group(&tx.state.scope, &new.name, &tx.draw_hex16());
    let group = TargetGroup {
        arn: TargetGroupArn::new(arn.clone()),
        name: new.name.as_str().to_owned(),
        protocol: PROTOCOL.to_owned(),
        protocol_version: version,
        port: Some(new.port),
        target_type: TARGET_TYPE.to_owned(),
        vpc_id: new.vpc_id,
        health_check,
        attributes: BTreeMap::new(),
        targets: Vec::new(),
    };
    super::tagging::put_new(tx, &arn, tags);
    tx.state.target_groups.insert(arn, group.clone());
    Ok(group)
}

/// Changes how targets are checked.
pub fn modify(tx: &mut Transaction<'_>, arn: &str, change: HealthCheckChange) -> Result<TargetGroup, Refusal> {
    let group = find(tx.state, arn)?;
    let health_check = health_check::changed(&group.health_check, group.protocol_version, change)?;
    let group = tx.state.target_groups.get_mut(arn).ok_or_else(|| target_group_not_found(arn))?;
    group.health_check = health_check;
    Ok(group.clone())
}

/// Changes attributes and returns all of them, defaults included.
pub fn set_attributes(
    tx: &mut Transaction<'_>,
    arn: &str,
    changes: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let group = find(tx.state, arn)?;
    TARGET_GROUP.check(&changes)?;
    let mut attributes = group.attributes.clone();
    let delay_changes = changes.contains_key(DEREGISTRATION_DELAY);
    let made_sticky = !is_on(&attributes, STICKINESS_ENABLED) && is_on(&changes, STICKINESS_ENABLED);
    attributes.extend(changes);
    let shown = TARGET_GROUP.shown(&attributes);
    check_slow_start(&shown)?;
    if made_sticky {
        forwarding::check_made_sticky(tx.state, arn)?;
    }
    let group = tx.state.target_groups.get_mut(arn).ok_or_else(|| target_group_not_found(arn))?;
    group.attributes = attributes;
    if delay_changes {
        services::refresh_deregistration_delay(tx, &TargetGroupArn::new(arn));
    }
    Ok(shown)
}

/// Deletes a target group that no listener or rule forwards to. One that is not there is as good as deleted.
pub fn delete(tx: &mut Transaction<'_>, arn: &str) -> Result<(), Refusal> {
    Kind::TargetGroup.check(arn)?;
    if is_in_use(tx.state, arn) {
        let message = format!("Target group '{arn}' is currently in use by a listener or a rule");
        return Err(Refusal::new("ResourceInUse", message));
    }
    tx.state.target_groups.remove(arn);
    tx.state.tags.remove(arn);
    Ok(())
}

fn check_slow_start(attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let value = |key: &str| attributes.get(key).map(String::as_str).unwrap_or_default();
    if value(SLOW_START) != "0" && value(ALGORITHM) != "round_robin" {
        return Err(invalid_configuration(format!(
            "Slow start needs the load balancing algorithm 'round_robin', not '{}'",
            value(ALGORITHM)
        )));
    }
    Ok(())
}
