//! The traits through which the engine reaches the machine, and the data they carry.
//!
//! Adapters (`runtime`, `proxy`, `store`) implement them and never know each other; the engine knows only this crate.

pub mod balancer;
pub mod clock;
pub mod hooks;
pub mod journal;
pub mod runtime;
pub mod vault;

pub use balancer::{Balancer, BalancerConfig, BalancerReport};
pub use clock::Clock;
pub use hooks::{HookInvocation, HookInvoker, HookOutcome, HookReport};
pub use journal::{Batch, Journal, JournalError, Record};
pub use runtime::{Runtime, TaskLaunch, TaskReport, TaskRuntime};
pub use vault::{Sealed, SealingKeyId, Vault, VaultError};
