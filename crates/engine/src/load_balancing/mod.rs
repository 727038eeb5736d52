//! Elastic Load Balancing: load balancers, listeners, rules, target groups and their targets.
//!
//! Commands here are transactions on the tables; the data plane's configuration follows from the tables ([`crate::balancer_config`]).
//! Every code of a [`crate::Refusal`] is the one ELBv2 sends, which is the exception's name without `Exception`.
//!
//! Reading order: [`load_balancers`] → [`listeners`] → [`rules`] → [`target_groups`] → [`targets`] → [`registration`] → [`target_health`].

pub mod arn;
pub mod attributes;
pub mod forwarding;
pub mod health_check;
pub mod listeners;
pub mod load_balancers;
pub mod name;
pub mod quotas;
mod refusals;
pub mod registration;
pub mod rules;
pub mod tagging;
pub mod target_groups;
pub mod target_health;
pub mod targets;

pub use forwarding::{actions, names};
