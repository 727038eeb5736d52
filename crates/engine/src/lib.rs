//! The embedded engine: an ECS of its own for one machine.
//!
//! State lives in [`table::Table`]s. A command or an observation is one *transaction* ([`transaction`]): it changes tables and asks for
//! actions; the changes are made durable, and only then are the actions carried out (I5). What actions achieve comes back as reports
//! ([`reports`]), which are transactions again. Nothing here knows how tasks run or how traffic flows: that is behind `seatrial-ports`.
//!
//! Reading order: [`engine`] (transactions and the driver), [`services`] (commands on services), [`effects`] (what the controller asks
//! for), [`observe`] (what the machine reports).

pub mod auto_scaling;
pub mod balancer_config;
pub mod cloudwatch;
pub mod clusters;
pub mod driver;
pub mod effects;
pub mod engine;
mod hooks;
pub mod images;
pub mod load_balancing;
pub mod logs;
pub mod mirroring;
mod network_configuration;
pub mod observe;
pub mod parameters;
pub mod propagated_tags;
pub mod refusal;
pub mod reports;
pub mod restart;
mod sealing;
pub mod secrets;
pub mod service_deployments;
pub mod services;
pub mod state;
pub mod table;
pub mod tags;
pub mod task_definitions;
mod task_images;
pub mod task_place;
mod task_secrets;
pub mod tasks;
pub mod transaction;

pub use engine::{Engine, EngineError, EngineSettings, Machine};
pub use refusal::Refusal;
pub use state::State;
pub use transaction::Transaction;

// The words of the controller and the runtime that show in the engine's records.
pub use seatrial_controller::{
    Deployment, HookRun, Lifecycle, PauseAction, ServiceDeployment, ServiceDeploymentStatus, Shift, StopType, Waiting,
};
pub use seatrial_ports::balancer::TargetIntent;
pub use seatrial_ports::runtime::{ContainerStatus, LaunchImage, LogLine, RuntimeError, Usage};
