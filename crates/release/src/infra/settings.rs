//! The lines that `seatrial.yml` gets when the stack is there: what a deployment has to know of it.

use std::collections::BTreeSet;

use super::network::{Origin, Place};
use super::roles::Roles;
use super::{Draft, Part};
use crate::config::Scheme;
use crate::plan::PublicAddress;

/// What the lines name.
pub(super) fn made(place: &Place, roles: &Roles) -> BTreeSet<Part> {
    let network = match place.origin {
        Origin::Made => Some(Part::Network),
        Origin::GivenSubnets => Some(Part::SecurityGroups),
        Origin::Given => None,
    };
    let roles = [
        (Part::ExecutionRole, &roles.execution),
        (Part::TaskRole, &roles.task),
        (Part::InfrastructureRole, &roles.infrastructure),
    ];
    network.into_iter().chain(roles.into_iter().filter(|(_, made)| made.is_some()).map(|(part, _)| part)).collect()
}

/// Writes the lines, outputs of the stack in angle brackets.
pub(super) fn lines(draft: &Draft<'_>, place: &Place, roles: &Roles) -> String {
    let mut lines = Vec::new();
    let named = [
        ("execution_role", &roles.execution, "ExecutionRoleArn"),
        ("task_role", &roles.task, "TaskRoleArn"),
        ("infrastructure_role", &roles.infrastructure, "InfrastructureRoleArn"),
    ];
    lines.extend(
        named.into_iter().filter(|(_, made, _)| made.is_some()).map(|(key, _, output)| format!("{key}: <{output}>")),
    );
    match place.origin {
        Origin::Made => {
            lines.push("network:".to_owned());
            lines.push("  subnets: [<TaskSubnetA>, <TaskSubnetB>]".to_owned());
            lines.push("  security_groups: [<TaskSecurityGroupId>]".to_owned());
            lines.extend(
                (place.public_address == PublicAddress::Assigned).then(|| "  assign_public_ip: true".to_owned()),
            );
            lines.extend((place.scheme == Scheme::Internal).then(|| "  scheme: internal".to_owned()));
        }
        Origin::GivenSubnets => {
            lines.push("network:".to_owned());
            lines.push("  security_groups: [<TaskSecurityGroupId>]".to_owned());
        }
        Origin::Given => {}
    }
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("    {line}\n")).collect();
    format!("environments:\n  {}:\n{lines}", draft.plan.environment.name)
}
