//! `wait`: watches what is going on, and does the coordinator's part in it, until a goal is reached.

use std::time::{Duration, Instant};

use crate::aws::Connection;
use crate::config::RollbackOverride;
use crate::deploy::waiting_time;
use crate::ensure::service::describe;
use crate::error::ReleaseError;
use crate::interrupt::Interrupt;
use crate::plan::ServicePlan;
use crate::report::Reporter;
use crate::rollback::not_deployed;
use crate::steady;
use crate::steering::decide::Drive;
use crate::steering::pilot::Pilot;
use crate::watch::Watch;
use crate::watch::goal::Until;
use crate::watch::locate::locate;
use crate::watch::outcome::{ServiceOutcome, explain};
use crate::watch::verdict::{Purpose, Verdict};

/// How to wait.
#[derive(Clone, Copy, Debug)]
pub struct WaitOptions {
    pub until: Until,
    /// After which it is given up; the deployment goes on. Bake times come on top.
    pub timeout: Duration,
}

/// Waits for one service.
pub async fn wait(
    connection: &Connection,
    plan: &ServicePlan,
    options: WaitOptions,
    report: &Reporter,
    mut interrupt: Interrupt,
) -> Result<ServiceOutcome, ReleaseError> {
    let started = Instant::now();
    let described = describe(connection, &plan.cluster, &plan.service_name).await?;
    let Some((service, _)) = described else { return Err(not_deployed(&plan.name)) };
    if service.current_service_deployment().is_none() {
        return match options.until {
            Until::Stable | Until::Deployed => {
                let timeout = options.timeout;
                let waiting = steady::Waiting { connection, report, interrupt, started, timeout };
                waiting.until_steady(plan, Verdict::NothingToDo).await
            }
            Until::Stage(_) | Until::Paused => {
                let what = format!(
                    "no deployment of service {} is going on, so it cannot become {}",
                    plan.name, options.until
                );
                Err(ReleaseError::not_possible(what, "deploy first, or see `seatrial history`"))
            }
        };
    }
    let subject = locate(connection, &plan.name, &plan.cluster, &service, &mut interrupt).await?;
    let watch = Watch {
        connection,
        report,
        interrupt,
        started,
        timeout: options.timeout + waiting_time(connection, plan),
        rollback: RollbackOverride::Never,
        pilot: Pilot::new(&plan.steering, Drive::AsPlanned),
        until: options.until,
    };
    Ok(explain(connection, watch.follow(subject).await?, Purpose::Deploy).await)
}
