//! What `seatrial watch` shows: an environment at one moment, as plain data.
//!
//! [`Watcher`] fetches, `service`, `deployment`, `stages`, `hooks`, `revisions`, `rates` and `alarms` judge (pure). Nothing here draws.
//! Whatever ECS does not tell is left out, never guessed; what could not be read is named in [`ServiceView::remarks`].

mod alarms;
mod deployment;
mod failures;
mod hooks;
mod metrics;
mod rates;
mod revisions;
mod service;
mod stages;
mod watcher;

use serde::Serialize;
use time::OffsetDateTime;

use crate::config::{AppName, EnvironmentName, ServiceName};
use crate::urls::ServiceUrl;

pub use alarms::{AlarmState, AlarmView};
pub use deployment::{BreakerView, DeploymentView, RollbackView, WeightsView};
pub use failures::FailureView;
pub use hooks::{HookKind, HookView};
pub use rates::Rates;
pub use revisions::{RevisionView, Role, TargetView};
pub use stages::{Limit, PresentStage, StageState, StageView};
pub use watcher::Watcher;

/// An environment at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WatchView {
    pub app: AppName,
    pub environment: EnvironmentName,
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How many times faster than real time the endpoint lets its own waits pass; 1 on AWS.
    pub time_scale: u32,
    /// In the order of their names.
    pub services: Vec<ServiceView>,
}

/// A service at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceView {
    pub service: ServiceName,
    /// ECS's word (`ACTIVE`, `DRAINING`); none when it is not deployed.
    pub status: Option<String>,
    pub urls: Vec<ServiceUrl>,
    /// The deployment going on, else the last one ECS tells of.
    pub deployment: Option<DeploymentView>,
    /// The new revision first; without a deployment the one that serves.
    pub revisions: Vec<RevisionView>,
    /// The requests of a target group that all revisions share, as in a rolling update. Where each has its own, they are told there.
    pub shared_rates: Option<Rates>,
    pub alarms: Vec<AlarmView>,
    /// Tasks of the deployment that failed, the latest first.
    pub failures: Vec<FailureView>,
    /// The newest first.
    pub events: Vec<EventView>,
    /// What could not be read, a sentence each.
    pub remarks: Vec<String>,
}

/// A service event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventView {
    pub id: String,
    #[serde(with = "time::serde::rfc3339::option")]
    pub at: Option<OffsetDateTime>,
    pub message: String,
}

impl ServiceView {
    /// The deployment, if it is going on.
    pub fn running(&self) -> Option<&DeploymentView> {
        self.deployment.as_ref().filter(|deployment| deployment.verdict.is_none())
    }
}
