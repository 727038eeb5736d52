//! How the tasks of a version behave.

use std::time::Duration;

use seatrial_model::load_balancing::{TargetHealth, TargetReason, TargetState};

/// How a task behaves that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    pub boot: Boot,
    /// From the order to start to the outcome.
    pub boot_time: Duration,
    /// From running (or registration, whichever is later) to the first verdict of its checks.
    pub check_time: Duration,
    pub verdict: Verdict,
    /// It fails its checks this long after it began to run.
    pub ails_after: Option<Duration>,
    /// It exits this long after it began to run.
    pub exits_after: Option<Duration>,
    /// From deregistration to the end of its last request, where no client is modelled; none ends by itself when absent.
    pub drains_in: Option<Duration>,
    /// From SIGTERM to its end.
    pub stops_in: Duration,
    /// Its slowest answer to a client.
    pub answers_within: Duration,
    /// Out of a hundred requests, how many it answers that it cannot.
    pub errors_percent: u64,
    /// It runs out of memory with its so many-th request.
    pub leaks_after: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot {
    Runs,
    Fails,
    CannotStart,
    Hangs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passes,
    Fails,
    Never,
}

impl Behaviour {
    pub const GOOD: Behaviour = Behaviour {
        boot: Boot::Runs,
        boot_time: Duration::from_millis(100),
        check_time: Duration::from_millis(200),
        verdict: Verdict::Passes,
        ails_after: None,
        exits_after: None,
        drains_in: Some(Duration::from_millis(500)),
        stops_in: Duration::from_millis(50),
        answers_within: Duration::from_millis(100),
        errors_percent: 0,
        leaks_after: None,
    };
    pub const FAILS_TO_START: Behaviour = Behaviour { boot: Boot::Fails, ..Self::GOOD };
    pub const CANNOT_START: Behaviour = Behaviour { boot: Boot::CannotStart, ..Self::GOOD };
    pub const NEVER_HEALTHY: Behaviour = Behaviour { verdict: Verdict::Fails, ..Self::GOOD };
    pub const EXITS_AT_ONCE: Behaviour = Behaviour { exits_after: Some(Duration::from_millis(10)), ..Self::GOOD };

    /// Whether its tasks stay well once they are.
    pub const fn stays_well(&self) -> bool {
        self.exits_after.is_none() && self.ails_after.is_none() && self.leaks_after.is_none()
    }

    pub const fn exits_after(self, after: Duration) -> Self {
        Behaviour { exits_after: Some(after), ..self }
    }
}

/// What the balancer says of a target that fails its checks.
pub fn unhealthy() -> TargetHealth {
    TargetHealth::because(
        TargetState::Unhealthy,
        TargetReason::ResponseCodeMismatch,
        "Health checks failed with these codes: [503]",
    )
}
