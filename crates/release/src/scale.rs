//! `scale`: changes how many tasks of a service run, and waits until they do.

use std::time::{Duration, Instant};

use serde_json::{Map, json};

use crate::aws::Connection;
use crate::deploy::Waiting;
use crate::difference::Difference;
use crate::ensure::service::{describe, in_place, send_update};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::{AutoScalingPlan, ServicePlan};
use crate::report::{Change, Event, Reporter, Resource};
use crate::rollback::not_deployed;
use crate::status::failure;
use crate::steady;
use crate::watch::outcome::ServiceOutcome;
use crate::watch::verdict::Verdict;

/// How to scale.
#[derive(Clone, Debug)]
pub struct ScaleOptions {
    /// Tasks that shall run; ECS allows 5000.
    pub desired_count: u16,
    pub waiting: Waiting,
    pub timeout: Duration,
}

/// Scales one service. The count lasts until it is scaled again, by hand or automatically, or a deployment whose configuration states one.
pub async fn scale(
    connection: &Connection,
    plan: &ServicePlan,
    options: &ScaleOptions,
    report: &Reporter,
    interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let Some((service, _)) = describe(connection, &plan.cluster, &plan.service_name).await? else {
        return Err(not_deployed(&plan.name));
    };
    let before = service.desired_count();
    let count = i32::from(options.desired_count);
    if count > service.running_count() && failure(&service).is_some() {
        let what =
            format!("the newest deployment of service {} failed, so ECS starts no further tasks of it", plan.name);
        return Err(ReleaseError::not_possible(what, "deploy a version that works: seatrial deploy"));
    }
    if let Some(AutoScalingPlan { min, max, .. }) = plan.auto_scaling.plan()
        && !(*min..=*max).contains(&count)
    {
        report.send(Event::Note(format!(
            "service {} is scaled automatically between {min} and {max} tasks: {count} lasts until the next time; change `auto_scaling` and deploy to keep it",
            plan.name
        )));
    }
    let change = if before == count {
        Change::Unchanged
    } else {
        Change::Updated(vec![Difference::new("desiredCount", before, count)])
    };
    if before != count {
        let mut changes = Map::new();
        changes.insert("desiredCount".into(), json!(count));
        send_update(connection, &plan.cluster, &plan.service_name, changes, false).await?;
    }
    report.ensured(Resource::Service, &plan.service_name, Some(&plan.name), change);
    match options.waiting {
        Waiting::Not => {
            let task_definition = in_place(&service).unwrap_or_default();
            Ok(ServiceOutcome::without_deployment(&plan.name, Verdict::Started, task_definition, started.elapsed()))
        }
        Waiting::ToTheEnd => {
            let waiting = steady::Waiting { connection, report, interrupt, started, timeout: options.timeout };
            let at_once = if before == count { Verdict::NothingToDo } else { Verdict::Deployed };
            waiting.until_steady(plan, at_once).await
        }
    }
}
