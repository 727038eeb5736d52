//! Strategies: what a deployment wants of the scheduler at each moment.
//!
//! A strategy reads the controller's state and answers with a [`Plan`]; it executes nothing. The traffic itself is moved by
//! `crate::stages`.

pub mod rolling;
pub mod shifting;

use seatrial_model::{RevisionId, TaskId};

/// What to do with tasks in one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub stop: Vec<TaskId>,
    /// Leaving tasks that are taken back instead of starting others.
    pub reactivate: Vec<TaskId>,
    pub start: Vec<Start>,
    /// The desired count of each older deployment entry, by revision.
    pub older_desired: Vec<(RevisionId, u32)>,
    pub blocked_by_cap: bool,
}

/// Tasks to start of one revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub revision: RevisionId,
    pub count: u32,
}
