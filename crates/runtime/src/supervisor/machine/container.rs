//! One container within the machine.

use std::time::{Duration, Instant};

use seatrial_model::TimeScale;
use seatrial_model::task_definition::ContainerDefinition;

use super::health::{HealthMonitor, WasChecking};
use super::vocabulary::Exit;

/// How far a container has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for what it depends on.
    Pending,
    /// The supervisor has been asked to start it.
    Starting,
    Running,
    /// SIGTERM has been sent.
    Terminating {
        kill_at: Instant,
    },
    /// SIGKILL has been sent.
    Killing,
    /// Its process has ended, or there will never be one.
    Ended,
}

impl Stage {
    pub fn wake_at(self) -> Option<Instant> {
        match self {
            Stage::Terminating { kill_at } => Some(kill_at),
            Stage::Pending | Stage::Starting | Stage::Running | Stage::Killing | Stage::Ended => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Container {
    pub definition: ContainerDefinition,
    pub stage: Stage,
    /// Present from the start when the definition has a health check.
    pub health: Option<HealthMonitor>,
    pub process: Option<u32>,
    pub started: Option<Instant>,
    pub exit_code: Option<i32>,
    pub reason: Option<String>,
    /// How long it must have run to be restarted, when it may be at all.
    restart_after: Option<Duration>,
    pub restart_count: u32,
}

impl Container {
    pub fn new(definition: ContainerDefinition, scale: TimeScale) -> Self {
        let health = definition.health_check.as_ref().map(|check| HealthMonitor::new(check, scale));
        let restart_after = definition.restart_policy.as_ref().map(|policy| scale.apply(policy.attempt_period));
        Container {
            definition,
            stage: Stage::Pending,
            health,
            process: None,
            started: None,
            exit_code: None,
            reason: None,
            restart_after,
            restart_count: 0,
        }
    }

    pub fn begin(&mut self, now: Instant, process: u32) {
        self.stage = Stage::Running;
        self.process = Some(process);
        self.started = Some(now);
        self.exit_code = None;
        self.reason = None;
        if let Some(health) = &mut self.health {
            health.begin(now);
        }
    }

    /// Tells whether its restart policy starts it again after an exit at this moment.
    pub fn is_restarted(&self, now: Instant, exit: &Exit) -> bool {
        let Some(policy) = &self.definition.restart_policy else { return false };
        let ran = self.started.map_or(Duration::ZERO, |started| now.saturating_duration_since(started));
        // What cannot start will not start the next time either.
        exit.refusal.is_none()
            && !policy.ignored_exit_codes.contains(&exit.code)
            && self.restart_after.is_some_and(|period| ran >= period)
    }

    /// Records the end of its process; tells whether a check was running.
    pub fn end(&mut self, code: i32, reason: Option<String>) -> WasChecking {
        self.stage = Stage::Ended;
        self.process = None;
        self.exit_code = Some(code);
        self.reason = reason;
        self.health.as_mut().map_or(WasChecking::No, HealthMonitor::cease)
    }
}
