//! The data plane: an HTTP proxy that executes routing decisions.
#![doc = include_str!("../README.md")]

mod answer;
mod balancer;
mod buffer;
mod clock;
mod connect;
mod control;
mod decide;
mod health;
mod histogram;
mod http1;
mod http2;
mod limits;
mod listening;
mod mirror;
mod panic;
mod plane;
mod process;
mod random;
mod stickiness;
mod trace;
mod watchdog;
mod worker;

pub use balancer::{ProxyBalancer, ProxyCommand, ProxySettings, end_proxy};
pub use limits::Limits;
pub use plane::control::{DataPlane, DataPlaneOptions, TaggedReports};
pub use process::{ProxyArguments, ProxyError, ProxyMode, proxy_main};
