//! `scale`: changes how many tasks of a service run, and waits until they do.

use std::time::{Duration, Instant};

use serde_json::{Map, json};

use crate::aws::Connection;
use crate::deploy::Waiting;
use crate::ensure::service::{describe, send_update};
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::{Change, Reporter, Resource};
use crate::rollback::not_deployed;
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

/// Scales one service. The count lasts until it is scaled again or a deployment whose configuration states one.
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
    let change = if before == count {
        Change::Unchanged
    } else {
        Change::Updated(vec![format!("desiredCount {before} → {count}")])
    };
    if before != count {
        let mut changes = Map::new();
        changes.insert("desiredCount".into(), json!(count));
        send_update(connection, &plan.cluster, &plan.service_name, changes, false).await?;
    }
    report.ensured(Resource::Service, &plan.service_name, Some(&plan.name), change);
    let verdict = match options.waiting {
        Waiting::Not => Verdict::Started,
        Waiting::ToTheEnd => {
            let waiting = steady::Waiting { connection, report, interrupt, started, timeout: options.timeout };
            waiting.until_steady(&plan.name, &plan.cluster, &plan.service_name).await?
        }
    };
    let task_definition = service.task_definition().unwrap_or_default();
    Ok(ServiceOutcome::without_deployment(&plan.name, verdict, task_definition, started.elapsed()))
}
