//! The deployment controller of one service: ECS's scheduler and deployment machinery as a pure state machine (D2).
//!
//! [`Controller::handle`] takes one input and returns what must be done; it never blocks, never fails, reads no clock and draws no
//! random number. Time comes as `now`, identities are derived from the seed drawn when the service was created, so the same journal
//! gives the same state (I10) in production and in simulation.
//!
//! Reading order: [`controller`] (the order in which an input is worked through), `commands`, `observe` and `leaving` (what each kind of
//! input does), `stages`, [`giving_back`], [`hooks`] and [`rules`] (how traffic moves), [`strategy`] (what a deployment wants), [`scheduler`] (how many tasks to start and stop for it), [`breaker`],
//! [`throttle`] and `rollback` (when to give up, when to wait, how to go back), `announce` (what has become true).

mod alarms;
mod announce;
mod bake;
pub mod breaker;
mod commands;
pub mod controller;
pub mod deployment;
pub mod giving_back;
mod health;
pub mod hooks;
pub mod input;
mod leaving;
mod observe;
pub mod policy;
mod render;
mod rollback;
pub mod rules;
pub mod scheduler;
pub mod seed;
pub mod settings;
pub mod shift;
mod stages;
pub mod step;
pub mod strategy;
pub mod task;
pub mod throttle;
pub mod waiting;
mod wording;

pub use controller::{Controller, Lifecycle};
pub use deployment::{
    Deployment, MonitorStatus, RolloutState, ServiceDeployment, ServiceDeploymentStatus, StopType, WatchedAlarms,
};
pub use giving_back::GivingBack;
pub use hooks::{HookRun, HookStatus};
pub use input::{Command, HookAnswer, Input, NewDeployment, Observation, PauseAction, StopCause, Update};
pub use policy::Policy;
pub use rules::{LiveRule, Weights};
pub use seed::Seed;
pub use settings::{FailFast, Revision, Route, Settings, TargetGroupAttachment};
pub use shift::{Shift, ShiftRoute};
pub use step::{Effect, Event, HookInvocation, Shares, Step, StopCode};
pub use task::{Leaving, Task, TaskStatus};
pub use waiting::{Waiting, WakeReason};
