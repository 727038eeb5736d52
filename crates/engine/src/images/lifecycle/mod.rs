//! Lifecycle policies: which images of a repository are to go by themselves.

mod applying;
mod evaluate;
mod policy;

pub use applying::{apply, apply_all, expiring};
pub use evaluate::{Candidate, Expiry, evaluate};
pub use policy::{InvalidPolicy, LifecyclePolicy, RULES_MAX, TEXT_LENGTHS};
