//! The inbox: what the machine reports, merged until the driver takes it.
//!
//! Reports describe states, so of several about the same thing only the last matters; the inbox is bounded by the size of the world.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seatrial_model::load_balancing::TargetHealth;
use seatrial_model::{TargetGroupArn, TargetId, TaskId};
use seatrial_ports::balancer::{BalancerMetrics, BalancerReport};
use seatrial_ports::hooks::HookReport;
use seatrial_ports::runtime::TaskReport;

/// A registration of a target in a target group.
pub type TargetKey = (TargetGroupArn, TargetId, u64);

/// Everything reported and not yet worked in.
#[derive(Debug, Default)]
pub struct Reports {
    pub tasks: BTreeMap<TaskId, TaskReport>,
    pub health: BTreeMap<TargetKey, TargetHealth>,
    /// With the generation of the configuration in which it was draining.
    pub drained: BTreeMap<TargetKey, u64>,
    pub listeners: BTreeMap<String, Result<(), String>>,
    pub applied_generation: Option<u64>,
    pub metrics: Option<BalancerMetrics>,
    /// By hook and attempt.
    pub hooks: BTreeMap<(String, u32), HookReport>,
}

impl Reports {
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
            && self.health.is_empty()
            && self.drained.is_empty()
            && self.listeners.is_empty()
            && self.applied_generation.is_none()
            && self.metrics.is_none()
            && self.hooks.is_empty()
    }
}

/// Collects reports from the machine's threads.
#[derive(Debug, Default)]
pub struct Inbox {
    contents: Mutex<Contents>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Contents {
    reports: Reports,
    poked: bool,
    closed: bool,
}

impl Inbox {
    pub fn task(&self, report: TaskReport) {
        let mut contents = self.lock();
        let newer = contents.reports.tasks.get(&report.task).is_none_or(|known| known.sequence <= report.sequence);
        if newer {
            contents.reports.tasks.insert(report.task.clone(), report);
        }
        self.arrived.notify_all();
    }

    pub fn balancer(&self, report: BalancerReport) {
        let mut contents = self.lock();
        match report {
            BalancerReport::Health { target_group, target, registration, health } => {
                contents.reports.health.insert((target_group, target, registration), health);
            }
            BalancerReport::Drained { target_group, target, registration, generation } => {
                contents.reports.drained.insert((target_group, target, registration), generation);
            }
            BalancerReport::Listener { arn, outcome } => {
                contents.reports.listeners.insert(arn, outcome);
            }
            BalancerReport::Applied { generation } => {
                contents.reports.applied_generation = Some(generation);
            }
            BalancerReport::Metrics(metrics) => contents.reports.metrics = Some(metrics),
        }
        self.arrived.notify_all();
    }

    pub fn hook(&self, report: HookReport) {
        self.lock().reports.hooks.insert((report.hook_id.clone(), report.attempt), report);
        self.arrived.notify_all();
    }

    /// Makes a waiting driver look at the clock again.
    pub fn poke(&self) {
        self.lock().poked = true;
        self.arrived.notify_all();
    }

    /// Ends the driver.
    pub fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Waits until something was reported, somebody poked, or `timeout` has passed; `None` when the inbox is closed.
    pub fn take(&self, timeout: Duration) -> Option<Reports> {
        let contents = self.lock();
        let idle = |contents: &mut Contents| !contents.closed && !contents.poked && contents.reports.is_empty();
        let (mut contents, _) =
            self.arrived.wait_timeout_while(contents, timeout, idle).unwrap_or_else(PoisonError::into_inner);
        contents.poked = false;
        (!contents.closed).then(|| std::mem::take(&mut contents.reports))
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        // Every change of the contents is a single assignment, so a poisoned inbox is still whole.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
