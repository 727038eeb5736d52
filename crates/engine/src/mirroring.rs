//! Traffic mirroring: which rules have copies of their requests sent to a revision that is being tried. An engine extension.
//!
//! A service asks for it by a tag, read when a deployment begins and kept with it. Copies are made from the moment the new revision
//! stands at full size and healthy (TEST_TRAFFIC_SHIFT) until it has all production traffic, or the deployment ends or goes back. What is
//! mirrored follows from the tables alone, so a restarted engine mirrors what the last one did.

use std::collections::BTreeMap;

use seatrial_controller::{ServiceDeployment, ServiceDeploymentStatus, Shift};
use seatrial_model::{LifecycleStage, ListenerRuleArn, TrafficPercent};
use seatrial_ports::balancer::MirrorConfig;

use crate::refusal::Refusal;
use crate::state::{ServiceRecord, State, Tags};

/// The tag of a service with the percentage of its safe requests to be mirrored. AWS keeps the tag and ignores it.
pub const MIRROR_TAG: &str = "seatrial:mirror";
/// The smallest share, in tenths of a percent.
const PERCENT_MIN: u16 = 1;

/// Mirrors by the rule whose requests are copied.
pub(crate) type Mirrors = BTreeMap<ListenerRuleArn, MirrorConfig>;

/// Refuses tags that ask for mirroring in words that mean nothing.
pub(crate) fn check(tags: &Tags) -> Result<(), Refusal> {
    match tags.get(MIRROR_TAG) {
        Some(value) if parse(value).is_none() => Err(Refusal::invalid(format!(
            "The tag {MIRROR_TAG} must be a percentage from 0.1 to 100 in steps of 0.1, such as 10. Got: {value}"
        ))),
        Some(_) | None => Ok(()),
    }
}

/// Returns the share that a service asks for.
pub(crate) fn wanted(state: &State, service: &ServiceRecord) -> Option<TrafficPercent> {
    let arn = state.scope.service(&service.cluster, &service.name);
    state.tags.get(arn.as_str())?.get(MIRROR_TAG).and_then(|value| parse(value))
}

/// Returns every mirror there has to be now.
pub(crate) fn mirrors(state: &State) -> Mirrors {
    let deployments = state.services.values().filter_map(|service| service.controller.service_deployment());
    deployments.flat_map(|deployment| mirrors_of(state, deployment)).collect()
}

fn mirrors_of(state: &State, deployment: &ServiceDeployment) -> Mirrors {
    let asked = || state.service_deployments.get(deployment.id.as_str())?.mirror;
    let shift = deployment.shift.as_ref().filter(|shift| is_tried(deployment, shift));
    let Some((shift, percent)) = shift.and_then(|shift| Some((shift, asked()?))) else { return Mirrors::new() };
    let mirror = |target| MirrorConfig { target_group: target, percent };
    shift.routes.iter().map(|route| (route.production_rule.clone(), mirror(route.target.clone()))).collect()
}

/// Tells whether a revision stands beside the one that serves and does not have all of its traffic yet.
fn is_tried(deployment: &ServiceDeployment, shift: &Shift) -> bool {
    let stages = LifecycleStage::TestTrafficShift..=LifecycleStage::ProductionTrafficShift;
    deployment.status == ServiceDeploymentStatus::InProgress
        && shift.source.is_some()
        && stages.contains(&shift.stage)
        && shift.shares.production < TrafficPercent::ALL
}

fn parse(value: &str) -> Option<TrafficPercent> {
    let percent: f64 = value.trim().parse().ok()?;
    TrafficPercent::parse(percent, PERCENT_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_shares_of_traffic_are_taken() {
        let tag = |value: &str| Tags::from([(MIRROR_TAG.to_owned(), value.to_owned())]);
        for value in ["10", "0.1", "2.5", "100", " 7 "] {
            assert_eq!(check(&tag(value)), Ok(()), "{value:?}");
        }
        for value in ["", "0", "0.05", "100.1", "10 %", "ten", "-1", "NaN", "inf", "1e9"] {
            let refusal = check(&tag(value)).expect_err(value);
            assert!(refusal.message.ends_with(&format!("such as 10. Got: {value}")), "{refusal}");
        }
        assert_eq!(check(&Tags::new()), Ok(()));
    }
}
