//! Deletion: a secret is marked, can be restored for some days, and only then is gone.

use std::time::Duration;

use seatrial_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::refused::Refused;

/// The shortest recovery window, in days.
const DAYS_MIN: i64 = 7;
/// The longest one, which is the usual one.
const DAYS_MAX: i64 = 30;
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A deletion that has been asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    pub requested_at: Timestamp,
    /// From when on the secret is gone for good.
    pub due_at: Timestamp,
}

/// How a secret is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionWish {
    AtOnce,
    /// After a recovery window, in days.
    After(i64),
}

impl DeletionWish {
    /// Reads `RecoveryWindowInDays` and `ForceDeleteWithoutRecovery`.
    pub fn parse(days: Option<i64>, force: Option<bool>) -> Result<Self, Refused> {
        match (days, force.unwrap_or(false)) {
            (Some(_), true) => Err(Refused::invalid_parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            )),
            (None, true) => Ok(DeletionWish::AtOnce),
            (None, false) => Ok(DeletionWish::After(DAYS_MAX)),
            (Some(days), false) if (DAYS_MIN..=DAYS_MAX).contains(&days) => Ok(DeletionWish::After(days)),
            (Some(_), false) => Err(Refused::invalid_parameter(format!(
                "The RecoveryWindowInDays value must be between {DAYS_MIN} and {DAYS_MAX} days (inclusive)."
            ))),
        }
    }
}

impl Secret {
    /// Refuses what cannot be done with a secret that is marked for deletion.
    pub fn check_in_use(&self) -> Result<(), Refused> {
        match self.deletion {
            None => Ok(()),
            Some(_) => Err(Refused::invalid_request(
                "You can't perform this operation on the secret because it was marked for deletion.",
            )),
        }
    }

    /// Marks the secret for deletion, and returns when it will be gone. The window is of real days, whatever the time scale.
    pub fn mark(&mut self, days: i64, now: Timestamp) -> Timestamp {
        let due_at = now + DAY * u32::try_from(days).unwrap_or(0);
        self.deletion = Some(Deletion { requested_at: now, due_at });
        self.changed_at = now;
        due_at
    }

    /// Takes the mark away. Restoring what is not marked does nothing.
    pub fn restore(&mut self, now: Timestamp) {
        if self.deletion.take().is_some() {
            self.changed_at = now;
        }
    }
}
