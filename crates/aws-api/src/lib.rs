//! The engine's AWS front: HTTP in, operations of AWS services out.
//!
//! [`Front`] owns what all services share: limits, the guard against foreign hosts, signatures, routing, error shapes. A service is
//! an [`Operations`] in a folder of its own, with its request shapes, conversions and handlers; it never sees HTTP.

pub mod application_autoscaling;
mod blocking;
pub mod cloudwatch;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
mod front;
mod identity;
pub mod logs;
mod operations;
pub mod registry;
mod secret_member;
pub mod secretsmanager;
pub mod ssm;
pub mod sts;

pub use front::{AllowedHosts, Front, FrontError, InvalidHost, Limits, RequestId, TIME_SCALE_HEADER, WallClock};
pub use identity::{Identities, Identity, Principal};
pub use operations::{OperationError, OperationFuture, Operations, RequestContext};
