//! What must hold after every input, whatever came before: nothing is left undone, every wait is explained (I9), and the controller's
//! books match what was seen.

use seatrial_controller::{Controller, Input, Lifecycle, Task, TaskStatus};
use seatrial_model::{TaskId, Timestamp};

use super::watch::{Stage, Watch};

/// Checks a controller at rest; the error says what is wrong with it.
pub fn audit(controller: &Controller, watch: &Watch, now: Timestamp) -> Result<(), String> {
    if let Some((at, reason)) = controller.wake_at(now)
        && at <= now
    {
        return Err(format!("it asks to be woken in the past: {reason:?}"));
    }
    let mut again = controller.clone();
    let step = again.handle(now, Input::Tick);
    if !step.effects.is_empty() || !step.events.is_empty() {
        return Err(format!("something was left undone:\n{step}"));
    }
    if again != *controller {
        return Err("a second tick at the same instant changes the state".to_owned());
    }
    explained(controller, now)?;
    let known: Vec<&TaskId> = controller.tasks().map(|task| &task.id).collect();
    if known != watch.tasks.keys().collect::<Vec<_>>() {
        return Err("the controller and the checker know different tasks".to_owned());
    }
    controller.tasks().try_for_each(|task| agree(controller, watch, task, now))
}

/// I9: what is not at rest says what it waits for.
fn explained(controller: &Controller, now: Timestamp) -> Result<(), String> {
    let at_rest = match controller.lifecycle() {
        Lifecycle::Active => controller.is_steady() || controller.primary().is_none(),
        Lifecycle::Draining => false,
        Lifecycle::Inactive => true,
    };
    let waits = controller.waiting(now);
    if !at_rest && waits.is_empty() {
        return Err("I9: it waits and does not say for what".to_owned());
    }
    match waits.iter().find(|wait| wait.until.is_some_and(|until| until <= now)) {
        Some(late) => Err(format!("I9: it says it waits until an instant that has passed: {late:?}")),
        None => Ok(()),
    }
}

fn agree(controller: &Controller, watch: &Watch, task: &Task, now: Timestamp) -> Result<(), String> {
    let seen = &watch.tasks[&task.id];
    let stage_agrees = match &task.status {
        TaskStatus::Pending => seen.stage == Stage::Pending,
        TaskStatus::Running => seen.stage == Stage::Running,
        TaskStatus::Deactivating(leaving) => seen.stage == Stage::Leaving { by: leaving.drained_by },
        TaskStatus::Stopping(_) => seen.stage == Stage::Signalled,
    };
    if stage_agrees && controller.is_healthy(task, now) == watch.is_healthy(seen, now) {
        Ok(())
    } else {
        Err(format!("the controller and the checker disagree about {}: {task:?} and {seen:?}", task.id))
    }
}
