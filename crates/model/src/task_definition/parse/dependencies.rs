//! `dependsOn`: names that exist, conditions that can be met, no cycles.

use std::collections::{BTreeMap, BTreeSet};

use super::{InvalidTaskDefinition, rule};
use crate::task_definition::{ContainerDefinition, DependencyCondition};

/// Refuses unknown names, conditions that can never be met, and cycles.
pub(super) fn check(containers: &[ContainerDefinition]) -> Result<(), InvalidTaskDefinition> {
    let by_name: BTreeMap<_, _> = containers.iter().map(|container| (&container.name, container)).collect();
    for container in containers {
        for dependency in &container.depends_on {
            let Some(target) = by_name.get(&dependency.container) else {
                return rule(format!(
                    "Container {} depends on unknown container {}.",
                    container.name, dependency.container
                ));
            };
            check_condition(container, target, dependency.condition)?;
        }
    }
    let mut remaining: BTreeSet<_> = by_name.keys().copied().collect();
    while !remaining.is_empty() {
        let startable: Vec<_> = remaining
            .iter()
            .copied()
            .filter(|name| by_name[name].depends_on.iter().all(|dependency| !remaining.contains(&dependency.container)))
            .collect();
        if startable.is_empty() {
            let names: Vec<_> = remaining.iter().map(|name| name.as_str()).collect();
            return rule(format!("Container dependencies contain a cycle among {}.", names.join(", ")));
        }
        for name in startable {
            remaining.remove(name);
        }
    }
    Ok(())
}

fn check_condition(
    container: &ContainerDefinition,
    target: &ContainerDefinition,
    condition: DependencyCondition,
) -> Result<(), InvalidTaskDefinition> {
    match condition {
        DependencyCondition::Start => Ok(()),
        DependencyCondition::Complete | DependencyCondition::Success if target.essential => rule(format!(
            "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container: {} waits for {}, \
             whose end is the end of the task.",
            container.name, target.name
        )),
        DependencyCondition::Complete | DependencyCondition::Success => Ok(()),
        DependencyCondition::Healthy if target.health_check.is_none() => rule(format!(
            "Container {} waits for {} to be HEALTHY, but {} has no healthCheck.",
            container.name, target.name, target.name
        )),
        DependencyCondition::Healthy => Ok(()),
    }
}
