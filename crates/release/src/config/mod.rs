//! `seatrial.yml`: from text to a plan.
//!
//! The way of a file: `template` fills in variables → `node` reads YAML with positions → `merge` lays the environment's
//! overrides over the services → `decode` makes typed entries (`document`) → `resolve` adds the stage preset and turns
//! everything into a [`crate::plan::Plan`].

mod alarm_plans;
mod alarms;
mod alarms_schema;
pub(crate) mod app_type;
mod auto_scaling;
mod balancing;
mod build;
mod checks;
mod decode;
mod decode_error;
mod deployment;
mod document;
mod ecs_document;
mod edit;
mod either;
pub(crate) mod error;
mod file;
mod freezes;
mod hooks;
mod infra_outputs;
mod infrastructure;
pub(crate) mod json;
pub(crate) mod merge;
mod names;
mod nearest;
pub(crate) mod node;
mod numbers;
mod overrides;
mod rate;
mod resolve;
mod schema;
mod service;
mod share;
mod site;
mod stage;
mod steps;
mod stickiness;
mod task;
mod template;
mod words;

pub use app_type::AppType;
pub use deployment::StrategyWord;
pub use document::{Approval, FallbackRule, Scheme};
pub use error::{ConfigError, Position};
pub use file::ConfigFile;
pub use names::{AppName, EnvironmentName, NameError, ServiceName};
pub use numbers::{Span, SpanError};
pub use overrides::{Overrides, RollbackOverride, Setting};
pub use schema::json_schema;
pub use share::Share;
pub use stage::Stage;
pub(crate) use task::VERSION_LABEL;
pub use template::Variables;
#[cfg(test)]
pub(crate) use template::render as rendered;
