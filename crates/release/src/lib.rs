//! The release coordinator: seatrial.yml to a running deployment, through the AWS SDK.
//!
//! [`config::ConfigFile`] turns a file into a [`plan::Plan`]; [`deploy`] carries a plan out over an [`aws::Connection`] and
//! waits for exactly the deployment it started; [`promote`], [`hold`], [`wait`], [`abort`], [`retry`],
//! [`skip_bake`], [`rollback`], [`scale`], [`status`], [`history`], [`logs`] and [`delete`] do
//! what their names say. Everything goes through the AWS API: nothing here knows whether the endpoint is the embedded
//! engine or AWS. Nothing here prints: what happens is sent to a [`report::Reporter`].

mod abort;
pub mod audit;
pub mod aws;
pub mod build;
pub mod ci;
pub mod config;
mod config_schema;
pub mod configuration;
mod definitions;
mod delete;
mod deploy;
mod difference;
pub mod doctor;
mod ensure;
mod error;
mod firing;
pub mod fix;
pub mod forecast;
pub mod freeze;
mod history;
mod hold;
pub mod images;
pub mod import;
pub mod infra;
mod inputs;
mod interrupt;
pub mod lock;
mod log_tasks;
mod logs;
pub mod naming;
mod order;
mod orphans;
mod parameters;
pub mod plan;
pub mod preflight;
mod promote;
pub mod provision;
mod rehearse;
pub mod releases;
pub mod report;
mod retry;
mod rollback;
mod scale;
pub mod secrets;
mod skip_bake;
mod status;
mod steady;
pub mod steering;
mod urls;
pub mod verify;
pub mod view;
mod wait;
mod watch;

pub use abort::{AbortOptions, WayBack, abort};
pub use config_schema::{ConfigSchema, refuse_new, refuse_stored};
pub use delete::{DeleteReport, Named, ParameterScope, Scope, delete};
pub use deploy::{DeployOptions, DeployReport, Waiting, deploy};
pub use difference::Difference;
pub use ensure::{DefinitionChoice, Force, ServicePreview, TaskPreview};
pub use error::ReleaseError;
pub use firing::{FiringAlarm, FiringAlarms};
pub use history::{HISTORY_MAX, HistoryEntry, history};
pub use hold::{ResumeOptions, hold, resume};
pub use interrupt::{Interrupt, Interrupter, interrupt};
pub use logs::{Following, LogLine, LogQuery, logs};
pub use parameters::Realm;
pub use promote::{PromoteOptions, Reach, promote};
pub use rehearse::{Rehearsal, Step, rehearse};
pub use retry::{RetryOptions, retry};
pub use rollback::{BackTo, RollbackOptions, rollback};
pub use scale::{ScaleOptions, scale};
pub use seatrial_model::ReturnSteps;
pub use skip_bake::{SkipBakeOptions, skip_bake};
pub use status::{EnvironmentStatus, EventLine, RunningDeployment, ScalingStatus, ServiceStatus, events, status};
pub use urls::ServiceUrl;
pub use wait::{WaitOptions, wait};
pub use watch::cause::{Cause, CauseKind};
pub use watch::explained::ExplainedWait;
pub use watch::goal::Until;
pub use watch::mirrored::Mirrored;
pub use watch::outcome::ServiceOutcome;
pub use watch::timeline::TimelineEntry;
pub use watch::verdict::{Purpose, Verdict};
