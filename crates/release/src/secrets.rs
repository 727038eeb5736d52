//! Whether what containers ask for by `secrets` is there, before anything is touched.

use std::collections::BTreeMap;

use crate::aws::{CallError, Connection, DoingExt};
use crate::error::ReleaseError;
use crate::naming::config_parameter;
use crate::plan::{Plan, ServicePlan};
use crate::preflight::Finding;

/// Most names in one GetParameters.
const NAMES_MAX: usize = 10;

/// Finds parameters that containers of a plan ask for and that do not exist, as far as these credentials may look. Secrets of Secrets Manager are left to ECS, which says the same
/// as it starts the task.
pub async fn missing(connection: &Connection, plan: &Plan) -> Result<Vec<Finding>, CallError> {
    let mut wanted: BTreeMap<String, Vec<(&ServicePlan, String)>> = BTreeMap::new();
    let path = config_parameter(&plan.app, &plan.environment.name, "");
    for service in &plan.services {
        let containers = service.task_definition["containerDefinitions"].as_array();
        for secret in containers.into_iter().flatten().filter_map(|one| one["secrets"].as_array()).flatten() {
            let (Some(variable), Some(source)) = (secret["name"].as_str(), secret["valueFrom"].as_str()) else {
                continue;
            };
            // What the file says is published before any task starts.
            let is_published = source.strip_prefix(&path).is_some_and(|name| plan.config.contains_key(name));
            if !source.contains(":secretsmanager:") && !is_published {
                wanted.entry(source.to_owned()).or_default().push((service, variable.to_owned()));
            }
        }
    }
    let names: Vec<String> = wanted.keys().cloned().collect();
    let mut findings = Vec::new();
    for some in names.chunks(NAMES_MAX) {
        let answer = connection.ssm.get_parameters().set_names(Some(some.to_vec())).send().await;
        let answer = match answer.doing(|| "looking whether the parameters of containers are there".into()) {
            // Whoever deploys need not be able to read what the tasks' role reads.
            Err(error) if error.has_code("AccessDeniedException") => continue,
            answer => answer?,
        };
        for source in answer.invalid_parameters() {
            let asking = wanted.get(source).into_iter().flatten();
            findings.extend(asking.map(|(service, variable)| Finding {
                service: service.name.clone(),
                what: format!(
                    "{variable} comes from the parameter {source}, which does not exist; no task would start"
                ),
                instead: fix(plan, source),
            }));
        }
    }
    Ok(findings)
}

fn fix(plan: &Plan, source: &str) -> String {
    match source.strip_prefix(&config_parameter(&plan.app, &plan.environment.name, "")) {
        Some(name) => format!("put it there: seatrial config set {name} --secret --env {}", plan.environment.name),
        None => format!("put it there: aws ssm put-parameter --type SecureString --name {source} --value …"),
    }
}

/// Refuses a plan whose containers could not start.
pub(crate) async fn refuse_missing(connection: &Connection, plan: &Plan) -> Result<(), ReleaseError> {
    match missing(connection, plan).await?.into_iter().next() {
        None => Ok(()),
        Some(first) => {
            Err(ReleaseError::not_possible(format!("service {}: {}", first.service, first.what), first.instead))
        }
    }
}
