//! What is known of task definitions. A revision never changes, so each one is asked for once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::types::{ContainerDefinition, TaskDefinition};

use crate::aws::{CallError, Connection};
use crate::config::VERSION_LABEL;
use crate::ensure::task_definition::describe;

/// Most revisions remembered; a watched environment shows a handful, and forgetting them costs one call each.
const KNOWN_MAX: usize = 1000;

/// What readers want to know of a task definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The `version` of the configuration it was made from.
    pub version: Option<String>,
    /// Whether an essential container has a health check, so that ECS says of its tasks whether they are healthy.
    pub is_checked: bool,
}

/// The facts known so far. Cheap to clone; clones share what they know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known(Arc<Mutex<BTreeMap<String, Facts>>>);

/// The facts about a revision; none when ECS does not have it.
pub(crate) async fn facts(connection: &Connection, arn: &str) -> Result<Option<Facts>, CallError> {
    if let Some(facts) = connection.definitions.get(arn) {
        return Ok(Some(facts));
    }
    let Some((definition, _)) = describe(connection, arn).await? else { return Ok(None) };
    let facts = of(&definition);
    connection.definitions.remember(arn, facts.clone());
    Ok(Some(facts))
}

fn of(definition: &TaskDefinition) -> Facts {
    let containers = definition.container_definitions();
    let version = |container: &ContainerDefinition| container.docker_labels()?.get(VERSION_LABEL).cloned();
    let is_checked =
        |container: &ContainerDefinition| container.essential() != Some(false) && container.health_check().is_some();
    Facts { version: containers.iter().find_map(version), is_checked: containers.iter().any(is_checked) }
}

impl Known {
    fn get(&self, arn: &str) -> Option<Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(arn).cloned()
    }

    fn remember(&self, arn: &str, facts: Facts) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(arn.to_owned(), facts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ecs::types::HealthCheck;

    #[test]
    fn only_checks_of_essential_containers_count() {
        let check = HealthCheck::builder().command("CMD").build().expect("a check");
        let container = |essential: Option<bool>, check: Option<&HealthCheck>| {
            ContainerDefinition::builder().set_essential(essential).set_health_check(check.cloned()).build()
        };
        let is_checked = |containers: Vec<ContainerDefinition>| {
            of(&TaskDefinition::builder().set_container_definitions(Some(containers)).build()).is_checked
        };
        assert!(is_checked(vec![container(None, None), container(None, Some(&check))]));
        assert!(!is_checked(vec![container(Some(true), None), container(Some(false), Some(&check))]));
    }

    #[test]
    fn the_version_is_the_label_of_the_configuration() {
        let labelled = ContainerDefinition::builder().docker_labels(VERSION_LABEL, "v7").build();
        let definition = TaskDefinition::builder()
            .container_definitions(ContainerDefinition::builder().build())
            .container_definitions(labelled)
            .build();
        assert_eq!(of(&definition).version.as_deref(), Some("v7"));
    }
}
