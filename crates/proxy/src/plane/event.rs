//! Owns what the workers and health checks tell the control thread.

use std::sync::Arc;

use seatrial_model::load_balancing::TargetHealth;

use crate::plane::target::Target;

#[derive(Debug)]
pub(crate) enum Event {
    /// A check changed the health of a target.
    Health(Arc<Target>, TargetHealth),
    /// A draining target has no request left.
    Emptied(Arc<Target>),
    /// A target refused a connection on live traffic.
    Refused(Arc<Target>),
}
