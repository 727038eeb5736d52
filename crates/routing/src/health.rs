//! Owns the health of one registered target: how the outcomes of checks change its state, with ELBv2's reasons and sentences.
//!
//! A new target needs one pass to become healthy, `unhealthy_threshold` failures in a row to become unhealthy; back from unhealthy it
//! needs `healthy_threshold` passes in a row.

use seatrial_model::load_balancing::{TargetHealth, TargetHealthCheck, TargetReason, TargetState};

/// How a health check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    Passed,
    /// Answered with a status (HTTP or gRPC) outside the matcher.
    WrongCode(u16),
    /// No answer in time.
    TimedOut,
    /// Connection refused or broken, or no answer in the protocol.
    Failed,
}

/// How many outcomes in a row change a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    pub healthy: u32,
    pub unhealthy: u32,
}

/// The health of one registration of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthMachine {
    health: TargetHealth,
    passes_in_a_row: u32,
    failures_in_a_row: u32,
}

impl From<&TargetHealthCheck> for Thresholds {
    fn from(check: &TargetHealthCheck) -> Self {
        Thresholds { healthy: check.healthy_threshold.max(1), unhealthy: check.unhealthy_threshold.max(1) }
    }
}

impl HealthMachine {
    /// Begins with what was last known of the registration. A state in which no checks ran counts as not known.
    pub fn new(last: Option<&TargetHealth>) -> Self {
        let known = last.filter(|health| match health.state {
            TargetState::Healthy | TargetState::Unhealthy => true,
            TargetState::Initial | TargetState::Unused | TargetState::Draining | TargetState::Unavailable => false,
        });
        HealthMachine { health: known.cloned().unwrap_or_else(registering), passes_in_a_row: 0, failures_in_a_row: 0 }
    }

    pub fn health(&self) -> &TargetHealth {
        &self.health
    }

    /// Takes note that the first check is on its way; returns the state if that changed it.
    pub fn begin(&mut self) -> Option<TargetHealth> {
        let waits = self.health.reason == Some(TargetReason::RegistrationInProgress);
        waits.then(|| self.become_state(initial_checks())).flatten()
    }

    /// Takes note of a check that counts; returns the state if that changed it.
    pub fn observe(&mut self, outcome: CheckOutcome, thresholds: Thresholds) -> Option<TargetHealth> {
        match outcome {
            CheckOutcome::Passed => self.pass(thresholds.healthy),
            CheckOutcome::WrongCode(_) | CheckOutcome::TimedOut | CheckOutcome::Failed => {
                self.fail(outcome, thresholds.unhealthy)
            }
        }
    }

    /// Takes note of a pass that is not yet enough to change the state.
    pub fn forget_failures(&mut self) {
        self.failures_in_a_row = 0;
    }

    fn pass(&mut self, threshold: u32) -> Option<TargetHealth> {
        self.failures_in_a_row = 0;
        self.passes_in_a_row = self.passes_in_a_row.saturating_add(1);
        let suffices = self.health.state == TargetState::Initial || self.passes_in_a_row >= threshold;
        suffices.then(|| self.become_state(TargetHealth::healthy())).flatten()
    }

    fn fail(&mut self, outcome: CheckOutcome, threshold: u32) -> Option<TargetHealth> {
        self.passes_in_a_row = 0;
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let suffices = self.health.state == TargetState::Unhealthy || self.failures_in_a_row >= threshold;
        suffices.then(|| self.become_state(failed(outcome))).flatten()
    }

    fn become_state(&mut self, health: TargetHealth) -> Option<TargetHealth> {
        if self.health == health {
            return None;
        }
        self.health = health;
        Some(self.health.clone())
    }
}

/// The state of a target nobody has looked at yet.
pub fn registering() -> TargetHealth {
    let reason = TargetReason::RegistrationInProgress;
    TargetHealth::because(TargetState::Initial, reason, "Target registration is in progress")
}

/// The state of a target before the outcome of its first checks.
pub fn initial_checks() -> TargetHealth {
    TargetHealth::because(
        TargetState::Initial,
        TargetReason::InitialHealthChecking,
        "Initial health checks in progress",
    )
}

/// The state of a target whose group no listener uses.
pub fn not_in_use() -> TargetHealth {
    let description = "Target group is not configured to receive traffic from the load balancer";
    TargetHealth::because(TargetState::Unused, TargetReason::NotInUse, description)
}

/// The state of a target on its way out.
pub fn draining() -> TargetHealth {
    let reason = TargetReason::DeregistrationInProgress;
    TargetHealth::because(TargetState::Draining, reason, "Target deregistration is in progress")
}

/// The state of a target whose group has no health checks.
pub fn checks_disabled() -> TargetHealth {
    let reason = TargetReason::HealthCheckDisabled;
    TargetHealth::because(TargetState::Unavailable, reason, "Health checks are not enabled for this target")
}

fn failed(outcome: CheckOutcome) -> TargetHealth {
    let (reason, description) = match outcome {
        CheckOutcome::WrongCode(code) => {
            (TargetReason::ResponseCodeMismatch, format!("Health checks failed with these codes: [{code}]"))
        }
        CheckOutcome::TimedOut => (TargetReason::Timeout, "Request timed out".to_owned()),
        CheckOutcome::Failed | CheckOutcome::Passed => {
            (TargetReason::FailedHealthChecks, "Health checks failed".to_owned())
        }
    };
    TargetHealth::because(TargetState::Unhealthy, reason, description)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const THRESHOLDS: Thresholds = Thresholds { healthy: 3, unhealthy: 2 };

    /// Runs outcomes written as letters: `p`assed, wrong `c`ode, `t`imeout, `f`ailed; returns the states as letters.
    fn run(machine: &mut HealthMachine, outcomes: &str) -> String {
        let state = |machine: &HealthMachine| match machine.health().state {
            TargetState::Initial => 'i',
            TargetState::Healthy => 'h',
            TargetState::Unhealthy => 'u',
            TargetState::Unused | TargetState::Draining | TargetState::Unavailable => '?',
        };
        let outcome = |letter| match letter {
            'p' => CheckOutcome::Passed,
            'c' => CheckOutcome::WrongCode(503),
            't' => CheckOutcome::TimedOut,
            _ => CheckOutcome::Failed,
        };
        let step = |letter| {
            machine.observe(outcome(letter), THRESHOLDS);
            state(machine)
        };
        outcomes.chars().map(step).collect()
    }

    #[test]
    fn states_follow_the_thresholds() {
        let table = [
            ("p", "h"),
            ("fp", "ih"),
            ("ff", "iu"),
            ("ffppp", "iuuuh"),
            ("ffppfppp", "iuuuuuuh"),
            ("pfpfpff", "hhhhhhu"),
            ("pffppp", "hhuuuh"),
        ];
        for (outcomes, states) in table {
            assert_eq!(run(&mut HealthMachine::new(None), outcomes), states, "{outcomes}");
        }
    }

    #[test]
    fn reasons_and_sentences_are_elbs() {
        let mut machine = HealthMachine::new(None);
        let said = |machine: &HealthMachine| {
            let health = machine.health();
            (health.reason.map(TargetReason::as_str), health.description.clone().unwrap_or_default())
        };
        let expect = |reason, text: &str| (Some(reason), text.to_owned());
        assert_eq!(said(&machine), expect("Elb.RegistrationInProgress", "Target registration is in progress"));
        machine.begin();
        assert_eq!(said(&machine), expect("Elb.InitialHealthChecking", "Initial health checks in progress"));
        run(&mut machine, "cc");
        assert_eq!(
            said(&machine),
            expect("Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]")
        );
        run(&mut machine, "t");
        assert_eq!(said(&machine), expect("Target.Timeout", "Request timed out"));
        run(&mut machine, "f");
        assert_eq!(said(&machine), expect("Target.FailedHealthChecks", "Health checks failed"));
        run(&mut machine, "ppp");
        assert_eq!(said(&machine), (None, String::new()));
    }

    #[test]
    fn a_restart_goes_on_where_the_checks_stood() {
        assert_eq!(run(&mut HealthMachine::new(Some(&TargetHealth::healthy())), "fpf"), "hhh");
        assert_eq!(run(&mut HealthMachine::new(Some(&failed(CheckOutcome::TimedOut))), "pp"), "uu");
        assert_eq!(run(&mut HealthMachine::new(Some(&draining())), "p"), "h");
    }

    proptest! {
        #[test]
        fn a_report_is_made_exactly_when_the_state_changes(outcomes in "[pctf]{0,40}") {
            let mut machine = HealthMachine::new(None);
            for letter in outcomes.chars() {
                let before = machine.health().clone();
                let outcome = match letter {
                    'p' => CheckOutcome::Passed,
                    'c' => CheckOutcome::WrongCode(500),
                    't' => CheckOutcome::TimedOut,
                    _ => CheckOutcome::Failed,
                };
                let report = machine.observe(outcome, THRESHOLDS);
                prop_assert_eq!(report.is_some(), before != *machine.health());
                prop_assert_eq!(report.unwrap_or(before), machine.health().clone());
            }
        }
    }
}
