//! Results as text for people. Pure: every function here returns a string.

pub mod cause;
pub mod configuration;
pub mod deletion;
pub mod gantt;
pub mod history;
pub mod infra;
pub mod outcome;
pub mod plan;
pub mod releases;
pub mod status;
pub mod steps;
pub mod time;
pub mod timeline;
