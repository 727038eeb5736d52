//! Where a task stands, as its files and its lock say.

use std::io;

use seatrial_ports::TaskReport;

use crate::directory::TaskDirectory;
use crate::lock::TaskLock;
use crate::saved_state::SavedState;

/// What a task's files say.
pub(super) enum Situation {
    Stopped(Box<TaskReport>),
    /// A supervisor lives.
    Supervised,
    /// No supervisor has ever had the task.
    NeverStarted,
    /// A supervisor had the task and is gone; what it said last may be unreadable.
    Abandoned(TaskLock, Option<Box<SavedState>>),
}

impl Situation {
    /// Finds out where a task stands.
    pub fn find(directory: &TaskDirectory) -> io::Result<Situation> {
        if let Ok(Some(saved)) = SavedState::read(directory)
            && saved.is_stopped()
        {
            return Ok(Situation::Stopped(Box::new(saved.report)));
        }
        let Some(lock) = TaskLock::try_acquire(directory)? else { return Ok(Situation::Supervised) };
        // Once more: its supervisor may have ended in between, after having said so.
        Ok(match SavedState::read(directory) {
            Ok(Some(saved)) if saved.is_stopped() => Situation::Stopped(Box::new(saved.report)),
            Ok(Some(saved)) => Situation::Abandoned(lock, Some(Box::new(saved))),
            Ok(None) => Situation::NeverStarted,
            Err(_) => Situation::Abandoned(lock, None),
        })
    }
}
