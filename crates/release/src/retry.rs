//! `retry`: deploys the version again whose deployment failed, was rolled back or stopped. Nothing of the file is sent.

use std::time::{Duration, Instant};

use aws_sdk_ecs::types::{Service, ServiceDeploymentBrief, ServiceDeploymentStatus, TaskDefinitionStatus};
use serde_json::{Map, json};

use crate::aws::{Connection, DoingExt};
use crate::config::RollbackOverride;
use crate::deploy::{Waiting, waiting_time};
use crate::difference::Difference;
use crate::ensure::service::{describe, in_place, send_update};
use crate::ensure::task_definition::{self, short};
use crate::error::ReleaseError;
use crate::firing::{self, FiringAlarms};
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Change, Event, Reporter, Resource};
use crate::rollback::not_deployed;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;
use crate::watch::Watch;
use crate::watch::locate::{latest, locate};
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::verdict::Purpose;

/// How to retry.
#[derive(Clone, Debug)]
pub struct RetryOptions {
    pub waiting: Waiting,
    /// Bake times come on top.
    pub timeout: Duration,
    pub firing_alarms: FiringAlarms,
}

/// Deploys the version of a service's failed deployment again.
pub async fn retry(
    connection: &Connection,
    plan: &ServicePlan,
    options: &RetryOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described else { return Err(not_deployed(&plan.name)) };
    let failed = failed(plan, latest(connection, plan).await?.as_ref())?;
    let target = version(connection, plan, &failed.revision).await?;
    refuse_firing_alarms(connection, plan, options.firing_alarms, &service, report).await?;
    let before = short(in_place(&service).unwrap_or_default()).to_owned();
    report.send(Event::Note(format!("trying {} again: its last deployment {}", short(&target), failed.end)));
    let updated = update(connection, plan, &service, &target).await?;
    let change = Change::Updated(vec![Difference::new("taskDefinition", before, short(&target))]);
    report.ensured(Resource::Service, &plan.service_name, Some(&plan.name), change);
    let subject = locate(connection, &plan.name, &plan.cluster, &updated, &mut interrupt).await?;
    if options.waiting == Waiting::Not {
        let is_steered = plan.steering.has_pauses();
        return Ok(ServiceOutcome { is_steered, ..ServiceOutcome::started(&subject, started.elapsed()) });
    }
    let timeout = options.timeout + waiting_time(connection, plan);
    let rollback = RollbackOverride::AsConfigured;
    let (pilot, until) = (Pilot::new(&plan.steering, Drive::AsPlanned), plan.steering.handover.until());
    let watch = Watch { connection, report, interrupt, started, timeout, rollback, pilot, until };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Deploy).await)
}

/// Refuses to deploy while an alarm fires that the deployment would watch: ECS would watch none of them, perhaps the one that told of this
/// very version.
async fn refuse_firing_alarms(
    connection: &Connection,
    plan: &ServicePlan,
    choice: FiringAlarms,
    service: &Service,
    report: &Reporter,
) -> Result<(), ReleaseError> {
    let alarms = service.deployment_configuration().and_then(|chosen| chosen.alarms());
    let names: Vec<String> =
        alarms.filter(|alarms| alarms.enable()).map(|alarms| alarms.alarm_names().to_vec()).unwrap_or_default();
    if names.is_empty() {
        return Ok(());
    }
    let alarms = firing::look(connection, &names).await?.firing(&plan.name);
    match (alarms.is_empty(), choice) {
        (true, _) => Ok(()),
        (false, FiringAlarms::Refuse) => Err(ReleaseError::Blocked { alarms }),
        (false, FiringAlarms::Ignore) => {
            let note = format!("{}; ECS watches no alarm during this deployment", firing::in_words(&alarms));
            report.send(Event::Note(note));
            Ok(())
        }
    }
}

/// A deployment that came to no good end.
#[derive(Debug, PartialEq, Eq)]
struct Failed {
    /// The ARN of the service revision that it was to bring.
    revision: String,
    /// Completes "its last deployment …".
    end: &'static str,
}

/// Says what is to be tried again. A deployment that came after a failed one has taken its place.
fn failed(plan: &ServicePlan, latest: Option<&ServiceDeploymentBrief>) -> Result<Failed, ReleaseError> {
    let name = &plan.name;
    let nothing = |what: String, instead: String| Err(ReleaseError::not_possible(what, instead));
    let end = match latest.and_then(ServiceDeploymentBrief::status) {
        Some(ServiceDeploymentStatus::RollbackSuccessful) => "was rolled back",
        Some(ServiceDeploymentStatus::RollbackFailed) => "failed, and so did the rollback",
        Some(ServiceDeploymentStatus::Stopped) => "was stopped",
        Some(ServiceDeploymentStatus::Successful) => {
            return nothing(
                format!("the last deployment of service {name} did not fail, so there is nothing to retry"),
                format!(
                    "deploy a new version with `seatrial deploy {name}`; `seatrial history {name}` shows earlier ones"
                ),
            );
        }
        Some(_) => {
            return nothing(
                format!("a deployment of service {name} is still going on"),
                format!("wait for its end (`seatrial status --watch`), or end it: seatrial abort {name}"),
            );
        }
        None => {
            return nothing(
                format!("service {name} has no deployment that ECS remembers"),
                format!("deploy it: seatrial deploy {name}"),
            );
        }
    };
    let revision = latest.and_then(ServiceDeploymentBrief::target_service_revision_arn);
    let revision = revision.ok_or(ReleaseError::Incomplete("the revision of the last deployment"))?;
    Ok(Failed { revision: revision.to_owned(), end })
}

/// The task definition of a service revision, which has to be active still.
async fn version(connection: &Connection, plan: &ServicePlan, revision: &str) -> Result<String, ReleaseError> {
    let described = connection
        .ecs
        .describe_service_revisions()
        .service_revision_arns(revision)
        .send()
        .await
        .doing(|| format!("reading the revisions of service {}", plan.name))?;
    let found = described.service_revisions().first().and_then(|revision| revision.task_definition());
    let target = found.ok_or(ReleaseError::Incomplete("the task definition of the last deployment"))?;
    match task_definition::describe(connection, target).await? {
        Some((found, _)) if found.status() == Some(&TaskDefinitionStatus::Active) => Ok(target.to_owned()),
        Some(_) | None => Err(ReleaseError::not_possible(
            format!("task definition {} of the failed deployment is no longer active", short(target)),
            format!("deploy anew, which registers it again: seatrial deploy {}", plan.name),
        )),
    }
}

async fn update(
    connection: &Connection,
    plan: &ServicePlan,
    service: &Service,
    target: &str,
) -> Result<Service, ReleaseError> {
    let mut changes = Map::new();
    changes.insert("taskDefinition".into(), json!(target));
    // A service may still name the version it was rolled back from: to ECS that version is no change then.
    let named_already = service.task_definition() == Some(target);
    send_update(connection, &plan.cluster, &plan.service_name, changes, named_already).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{DesiredCount, FailFast};

    fn plan() -> ServicePlan {
        ServicePlan {
            build: None,
            name: "web".parse().expect("a name"),
            depends_on: Vec::new(),
            cluster: "c".into(),
            service_name: "web".into(),
            family: "web".into(),
            log_groups: vec![],
            task_definition: json!({}),
            service: json!({}),
            desired_count: DesiredCount::Configured(1),
            auto_scaling: crate::plan::AutoScaling::Unsaid,
            balancing: None,
            fail_fast: FailFast::Off,
            alarms: vec![],
            shift_back: None,
            mirror: None,
            steering: crate::steering::Steering::default(),
        }
    }

    #[test]
    fn only_a_deployment_that_came_to_no_good_end_is_tried_again() {
        use ServiceDeploymentStatus as Status;
        let brief = |status: Status| {
            ServiceDeploymentBrief::builder().status(status).target_service_revision_arn("revision").build()
        };
        for (status, end) in [
            (Status::RollbackSuccessful, "was rolled back"),
            (Status::RollbackFailed, "failed, and so did the rollback"),
            (Status::Stopped, "was stopped"),
        ] {
            let found = failed(&plan(), Some(&brief(status))).expect("it failed");
            assert_eq!(found, Failed { revision: "revision".into(), end });
        }
        for (latest, what, advice) in [
            (Some(brief(Status::Successful)), "there is nothing to retry", "seatrial deploy web"),
            (Some(brief(Status::InProgress)), "still going on", "seatrial abort web"),
            (Some(brief(Status::RollbackInProgress)), "still going on", "seatrial abort web"),
            (None, "has no deployment", "seatrial deploy web"),
        ] {
            let error = failed(&plan(), latest.as_ref()).expect_err(what);
            assert!(error.to_string().contains(what), "{error}");
            assert!(error.advice().is_some_and(|text| text.contains(advice)), "{:?}", error.advice());
        }
    }
}
