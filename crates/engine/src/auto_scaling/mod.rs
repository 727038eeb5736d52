//! Application Auto Scaling in the engine: which services are scaled, by what, and what has been done.
//!
//! [`target`], [`policy`] and [`activity`] are the rows; [`targets`] and [`policies`] change them, [`tracking_alarms`] keeps the pair of
//! alarms of each target tracking policy. While an alarm is in a state that has a policy among its actions, the policy is invoked once a
//! minute: [`invocation`] gathers the facts, [`decision`] (pure) says what is to be done, [`change`] does it by the way that a desired
//! count of UpdateService takes.

pub mod activity;
mod adjustment;
mod change;
pub mod configuration;
mod decision;
pub(crate) mod invocation;
pub mod policies;
pub mod policy;
mod refusals;
pub mod resource;
pub mod target;
pub mod targets;
mod tracking_alarms;

pub use activity::{ActivityStatus, NotScaledReason, ScalingActivity};
pub(crate) use change::settle;
pub use policy::{PolicyKind, ScalingPolicy};
pub use resource::ScalableResource;
pub use target::{ScalableTarget, Suspended};
