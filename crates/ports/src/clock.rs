//! The one way the engine learns what time it is.

use seatrial_model::Timestamp;

/// A source of the current instant.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}
