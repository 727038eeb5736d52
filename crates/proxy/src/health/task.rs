//! Owns checking one target for as long as it is registered.

use std::sync::Arc;
use std::time::Duration;

use seatrial_model::load_balancing::{ProtocolVersion, TargetHealth, TargetHealthCheck};
use seatrial_routing::{CheckSettings, Checker};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::health::check::check;
use crate::plane::event::Event;
use crate::plane::target::Target;
use crate::random::random_bits;

/// How a target is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckPlan {
    pub protocol: ProtocolVersion,
    pub settings: TargetHealthCheck,
    pub settle_time: Duration,
}

impl CheckPlan {
    fn timing(&self) -> CheckSettings {
        CheckSettings::new(&self.settings, self.settle_time)
    }
}

/// The checks of one target; dropped, they end.
#[derive(Debug)]
pub(crate) struct CheckTask {
    plan: watch::Sender<CheckPlan>,
    hint: Arc<Notify>,
    task: AbortHandle,
}

impl CheckTask {
    /// Begins to check; `last` is what was known of this registration before.
    pub fn start(
        target: Arc<Target>,
        plan: CheckPlan,
        last: Option<&TargetHealth>,
        clock: Clock,
        events: UnboundedSender<Event>,
    ) -> Self {
        let checker = Checker::new(plan.timing(), last, clock.now());
        let (plan, plans) = watch::channel(plan);
        let hint = Arc::new(Notify::new());
        let task = tokio::spawn(run(target, checker, plans, Arc::clone(&hint), clock, events)).abort_handle();
        CheckTask { plan, hint, task }
    }

    pub fn configure(&self, plan: CheckPlan) {
        self.plan.send_if_modified(|present| {
            let differs = *present != plan;
            *present = plan;
            differs
        });
    }

    /// Asks for a check as soon as that is sensible.
    pub fn hint(&self) {
        self.hint.notify_one();
    }
}

impl Drop for CheckTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    target: Arc<Target>,
    mut checker: Checker,
    mut plans: watch::Receiver<CheckPlan>,
    hint: Arc<Notify>,
    clock: Clock,
    events: UnboundedSender<Event>,
) {
    let tell = |health: Option<TargetHealth>| {
        if let Some(health) = health {
            // Nobody listens only while the data plane ends.
            let _ = events.send(Event::Health(Arc::clone(&target), health));
        }
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(clock.instant(checker.next_check_at())) => {}
            changed = plans.changed() => {
                if changed.is_err() {
                    return;
                }
                checker.configure(plans.borrow_and_update().timing());
                continue;
            }
            () = hint.notified() => {
                target.hint_heard();
                checker.hint(clock.now());
                continue;
            }
        }
        let plan = plans.borrow_and_update().clone();
        checker.configure(plan.timing());
        tell(checker.started(clock.now()));
        let outcome = check(target.key.target, plan.protocol, &plan.settings).await;
        tell(checker.finished(outcome, clock.now(), random_bits()));
    }
}
