//! One container within the machine.

use std::time::Instant;

use seatrial_model::TimeScale;
use seatrial_model::task_definition::ContainerDefinition;

use super::health::{HealthMonitor, WasChecking};

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
}

impl Container {
    pub fn new(definition: ContainerDefinition, scale: TimeScale) -> Self {
        let health = definition.health_check.as_ref().map(|check| HealthMonitor::new(check, scale));
        Container {
            definition,
            stage: Stage::Pending,
            health,
            process: None,
            started: None,
            exit_code: None,
            reason: None,
        }
    }

    pub fn begin(&mut self, now: Instant, process: u32) {
        self.stage = Stage::Running;
        self.process = Some(process);
        self.started = Some(now);
        if let Some(health) = &mut self.health {
            health.begin(now);
        }
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
