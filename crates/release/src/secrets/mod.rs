//! Whether what containers ask for by `secrets` is there, before anything is touched. Values are not read.

mod managed;
mod parameters;
mod place;

use std::collections::BTreeMap;

use crate::aws::{CallError, Connection};
use crate::error::ReleaseError;
use crate::naming::config_parameter;
use crate::plan::{Plan, ServicePlan};
use crate::preflight::Finding;
use crate::report::{Event, Reporter};

use managed::Verdict;
use place::{Malformed, Place};

/// What was found out about the secrets of a plan.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Those without which no task would start.
    pub missing: Vec<Finding>,
    /// Those of which these credentials cannot tell, each as a sentence. ECS will see as it starts the task.
    pub unseen: Vec<String>,
}

/// A variable of a container that gets its value from somewhere.
struct Asking<'a> {
    service: &'a ServicePlan,
    variable: &'a str,
}

impl Asking<'_> {
    fn finding(&self, what: &str, instead: String) -> Finding {
        let what = format!("{} comes from {what}; no task would start", self.variable);
        Finding { service: self.service.name.clone(), what, instead }
    }

    fn unseen(&self, from: &str, why: &str) -> String {
        format!("service {}: {} comes from {from}: {why}", self.service.name, self.variable)
    }
}

/// Looks at the parameters and secrets that containers of a plan ask for, as far as these credentials may.
pub async fn look(connection: &Connection, plan: &Plan) -> Result<Looked, CallError> {
    let wanted = wanted(plan);
    let mut looked = Looked::default();
    let mut names = Vec::new();
    let mut known = BTreeMap::new();
    for (source, asking) in &wanted {
        let place = match Place::parse(source) {
            Ok(Some(place)) => place,
            Ok(None) => {
                names.push((*source).to_owned());
                continue;
            }
            Err(Malformed) => {
                let what = format!("{source}, which names no secret");
                let instead =
                    "write the ARN of a secret, or ARN:json-key:version-stage:version-id with all three colons";
                looked.missing.extend(asking.iter().map(|one| one.finding(&what, instead.to_owned())));
                continue;
            }
        };
        if !known.contains_key(&place.id) {
            known.insert(place.id.clone(), managed::look(connection, &place).await?);
        }
        let from = format!("the secret {}", place.id);
        match managed::judge(&place, &known[&place.id]) {
            Verdict::Good => {}
            Verdict::Bad { what, instead } => {
                let what = format!("{from}, which {what}");
                looked.missing.extend(asking.iter().map(|one| one.finding(&what, instead.clone())));
            }
            Verdict::Unknown(why) => looked.unseen.extend(asking.iter().map(|one| one.unseen(&from, &why))),
        }
    }
    let known = parameters::look(connection, &names).await?;
    for name in &known.missing {
        let what = format!("the parameter {name}, which does not exist");
        let asking = wanted.get(name.as_str()).into_iter().flatten();
        looked.missing.extend(asking.map(|one| one.finding(&what, fix(plan, name))));
    }
    for (name, why) in &known.unseen {
        let from = format!("the parameter {name}");
        looked.unseen.extend(wanted[name.as_str()].iter().map(|one| one.unseen(&from, why)));
    }
    Ok(looked)
}

/// Who asks for what, without what is published before any task starts and what infrastructure has yet to tell.
fn wanted(plan: &Plan) -> BTreeMap<&str, Vec<Asking<'_>>> {
    let path = config_parameter(&plan.app, &plan.environment.name, "");
    let is_pending = |source: &str| plan.pending_outputs.iter().any(|name| source.contains(&format!("<infra.{name}>")));
    let mut wanted: BTreeMap<&str, Vec<Asking<'_>>> = BTreeMap::new();
    for service in &plan.services {
        let containers = service.task_definition["containerDefinitions"].as_array();
        for secret in containers.into_iter().flatten().filter_map(|one| one["secrets"].as_array()).flatten() {
            let (Some(variable), Some(source)) = (secret["name"].as_str(), secret["valueFrom"].as_str()) else {
                continue;
            };
            let is_published = source.strip_prefix(&path).is_some_and(|name| plan.config.contains_key(name));
            if !is_published && !is_pending(source) {
                wanted.entry(source).or_default().push(Asking { service, variable });
            }
        }
    }
    wanted
}

fn fix(plan: &Plan, source: &str) -> String {
    match source.strip_prefix(&config_parameter(&plan.app, &plan.environment.name, "")) {
        Some(name) => format!("put it there: seatrial config set {name} --secret --env {}", plan.environment.name),
        None => format!("put it there: aws ssm put-parameter --type SecureString --name {source} --value …"),
    }
}

/// Refuses a plan whose containers could not start, and tells what cannot be known.
pub(crate) async fn refuse_missing(
    connection: &Connection,
    plan: &Plan,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    let looked = look(connection, plan).await?;
    for unseen in looked.unseen {
        report.send(Event::Note(unseen));
    }
    match looked.missing.into_iter().next() {
        None => Ok(()),
        Some(first) => {
            Err(ReleaseError::not_possible(format!("service {}: {}", first.service, first.what), first.instead))
        }
    }
}

#[cfg(test)]
mod tests;
