//! The machine's wall clock, in the model's words.

use std::time::{SystemTime, UNIX_EPOCH};

use seatrial_model::Timestamp;

pub(crate) fn wall_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH + since_epoch
}
