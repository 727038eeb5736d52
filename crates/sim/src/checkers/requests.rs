//! What may become of a request, whatever the controller decides: what a client sees is held against the promises of the service.
//!
//! - Nobody is cut off: a task is signalled with requests unanswered only when they have had the deregistration delay.
//! - Nobody is turned away: in a world whose tasks stay well once they are, where nobody kills one and the floor is at least one task, every
//!   request finds a healthy target from the first success on.

use std::ops::AddAssign;
use std::time::Duration;

use seatrial_controller::{Event, ServiceDeploymentStatus};
use seatrial_model::{TargetGroupArn, TaskId, Timestamp};
use serde::Serialize;

use crate::balancer::Choice;
use crate::routed;
use crate::scenario::Scenario;

/// A request that has not been answered.
#[derive(Clone, Debug)]
pub struct InFlight {
    pub task: TaskId,
    pub group: TargetGroupArn,
    pub since: Timestamp,
}

/// What became of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    pub answered: u64,
    /// The application answered that it could not.
    pub failed: u64,
    /// Whoever was to answer ended by itself, or had had the deregistration delay.
    pub lost: u64,
    /// There was nobody to answer.
    pub turned_away: u64,
}

impl AddAssign for Requests {
    fn add_assign(&mut self, others: Requests) {
        self.answered += others.answered;
        self.failed += others.failed;
        self.lost += others.lost;
        self.turned_away += others.turned_away;
    }
}

/// Remembers what the promises depend on.
#[derive(Clone, Copy, Debug)]
pub struct Promises {
    is_gentle: bool,
    /// The delay is counted from the decision, and a slow disk holds the order up.
    late_by: Duration,
    has_succeeded: bool,
}

impl Promises {
    pub fn new(scenario: &Scenario) -> Self {
        let late_by = Duration::from_millis(scenario.disk.map_or(0, |disk| disk.commit_max_millis));
        Promises { is_gentle: scenario.is_gentle(), late_by, has_succeeded: false }
    }

    /// Follows what the controller tells.
    pub fn follow(&mut self, event: &Event) {
        if let Event::ServiceDeployment(told) = event {
            self.has_succeeded |= told.status == ServiceDeploymentStatus::Successful;
        }
    }

    /// Objects where a request is turned away, or goes to a target that is not healthy.
    pub fn turned(&self, choice: Option<&Choice>) -> Result<(), String> {
        let is_served = choice.is_some_and(|choice| choice.is_healthy);
        if is_served || !self.is_gentle || !self.has_succeeded {
            return Ok(());
        }
        match choice {
            None => Err("a request is turned away, though nothing has gone wrong".to_owned()),
            Some(choice) => {
                let task = &choice.task;
                Err(format!("a request goes to {task}, which is not healthy, though nothing has gone wrong"))
            }
        }
    }

    /// Objects to a signal for a task that left rotation at `left_at` and still has a request to answer.
    pub fn signalled(&self, request: &InFlight, left_at: Option<Timestamp>, now: Timestamp) -> Result<(), String> {
        let InFlight { task, group, since } = request;
        match left_at {
            Some(left_at) if left_at + routed::DELAY <= now + self.late_by => Ok(()),
            Some(left_at) => Err(format!(
                "a request is cut off: {task} is signalled {:?} after it left {group}, with one unanswered since {:?}",
                now.since(left_at),
                now.since(*since)
            )),
            None => Err(format!("a request is cut off: {task} is signalled while it is in {group}")),
        }
    }
}
