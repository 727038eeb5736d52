//! What is published of mirrored requests, in a namespace of the engine's own: AWS has nothing like it.
//!
//! The dimensions are those of `AWS/ApplicationELB` for a target group, here the one that the copies go to: the new revision's.

use seatrial_cloudwatch::Unit;
use seatrial_ports::balancer::MirrorMetrics;

use super::published::{balancer_dimension, group_dimension, seconds};
use super::sheet::Sheet;
use crate::load_balancing::forwarding::load_balancers_of;
use crate::state::State;

pub(super) const NAMESPACE: &str = "Seatrial/Mirror";

/// Writes down what was counted of each mirror.
pub(super) fn mirrors(sheet: &mut Sheet, state: &State, mirrors: &[MirrorMetrics]) {
    for mirror in mirrors {
        let group = mirror.target_group.as_str();
        for balancer in load_balancers_of(state, group) {
            publish(sheet, balancer_dimension(balancer), group_dimension(group), mirror);
        }
    }
}

fn publish(sheet: &mut Sheet, balancer: &str, group: &str, mirror: &MirrorMetrics) {
    let dimensions = [("LoadBalancer", balancer), ("TargetGroup", group)];
    sheet.count("MirroredRequestCount", &dimensions, mirror.requests);
    sheet.count("DroppedCount", &dimensions, mirror.dropped);
    sheet.count("StatusMismatchCount", &dimensions, mirror.mismatches);
    sheet.count("Mirror5XXCount", &dimensions, mirror.answers[5]);
    sheet.count("UnansweredCount", &dimensions, mirror.unanswered);
    sheet.values("MirrorResponseTime", &dimensions, Unit::Seconds, seconds(&mirror.latency));
    sheet.values("OriginalResponseTime", &dimensions, Unit::Seconds, seconds(&mirror.original_latency));
}
