//! What requests hold, parsed into the engine's types. A value that parses cannot be wrong by itself; how it fits with what exists is
//! for the engine to see.

mod action;
mod condition;
mod health_check;
mod redirect;

pub(super) use action::{ActionMember, action};
pub(super) use condition::{ConditionMember, conditions};
pub(super) use health_check::{HealthCheckMembers, MatcherMember, check_protocol};
